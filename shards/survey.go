package shards

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"millrace"
)

// survey is what the cards say about a table.
type survey struct {
	entries                []*Entry
	tally                  *millrace.Tally
	signals                []string
	bytes                  int64 // of the files of kept rows
	keptFiles, rejectFiles []File
	mixes                  []mix
	langs                  []string
	licences               []string // of all kept rows; nil where one has none: the table is not under those of the others
	kept                   []*Row   // a few of each, chosen by their IDs, which are hashes
	dropped                []*Row
}

// mix is what the kept rows consist of, in one respect.
type mix struct {
	Name  string
	Parts []part
}

type part struct {
	Name  string
	Rows  int64
	Share float64 // of the kept rows, in per cent
}

const (
	samples   = 10
	mixParts  = 15      // shown; the rest is one part
	mixKeys   = 100_000 // counted; whatever comes later is part of the rest
	otherPart = "(other)"
)

// takeSurvey reads the small columns of all rows once, and the chosen rows whole.
func takeSurvey(ctx context.Context, t *Table) (*survey, error) {
	s := &survey{entries: t.Entries(), tally: t.Tally(), signals: t.Signals()}
	s.keptFiles, s.rejectFiles = t.Files()
	counts := map[string]map[string]int64{"language": {}, "host": {}, "source": {}, "licence": {}, "consent": {}}
	var kept, dropped chosen
	sel := Select{Kept: true, Rejects: true, Columns: []string{"lang", "url", "source", "licence", "consent"}}
	err := t.Rows(ctx, sel, func(r *Row) error {
		if !r.Kept() {
			dropped.offer(r)
			return nil
		}
		kept.offer(r)
		count(counts["language"], r.Lang)
		count(counts["host"], host(r.URL))
		count(counts["source"], r.Source)
		count(counts["licence"], r.Licence)
		count(counts["consent"], r.Consent.String())
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"language", "host", "source", "licence", "consent"} {
		s.mixes = append(s.mixes, newMix(name, counts[name], s.tally.Rows()))
	}
	s.langs = names(counts["language"])
	if l := counts["licence"]; l[""]+l[otherPart]+l[millrace.LicenceConflict] == 0 {
		s.licences = names(l)
	}
	for _, f := range s.keptFiles {
		s.bytes += f.Bytes
	}
	if s.kept, err = kept.rows(ctx, t); err != nil {
		return nil, err
	}
	s.dropped, err = dropped.rows(ctx, t)
	return s, err
}

// chosen keeps the rows of the smallest IDs.
type chosen struct{ list []pick }

type pick struct {
	mid    millrace.ID
	offset int64
}

func (c *chosen) offer(r *Row) {
	p := pick{r.MID, r.Offset}
	i, _ := slices.BinarySearchFunc(c.list, p, func(a, b pick) int {
		return cmp.Or(slices.Compare(a.mid[:], b.mid[:]), cmp.Compare(a.offset, b.offset))
	})
	if i == samples {
		return
	}
	c.list = slices.Insert(c.list, i, p)
	c.list = c.list[:min(len(c.list), samples)]
}

func (c *chosen) rows(ctx context.Context, t *Table) ([]*Row, error) {
	var rows []*Row
	for _, p := range c.list {
		err := t.Rows(ctx, Select{From: p.offset, To: p.offset + 1, Kept: true, Rejects: true}, func(r *Row) error {
			one := *r
			rows = append(rows, &one)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}

func count(m map[string]int64, key string) {
	if _, ok := m[key]; !ok && len(m) >= mixKeys {
		key = otherPart
	}
	m[key]++
}

func newMix(name string, counts map[string]int64, total int64) mix {
	keys := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b))
	})
	m := mix{Name: name}
	rest := part{Name: otherPart}
	for i, k := range keys {
		if i >= mixParts || k == otherPart {
			rest.Rows += counts[k]
			continue
		}
		p := part{Name: head(k, 200), Rows: counts[k]}
		if p.Name == "" {
			p.Name = "(not said)"
		}
		m.Parts = append(m.Parts, p)
	}
	if rest.Rows > 0 {
		m.Parts = append(m.Parts, rest)
	}
	for i := range m.Parts {
		m.Parts[i].Share = 100 * float64(m.Parts[i].Rows) / float64(max(total, 1))
	}
	return m
}

func names(counts map[string]int64) []string {
	var list []string
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		if k != "" && k != otherPart {
			list = append(list, k)
		}
	}
	return list
}

// host is the host of a URL, "(file)" for what came from a file.
func host(s string) string {
	if strings.HasPrefix(s, "file:") {
		return "(file)"
	}
	u, err := url.Parse(s)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// paths are the patterns, or the names, that select the table's files below dir. After a rebuild or a rewrite
// older files lie beside those of the table.
func (s *survey) paths(dir string, files []File) []string {
	older := func(e *Entry) bool { return e.Operation == opRebuild || e.Operation == opRewrite }
	if !slices.ContainsFunc(s.entries, older) {
		return []string{dir + "/part-*.parquet"}
	}
	list := []string{}
	for _, f := range files {
		list = append(list, dir+"/"+f.Name)
	}
	return list
}

// recipes are the recipes that made the table, the oldest first.
func (s *survey) recipes() []CardFact {
	var list []CardFact
	for _, e := range s.entries {
		if e.RecipeText != "" {
			list = append(list, CardFact{head(e.Recipe, 200), printableLines(e.RecipeText)})
		}
	}
	return list
}

func (s *survey) newest() *Entry {
	if len(s.entries) == 0 {
		return &Entry{Version: -1}
	}
	return s.entries[len(s.entries)-1]
}

// reasons are the reasons of a stage, the most frequent first.
func reasons(s millrace.StageTally) []part {
	var list []part
	for r, n := range s.Reasons {
		list = append(list, part{Name: string(r), Rows: n})
	}
	slices.SortFunc(list, func(a, b part) int {
		return cmp.Or(cmp.Compare(b.Rows, a.Rows), strings.Compare(a.Name, b.Name))
	})
	return list
}

// moved says how many of the kept rows were taken out of the corpus since, and why: "superseded 3 − …".
func (s *survey) moved() string {
	var list []string
	for _, r := range reasons(millrace.StageTally{Reasons: s.tally.Moved}) {
		list = append(list, fmt.Sprintf("%s %d", r.Name, r.Rows))
	}
	return strings.Join(list, " − ")
}

// printableLines keeps a text's lines and drops its control characters.
func printableLines(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
}

// head is the beginning of a text on one line, without control characters.
func head(text string, runes int) string {
	var b strings.Builder
	for _, r := range text {
		if runes--; runes < 0 {
			return b.String() + "…"
		}
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String()
}
