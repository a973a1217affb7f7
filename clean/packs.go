package clean

import (
	"fmt"
	"math"
	"strings"

	"millrace"
	"millrace/clean/c4"
	"millrace/clean/extract"
	"millrace/clean/fineweb"
	"millrace/clean/gopher"
)

// runCharset makes text of bytes, markup and all.
func runCharset(d *millrace.Document, _ []float64) error {
	if d.Page.Body == nil {
		d.Charset = "utf-8"
		return nil
	}
	form, label := extract.FormOf(d.Page.MediaType, d.Page.Body)
	if form == extract.Other || form == extract.Packed {
		return fmt.Errorf("charset: no text to be had from what came as %q", d.Page.MediaType)
	}
	d.Text = decode(d, label, form == extract.Markup)
	d.Page.Body, d.Extract = nil, "none"
	return nil
}

// runEnglish measures how sure the step "language" was of English.
func runEnglish(d *millrace.Document, out []float64) error {
	if out[0] = 0; d.Lang == "en" {
		out[0] = float64(d.LangSure)
	}
	return nil
}

// runCodeAsText forgets which parts are code, for the steps behind it. Packs that reproduce others' filters begin so: those
// know no code.
func runCodeAsText(d *millrace.Document, _ []float64) error {
	d.Code = nil
	return nil
}

func c4Signals() []signal {
	return []signal{{"c4_lorem_ipsum", 0, 1}, {"c4_curly_brackets", 0, 1}, {"c4_sentences", 0, math.Inf(1)}}
}

func runC4(d *millrace.Document, out []float64) error { return cleanLines(d, out, false) }

func runC4EndMarks(d *millrace.Document, out []float64) error { return cleanLines(d, out, true) }

// cleanLines takes lines out of the prose by C4's rules; code stays as it is.
func cleanLines(d *millrace.Document, out []float64, endMarks bool) error {
	var b strings.Builder
	var code []millrace.Span
	var lines, citations, sentences int
	apart := func() {
		if b.Len() > 0 {
			b.WriteString("\n\n")
		}
	}
	prose := func(text string) bool {
		r := c4.Clean(text, endMarks)
		if r.Lorem || r.Curly {
			out[0], out[1] = flag(r.Lorem), flag(r.Curly)
			return false
		}
		lines, citations, sentences = lines+r.Lines, citations+r.Citations, sentences+r.Sentences
		if r.Text != "" {
			apart()
			b.WriteString(r.Text)
		}
		return true
	}
	at := 0
	for _, s := range d.Code {
		if !prose(d.Text[at:s.From]) {
			return nil
		}
		apart()
		from := b.Len()
		b.WriteString(d.Text[s.From:s.To])
		code = append(code, millrace.Span{From: from, To: b.Len()})
		at = s.To
	}
	if !prose(d.Text[at:]) {
		return nil
	}
	d.Text, d.Code = b.String(), code
	d.AddEdit("c4.lines", lines)
	d.AddEdit("c4.citations", citations)
	out[0], out[1], out[2] = 0, 0, float64(sentences)
	return nil
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func fineWebSignals() []signal {
	var list []signal
	for i, name := range fineweb.Signals() {
		s := signal{name: name, high: 1}
		if i == 0 || name == "fineweb_newlines" {
			s.high = math.Inf(1)
		}
		list = append(list, s)
	}
	return list
}

func runFineWeb(d *millrace.Document, out []float64) error {
	n := notesOf(d)
	copy(out, fineweb.Quality(n.prose, n.list()))
	return nil
}

func dolmaSignals() []signal {
	var list []signal
	for _, name := range gopher.DolmaSignals() {
		s := signal{name: name, high: 1}
		if strings.HasSuffix(name, "_words") && name != "dolma_symbol_words" && name != "dolma_alpha_words" || strings.Contains(name, "_top_") ||
			strings.HasSuffix(name, "_length") || name == "dolma_dup_line_chars" {
			s.high = math.Inf(1) // a count; or n-grams overlap, and lines have spaces, which are not among the characters
		}
		list = append(list, s)
	}
	return list
}

func dolmaStep() func(*millrace.Document, []float64) error {
	var m gopher.Meter
	return func(d *millrace.Document, out []float64) error {
		copy(out, m.Dolma(notesOf(d).prose))
		return nil
	}
}
