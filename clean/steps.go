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
	inf, markdown := math.Inf(1), extract.Options{Markdown: true}
	return []kind{
		{"charset", 2, nil, runCharset},
		{"extract", 3, []signal{{"chars", 0, inf}}, extractor{}.run},
		{"extract-fast", 3, []signal{{"chars", 0, inf}}, extractor{quick: true}.run},
		{"extract-markdown", 3, []signal{{"chars", 0, inf}}, extractor{Options: markdown}.run},
		{"extract-fast-markdown", 3, []signal{{"chars", 0, inf}}, extractor{Options: markdown, quick: true}.run},
		{"repair", 2, nil, runRepair},
		{"language", 3, []signal{{"lang_score", 0, 1}, {"lang_share", 0, 1}}, runLanguage},
		{"pii", 3, []signal{{"pii_density", 0, inf}}, masking{}.run},
		{"gopher-repetition", 1, ranges(gopher.RepetitionSignals()), repetitionStep()},
		{"gopher-quality", 1, ranges(gopher.QualitySignals()), runQuality},
		{"english", 1, []signal{{"english", 0, 1}}, runEnglish},
		{"code-as-text", 1, nil, runCodeAsText},
		{"c4", 1, c4Signals(), runC4},
		{"c4-end-marks", 1, c4Signals(), runC4EndMarks},
		{"fineweb-quality", 1, fineWebSignals(), runFineWeb},
		{"gopher-dolma", 1, dolmaSignals(), dolmaStep()},
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
		millrace.ExtractEmpty, millrace.LangUnsure, millrace.PIIDensity, millrace.PIIFound,
		millrace.QualityWordCount, millrace.QualityWordLen, millrace.QualitySymbols, millrace.QualityBullets,
		millrace.QualityEllipsis, millrace.QualityAlpha, millrace.QualityStopWords,
		millrace.RepeatLines, millrace.RepeatParagraphs, millrace.RepeatTop, millrace.RepeatDup,
		millrace.RuleExpression, millrace.LangOther, millrace.QualityLorem, millrace.QualityCurly, millrace.QualitySentences,
		millrace.QualityLineEnds, millrace.QualityShortLines, millrace.QualityNewlines,
	}
}

// extractor makes text of the page's bytes. A document that came with text keeps it. quick asks no slower extractor about
// the pages on which the first is not sure.
type extractor struct {
	extract.Options
	quick bool
}

func (e extractor) run(d *millrace.Document, out []float64) error {
	if d.Page.Body == nil {
		d.Extract = "none"
		out[0] = float64(utf8.RuneCountInString(d.Text))
		return nil
	}
	page, err := e.page(d)
	if err != nil {
		return fmt.Errorf("extract: %w", err)
	}
	d.Page.Body = nil
	d.Text, d.Code = page.Text, page.Code
	if page.Title != "" {
		d.Title = page.Title
	}
	if page.Cut {
		d.AddEdit("extract.cut", 1)
	}
	out[0] = float64(utf8.RuneCountInString(d.Text))
	return nil
}

// page reads the bytes as what they are.
func (e extractor) page(d *millrace.Document) (extract.Page, error) {
	form, label := extract.FormOf(d.Page.MediaType, d.Page.Body)
	d.Extract = "none"
	switch form {
	case extract.Other:
		return extract.Page{}, fmt.Errorf("no text to be had from what came as %q", d.Page.MediaType)
	case extract.Packed:
		return e.Archive(d.Page.Body)
	}
	text := decode(d, label, form == extract.Markup)
	switch form {
	case extract.Markup:
		d.Extract = "fast"
		if e.quick {
			return e.HTML(text), nil
		}
		page := e.Best(text)
		if page.Slow {
			d.Extract = "slow"
		}
		return page, nil
	case extract.Feed:
		return e.Feed(text), nil
	}
	return extract.Text(text), nil
}

// decode makes text of the page's bytes, and notes what that took.
func decode(d *millrace.Document, label string, markup bool) string {
	r := charset.Decode(d.Page.Body, label, markup)
	d.Charset = r.Name
	d.AddEdit("charset.invalid", r.Invalid)
	d.AddEdit("charset.salvaged", r.Salvaged)
	d.AddEdit("charset.mended", r.Mended)
	if r.Overridden {
		d.AddEdit("charset.overridden", 1)
	}
	return r.Text
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
		d.AddEdit("repair.surrogate", c.Surrogate)
		d.AddEdit("repair.newline", c.Newline)
		d.AddEdit("repair.invisible", c.Invisible)
		d.AddEdit("repair.combining", c.Combining)
	}
	return nil
}

// runLanguage names the language of the prose. The second signal is the part of it that is in this language, piece by piece.
func runLanguage(d *millrace.Document, out []float64) error {
	r, shares := language.Mixed(notesOf(d).prose)
	d.Lang, d.Script, d.LangSure = r.Lang, r.Script, r.Score
	out[0], out[1] = float64(r.Score), 0
	for _, s := range shares {
		if s.Lang == r.Lang && s.Lang != "und" {
			out[1] += float64(s.Part)
		}
	}
	return nil
}

func repetitionStep() func(*millrace.Document, []float64) error {
	var m gopher.Meter
	return func(d *millrace.Document, out []float64) error {
		n := notesOf(d)
		copy(out, m.Repetition(n.prose, n.list()))
		return nil
	}
}

func runQuality(d *millrace.Document, out []float64) error {
	n := notesOf(d)
	copy(out, gopher.Quality(n.prose, n.list()))
	return nil
}
