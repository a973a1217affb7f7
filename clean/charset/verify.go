package charset

import (
	"strings"
	"unicode/utf8"
)

// sure is by how much another reading has to be cheaper than the declared one, at least: 15 nats.
const sure = 15 * nat

// credible reports whether bytes are what a label says of them: hardly any of them means nothing or is a control
// character in it, and no other reading is much likelier. c is what they are as UTF-8, r what they are by the label.
func credible(body []byte, c utf8Counts, r Result) bool {
	if r.Name == "utf-8" {
		return !doubtful(r.damage(), r.Text) || c.surely()
	}
	if doubtful(r.damage(), r.Text) || c.surely() {
		return false
	}
	name := r.Name
	if name == "gbk" {
		name = "gb18030"
	}
	s := sample(body)
	if len(s) == 0 {
		return true
	}
	d := newDetector()
	said, known := d.cost(s, name)
	if !known {
		return true // of an encoding that the statistics do not know they say nothing
	}
	_, least := d.best(s)
	return said-least <= max(said/50, sure)
}

// damage counts what means nothing in a reading, or is no character of any text.
func (r Result) damage() int {
	return r.Invalid + r.Salvaged + controls(r.Text)
}

// doubtful reports whether more than one character in a thousand means nothing.
func doubtful(n int, text string) bool { return n > 0 && n*1000 > utf8.RuneCountInString(text) }

// controls counts the characters from U+0080 to U+009F.
func controls(text string) int {
	n := 0
	for {
		i := strings.IndexByte(text, 0xC2) // with which they begin in UTF-8
		if i < 0 || i+1 >= len(text) {
			return n
		}
		if text[i+1] < 0xA0 {
			n++
		}
		text = text[i+2:]
	}
}
