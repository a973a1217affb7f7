package consent

import (
	"slices"
	"strings"

	"millrace"
)

// Bounds on what one page's publisher can make us keep.
const (
	maxStatements = 32
	maxRaw        = 1 << 10
	maxPerSource  = 4 // statements of one signal in one place
)

// Input is everything that may speak about one page.
type Input struct {
	URL    string           // as fetched
	Header []millrace.Field // of the answer; names in canonical form
	Head   *Head            // nil: the page is no HTML
	Rules  *Rules           // of the host's robots.txt; nil: none
	Site   *Site            // nil: nothing known
	Token  string           // our product token
	// Resolve gives the address that a reference on the page leads to, "" for none.
	Resolve func(ref string) string
}

// Statements lists what was said about training on a page. The order is fixed: robots.txt, files of
// the site, header, head of the page, licences.
func Statements(in Input) []millrace.Statement {
	var c collector
	in.Rules.statements(&c, in.URL)
	in.Site.aiTxtStatements(&c, in)
	usageHeaders(&c, in.Header)
	tags(&c, in)
	tdm(&c, in)
	rsl(&c, in)
	licences(&c, in)
	return c.out
}

// Combine is the vocabulary's own rule over what was said in so many words: any no is a no, else any
// yes is a yes. Not said is not yes, and what was only inferred does not count.
func Combine(by []millrace.Statement) millrace.Consent {
	out := millrace.NotSaid
	for _, s := range by {
		if !s.Inferred {
			out = stricter(out, s.Value)
		}
	}
	return out
}

// stricter gives no before yes before not said, which is the order of their numbers.
func stricter(a, b millrace.Consent) millrace.Consent { return max(a, b) }

// collector gathers statements within bounds.
type collector struct{ out []millrace.Statement }

// add keeps a statement. A no is never lost to the bounds: it replaces the last statement that is none.
func (c *collector) add(s millrace.Statement) {
	s.Raw = clip(s.Raw)
	if slices.ContainsFunc(c.out, func(o millrace.Statement) bool { return o.Source == s.Source && o.Raw == s.Raw && o.Value == s.Value }) {
		return
	}
	if c.room(s.Source) {
		c.out = append(c.out, s)
		return
	}
	if s.Value != millrace.No {
		return
	}
	for i := len(c.out) - 1; i >= 0; i-- {
		if c.out[i].Value == millrace.No && c.out[i].Source == s.Source && !c.out[i].Inferred {
			return // the same has been said
		}
	}
	for i := len(c.out) - 1; i >= 0; i-- {
		if c.out[i].Value != millrace.No {
			c.out[i] = s
			return
		}
	}
}

func (c *collector) room(source string) bool {
	n := 0
	for _, s := range c.out {
		if s.Source == source {
			n++
		}
	}
	return n < maxPerSource && len(c.out) < maxStatements
}

// values lists a header's lines.
func values(header []millrace.Field, name string) (out []string) {
	for _, f := range header {
		if f.Name == name {
			out = append(out, f.Value)
		}
	}
	return out
}

// clip makes a stranger's text fit to be kept: one line, valid, not too long.
func clip(s string) string {
	if len(s) > 4*maxRaw {
		s = s[:4*maxRaw]
	}
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	s = strings.TrimSpace(s)
	if len(s) > maxRaw {
		s = strings.TrimSpace(strings.ToValidUTF8(s[:maxRaw], ""))
	}
	return s
}

// hasToken looks for a word in a list of words, as rel attributes are.
func hasToken(list, word string) bool {
	for f := range strings.FieldsSeq(list) {
		if strings.EqualFold(f, word) {
			return true
		}
	}
	return false
}
