package words

import (
	"strings"
	"sync"
	"unicode"
)

// The classes below are those of spaCy 3.8's English tokenizer, given as ranges.

// uncased holds the scripts without capitals. The ranges take in their punctuation, as spaCy's do.
var uncased = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x0591, 0x05F4, 1}, {0x0620, 0x064A, 1}, {0x066E, 0x06D5, 1}, {0x06E5, 0x06FF, 1}, {0x0750, 0x077F, 1},
		{0x08A0, 0x08BD, 1}, {0x0900, 0x09FF, 1}, {0x0B80, 0x0CFF, 1}, {0x0D80, 0x0DFF, 1}, {0x1100, 0x137F, 1},
		{0x2E80, 0x2FDF, 1}, {0x2FF0, 0x30FF, 1}, {0x31C0, 0x4DBF, 1}, {0x4E00, 0x9FFF, 1}, {0xAC00, 0xD7AF, 1},
		{0xF900, 0xFAFF, 1}, {0xFB1D, 0xFBB1, 1}, {0xFBD3, 0xFD3D, 1}, {0xFD50, 0xFDC7, 1}, {0xFDF0, 0xFDFB, 1},
		{0xFE30, 0xFE4F, 1}, {0xFE70, 0xFEFC, 1},
	},
	R32: []unicode.Range32{{0x1EE00, 0x1EEBB, 1}, {0x1F200, 0x1F2FF, 1}, {0x20000, 0x2EBEF, 1}, {0x2F800, 0x2FA1F, 1}},
}

// cased holds the letters of the Latin, Greek and Cyrillic alphabets that count as letters.
var cased = &unicode.RangeTable{
	R16: []unicode.Range16{
		{'A', 'Z', 1}, {'a', 'z', 1}, {0xC0, 0xD6, 1}, {0xD8, 0xF6, 1}, {0xF8, 0x1BF, 1}, {0x1C4, 0x2AF, 1},
		{0x386, 0x386, 1}, {0x388, 0x38A, 1}, {0x38C, 0x38C, 1}, {0x38E, 0x38F, 1}, {0x391, 0x3A9, 1},
		{0x3AC, 0x3AF, 1}, {0x3B1, 0x3C9, 1}, {0x3CC, 0x3CE, 1},
		{0x400, 0x401, 1}, {0x403, 0x405, 1}, {0x406, 0x40A, 1}, {0x40C, 0x40D, 1}, {0x410, 0x451, 1},
		{0x453, 0x45A, 1}, {0x45C, 0x45D, 1}, {0x490, 0x491, 1}, {0x496, 0x497, 1}, {0x4A2, 0x4A3, 1},
		{0x4AE, 0x4AF, 1}, {0x4BA, 0x4BB, 1}, {0x4D8, 0x4D9, 1}, {0x4E8, 0x4E9, 1},
		{0x1D00, 0x1D25, 1}, {0x1D6B, 0x1D77, 1}, {0x1D79, 0x1D9A, 1}, {0x1E00, 0x1EFF, 1}, {0x2C60, 0x2C7B, 1},
		{0x2C7E, 0x2C7F, 1}, {0xA722, 0xA76F, 1}, {0xA771, 0xA787, 1}, {0xA78B, 0xA7B9, 1}, {0xAB30, 0xAB5A, 1},
		{0xAB60, 0xAB64, 1}, {0xFF21, 0xFF3A, 1}, {0xFF41, 0xFF5A, 1},
	},
}

func isDigit(r rune) bool { return '0' <= r && r <= '9' }

func isAlpha(r rune) bool {
	if r < 0x80 {
		return 'a' <= r|32 && r|32 <= 'z'
	}
	return unicode.Is(cased, r) || unicode.Is(uncased, r)
}

func isLower(r rune) bool {
	if r < 0x80 {
		return 'a' <= r && r <= 'z'
	}
	return unicode.Is(cased, r) && !unicode.IsUpper(r) || unicode.Is(uncased, r)
}

func isUpper(r rune) bool {
	if r < 0x80 {
		return 'A' <= r && r <= 'Z'
	}
	return unicode.Is(cased, r) && unicode.IsUpper(r) || unicode.Is(uncased, r)
}

func isPunct(r rune) bool {
	switch r {
	case '…', ',', ':', ';', '!', '?', '¿', '؟', '¡', '(', ')', '[', ']', '{', '}', '<', '>', '_', '#', '*', '&', '。',
		'？', '！', '，', '、', '；', '：', '～', '·', '।', '،', '۔', '؛', '٪':
		return true
	}
	return false
}

func isQuote(r rune) bool {
	switch r {
	case '\'', '"', '”', '“', '`', '‘', '´', '’', '‚', '„', '»', '«', '「', '」', '『', '』', '（', '）', '〔', '〕', '【', '】',
		'《', '》', '〈', '〉', '⟦', '⟧':
		return true
	}
	return false
}

func isCurrency(r rune) bool {
	return r == '$' || r == '£' || r == '¥' || r == '฿' || r == '﷼' || 0x20A0 <= r && r <= 0x20BF
}

// young holds the symbols that Unicode has added since spaCy's list was made.
var young = &unicode.RangeTable{
	R16: []unicode.Range16{{0x166D, 0x166D, 1}, {0x2B97, 0x2B97, 1}, {0x2BC9, 0x2BC9, 1}, {0x2BFF, 0x2BFF, 1}, {0x2E50, 0x2E51, 1},
		{0x32FF, 0x32FF, 1}, {0xFD40, 0xFDCF, 1}, {0xFDFE, 0xFDFF, 1}},
	R32: []unicode.Range32{{0x1019C, 0x1019C, 1}, {0x11FD5, 0x11FF1, 1}, {0x1CF50, 0x1CFC3, 1}, {0x1D1E9, 0x1D1EA, 1},
		{0x1E14F, 0x1E14F, 1}, {0x1ED2E, 0x1ED2E, 1}, {0x1F10D, 0x1F10F, 1}, {0x1F16C, 0x1F16F, 1}, {0x1F1AD, 0x1F1AD, 1},
		{0x1F6D5, 0x1F6DF, 1}, {0x1F6FA, 0x1F6FC, 1}, {0x1F774, 0x1F77F, 1}, {0x1F7D9, 0x1F7F0, 1}, {0x1F8B0, 0x1F8B1, 1},
		{0x1F90C, 0x1F90F, 1}, {0x1F93F, 0x1F93F, 1}, {0x1F971, 0x1F972, 1}, {0x1F977, 0x1F979, 1}, {0x1F97B, 0x1F97B, 1},
		{0x1F9A3, 0x1F9AF, 1}, {0x1F9BA, 0x1F9BF, 1}, {0x1F9C3, 0x1F9CF, 1}, {0x1FA00, 0x1FA53, 1}, {0x1FA70, 0x1FBCA, 1}},
}

// isIcon reports whether r is in spaCy's list of symbols: Unicode's category So as of version 11.
func isIcon(r rune) bool { return r >= 0xA6 && unicode.Is(unicode.So, r) && !unicode.Is(young, r) }

// maxUnit is the length of the longest unit, in runes.
const maxUnit = 8

// units are cut off behind a digit.
var units = sync.OnceValue(func() map[string]bool {
	set := map[string]bool{}
	for u := range strings.FieldsSeq(`km km² km³ m m² m³ dm dm² dm³ cm cm² cm³ mm mm² mm³ ha µm nm yd in ft kg g mg µg t lb oz
		m/s km/h kmh mph hPa Pa mbar mb MB kb KB gb GB tb TB T G M K % км км² км³ м м² м³ дм дм² дм³ см см² см³ мм мм² мм³ нм
		кг г мг м/с км/ч кПа Па мбар Кб КБ кб Мб МБ мб Гб ГБ гб Тб ТБ тбكم كم² كم³ م م² م³ سم سم² سم³ مم مم² مم³ كم غرام جرام
		جم كغ ملغ كوب اكواب $ £ € ¥ ฿ US$ C$ A$ ﷼`) {
		set[u] = true
	}
	for r := rune(0x20A0); r <= 0x20BF; r++ {
		set[string(r)] = true
	}
	return set
})
