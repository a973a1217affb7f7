package demo

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"pgregory.net/rapid"
)

func TestMarkdown(t *testing.T) {
	got := markdownBlocks("# A *title*\r\nOne line\nand `two`, [a link](http://x.y) ![badge](z).\n\n- item\n* more\n12. last\n\n```go\ncode  here\n\n- not a list\n```\n| a | b |\n---\nEnd &amp; <b>bold</b>.")
	want := []block{
		{heading, "A title"}, {para, "One line and two, a link badge."}, {item, "item"}, {item, "more"}, {item, "last"},
		{code, "code  here\n\n- not a list"}, {para, "End & bold."},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestHTML(t *testing.T) {
	got := htmlBlocks("<title>no</title><nav>no</nav><h1>A <b>title</b></h1><p>One &amp;\n two<p>Three<ul><li>item</ul><pre>a <i>b</i>\n<div>c</div></pre>end<script>no</script>")
	want := []block{{heading, "A title"}, {para, "One & two"}, {para, "Three"}, {item, "item"}, {code, "a b\nc"}, {para, "end"}}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func FuzzBlocks(f *testing.F) {
	f.Add("# a\n- b\n```\nc", "x.md")
	f.Add("<p>a<pre>b</i></pre>", "x.html")
	f.Add("[a](b", "x.md")
	f.Add("a\n\n\nb", "x")
	f.Fuzz(func(t *testing.T, text, name string) {
		total := 0
		for _, b := range blocksOf(name, text) {
			if b.text == "" {
				t.Fatal("empty block")
			}
			total += len(b.text)
		}
		// A character reference can stand for a longer character, never for one three times its length.
		if utf8.ValidString(text) && total > 3*len(text) {
			t.Fatalf("%d bytes of text from %d", total, len(text))
		}
	})
}

// TestSplit cuts at headings only and loses nothing but what is too short for a page.
func TestSplit(t *testing.T) {
	var bs []block
	for range 5 {
		bs = append(bs, block{heading, "Head"}, block{para, strings.Repeat("word ", sectionWords)})
	}
	pages := split(unit{importPath: "x/y.md"}, bs)
	if len(pages) != 5 || pages[0].path != "/doc/x/y.html" || pages[4].path != "/doc/x/y-5.html" {
		t.Fatalf("%d pages", len(pages))
	}
	if short := split(unit{}, []block{{para, "too short"}}); short != nil {
		t.Errorf("a page of two words: %v", short)
	}
}

// TestEditTo: whatever the text, an edited copy lies in its window and has as many blocks.
func TestEditTo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(100, 600).Draw(t, "words")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		p := &page{}
		for range n / 50 {
			ws := make([]string, 50)
			for i := range ws {
				ws[i] = strings.Repeat(string(rune('a'+rng.IntN(26))), 1+rng.IntN(3)) + string(rune('a'+rng.IntN(26))) + "xyz"
			}
			p.blocks = append(p.blocks, block{para, strings.Join(ws, " ")})
		}
		w := rapid.SampledFrom([]window{nearHigh, nearLow, decoy}).Draw(t, "window")
		before := p.text()
		q, j, ok := editTo(p, w, rng)
		if p.text() != before {
			t.Fatal("the original was changed")
		}
		if !ok {
			t.Fatalf("no edit of %d words reaches %v", n, w)
		}
		if got := jaccard(shingles(p.text()), shingles(q.text())); got != j || j < w.from || j >= w.to || len(q.blocks) != len(p.blocks) {
			t.Fatalf("Jaccard %v, told %v, window %v", got, j, w)
		}
	})
	if _, _, ok := editTo(&page{blocks: []block{{para, "far too short a page"}}}, nearHigh, rand.New(rand.NewPCG(1, 1))); ok {
		t.Error("five words were edited to 0.92")
	}
}

// TestGarble: what a careless program did can be undone byte by byte.
func TestGarble(t *testing.T) {
	if got := garble("Zoë’s", charmap.Windows1252); got != "ZoÃ«â€™s" {
		t.Errorf("%q", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		for _, m := range []*charmap.Charmap{charmap.Windows1252, charmap.ISO8859_1} {
			var back []byte
			for _, r := range garble(s, m) {
				c, ok := m.EncodeRune(r)
				if !ok {
					c = byte(r)
				}
				back = append(back, c)
			}
			if string(back) != s {
				t.Fatalf("%q came back as %q", s, back)
			}
		}
	})
}

func TestShinglesByHand(t *testing.T) {
	a, b := shingles("A b, c d e; f G"), shingles("a B c d e f h")
	if len(a) != 3 || jaccard(a, b) != 0.5 || jaccard(a, a) != 1 || jaccard(a, shingles("")) != 0 {
		t.Errorf("%d shingles, Jaccard %v", len(a), jaccard(a, b))
	}
}

func TestReadable(t *testing.T) {
	good := &page{blocks: []block{{para, strings.Join(tongues(), " ") + " That is what they say to those who have time, and with it the wish to be of help to others, for whom all of this was written in the first place many long years ago."}}}
	if !readable(good, 100) {
		t.Error("prose is not readable")
	}
	for name, text := range map[string]string{
		"short":    "Only a few of the words that have to be there.",
		"symbols":  strings.Repeat("the x = 1 + 2 ; of { } and that ( ) 7 8 9 10 ", 20),
		"repeated": strings.Repeat("the best of all watches that we have to sell with love ", 30),
		"no stops": strings.Repeat("alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu ", 1) + strings.Join(substitutes(), " ") + " " + strings.Join(substitutes()[:40], "s "),
	} {
		if readable(&page{blocks: []block{{para, text}}}, 50) {
			t.Errorf("%s is readable", name)
		}
	}
}
