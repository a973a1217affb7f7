package clean

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"millrace"
	"millrace/clean/charset"
	"millrace/clean/extract"
	"millrace/clean/gopher"
	"millrace/clean/language"
	"millrace/clean/pii"
	"millrace/clean/repair"
)

// kind is a step that a recipe can name.
type kind struct {
	name    string
	version int // raise it when the step's result on any document changes: it is part of the recipe's hash
	signals []signal
	// run changes the document and measures the signals, in order. It sees one document and keeps nothing.
	run func(d *millrace.Document, out []float64) error
}

// signal is a number with the range that it can have.
type signal struct {
	name      string
	low, high float64
}

// kinds lists the steps that there are.
func kinds() []kind {
	inf := math.Inf(1)
	return []kind{
		{"extract", 1, []signal{{"chars", 0, inf}}, runExtract},
		{"repair", 1, nil, runRepair},
		{"language", 2, []signal{{"lang_score", 0, 1}, {"lang_share", 0, 1}}, runLanguage},
		{"pii", 1, []signal{{"pii_density", 0, inf}}, runPII},
		{"gopher-repetition", 1, ranges(gopher.RepetitionSignals()), runRepetition},
		{"gopher-quality", 1, ranges(gopher.QualitySignals()), runQuality},
	}
}

// ranges gives Gopher's signals their ranges: most are shares.
func ranges(names []string) []signal {
	var list []signal
	for _, name := range names {
		s := signal{name: name, high: 1}
		switch {
		case name == "stop_words":
			s.high = 8
		case name == "words", name == "mean_word_length", strings.HasPrefix(name, "symbol_"), strings.HasPrefix(name, "top_"):
			s.high = math.Inf(1) // n-grams overlap, so the copies of one can be longer than the text
		}
		list = append(list, s)
	}
	return list
}

func findKind(name string) (kind, bool) {
	for _, k := range kinds() {
		if k.name == name {
			return k, true
		}
	}
	return kind{}, false
}

func kindNames() []string {
	var names []string
	for _, k := range kinds() {
		names = append(names, k.name)
	}
	return names
}

func findSignal(name string) signal {
	for _, k := range kinds() {
		for _, s := range k.signals {
			if s.name == name {
				return s
			}
		}
	}
	return signal{name: name, low: math.Inf(-1), high: math.Inf(1)}
}

// reasons lists those that a rule can give. The others belong to stages outside this package.
func reasons() []millrace.Reason {
	return []millrace.Reason{
		millrace.ExtractEmpty, millrace.LangUnsure, millrace.PIIDensity,
		millrace.QualityWordCount, millrace.QualityWordLen, millrace.QualitySymbols, millrace.QualityBullets,
		millrace.QualityEllipsis, millrace.QualityAlpha, millrace.QualityStopWords,
		millrace.RepeatLines, millrace.RepeatParagraphs, millrace.RepeatTop, millrace.RepeatDup,
	}
}

// runExtract makes text of the page's bytes. A document that came with text keeps it.
func runExtract(d *millrace.Document, out []float64) error {
	if d.Page.Body == nil {
		d.Extract = "none"
		out[0] = float64(utf8.RuneCountInString(d.Text))
		return nil
	}
	form, label := extract.FormOf(d.Page.MediaType, d.Page.Body)
	if form == extract.Other {
		return fmt.Errorf("extract: no text to be had from media type %q", d.Page.MediaType)
	}
	decoded := charset.Decode(d.Page.Body, label, form == extract.Markup)
	page := extract.Text(decoded.Text)
	if form == extract.Markup {
		page = extract.HTML(decoded.Text)
	}
	d.Page.Body = nil
	d.Charset, d.Extract = decoded.Name, "fast"
	if form == extract.Plain {
		d.Extract = "none"
	}
	d.Text, d.Code = page.Text, page.Code
	if page.Title != "" {
		d.Title = page.Title
	}
	d.AddEdit("charset.invalid", decoded.Invalid)
	if decoded.Overridden {
		d.AddEdit("charset.overridden", 1)
	}
	if page.Cut {
		d.AddEdit("extract.cut", 1)
	}
	out[0] = float64(utf8.RuneCountInString(d.Text))
	return nil
}

// runRepair mends text and title.
func runRepair(d *millrace.Document, _ []float64) error {
	var title, text repair.Counts
	d.Title, _, title = repair.Text(d.Title, nil)
	d.Text, d.Code, text = repair.Text(d.Text, d.Code)
	for _, c := range [...]repair.Counts{title, text} {
		d.AddEdit("repair.mojibake", c.Mojibake)
		d.AddEdit("repair.control", c.Control)
		d.AddEdit("repair.invalid", c.Invalid)
		d.AddEdit("repair.newline", c.Newline)
		d.AddEdit("repair.invisible", c.Invisible)
		d.AddEdit("repair.combining", c.Combining)
	}
	return nil
}

// runLanguage names the language of the prose. The second signal is the part of it that is in this language, piece by piece.
func runLanguage(d *millrace.Document, out []float64) error {
	r, shares := language.Mixed(prose(d))
	d.Lang, d.Script, d.LangSure = r.Lang, r.Script, r.Score
	out[0], out[1] = float64(r.Score), 0
	for _, s := range shares {
		if s.Lang == r.Lang && s.Lang != "und" {
			out[1] += float64(s.Part)
		}
	}
	return nil
}

// runPII masks title and text together, so that equal values have equal numbers. The signal is the
// masked values in a thousand characters.
func runPII(d *millrace.Document, out []float64) error {
	title := len(d.Title)
	spans := []millrace.Span{{From: 0, To: title}}
	for _, s := range d.Code {
		spans = append(spans, millrace.Span{From: s.From + title + 1, To: s.To + title + 1})
	}
	text, spans, c := pii.Mask(d.Title+"\n"+d.Text, spans)
	if c.Any() {
		title = spans[0].To
		d.Title, d.Text = text[:title], text[title+1:]
		for i, s := range spans[1:] {
			d.Code[i] = millrace.Span{From: s.From - title - 1, To: s.To - title - 1}
		}
		d.AddEdit("pii.email", c.Email)
		d.AddEdit("pii.ipv4", c.IPv4)
		d.AddEdit("pii.ipv6", c.IPv6)
	}
	if chars := utf8.RuneCountInString(d.Text); chars > 0 {
		out[0] = 1000 * float64(c.Email+c.IPv4+c.IPv6) / float64(chars)
	}
	return nil
}

func runRepetition(d *millrace.Document, out []float64) error {
	copy(out, gopher.Repetition(prose(d)))
	return nil
}

func runQuality(d *millrace.Document, out []float64) error {
	copy(out, gopher.Quality(prose(d)))
	return nil
}

// prose is the text without its code: code is kept, but rules made for prose say nothing about it.
func prose(d *millrace.Document) string {
	if len(d.Code) == 0 {
		return d.Text
	}
	var b strings.Builder
	at := 0
	for _, s := range d.Code {
		b.WriteString(d.Text[at:s.From])
		at = s.To
	}
	b.WriteString(d.Text[at:])
	return b.String()
}
