package repair

import "golang.org/x/text/encoding/charmap"

// codec is an encoding that UTF-8 is wrongly read as.
type codec struct {
	table    *charmap.Charmap
	controls controls
	alphabet alphabet
}

// controls says when U+0080 to U+009F stand for their own bytes.
type controls uint8

const (
	never  controls = iota
	holes           // where the table has nothing: web browsers read these bytes so
	always          // Latin-1, whose mojibake comes mixed with that of Windows-1252
)

// alphabet is what the bytes above ASCII mostly are in a codec. It says how much chance can do.
type alphabet uint8

const (
	latin alphabet = iota
	other          // letters that are not Latin
	signs          // letters and signs mixed
)

// codecs lists the wrong decoders in the order in which they are tried, the commonest first:
// Latin-1 with Windows-1252, 1251, 1250, 1253, 1254, 1257, ISO 8859-2, Mac Roman and code page 437.
func codecs() [9]codec {
	return [9]codec{
		{charmap.Windows1252, always, latin},
		{charmap.Windows1251, holes, other},
		{charmap.Windows1250, holes, latin},
		{charmap.Windows1253, holes, other},
		{charmap.Windows1254, holes, latin},
		{charmap.Windows1257, holes, latin},
		{charmap.ISO8859_2, never, latin},
		{charmap.Macintosh, never, signs},
		{charmap.CodePage437, never, signs},
	}
}

// encode gives the byte that r was read from.
func (c *codec) encode(r rune) (byte, bool) {
	if r < 0x80 {
		return byte(r), true
	}
	if r < 0xA0 && (c.controls == always || c.controls == holes && c.table.DecodeByte(byte(r)) == '\uFFFD') {
		return byte(r), true
	}
	return c.table.EncodeRune(r)
}
