package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"millrace/internal/sim/piiplant"
)

// score counts what was right and wrong of one kind.
type score struct {
	Planted   int     `json:"planted"`
	Found     int     `json:"found"`
	Wrong     int     `json:"wrong"` // masked, and not of this kind
	Recall    float64 `json:"recall"`
	Precision float64 `json:"precision"`
}

// verdict is what was made of all lines.
type verdict struct {
	byKind     map[string]*score
	bySort     map[string]*score
	trapsTaken map[string]int
	show       int
}

// replaced says what a masker put into a line: for each replacement the kind that it takes the value for, and what is left of the line with "%" in its place.
type replaced func(l piiplant.Line, out string) (kinds []string, right bool)

// judgeAll holds each line of what came out against the line that went in.
func judgeAll(docs []piiplant.Document, masked []string, how replaced, show int) *verdict {
	v := &verdict{byKind: map[string]*score{}, bySort: map[string]*score{}, trapsTaken: map[string]int{}, show: show}
	for i, d := range docs {
		lines := strings.Split(masked[i], "\n")
		if len(d.Lines) == 1 { // a block
			lines = []string{masked[i]}
		}
		for j, l := range d.Lines {
			out := ""
			if len(lines) == len(d.Lines) {
				out = lines[j]
			}
			v.judge(l, out, how)
		}
	}
	for _, s := range v.byKind {
		s.Recall = float64(s.Found) / float64(max(1, s.Planted))
		s.Precision = float64(s.Found) / float64(max(1, s.Found+s.Wrong))
	}
	return v
}

func get(m map[string]*score, name string) *score {
	if m[name] == nil {
		m[name] = &score{}
	}
	return m[name]
}

func (v *verdict) judge(l piiplant.Line, out string, how replaced) {
	kinds, right := how(l, out)
	if l.Kind != "" {
		get(v.byKind, l.Kind).Planted++
		get(v.bySort, l.Sort).Planted++
	}
	if right {
		get(v.byKind, l.Kind).Found++
		get(v.bySort, l.Sort).Found++
		return
	}
	if l.Kind == "" && out == l.Text() {
		return
	}
	for _, k := range kinds {
		get(v.byKind, k).Wrong++
	}
	if l.Kind == "" {
		v.trapsTaken[l.Sort]++
	}
	name := cmp.Or(l.Kind, l.Sort)
	if seen := get(v.bySort, "shown "+name); seen.Found < v.show {
		seen.Found++
		fmt.Fprintf(os.Stderr, "%s (%s): %q became %q\n", name, l.Sort, l.Text(), out)
	}
}

// placeholder finds those of clean/pii.
var placeholder = regexp.MustCompile(`<(EMAIL|IP|PHONE|IBAN|CARD|ID|KEY)_[0-9]+>`)

// tagged reads the kinds from placeholders: right is one of the line's kind, in the value's place.
func tagged(l piiplant.Line, out string) (kinds []string, right bool) {
	for _, m := range placeholder.FindAllStringSubmatch(out, -1) {
		kind := strings.ToLower(m[1])
		if kind == "ip" {
			kind = "ipv4"
			if l.Kind == "ipv6" || strings.Count(l.Value, ":") > 1 {
				kind = "ipv6"
			}
		}
		kinds = append(kinds, kind)
	}
	return kinds, len(kinds) == 1 && kinds[0] == l.Kind && placeholder.ReplaceAllString(out, "%") == l.Before+"%"+l.After
}

// changed reads the kinds from what stands where something was: datatrove puts addresses there, and those are of two kinds.
func changed(l piiplant.Line, out string) (kinds []string, right bool) {
	if out == l.Text() {
		return nil, false
	}
	kind := "ipv4"
	if strings.Contains(out, "email@example.com") || strings.Contains(out, "firstname.lastname@example.org") {
		kind = "email"
	}
	middle, before := strings.CutPrefix(out, l.Before)
	middle, after := strings.CutSuffix(middle, l.After)
	whole := before && after && (middle == "email@example.com" || middle == "firstname.lastname@example.org" || kind == "ipv4" && strings.Trim(middle, "0123456789.") == "")
	return []string{kind}, whole && kind == l.Kind
}

// kinds gives the scores of some kinds, or of all.
func (v *verdict) kinds(names ...string) map[string]score {
	out := map[string]score{}
	for name, s := range v.byKind {
		if len(names) == 0 || slices.Contains(names, name) {
			out[name] = *s
		}
	}
	return out
}

// sorts gives the recall of each sort.
func (v *verdict) sorts() map[string]float64 {
	out := map[string]float64{}
	for name, s := range v.bySort {
		if s.Planted > 0 {
			out[name] = float64(s.Found) / float64(s.Planted)
		}
	}
	return out
}

// holds says which kinds are below the bar.
func (v *verdict) holds() error {
	var below []string
	for _, name := range slices.Sorted(maps.Keys(v.byKind)) {
		if s := v.byKind[name]; s.Planted == 0 || s.Recall < leastShare || s.Precision < leastShare {
			below = append(below, fmt.Sprintf("%s: recall %.4f, precision %.4f", name, s.Recall, s.Precision))
		}
	}
	for name, s := range v.bySort {
		if s.Planted >= 50 && float64(s.Found) < leastShare*float64(s.Planted) {
			below = append(below, fmt.Sprintf("%s: recall %.4f", name, float64(s.Found)/float64(s.Planted)))
		}
	}
	if len(v.byKind) < 8 {
		below = append(below, fmt.Sprintf("%d kinds were planted, of 8", len(v.byKind)))
	}
	if below != nil {
		slices.Sort(below)
		return fmt.Errorf("below %v: %s", leastShare, strings.Join(below, "; "))
	}
	return nil
}
