package judge

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

// item is an entry of planted.json.
type item struct {
	Kind   string  `json:"kind"`
	URL    string  `json:"url"`
	Of     string  `json:"of"`
	J      float64 `json:"j"`
	Expect struct {
		Fate     string   `json:"fate"`
		Reasons  []string `json:"reasons"`
		Contains []string `json:"contains"`
		Absent   []string `json:"absent"`
		Requests int      `json:"requests"`
	} `json:"expect"`
}

func readPlanted(name string) ([]item, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read planted list: %w", err)
	}
	var list struct {
		Items []item `json:"items"`
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, fmt.Errorf("read planted list %s: %w", name, err)
	}
	return list.Items, nil
}

// judgePlanted counts, by kind, what came out right. The truth about near-duplicates is not taken from
// the list: judgeTwins has counted it. Of the list's pairs a kind of their own is made, "near_planted".
func (r *Report) judgePlanted(items []item, t *table, log []request, w *twins) {
	p := &planted{t: t, w: w, requests: map[string]int{}, log: log}
	for _, q := range log {
		p.requests[q.url()]++
	}
	for _, it := range items {
		kind := it.Kind
		if kind == "near" {
			kind = "near_planted"
		}
		counts, why := p.judge(it)
		if !counts {
			continue
		}
		s := r.Truth[kind]
		s.Planted++
		if why == "" {
			s.Right++
		} else {
			r.problem("%s %s: %s", it.Kind, it.URL, why)
		}
		r.Truth[kind] = s
	}
}

type planted struct {
	t        *table
	w        *twins
	log      []request
	requests map[string]int
}

// judge says whether an item counts, and what is wrong with it. A pair that another rule has dropped
// before deduplication, or that the extracted text puts on the other side of the threshold, does not count.
func (p *planted) judge(it item) (counts bool, why string) {
	switch it.Expect.Fate {
	case "unfetched":
		if p.requests[it.URL] > 0 || len(p.t.byURL[it.URL]) > 0 {
			return true, "it was fetched"
		}
		return true, ""
	case "at_most":
		return true, p.atMost(it)
	case "one_of", "both":
		return p.pair(it)
	}
	return true, p.single(it)
}

func (p *planted) atMost(it item) string {
	n := 0
	for _, q := range p.log {
		if q.below(it.URL) {
			n++
		}
	}
	if n == 0 || n > it.Expect.Requests {
		return fmt.Sprintf("%d requests, want 1 to %d", n, it.Expect.Requests)
	}
	return ""
}

// one gives the row of a URL.
func (p *planted) one(url string) (*row, string) {
	switch rows := p.t.byURL[url]; len(rows) {
	case 1:
		return rows[0], ""
	default:
		return nil, fmt.Sprintf("%s has %d rows", url, len(rows))
	}
}

func (p *planted) single(it item) string {
	x, why := p.one(it.URL)
	if why != "" {
		return why
	}
	if it.Expect.Fate == "dropped" {
		if x.kept || !matches(x.reason, it.Expect.Reasons) {
			return fmt.Sprintf("reason %q, want one of %q", x.reason, it.Expect.Reasons)
		}
		return ""
	}
	if x.failed() || matches(x.reason, []string{"fetch.", "consent.", "crawl.", "robots."}) {
		return fmt.Sprintf("reason %q", x.reason)
	}
	text := squeeze(x.text)
	for _, s := range it.Expect.Contains {
		if !strings.Contains(text, squeeze(s)) {
			return fmt.Sprintf("the text lacks %q", s)
		}
	}
	for _, s := range it.Expect.Absent {
		if strings.Contains(text, squeeze(s)) {
			return fmt.Sprintf("the text has %q", s)
		}
	}
	return ""
}

// pair judges a copy and its original.
func (p *planted) pair(it item) (counts bool, why string) {
	a, why := p.one(it.URL)
	if why != "" {
		return true, why
	}
	b, why := p.one(it.Of)
	if why != "" {
		return true, why
	}
	if !a.reachedDedup() || !b.reachedDedup() {
		return false, ""
	}
	j := p.w.jaccard(a, b)
	if it.Expect.Fate == "both" {
		if j < 0.6 || j >= threshold {
			return false, ""
		}
		if !a.kept || !b.kept {
			return true, fmt.Sprintf("Jaccard %.3f, and not both are kept (%q, %q)", j, a.reason, b.reason)
		}
		return true, ""
	}
	if j < threshold {
		return false, ""
	}
	if a.kept == b.kept {
		return true, fmt.Sprintf("Jaccard %.3f, both kept: %v", j, a.kept)
	}
	lost := a
	if a.kept {
		lost = b
	}
	if !matches(lost.reason, it.Expect.Reasons) {
		return true, fmt.Sprintf("reason %q, want one of %q", lost.reason, it.Expect.Reasons)
	}
	return true, ""
}

// matches compares a reason with whole reasons and, where they end in a dot, with prefixes.
func matches(reason string, want []string) bool {
	return slices.ContainsFunc(want, func(w string) bool {
		return reason == w || strings.HasSuffix(w, ".") && strings.HasPrefix(reason, w)
	})
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }
