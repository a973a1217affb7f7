package main

import (
	"testing"

	"millrace/clean/pii"
	"millrace/internal/sim/piiplant"
)

// The judge has to see a masker that does nothing, one that takes everything, and one that takes a value for another kind.
func TestJudge(t *testing.T) {
	docs := piiplant.Documents(3, 400)
	masks := map[string]struct {
		mask  func(piiplant.Line) string
		holds bool
	}{
		"right":   {right, true},
		"nothing": {piiplant.Line.Text, false},
		"traps": {func(l piiplant.Line) string {
			if l.Kind == "" {
				return l.Before + "<PHONE_1>" + l.After
			}
			return right(l)
		}, false},
		"half of it": {func(l piiplant.Line) string {
			if l.Kind == "iban" {
				return l.Before + "<IBAN_1>" + l.Value[len(l.Value)-1:] + l.After
			}
			return right(l)
		}, false},
		"another kind": {func(l piiplant.Line) string {
			if l.Kind == "card" {
				return l.Before + "<ID_1>" + l.After
			}
			return right(l)
		}, false},
	}
	for name, m := range masks {
		var out []string
		for _, d := range docs {
			masked := piiplant.Document{}
			for _, l := range d.Lines {
				masked.Lines = append(masked.Lines, piiplant.Line{Value: m.mask(l)})
			}
			out = append(out, masked.Text())
		}
		if err := judgeAll(docs, out, tagged, 0).holds(); (err == nil) != m.holds {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func right(l piiplant.Line) string {
	tags := map[string]string{"email": "EMAIL", "ipv4": "IP", "ipv6": "IP", "phone": "PHONE", "iban": "IBAN", "card": "CARD", "id": "ID", "key": "KEY"}
	if l.Kind == "" {
		return l.Text()
	}
	return l.Before + "<" + tags[l.Kind] + "_1>" + l.After
}

// The bar itself, on a few documents: what it finds here it finds there.
func TestSmallBar(t *testing.T) {
	docs := piiplant.Documents(5, 600)
	var out []string
	for _, d := range docs {
		masked, _, _ := pii.Mask(d.Text(), nil)
		out = append(out, masked)
	}
	if err := judgeAll(docs, out, tagged, 3).holds(); err != nil {
		t.Error(err)
	}
}

func TestComments(t *testing.T) {
	got := comments("a.go", "package a\n\n// One.\n\t//  two\nx := 1 // three\n")
	if got != "One.\n two\n" {
		t.Errorf("comments: %q", got)
	}
	if comments("a.s", "// x") != "" || comments("a.txt", "x") != "x" {
		t.Error("a file was taken for what it is not")
	}
}
