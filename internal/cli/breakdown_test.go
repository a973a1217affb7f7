package cli

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"millrace"
)

func TestHostOf(t *testing.T) {
	for page, want := range map[string]string{
		"https://Mill.Example:8080/a?b#c": "mill.example", "http://[2001:db8::1]/": "2001:db8::1", "file:a.jsonl#3": "(file)",
		"": "(no host)", "/a/b": "(no host)", "http://%zz/": "(no host)", "mailto:ann@acme.io": "(no host)", "http://" + strings.Repeat("a", 300) + "/": strings.Repeat("a", 253),
	} {
		if got := hostOf(page); got != want {
			t.Errorf("hostOf(%q) = %q, want %q", page, got, want)
		}
	}
}

// Every document is counted once, whatever was let go; a host that is met late and often is there.
func TestFatesAreBounded(t *testing.T) {
	f := fates{}
	n := 0
	count := func(name string, v millrace.Verdict) {
		n++
		f.count(name, v)
	}
	for i := range 3 * maxNames {
		count(fmt.Sprintf("host-%d.example", i), millrace.Verdict{Reason: millrace.DupNear})
		if len(f.names) > maxNames {
			t.Fatalf("%d names", len(f.names))
		}
		if i%100 == 99 && i > maxNames {
			count("often.example", millrace.Verdict{})
		}
	}
	names, others := f.most(2)
	if names[0] != "often.example" || f.names["often.example"].Kept != int64(2*maxNames/100) {
		t.Errorf("%v, and often.example %+v", names, f.names["often.example"])
	}
	if sum := others.in() + f.names[names[0]].in() + f.names[names[1]].in(); sum != int64(n) {
		t.Errorf("%d documents of %d", sum, n)
	}
	if others.Reasons[millrace.DupNear] != others.Dropped {
		t.Errorf("others %+v", others)
	}
}

// samplesOf are the IDs that were drawn of each reason.
func samplesOf(docs []*millrace.Document) []string {
	s := samples[string]{}
	for _, d := range docs {
		s.offer(d.ID, d.Verdict.Reason, func() (string, error) { return string(d.Verdict.Reason) + " " + d.ID.String(), nil })
	}
	return s.values()
}

// A sample depends on which documents there are, and not on their order, on what comes twice, or on where a run was interrupted.
func TestSamplesAgree(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var docs []*millrace.Document
		for i := range rapid.IntRange(0, 120).Draw(rt, "documents") {
			d := &millrace.Document{ID: millrace.NewID("x", [32]byte{byte(i)})}
			d.Verdict.Reason = rapid.SampledFrom([]millrace.Reason{millrace.DupNear, millrace.LangOther, millrace.FailedDecode}).Draw(rt, "reason")
			docs = append(docs, d)
		}
		want := samplesOf(docs)
		if len(docs) > 0 {
			twice := slices.Concat(docs, docs[:rapid.IntRange(0, len(docs)).Draw(rt, "again")])
			if got := samplesOf(rapid.Permutation(twice).Draw(rt, "order")); !slices.Equal(got, want) {
				rt.Errorf("got  %v\nwant %v", got, want)
			}
		}
		each := map[millrace.Reason]int{}
		for _, d := range docs {
			each[d.Verdict.Reason]++
		}
		for r, n := range each {
			if drawn := len(slices.DeleteFunc(slices.Clone(want), func(s string) bool { return !strings.HasPrefix(s, string(r)+" ") })); drawn != min(n, perReason) {
				rt.Errorf("%d of %d are drawn of %s", drawn, n, r)
			}
		}
	})
}

// What is kept of a document in a sample is its beginning, whatever stood in it.
func TestSampleLine(t *testing.T) {
	long := strings.Repeat("é", 5000)
	for name, d := range map[string]*millrace.Document{
		"long":   {Text: long, Title: long, Meta: `{"more":"` + long + `"}`},
		"broken": {Page: millrace.Page{Body: []byte("\xff\x1b[31m" + long)}, Verdict: millrace.Verdict{Reason: millrace.FailedDecode}},
	} {
		line, err := sampleLine(d, nil)
		if err != nil || len(line) > 6*sampledChars || len(line) < sampledChars || strings.Count(string(line), "\n") != 1 || strings.ContainsRune(string(line), 0x1b) {
			t.Errorf("%s: %d bytes, %v", name, len(line), err)
		}
	}
	if len(long) != 10000 {
		t.Error("the document was changed")
	}
}
