package dedup

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"millrace"
)

// oracle decides first-wins by comparing each text with all that were kept. It shares no code with the package.
func oracle(texts []string, threshold float64) (dropped []bool, best []float64) {
	set := func(text string) map[string]bool {
		w := strings.Fields(strings.ToLower(text))
		s := map[string]bool{}
		if len(w) > 0 && len(w) < 5 {
			s[strings.Join(w, " ")] = true
		}
		for i := 0; i+5 <= len(w); i++ {
			s[strings.Join(w[i:i+5], " ")] = true
		}
		return s
	}
	var kept []map[string]bool
	for _, text := range texts {
		s, b := set(text), 0.0
		for _, k := range kept {
			both := 0
			for x := range s {
				if k[x] {
					both++
				}
			}
			b = max(b, float64(both)/float64(len(s)+len(k)-both))
		}
		dropped, best = append(dropped, b >= threshold), append(best, b)
		if b < threshold {
			kept = append(kept, s)
		}
	}
	return dropped, best
}

// Against an oracle that compares everything with everything: recall at least 0.99, precision 1.
func TestAgainstOracle(t *testing.T) {
	want, found := 0, 0
	for seed := range uint64(4) {
		texts := mixture(rand.New(rand.NewPCG(seed, 7)), 300)
		docs := documents(texts...)
		decide(t, newIndex(t, Options{}), docs...)
		byID := map[millrace.ID]int{}
		for i, d := range docs {
			byID[d.ID] = i
			if d.Verdict.Kept() {
				if d.Cluster != d.ID {
					t.Errorf("a kept document is not the root of its cluster")
				}
				continue
			}
			// Precision: whatever the oracle thinks of the order, the twin is an earlier document, kept, and as similar as stated.
			of, ok := byID[d.Verdict.Of]
			if !ok || of >= i || !docs[of].Verdict.Kept() || d.Cluster != docs[of].ID {
				t.Fatalf("document %d: twin %d", i, of)
			}
			if _, b := oracle([]string{docs[of].Text, d.Text}, 2); b[1] != d.Verdict.Similarity || b[1] < 0.8 {
				t.Errorf("document %d: similarity %v stated, %v true", i, d.Verdict.Similarity, b[1])
			}
		}
		dropped, _ := oracle(texts, 0.8)
		for i, d := range dropped {
			if d {
				want++
				if docs[i].Verdict.Dropped() {
					found++
				}
			}
		}
	}
	if want < 200 || float64(found) < 0.99*float64(want) {
		t.Errorf("found %d of %d duplicates", found, want)
	}
}

func TestVerdicts(t *testing.T) {
	base := strings.Fields("the quick brown fox jumps over the lazy dog while seven old wizards brew a most peculiar soup of herbs and stones near the river that nobody had crossed before winter came to the valley")
	text := strings.Join(base, " ")
	edited := strings.Join(append(slices.Clone(base[:len(base)-1]), "hills"), " ") // the last shingle differs: 29 of 31 in both
	docs := documents(text, strings.ToUpper(text), edited, strings.Join(base[:20], " "), "a b c", "A, b: c", "a b", "...", "...", "?!", "")
	docs[0].UserID = "the user's"
	again, copyAgain := *docs[0], *docs[2]
	again.Position.Offset, copyAgain.Position.Offset = 1000, 1001
	docs = append(docs, &again, &copyAgain)
	decide(t, newIndex(t, Options{}), docs...)

	type decision struct {
		Reason     millrace.Reason
		Of         int
		Similarity float64
		Method     string
	}
	want := []decision{
		0:  {Of: -1},
		1:  {"dup.exact", 0, 1, "exact"},
		2:  {"dup.near", 0, 30.0 / 32, "jaccard"},
		3:  {Of: -1}, // a part of a text is no duplicate
		4:  {Of: -1},
		5:  {"dup.near", 4, 1, "jaccard"}, // the same words, other bytes
		6:  {Of: -1},
		7:  {Of: -1},
		8:  {"dup.exact", 7, 1, "exact"}, // no word, the same signs
		9:  {Of: -1},
		10: {Of: -1},
		11: {"dup.same", 0, 1, "exact"},
		12: {"dup.same", 0, 0, ""},
	}
	for i, d := range docs {
		got := decision{d.Verdict.Reason, -1, d.Verdict.Similarity, d.Verdict.Method}
		if !d.Verdict.Kept() {
			got.Of = slices.IndexFunc(docs, func(o *millrace.Document) bool { return o.ID == d.Verdict.Of })
			if d.Verdict.Stage != "dedup" || got.Of == 0 && d.Verdict.OfUser != "the user's" {
				t.Errorf("document %d: %+v", i, d.Verdict)
			}
		}
		if d := cmp.Diff(want[i], got); d != "" {
			t.Errorf("document %d:\n%s", i, d)
		}
	}
	if v := docs[2].Verdict; v.Signal != "jaccard" || v.Value != v.Similarity || v.Limit != 0.8 {
		t.Errorf("evidence of dup.near: %+v", v)
	}
}

// Of several twins the most similar one is named, of equal ones the first.
func TestBestTwin(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	a := prose(rng, 200)
	b := append(slices.Clone(a[:170]), prose(rng, 30)...) // J(a, b) < 0.8
	c := append(slices.Clone(a[:180]), b[180:]...)        // nearer to b than to a, and near to both
	docs := documents(strings.Join(a, " "), strings.Join(b, " "), strings.Join(c, " "))
	decide(t, newIndex(t, Options{Threshold: 0.77}), docs...)
	if !docs[1].Verdict.Kept() {
		t.Fatalf("%+v", docs[1].Verdict)
	}
	ja, jb := Jaccard(docs[0].Text, docs[2].Text), Jaccard(docs[1].Text, docs[2].Text)
	want := docs[0]
	if jb > ja {
		want = docs[1]
	}
	if min(ja, jb) < 0.77 || docs[2].Verdict.Of != want.ID || docs[2].Verdict.Similarity != max(ja, jb) {
		t.Errorf("J %v and %v: %+v", ja, jb, docs[2].Verdict)
	}
}

// The state after Load equals the state that has seen the documents, at any offset; and so do the verdicts after it.
func TestLoadAnywhere(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		n := rapid.IntRange(0, 60).Draw(rt, "documents")
		at := rapid.IntRange(0, n).Draw(rt, "crash after")
		rng := rand.New(rand.NewPCG(seed, 3))
		texts := mixture(rng, n)
		make := func() []*millrace.Document {
			docs := documents(texts...)
			for i, d := range docs {
				d.UserID = strings.Repeat("u", i%3)
				if i%7 == 6 { // the same capture once more
					d.ID, d.Text = docs[i-3].ID, docs[i-3].Text
				}
				if i%11 == 5 {
					d.Verdict = millrace.Verdict{Reason: millrace.QualityAlpha, Stage: "gopher-quality"}
				}
			}
			return docs
		}
		live := newIndex(t, Options{})
		docs := make()
		decide(t, live, docs[:at]...)
		c := &corpus{}
		c.commit(docs[:at])
		next := int64(0)
		if at > 0 {
			next = docs[at-1].Position.Offset + 1
		}
		resumed := newIndex(t, Options{Texts: c, Rows: c, MemTexts: 1})
		decide(t, resumed, make()...) // what it had seen before the crash is forgotten
		if err := resumed.Load(context.Background(), next); err != nil {
			rt.Fatal(err)
		}
		if live.Digest() != resumed.Digest() {
			rt.Fatal("the state after Load differs from that of a live index")
		}
		decide(t, live, docs[at:]...)
		again := make()[at:]
		decide(t, resumed, again...)
		for i, d := range again {
			if diff := cmp.Diff(docs[at+i].Verdict, d.Verdict); diff != "" || d.Cluster != docs[at+i].Cluster {
				rt.Fatalf("document %d after Load:\n%s", at+i, diff)
			}
		}
		if live.Digest() != resumed.Digest() {
			rt.Fatal("the states differ in the end")
		}
	})
}

func TestLoadRefusesDamage(t *testing.T) {
	docs := documents("one two three four five six", "another text of some more words", "ONE two three four five six")
	decide(t, newIndex(t, Options{}), docs...)
	tests := map[string]func(c *corpus){
		"a root is missing":    func(c *corpus) { c.rows = c.rows[1:] },
		"keys are missing":     func(c *corpus) { c.rows[0].Keys = nil },
		"keys are cut":         func(c *corpus) { c.rows[1].Keys = c.rows[1].Keys[:100] },
		"keys of a later code": func(c *corpus) { c.rows[1].Keys[0] = 99 },
		"rows out of order":    func(c *corpus) { c.rows[0], c.rows[1] = c.rows[1], c.rows[0] },
		"a row beyond the end": func(c *corpus) { c.rows[2].Offset = 1 << 40 },
	}
	for name, damage := range tests {
		c := &corpus{}
		c.commit(docs)
		for i := range c.rows {
			c.rows[i].Keys = slices.Clone(c.rows[i].Keys)
		}
		damage(c)
		x := newIndex(t, Options{Texts: c, Rows: rowsOf(c.rows)})
		if err := x.Load(context.Background(), 100); !errors.Is(err, millrace.ErrIntegrity) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := newIndex(t, Options{}).Load(context.Background(), 1); err == nil {
		t.Error("an index without a corpus was loaded")
	}
}

// rowsOf gives rows as they are, without looking at offsets.
type rowsOf []Row

func (r rowsOf) Rows(_ context.Context, _, _ int64, yield func(Row) error) error {
	for _, row := range r {
		if err := yield(row); err != nil {
			return err
		}
	}
	return nil
}

// Memory is bounded: texts go to a scratch file until they are committed, and nothing stays behind.
func TestTextsLeaveMemory(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	texts := mixture(rng, 200)
	reference := documents(texts...)
	decide(t, newIndex(t, Options{}), reference...)

	dir := t.TempDir()
	if err := os.WriteFile(dir+"/texts-00000001.tmp", []byte("of a process that was killed"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &corpus{}
	x := newIndex(t, Options{Texts: c, Rows: c, Scratch: dir, MemTexts: 5000})
	docs := documents(texts...)
	for i, d := range docs {
		decide(t, x, d)
		if x.texts.size > 5000 {
			t.Fatalf("%d bytes of texts in memory", x.texts.size)
		}
		if i == 99 {
			if len(x.texts.spilled) < 20 || c.reads > 0 {
				t.Fatalf("%d texts in the scratch file, %d reads of the corpus", len(x.texts.spilled), c.reads)
			}
			c.commit(docs[:100])
			if err := x.Save(context.Background(), d.Position.Offset+1); err != nil {
				t.Fatal(err)
			}
			if files, err := os.ReadDir(dir); err != nil || len(files) != 0 || len(x.texts.spilled) != 0 {
				t.Fatalf("after the commit: %v, %v", files, err)
			}
		}
	}
	if c.reads == 0 {
		t.Error("no text was read from the corpus")
	}
	for i := range docs {
		if d := cmp.Diff(reference[i].Verdict, docs[i].Verdict); d != "" {
			t.Errorf("document %d:\n%s", i, d)
		}
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
		t.Errorf("after Close: %v, %v", files, err)
	}
}

// What index.go says that a kept document costs.
func TestBytesPerDocument(t *testing.T) {
	x := newIndex(t, Options{})
	rng := rand.New(rand.NewPCG(6, 6))
	var sum float64
	const n, from = 20000, 10000
	for i := range n {
		k := keys{shingles: 1}
		for b := range k.bands {
			k.bands[b] = rng.Uint64()
		}
		k.content[0], k.content[1], k.content[2] = byte(i), byte(i>>8), byte(i>>16)
		x.addKept(millrace.ID(k.content), "", page(i+1), int64(i), &k)
		bytes := len(x.kept.pieces) * piece * int(unsafe.Sizeof(entry{}))
		bytes += 4 * (len(x.byID.slots) + len(x.byContent.slots) + len(x.byPage.slots))
		for b := range x.bands {
			bytes += 4 * (cap(x.bands[b].tags) + cap(x.bands[b].ords))
		}
		if i >= from {
			sum += float64(bytes) / float64(i+1) / (n - from)
		}
	}
	if sum < 350 || sum > 410 {
		t.Errorf("%.0f bytes a document", sum)
	}
}

func TestTextOutOfReach(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	first := prose(rng, 300)
	near := edit(rng, first, 0.01)
	docs := documents(strings.Join(first, " "), strings.Join(near, " "))
	start := func(c *corpus) *Index {
		decide(t, newIndex(t, Options{}), docs[0])
		c.commit(docs[:1])
		x := newIndex(t, Options{Texts: c, Rows: c})
		if err := x.Load(context.Background(), 1); err != nil {
			t.Fatal(err)
		}
		docs[0].Verdict, docs[1].Verdict = millrace.Verdict{}, millrace.Verdict{}
		return x
	}
	t.Run("withdrawn", func(t *testing.T) {
		c := &corpus{gone: map[int64]bool{0: true}}
		decide(t, start(c), docs[1])
		if v := docs[1].Verdict; v.Reason != millrace.DupNear || v.Method != "estimate" || v.Similarity < 0.8 || v.Of != docs[0].ID {
			t.Errorf("%+v", v)
		}
	})
	t.Run("not readable", func(t *testing.T) {
		c := &corpus{}
		x := start(c)
		c.texts = nil
		before := x.Digest()
		if v, err := x.Process(context.Background(), docs[1]); !errors.Is(err, millrace.ErrStop) {
			t.Errorf("the line goes on with %+v, %v", v, err)
		}
		if x.Digest() != before {
			t.Error("the state has changed")
		}
	})
}

func TestProcessNeedsKeys(t *testing.T) {
	x := newIndex(t, Options{})
	d := document(0, "text")
	if _, err := x.Process(context.Background(), d); err == nil || errors.Is(err, millrace.ErrStop) {
		t.Errorf("without keys: %v", err)
	}
}

func TestNewChecksThreshold(t *testing.T) {
	for _, bad := range []float64{-0.1, 1.1} {
		if _, err := New(Options{Threshold: bad}); err == nil {
			t.Errorf("threshold %v was accepted", bad)
		}
	}
}

func ExampleIndex() {
	x, err := New(Options{})
	if err != nil {
		panic(err)
	}
	defer x.Close()
	sketch := Sketch()
	for i, text := range []string{
		"A mill race is the channel that leads water to the wheel of a mill and away from it",
		"A mill race is the channel that leads water to the wheel of a mill, and away from it!",
		"A weir is a low dam across a river that raises the water behind it",
	} {
		d := &millrace.Document{ID: millrace.ID{byte(i + 1)}, Text: text, Position: millrace.Position{Offset: int64(i)}}
		sketch.Process(context.Background(), d)
		v, err := x.Process(context.Background(), d)
		fmt.Println(v, err)
	}
	// Output:
	// kept <nil>
	// dropped by dedup: dup.near (jaccard = 1, limit 0.8) of 01000000000000000000000000000000, Jaccard 1 (jaccard) <nil>
	// kept <nil>
}
