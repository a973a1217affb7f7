package main

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// The least that has to be right of what we make, of the pages of which it is known.
const (
	leastText    = 0.98 // paragraphs that are there, letter for letter, in each way of saying the encoding
	leastMended  = 0.97 // damaged paragraphs that are what they were
	leastPrivate = 0.97 // pieces of personal data that are gone
	leastLang    = 0.98
)

// share counts what is right of something.
type share struct {
	Right int     `json:"right"`
	Of    int     `json:"of"`
	Share float64 `json:"share"`
}

func (s *share) add(right bool) {
	s.Of++
	if right {
		s.Right++
	}
	s.Share = float64(s.Right) / float64(s.Of)
}

// verdict is what somebody's output is worth.
type verdict struct {
	Kept     int               `json:"kept"`
	KeptFrom map[string]int    `json:"kept_from"` // which of the three kinds of pages
	Rejects  map[string]int    `json:"rejects,omitempty"`
	Failed   int               `json:"failed"`
	Judged   int               `json:"judged"` // made pages that came out with a text
	Text     map[string]*share `json:"text"`   // by encoding and label
	Mended   *share            `json:"mended"`
	Private  map[string]*share `json:"private"` // by kind
	Lang     *share            `json:"lang"`
	pages    int
	worst    []string
}

// judge looks at what came out of the pages that were made. Of ours the rejects are judged too: they hold the text, and
// only pages in English pass all rules.
func judge(out string, e *entrant, truths map[string]*truth) (*verdict, error) {
	v := &verdict{KeptFrom: map[string]int{}, Rejects: map[string]int{}, Text: map[string]*share{}, Mended: &share{}, Private: map[string]*share{}, Lang: &share{}}
	err := eachRow(filepath.Join(out, e.kept), func(r *row) {
		v.Kept++
		host, _, _ := strings.Cut(strings.TrimPrefix(r.URL, "http://"), "/")
		v.KeptFrom[host]++
		v.row(r, truths[r.URL])
	})
	if err == nil && e.name == "millrace" {
		err = eachRow(filepath.Join(out, "rejects.jsonl"), func(r *row) {
			v.Rejects[r.Verdict.Reason]++
			if strings.HasPrefix(r.Verdict.Reason, "failed.") {
				v.Failed++
				v.worst = append(v.worst, r.URL+" "+r.Verdict.Err)
			}
			v.row(r, truths[r.URL])
		})
	}
	v.pages = len(truths)
	return v, err
}

// row judges one page.
func (v *verdict) row(r *row, t *truth) {
	if t == nil || r.Text == "" {
		return
	}
	v.Judged++
	text := flat(r.Text)
	encoding := t.encoding
	if encoding != "utf-8" {
		encoding = "legacy"
	}
	key := encoding + ", " + t.label
	if v.Text[key] == nil {
		v.Text[key] = &share{}
	}
	for _, p := range t.plain {
		if dropped(p) {
			continue
		}
		right := strings.Contains(text, flat(p))
		v.Text[key].add(right)
		if !right {
			v.worst = append(v.worst, fmt.Sprintf("%s as %s (%s), read as %q: missing %.80q", r.URL, t.encoding, t.label, r.Charset, p))
		}
	}
	for _, d := range t.damaged {
		right := strings.Contains(text, flat(d.right)) && !strings.Contains(text, flat(d.wrong))
		if dropped(d.right) && !strings.Contains(text, flat(d.wrong)) {
			continue
		}
		v.Mended.add(right)
		if !right {
			v.worst = append(v.worst, fmt.Sprintf("%s: not mended to %.80q", r.URL, d.right))
		}
	}
	for _, p := range t.private {
		if v.Private[p.kind] == nil {
			v.Private[p.kind] = &share{}
		}
		right := !strings.Contains(text, flat(p.value))
		v.Private[p.kind].add(right)
		if !right {
			v.worst = append(v.worst, fmt.Sprintf("%s: %s %q is still there", r.URL, p.kind, p.value))
		}
	}
	if r.Lang == "" {
		return // nobody was asked
	}
	right := t.lang == r.Lang || strings.HasPrefix(t.lang, r.Lang+"-")
	v.Lang.add(right)
	if !right {
		v.worst = append(v.worst, fmt.Sprintf("%s in %s was called %q", r.URL, t.lang, r.Lang))
	}
}

// dropped reports whether the C4 filter takes lines with this away, as everybody here does or could.
func dropped(paragraph string) bool {
	p := strings.ToLower(paragraph)
	return slices.ContainsFunc([]string{"javascript", "privacy policy", "terms of use", "cookie", "lorem ipsum", "{", "[", "uses cookies", "@"}, func(s string) bool { return strings.Contains(p, s) }) ||
		len(strings.Fields(p)) < 3
}

// flat has single spaces for all white space: extractors and encodings differ there.
func flat(s string) string { return strings.Join(strings.Fields(s), " ") }

// holds says what is not right enough.
func (v *verdict) holds() error {
	var errs []error
	want := func(name string, s *share, least float64) {
		if s == nil || s.Of == 0 {
			errs = append(errs, fmt.Errorf("%s: nothing to judge", name))
		} else if s.Share < least {
			errs = append(errs, fmt.Errorf("%s: %d of %d are right, want %.2f", name, s.Right, s.Of, least))
		}
	}
	for _, encoding := range []string{"utf-8", "legacy"} {
		for _, label := range labels {
			key := encoding + ", " + label
			want("text of pages, "+key, v.Text[key], leastText)
		}
	}
	want("mojibake", v.Mended, leastMended)
	all := &share{}
	for _, kind := range slices.Sorted(maps.Keys(v.Private)) {
		all.Right += v.Private[kind].Right
		all.Of += v.Private[kind].Of
	}
	all.Share = float64(all.Right) / float64(max(1, all.Of))
	want("personal data", all, leastPrivate)
	want("languages", v.Lang, leastLang)
	if v.Failed > 0 || v.Kept == 0 || 100*v.Judged < 99*v.pages {
		errs = append(errs, fmt.Errorf("%d pages failed, %d were kept, %d of %d can be judged", v.Failed, v.Kept, v.Judged, v.pages))
	}
	return errors.Join(errs...)
}
