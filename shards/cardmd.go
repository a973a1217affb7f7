package shards

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// markdown is the dataset card: a YAML head that the Hugging Face hub reads, and the funnel for people.
func (s *survey) markdown(info CardInfo) []byte {
	var b bytes.Buffer
	s.yamlHead(&b, info)
	e := s.newest()
	in, kept, dropped, failed := s.tally.Totals()
	fmt.Fprintf(&b, "# %s\n\nMade by millrace %s. Version %d of the table; recipe `%s`; newest page %s.\n\n",
		escape(info.Name), escape(e.Code), e.Version, escape(e.Recipe), day(e))
	fmt.Fprintf(&b, "in %d = kept %d + dropped %d + failed %d\n\n", in, kept, dropped, failed)
	if len(s.tally.Moved) > 0 {
		fmt.Fprintf(&b, "rows %d = kept %d − %s\n\n", s.tally.Rows(), kept, escape(s.moved()))
	}
	b.WriteString("`data/` is a Delta Lake table of the kept rows, `rejects/` has every other row with the reason, the measurement and the limit.\n\n")
	b.WriteString("## What was dropped, and why\n\n| stage | in | kept | dropped | failed | reasons |\n|---|--:|--:|--:|--:|---|\n")
	for _, st := range s.tally.Stages {
		var why []string
		for _, r := range reasons(st) {
			why = append(why, fmt.Sprintf("%s %d", escape(r.Name), r.Rows))
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %s |\n", escape(st.Name), st.In, st.Kept, st.Dropped, st.Failed, strings.Join(why, ", "))
	}
	b.WriteString("\n## What it consists of\n")
	for _, m := range s.mixes {
		fmt.Fprintf(&b, "\n| %s | rows | %% |\n|---|--:|--:|\n", m.Name)
		for _, p := range m.Parts {
			fmt.Fprintf(&b, "| %s | %d | %.1f |\n", escape(p.Name), p.Rows, p.Share)
		}
	}
	if len(info.Gates) > 0 {
		b.WriteString("\n## Gates\n\n| gate | value | limit | holds |\n|---|--:|--:|---|\n")
		for _, g := range info.Gates {
			fmt.Fprintf(&b, "| %s | %s | %s | %t |\n", escape(g.Name), escape(g.Value), escape(g.Limit), g.Holds)
		}
	}
	if len(info.Facts) > 0 {
		b.WriteString("\n## Facts\n\n| | |\n|---|---|\n")
		for _, f := range info.Facts {
			fmt.Fprintf(&b, "| %s | %s |\n", escape(f.Name), escape(f.Value))
		}
	}
	b.WriteString("\n## Recipes\n")
	for _, r := range s.recipes() {
		fence := strings.Repeat("`", longestRun(r.Value, '`')+3)
		fmt.Fprintf(&b, "\n`%s`\n\n%syaml\n%s\n%s\n", escape(r.Name), fence, strings.TrimRight(r.Value, "\n"), fence)
	}
	b.WriteString("\n## Personal information\n\nWhat was masked is counted for each row in the column `edits`. Masking is never complete: " +
		"treat the texts as data that may still concern people.\n")
	return b.Bytes()
}

var (
	language = regexp.MustCompile(`^[a-z]{2,3}$`)
	spdx     = regexp.MustCompile(`^[A-Za-z0-9.+-]{1,64}$`)
)

// yamlHead quotes as JSON does, which YAML reads.
func (s *survey) yamlHead(b *bytes.Buffer, info CardInfo) {
	quote := func(v string) string {
		q, err := json.Marshal(v)
		if err != nil {
			return `""` // a string always has a form in JSON
		}
		return string(q)
	}
	fmt.Fprintf(b, "---\npretty_name: %s\n", quote(info.Name))
	var langs []string
	for _, l := range s.langs {
		if language.MatchString(l) && len(langs) < 100 {
			langs = append(langs, quote(l))
		}
	}
	if len(langs) > 0 {
		fmt.Fprintf(b, "language: [%s]\n", strings.Join(langs, ", "))
	}
	license := "other"
	if len(s.licences) == 1 && spdx.MatchString(s.licences[0]) {
		license = strings.ToLower(s.licences[0])
	}
	fmt.Fprintf(b, "license: %s\nsize_categories: [%s]\ntask_categories: [text-generation]\ntags: [millrace]\nconfigs:\n", quote(license), sizeCategory(s.tally.Rows()))
	config := func(name string, files []string) {
		fmt.Fprintf(b, "- config_name: %s\n  data_files:\n  - split: train\n    path:\n", name)
		for _, f := range files {
			fmt.Fprintf(b, "    - %s\n", quote(f))
		}
	}
	config("default", s.paths("data", s.keptFiles))
	b.WriteString("  default: true\n")
	config("rejects", s.paths("rejects", s.rejectFiles))
	b.WriteString("---\n\n")
}

// sizeCategory is the hub's name for a number of rows.
func sizeCategory(n int64) string {
	limits := []struct {
		below int64
		name  string
	}{{1e3, "n<1K"}, {1e4, "1K<n<10K"}, {1e5, "10K<n<100K"}, {1e6, "100K<n<1M"}, {1e7, "1M<n<10M"}, {1e8, "10M<n<100M"},
		{1e9, "100M<n<1B"}, {1e10, "1B<n<10B"}, {1e11, "10B<n<100B"}, {1e12, "100B<n<1T"}}
	for _, l := range limits {
		if n < l.below {
			return l.name
		}
	}
	return "n>1T"
}

// escape makes a string of the web harmless in a table of Markdown.
func escape(s string) string {
	var b strings.Builder
	for _, r := range head(s, 200) {
		switch {
		case r == '<':
			b.WriteString("&lt;")
		case r == '&':
			b.WriteString("&amp;")
		case strings.ContainsRune("\\`*[]()|!#~", r):
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func longestRun(s string, c rune) int {
	longest, run := 0, 0
	for _, r := range s {
		if r != c {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

func day(e *Entry) string {
	if e.Time.IsZero() {
		return "(no date)"
	}
	return e.Time.Format("2006-01-02")
}
