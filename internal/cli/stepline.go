package cli

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"millrace"
	"millrace/internal/quote"
)

// ours are the fields that a line of a step has besides the input's own. Where the input has one of them, ours counts.
func ours() []string {
	return []string{"id", "mid", "url", "title", "text", "charset", "lang", "lang_script", "lang_score", "extract", "edits", "signals", "verdict"}
}

// lineBuilder builds one JSON object.
type lineBuilder []byte

func (b *lineBuilder) key(name string) {
	if n := len(*b); (*b)[n-1] != '{' {
		*b = append(*b, ',')
	}
	*b = append(quote.Append(*b, name), ':')
}

func (b *lineBuilder) text(name, value string) {
	if value != "" {
		b.key(name)
		*b = quote.Append(*b, value)
	}
}

// number leaves out what is not measured: JSON has no NaN.
func (b *lineBuilder) number(name string, value float64, bits int) {
	if !math.IsNaN(value) && !math.IsInf(value, 0) {
		b.key(name)
		*b = strconv.AppendFloat(*b, value, 'g', -1, bits)
	}
}

// appendDocument appends the line of a document: its fields, what was measured, the verdict, and the other fields of the
// input.
func appendDocument(to []byte, d *millrace.Document, signals []string) ([]byte, error) {
	b := lineBuilder(append(to, '{'))
	b.text("id", d.DisplayID())
	b.text("mid", d.ID.String())
	if !strings.HasPrefix(d.Page.URL, "file:") { // a name that we have made up
		b.text("url", d.Page.URL)
	}
	b.text("title", d.Title)
	b.key("text")
	text := d.Text
	if text == "" && d.Verdict.Failed() { // what could not be read
		text = string(d.Page.Body)
	}
	b = quote.Append(b, text)
	b.text("charset", d.Charset)
	if d.Lang != "" {
		b.text("lang", d.Lang)
		b.text("lang_script", d.Script)
		b.number("lang_score", float64(d.LangSure), 32)
	}
	if d.Extract != "none" {
		b.text("extract", d.Extract)
	}
	if len(d.Edits) > 0 {
		b.key("edits")
		b = append(b, '[')
		for i, e := range d.Edits {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, '{')
			b.text("kind", e.Kind)
			b.number("count", float64(e.Count), 64)
			b = append(b, '}')
		}
		b = append(b, ']')
	}
	if len(signals) > 0 {
		b.key("signals")
		b = append(b, '{')
		for i, name := range signals {
			if i < len(d.Signals) {
				b.number(name, float64(d.Signals[i]), 32)
			}
		}
		b = append(b, '}')
	}
	b.verdict(&d.Verdict)
	if err := b.meta(d.Meta); err != nil {
		return to, fmt.Errorf("fields of %s: %w", d.DisplayID(), err)
	}
	return append(b, "}\n"...), nil
}

// verdict says why a document was not kept.
func (b *lineBuilder) verdict(v *millrace.Verdict) {
	if v.Kept() {
		return
	}
	b.key("verdict")
	*b = append(*b, '{')
	b.text("reason", string(v.Reason))
	b.text("stage", v.Stage)
	if v.Signal != "" {
		b.text("signal", v.Signal)
		b.number("value", v.Value, 64)
		b.number("limit", v.Limit, 64)
	}
	if v.OfUser != "" {
		b.text("of", v.OfUser)
	} else if !v.Of.IsZero() {
		b.text("of", v.Of.String())
	}
	if v.Method != "" {
		b.number("similarity", v.Similarity, 64)
		b.text("method", v.Method)
	}
	b.text("err", v.Err)
	*b = append(*b, '}')
}

// meta adds the input's other fields, a JSON object. Those that have the name of one of ours are left out.
func (b *lineBuilder) meta(object string) error {
	if len(object) <= len("{}") {
		return nil
	}
	if slices.ContainsFunc(ours(), func(name string) bool { return strings.Contains(object, `"`+name+`"`) }) {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal([]byte(object), &fields); err != nil {
			return err
		}
		for _, name := range ours() {
			delete(fields, name)
		}
		if len(fields) == 0 {
			return nil
		}
		rest, err := json.Marshal(fields)
		if err != nil {
			return err
		}
		object = string(rest)
	}
	*b = append(append(*b, ','), object[1:len(object)-1]...)
	return nil
}
