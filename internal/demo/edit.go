package demo

import (
	"math/rand/v2"
	"strings"
	"unicode"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
)

// window is the range of Jaccard similarity that an edited copy must land in.
type window struct{ from, to float64 }

// The windows keep clear of the default threshold of 0.8 by more than boilerplate can move a page.
var (
	nearHigh = window{0.92, 0.97}
	nearLow  = window{0.84, 0.89}
	decoy    = window{0.66, 0.74}
)

// substitutes are what an editor might write instead. None of them is a stop word of any rule.
func substitutes() []string {
	return strings.Fields(`account answer basket branch bridge bundle button candle carrier ceiling chapter circle
		coffee corner cotton county danger dinner doctor dragon editor engine fabric family farmer feather figure finger
		flower forest garden guitar hammer harbour island jacket kettle ladder leather lemon letter market meadow mirror
		morning mountain needle orange orchard painter paper pencil planet pocket pottery puzzle quarter rabbit ribbon
		river saddle sailor season shadow silver stable station summer teacher thunder ticket timber tunnel velvet
		village voyage wagon weather window winter wonder yellow`)
}

// editTo replaces words of p's prose, one after the other, until the copy's similarity lies in w.
// It reports false where the page is too short to be cut that finely.
func editTo(p *page, w window, rng *rand.Rand) (*page, float64, bool) {
	e := editor{q: p.clone(), rng: rng, subs: substitutes()}
	want := shingles(p.text())
	// A word is in at most five shingles, so this many can be replaced before the window begins.
	safe := int(float64(len(want)) * (1 - w.to) / (1 + w.to) / 5)
	for range 4*len(want) + 16 {
		undo := e.replace()
		if undo == nil {
			continue
		}
		if safe--; safe >= 0 {
			continue
		}
		switch j := jaccard(want, shingles(e.q.text())); {
		case j < w.from:
			undo()
		case j < w.to:
			return e.q, j, true
		}
	}
	return nil, 0, false
}

type editor struct {
	q    *page
	rng  *rand.Rand
	subs []string
}

// replace puts another word in the place of one, or gives nil where it has hit nothing replaceable.
func (e *editor) replace() (undo func()) {
	b := &e.q.blocks[e.rng.IntN(len(e.q.blocks))]
	if b.kind != para {
		return nil
	}
	words := strings.Split(b.text, " ")
	k := e.rng.IntN(len(words))
	if !plainWord(words[k]) {
		return nil
	}
	old := b.text
	words[k] = e.subs[e.rng.IntN(len(e.subs))]
	b.text = strings.Join(words, " ")
	return func() { b.text = old }
}

// plainWord holds for lower-case words of some length, which carry no stop-word count.
func plainWord(s string) bool {
	return len(s) > 4 && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsLower(r) }) < 0
}

// garble does what a careless program does: it reads UTF-8 as another encoding and writes UTF-8 again.
// The five bytes that windows-1252 leaves open become control characters, as browsers have it.
func garble(s string, as *charmap.Charmap) string {
	var b strings.Builder
	for i := range len(s) {
		r := as.DecodeByte(s[i])
		if r == unicode.ReplacementChar {
			r = rune(s[i])
		}
		b.WriteRune(r)
	}
	return b.String()
}

// typographic sets quotes, apostrophes and dashes as word processors do.
func typographic(s string) string {
	var b strings.Builder
	open := true
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' && open:
			b.WriteString("“")
			open = false
		case c == '"':
			b.WriteString("”")
			open = true
		case c == '\'':
			b.WriteString("’")
		case strings.HasPrefix(s[i:], " - "):
			b.WriteString(" – ")
			i += 2
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// charset is how a page's characters become bytes, and who says so.
type charset struct {
	name   string            // as planted.json has it
	enc    encoding.Encoding // nil: UTF-8
	header string            // the charset parameter of Content-Type, "" where it has none
	meta   string            // <meta charset>
	bom    string            // bytes in front
}

// utf8Page is the charset of every ordinary page.
func utf8Page() charset { return charset{name: "utf-8", header: "utf-8", meta: "utf-8"} }

// bytes encodes a rendered page. What the encoding lacks becomes a character reference.
func (c charset) bytes(s string) ([]byte, error) {
	if c.enc == nil {
		return []byte(c.bom + s), nil
	}
	out, err := encoding.HTMLEscapeUnsupported(c.enc.NewEncoder()).String(s)
	return []byte(c.bom + out), err
}
