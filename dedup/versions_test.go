package dedup

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"millrace"
)

// visit is what a page held when it was crawled: another markup around a text, or a verdict that came before.
func visit(offset int, url, text, markup string, v millrace.Verdict) *millrace.Document {
	d := &millrace.Document{ID: millrace.NewID(url, sha256.Sum256([]byte(markup+text))), Text: text, URLKey: url, Verdict: v,
		Position: millrace.Position{Partition: millrace.Partition{Topic: "pages"}, Offset: int64(3 * offset)}}
	d.Page.URL, d.Page.Source = url, millrace.SourceCrawl
	return d
}

func TestVersions(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	words := prose(rng, 200)
	a, b := strings.Join(words, " "), strings.Join(edit(rng, words, 0.01), " ")
	other := strings.Join(prose(rng, 200), " ")
	no := millrace.Verdict{Reason: millrace.ConsentNoTrain, Stage: "consent"}
	gone := millrace.Verdict{Reason: millrace.RemovedGone, Stage: "fetch"}
	broken := millrace.Verdict{Reason: millrace.FetchStatus, Stage: "fetch"}
	type step struct {
		url, text, markup string
		before            millrace.Verdict
		want              millrace.Reason
		of                int // step whose document is the twin, -1 for none
	}
	for name, c := range map[string]struct {
		versions string
		steps    []step
	}{
		"a changed page is no duplicate of itself": {"newest", []step{
			{"x", a, "", millrace.Verdict{}, "", -1}, {"x", b, "", millrace.Verdict{}, "", -1}}},
		"nor where only its markup changes": {"newest", []step{
			{"x", a, "", millrace.Verdict{}, "", -1}, {"x", a, "<p>", millrace.Verdict{}, "", -1}, {"y", a, "", millrace.Verdict{}, "dup.exact", 0}}},
		"the same bytes again": {"newest", []step{
			{"x", a, "", millrace.Verdict{}, "", -1}, {"x", a, "", millrace.Verdict{}, "dup.same", 0}}},
		"but with other bytes in between": {"newest", []step{
			{"x", a, "", millrace.Verdict{}, "", -1}, {"x", other, "", millrace.Verdict{}, "", -1}, {"x", a, "", millrace.Verdict{}, "", -1},
			{"x", a, "", millrace.Verdict{}, "dup.same", 0}, {"x", other, "", millrace.Verdict{}, "", -1}}},
		"a version is a duplicate of another page": {"newest", []step{
			{"x", a, "", millrace.Verdict{}, "", -1}, {"y", other, "", millrace.Verdict{}, "", -1}, {"y", b, "", millrace.Verdict{}, "dup.near", 0},
			{"y", a, "", millrace.Verdict{}, "dup.exact", 0}, {"y", other, "", millrace.Verdict{}, "dup.same", 1}}},
		"of a page's older versions too": {"newest", []step{
			{"x", a, "", millrace.Verdict{}, "", -1}, {"x", other, "", millrace.Verdict{}, "", -1}, {"y", a, "", millrace.Verdict{}, "dup.exact", 0}}},
		"withdrawn and back": {"newest", []step{
			{"x", a, "", millrace.Verdict{}, "", -1}, {"x", "", "no", no, no.Reason, -1}, {"x", a, "", millrace.Verdict{}, "", -1},
			{"x", "", "", gone, gone.Reason, -1}, {"y", a, "", millrace.Verdict{}, "dup.exact", 0}, {"x", b, "", millrace.Verdict{}, "", -1}}},
		"an error withdraws nothing": {"newest", []step{
			{"x", a, "", millrace.Verdict{}, "", -1}, {"x", "", "500", broken, broken.Reason, -1}, {"x", a, "", millrace.Verdict{}, "dup.same", 0}}},
		"first": {"first", []step{
			{"x", a, "", millrace.Verdict{}, "", -1}, {"x", b, "", millrace.Verdict{}, "dup.version", 0}, {"x", b, "", millrace.Verdict{}, "dup.same", 0},
			{"x", "", "", gone, gone.Reason, -1}, {"x", other, "", millrace.Verdict{}, "", -1}, {"x", a, "", millrace.Verdict{}, "dup.same", 0}}},
		"all": {"all", []step{
			{"x", a, "", millrace.Verdict{}, "", -1}, {"x", b, "", millrace.Verdict{}, "", -1}, {"x", a, "", millrace.Verdict{}, "dup.same", 0}}},
	} {
		t.Run(name, func(t *testing.T) {
			x := newIndex(t, Options{Versions: c.versions})
			var docs []*millrace.Document
			for i, s := range c.steps {
				d := visit(i, s.url, s.text, s.markup, s.before)
				show(t, x, d)
				docs = append(docs, d)
				if d.Verdict.Reason != s.want {
					t.Fatalf("step %d: %s, want %s", i, d.Verdict, s.want)
				}
				if s.of >= 0 && d.Verdict.Of != docs[s.of].ID {
					t.Fatalf("step %d: %s, want that of step %d", i, d.Verdict, s.of)
				}
				sameAfterLoad(t, x, docs)
			}
		})
	}
}

// show does what the runner does with one document.
func show(t testing.TB, x *Index, d *millrace.Document) {
	t.Helper()
	if !d.Verdict.Kept() {
		x.Observe(d)
		return
	}
	decide(t, x, d)
}

// sameAfterLoad wants an index that is read back from rows to be the one that saw the documents.
func sameAfterLoad(t *testing.T, x *Index, docs []*millrace.Document) {
	t.Helper()
	c := &corpus{}
	c.commit(docs)
	again := newIndex(t, Options{Versions: x.opt.Versions, Texts: c, Rows: c})
	if err := again.Load(context.Background(), docs[len(docs)-1].Position.Offset+1); err != nil {
		t.Fatal(err)
	}
	if again.Digest() != x.Digest() {
		t.Fatalf("after %d documents, the index read back is another one", len(docs))
	}
}

// Versions of many pages, with edits, returns, copies and withdrawals: read back after each step, the index is the same.
func TestVersionsComeBack(t *testing.T) {
	for seed := range uint64(3) {
		rng := rand.New(rand.NewPCG(seed, 5))
		for _, versions := range []string{"newest", "first", "all"} {
			x := newIndex(t, Options{Versions: versions})
			var docs []*millrace.Document
			texts := mixture(rng, 20)
			for i := range 120 {
				v := millrace.Verdict{}
				if rng.IntN(8) == 0 {
					v = millrace.Verdict{Reason: []millrace.Reason{millrace.RemovedGone, millrace.ConsentNoTrain, millrace.LangUnsure}[rng.IntN(3)], Stage: "s"}
				}
				d := visit(i, fmt.Sprint("u", rng.IntN(6)), texts[rng.IntN(len(texts))], fmt.Sprint(rng.IntN(2)), v)
				show(t, x, d)
				docs = append(docs, d)
				if i%10 == 9 {
					sameAfterLoad(t, x, docs)
				}
			}
		}
	}
}
