package charset

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
)

const (
	// sampleBytes is how much text the statistics look at.
	sampleBytes = 4096
	fallback    = "windows-1252"
)

// profile is a language in an encoding: the letters beyond ASCII that it uses, the most frequent first.
type profile struct {
	encoding string
	letters  string
}

// profiles lists what Guess tells apart. Of equal scores the first wins, so the commoner stand first.
func profiles() []profile {
	const (
		russian = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё"
		ukr     = "оаниіевртсклдупмязьбгйчхцжїшюфщєґ"
	)
	return []profile{
		{"windows-1252", "éàèêçôâùûîïëœæüÿ"}, // French
		{"windows-1252", "üäößéà"},           // German
		{"windows-1252", "óíáéñúü¿¡ªº"},      // Spanish
		{"windows-1252", "ãçáéíóêõúâàôü"},    // Portuguese
		{"windows-1252", "èàùòìéóî"},         // Italian
		{"windows-1252", "öäåøæéüö"},         // the Nordic languages
		{"windows-1252", "áíðúóöþýéæ"},       // Icelandic
		{"windows-1251", russian},            //
		{"koi8-r", russian},                  //
		{"ibm866", russian},                  //
		{"iso-8859-5", russian},              //
		{"windows-1251", ukr},                //
		{"windows-1251", "аеионртсвлдкпмузбгчђњјљћжцшхфџ"},             // Serbian
		{"windows-1250", "łęąóżśćńź"},                                  // Polish
		{"windows-1250", "íáéěýřčšžůúňťóď"},                            // Czech
		{"windows-1250", "áíéčýšžúťôľóäňďŕĺ"},                          // Slovak
		{"windows-1250", "áéőóíöüúű"},                                  // Hungarian
		{"windows-1250", "ăîâşţ"},                                      // Romanian
		{"windows-1250", "čšžćđ"},                                      // Croatian and Slovene
		{"iso-8859-2", "łęąóżśćńź"},                                    //
		{"iso-8859-2", "íáéěýřčšžůúňťóď"},                              //
		{"windows-1254", "ıüşçğöİâî"},                                  // Turkish
		{"windows-1257", "ėšųąžįūčę"},                                  // Lithuanian
		{"windows-1257", "āīēšūņļģķžč"},                                // Latvian
		{"windows-1257", "äõüöšž"},                                     // Estonian
		{"windows-1253", "αοιετσνηυρπκμλςίόάέγδήωύθχφβώξζψϊϋΐΰ"},       // Greek
		{"windows-1255", "יוהלאתמרבשנעדםחקפסטגצזכןךףץ"},                // Hebrew
		{"windows-1256", "اليمنرتوبةعدسفهكقحجشطصخأذىضغئءزثإؤظآپچژگکی"}, // Arabic, Persian
		{"windows-874", "านรอกเงมยลวดทสตะปบคหแจพชขใไโผณศซถธภษฐฎญฬฉฝฟๆฤฒฆฏฑฮฌ่้ิีั์ืุู็ำ๊๋ึ"}, // Thai
	}
}

// doubles lists the encodings of two bytes a character. common is the range of first bytes in which the
// standard puts its most frequent characters.
func doubles() []double {
	return []double{
		{"utf-8", 0, 0, nil},
		{"shift_jis", 0x88, 0x97, unicode.Hiragana},
		{"euc-jp", 0xB0, 0xCF, unicode.Hiragana},
		{"euc-kr", 0xB0, 0xC8, nil},
		{"gb18030", 0xB0, 0xD7, nil},
		{"big5", 0xA4, 0xC6, nil},
	}
}

type double struct {
	encoding string
	from, to byte
	sign     *unicode.RangeTable // characters that no other encoding would show
}

// Guess finds the encoding of undeclared text by statistics. It knows UTF-8 with errors, five encodings of
// Chinese, Japanese and Korean, and the single-byte encodings of about thirty languages; all else is windows-1252.
func Guess(body []byte) string {
	if shifts(body, "") {
		return "iso-2022-jp"
	}
	s := sample(body)
	if len(s) == 0 {
		return fallback
	}
	best, name := 0.0, fallback
	for _, d := range doubles() {
		if v := d.score(s); v > best {
			best, name = v, d.encoding
		}
	}
	var text string
	decoded := ""
	for _, p := range profiles() {
		if decoded != p.encoding {
			e, err := htmlindex.Get(p.encoding)
			if err != nil {
				continue
			}
			b, err := e.NewDecoder().Bytes(s)
			if err != nil {
				continue
			}
			text, decoded = string(b), p.encoding
		}
		if v := p.score(text); v > best {
			best, name = v, p.encoding
		}
	}
	return name
}

// sample takes the parts of body that tell encodings apart: text outside tags, from a little before each
// byte beyond ASCII to a little behind it.
func sample(body []byte) []byte {
	const around = 8
	out := make([]byte, 0, sampleBytes)
	tag, quiet := false, around
	start := 0 // of the text not yet taken
	for i, c := range body {
		if len(out) >= sampleBytes {
			break
		}
		switch {
		case c == '<':
			tag = true
		case tag && c == '>':
			tag, start, quiet = false, i+1, around
		case tag:
		case c >= 0x80:
			out = append(out, body[max(start, i-around):i+1]...)
			start, quiet = i+1, 0
		case quiet < around:
			out = append(out, c)
			start, quiet = i+1, quiet+1
		}
	}
	return out
}

// score is about one a letter where text is of this language, and less than nothing where it is not.
func (p profile) score(text string) float64 {
	sum := 0.0
	third := len(p.letters) / 3
	prev := ' '
	for i, r := range text {
		if r < 0x80 {
			prev = r
			continue
		}
		at := strings.IndexRune(p.letters, unicode.ToLower(r))
		letter := unicode.IsLetter(r) || unicode.IsMark(r)
		switch {
		case r == utf8.RuneError:
			sum -= 10
		case unicode.IsControl(r):
			sum -= 6
		case at >= 0 && at <= third:
			sum += 1.2
		case at >= 0:
			sum += 0.8
		case letter:
			sum -= 1.5
		case between(text, i, prev):
			sum -= 2
		case strings.ContainsRune("\u00a0«»“”„‘’‚–—…•·©®°§€№", r):
			sum += 0.3
		default:
			sum -= 0.5
		}
		if letter && unicode.IsLower(prev) && unicode.IsUpper(r) {
			sum -= 2
		}
		if letter && foreign(r, prev) {
			sum -= 1.5
		}
		prev = r
	}
	return sum
}

// between reports whether the rune at text[i:] stands between two letters, as no symbol does.
func between(text string, i int, prev rune) bool {
	_, n := utf8.DecodeRuneInString(text[i:])
	next, _ := utf8.DecodeRuneInString(text[i+n:])
	return unicode.IsLetter(prev) && unicode.IsLetter(next) && !strings.HasPrefix(text[i:], "’") && !strings.HasPrefix(text[i:], "—")
}

// foreign reports whether r follows a Latin letter without being one.
func foreign(r, prev rune) bool {
	return prev < 0x80 && unicode.IsLetter(prev) && !unicode.Is(unicode.Latin, r)
}

// score is about one a byte where s is in this encoding.
func (d double) score(s []byte) float64 {
	if d.encoding == "utf-8" {
		return utf8Score(s)
	}
	e, err := htmlindex.Get(d.encoding)
	if err != nil {
		return 0
	}
	sum := 0.0
	dec := e.NewDecoder()
	for len(s) > 0 {
		if s[0] < 0x80 {
			s = s[1:]
			continue
		}
		n := min(2, len(s))
		if d.encoding == "shift_jis" && 0xA1 <= s[0] && s[0] <= 0xDF {
			n = 1 // katakana of half width, rare
		}
		b, err := dec.Bytes(s[:n])
		r, size := utf8.DecodeRune(b)
		switch {
		case err != nil || r == utf8.RuneError || size != len(b):
			sum -= 10
		case n == 1:
			sum -= 1
		case d.sign != nil && unicode.In(r, d.sign, unicode.Katakana):
			sum += 2.5
		case d.from <= s[0] && s[0] <= d.to && d.sign != nil:
			sum += 1.2 // Japanese shows itself by its kana
		case d.from <= s[0] && s[0] <= d.to:
			sum += 2
		case unicode.IsPunct(r):
			sum++
		case unicode.IsLetter(r):
			sum += 0.4
		default:
			sum--
		}
		s = s[n:]
	}
	return sum
}

// utf8Score counts what is valid UTF-8 against what is not: a page with some damage is still UTF-8.
func utf8Score(s []byte) float64 {
	sum := 0.0
	for len(s) > 0 {
		r, n := utf8.DecodeRune(s)
		switch {
		case r == utf8.RuneError && n == 1:
			sum -= 2
		case n > 1:
			sum += 1.5 * float64(n)
		}
		s = s[n:]
	}
	return sum
}
