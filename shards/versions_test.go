package shards

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace"

	"github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"
)

// testVisits makes n visits to a few pages, a minute apart, of all fates that a visit can have.
func testVisits(seed uint64, n, pages int) []*millrace.Document {
	rng := rand.New(rand.NewPCG(seed, 11))
	docs := testDocs(seed, n)
	for i, d := range docs {
		url := fmt.Sprintf("https://h.example/%d", rng.IntN(pages))
		d.URLKey, d.Page.URL, d.Page.Source, d.UserID = url, url, millrace.SourceCrawl, ""
		d.ID = millrace.NewID(url, d.Page.Claim.SHA256)
		d.Page.FetchedAt = d.Page.FetchedAt.Add(time.Duration(i) * time.Minute)
		d.Cluster, d.Verdict, d.Text = d.ID, millrace.Verdict{}, fmt.Sprint("visit ", i, " ", d.Text)
		switch r := rng.IntN(20); {
		case r < 2:
			d.Verdict = millrace.Verdict{Reason: millrace.ConsentNoTrain, Stage: "fetch"}
		case r < 3:
			d.Verdict = millrace.Verdict{Reason: millrace.RemovedGone, Stage: "fetch"}
		case r < 5:
			d.Verdict = millrace.Verdict{Reason: millrace.QualityAlpha, Stage: "quality", Signal: "words", Value: 1, Limit: 2}
		case r < 6:
			d.Verdict = millrace.Verdict{Reason: millrace.FailedFetch, Stage: "fetch", Err: "reset"}
		case r < 7: // a row of a file: it has no versions
			d.Page.Source = "books"
		}
	}
	return docs
}

func visitOptions(dir string) Options {
	o := testOptions(dir)
	o.TargetBytes, o.Stale, o.StaleWithdrawn, o.groupBytes = 12_000, 20*time.Minute, 5*time.Minute, 5000
	return o
}

// inCorpus is the simple model: the offsets of the rows that are in the corpus, and why the others that were kept are not.
func inCorpus(docs []*millrace.Document, all bool) (in []int64, out map[int64]Hide) {
	out = map[int64]Hide{}
	for i, d := range docs {
		version := millrace.VersionKey(d.Page.Source, d.URLKey)
		reason := d.Verdict.Reason
		if d.Verdict.Kept() && !all {
			reason = millrace.Superseded
		}
		acts := reason == millrace.Superseded || reason == millrace.ConsentNoTrain || reason == millrace.RemovedGone
		for _, old := range docs[:i] {
			_, gone := out[old.Position.Offset]
			if acts && !gone && version != "" && old.Verdict.Kept() && millrace.VersionKey(old.Page.Source, old.URLKey) == version {
				out[old.Position.Offset] = Hide{old.Position.Offset, reason, d.ID}
			}
		}
	}
	for _, d := range docs {
		if _, gone := out[d.Position.Offset]; d.Verdict.Kept() && !gone {
			in = append(in, d.Position.Offset)
		}
	}
	return in, out
}

// wantCorpus holds a corpus against the model: as our readers see it, as Check does, and, where no hidden row is
// left in data/, as a reader sees it that knows the Delta log and parquet-go.
func wantCorpus(t fatal, dir string, docs []*millrace.Document, all, settled bool) {
	in, out := inCorpus(docs, all)
	tab, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got, others []int64
	err = tab.Rows(context.Background(), Select{Kept: true, Rejects: true}, func(r *Row) error {
		d := docs[r.Offset]
		if r.MID != d.ID || r.Text != d.Text || string(r.Keys) != string(d.Keys) || r.Cluster != d.Cluster {
			t.Fatalf("row %d is not what was written", r.Offset)
		}
		if r.Kept() {
			got = append(got, r.Offset)
			return nil
		}
		others = append(others, r.Offset)
		want := d.Verdict
		if h, ok := out[r.Offset]; ok {
			want = millrace.Verdict{Reason: h.Reason, Stage: "versions", Of: h.Of}
		}
		if r.Verdict != want {
			t.Fatalf("row %d: %s, want %s", r.Offset, r.Verdict, want)
		}
		return nil
	})
	if err != nil || !slices.Equal(got, in) || len(got)+len(others) != len(docs) {
		t.Fatalf("rows %v and %d others, %v; want %v", got, len(others), err, in)
	}
	for _, o := range slices.Concat(in, slices.Collect(maps.Keys(out))) {
		if text, err := tab.Text(context.Background(), o, docs[o].ID); err != nil || text != docs[o].Text {
			t.Fatalf("text of %d: %v", o, err)
		}
	}
	moved := map[millrace.Reason]int64{}
	for _, h := range out {
		moved[h.Reason]++
	}
	tally := tab.Tally()
	if err := tally.Check(); err != nil || tally.Rows() != int64(len(in)) || !maps.Equal(tally.Moved, moved) && len(moved) > 0 {
		t.Fatalf("ledger: %d rows, moved %v, %v; want %d and %v", tally.Rows(), tally.Moved, err, len(in), moved)
	}
	r, err := Check(context.Background(), dir)
	if err != nil || !r.OK || r.Rows != int64(len(in)) || r.Rejects != int64(len(others)) {
		t.Fatalf("%+v, %v; want %d rows", r, err, len(in))
	}
	if settled {
		if rows := liveElsewhere(t, dir); !slices.Equal(rows, in) {
			t.Fatalf("another engine sees rows %v, want %v", rows, in)
		}
	}
}

type fatal interface {
	Fatalf(string, ...any)
	Fatal(...any)
}

// liveElsewhere replays the Delta log as its protocol says and reads the live files with parquet-go.
func liveElsewhere(t fatal, dir string) (offsets []int64) {
	live := map[string]bool{}
	for n := 0; ; n++ {
		raw, err := os.ReadFile(filepath.Join(dir, "data", "_delta_log", fmt.Sprintf("%020d.json", n)))
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(raw)) {
			var a struct{ Add, Remove *struct{ Path string } }
			if err := json.Unmarshal([]byte(line), &a); err != nil {
				t.Fatal(err)
			}
			if a.Add != nil {
				live[a.Add.Path] = true
			}
			if a.Remove != nil {
				if !live[a.Remove.Path] {
					t.Fatalf("commit %d removes %s, which is not live", n, a.Remove.Path)
				}
				delete(live, a.Remove.Path)
			}
		}
	}
	for name := range live {
		rows, err := parquet.ReadFile[stored](filepath.Join(dir, "data", name))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, r := range rows {
			p, err := millrace.ParsePosition(r.Position)
			if err != nil || r.Text == nil {
				t.Fatalf("%s: %+v, %v", name, r, err)
			}
			offsets = append(offsets, p.Offset)
		}
	}
	slices.Sort(offsets)
	return offsets
}

func TestNewestOnce(t *testing.T) {
	for _, all := range []bool{false, true} {
		docs := testVisits(1, 160, 15)
		o := visitOptions(t.TempDir())
		o.KeepVersions = all
		if err := fill(t.Context(), openTest(t, o), docs, 11); err != nil {
			t.Fatal(err)
		}
		wantCorpus(t, o.Dir, docs, all, true)
		rewrites := 0
		for _, e := range openTable(t, o.Dir).Entries() {
			if e.Operation == opRewrite {
				rewrites++
			}
		}
		if rewrites < 3 {
			t.Errorf("%d rewrites, want some before the end", rewrites)
		}
		// What was replaced goes; what is left in the folders is what the log names.
		if _, err := CollectOrphans(nil, o.Dir); err != nil {
			t.Fatal(err)
		}
		wantCorpus(t, o.Dir, docs, all, true)
		kept, rejects := openTable(t, o.Dir).Files()
		in, _ := inCorpus(docs, all)
		if err := WriteCard(t.Context(), nil, o.Dir, CardInfo{}); err != nil {
			t.Fatal(err)
		}
		card := cards(t, o.Dir)
		checkCroissant(t, o.Dir, card["croissant.json"])
		for _, f := range []string{"README.md", "card.html"} {
			if want := fmt.Sprintf("rows %d = kept ", len(in)); !strings.Contains(card[f], want) || !strings.Contains(card[f], "consent.no_train") {
				t.Errorf("%s does not say %q", f, want)
			}
		}
		for _, f := range slices.Concat(kept, rejects) {
			if !strings.Contains(card["README.md"], f.Name) {
				t.Errorf("README.md does not name %s", f.Name)
			}
		}
		data, others := readElsewhere(t, o.Dir, "data"), readElsewhere(t, o.Dir, "rejects")
		if len(data) != len(in) || len(data)+len(others) != len(docs) {
			t.Errorf("%d + %d rows lie in the folders, want %d of %d", len(data), len(others), len(in), len(docs))
		}
		for sub, want := range map[string]int{"data": len(kept), "rejects": len(rejects)} {
			if names, err := filepath.Glob(filepath.Join(o.Dir, sub, "part-*")); err != nil || len(names) != want {
				t.Errorf("%s: %d files, %v; want %d", sub, len(names), err, want)
			}
		}
	}
}

// TestVersionsBatches is law 2 with versions: equal files, however the documents are handed over.
func TestVersionsBatches(t *testing.T) {
	docs := testVisits(2, 150, 12)
	var want map[string]string
	for _, batch := range []int{150, 1, 17} {
		o := visitOptions(t.TempDir())
		if err := fill(t.Context(), openTest(t, o), docs, batch); err != nil {
			t.Fatal(err)
		}
		got := files(t, o.Dir)
		if want == nil {
			want = got
		}
		if !maps.Equal(got, want) {
			t.Fatalf("batches of %d give other files", batch)
		}
	}
}

// TestLateVersion replays a dead letter behind a newer version of its page, and behind a withdrawal.
func TestLateVersion(t *testing.T) {
	for name, c := range map[string]struct {
		between millrace.Verdict
		flush   bool
		want    []int64
		moved   millrace.Reason
	}{
		"newer version":              {millrace.Verdict{}, false, []int64{1}, millrace.Superseded},
		"newer version, committed":   {millrace.Verdict{}, true, []int64{1}, millrace.Superseded},
		"withdrawn":                  {millrace.Verdict{Reason: millrace.ConsentNoTrain, Stage: "fetch"}, false, nil, millrace.ConsentNoTrain},
		"withdrawn, in another life": {millrace.Verdict{Reason: millrace.RemovedGone, Stage: "fetch"}, true, nil, millrace.RemovedGone},
		"nothing that would hide it": {millrace.Verdict{Reason: millrace.FetchStatus, Stage: "fetch"}, true, []int64{2}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			docs := testVisits(4, 3, 1)
			for _, d := range docs {
				d.Page.Source, d.Verdict, d.Cluster = millrace.SourceCrawl, millrace.Verdict{}, d.ID
			}
			docs[0].Verdict = millrace.Verdict{Reason: millrace.FailedFetch, Stage: "fetch", Err: "no disk"}
			docs[1].Verdict = c.between
			docs[2].Settles = docs[0].Position
			o := visitOptions(t.TempDir())
			s := openTest(t, o)
			if c.flush {
				if err := fill(t.Context(), s, docs[:2], 2); err != nil {
					t.Fatal(err)
				}
				docs, s = docs[2:], openTest(t, o)
			}
			if err := fill(t.Context(), s, docs, 3); err != nil {
				t.Fatal(err)
			}
			if got := liveElsewhere(t, o.Dir); !slices.Equal(got, c.want) {
				t.Fatalf("rows %v, want %v", got, c.want)
			}
			moved := openTable(t, o.Dir).Tally().Moved
			if r, err := Check(t.Context(), o.Dir); err != nil || !r.OK || c.moved != "" && moved[c.moved] != 1 || c.moved == "" && len(moved) > 0 {
				t.Fatalf("%+v, %v; moved %v", r, err, moved)
			}
		})
	}
}

// TestVersionsModel lets random visits come in random batches with flushes, marks and restarts between.
func TestVersionsModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		o := visitOptions(dir)
		o.KeepVersions = rapid.Bool().Draw(rt, "all")
		o.TargetBytes = rapid.Int64Range(3000, 30_000).Draw(rt, "target")
		docs := testVisits(rapid.Uint64().Draw(rt, "seed"), rapid.IntRange(1, 16).Draw(rt, "n"), rapid.IntRange(1, 4).Draw(rt, "pages"))
		s, err := OpenSink(t.Context(), o)
		if err != nil {
			rt.Fatal(err)
		}
		done, looks := 0, 1
		for done < len(docs) {
			n := min(rapid.IntRange(1, 12).Draw(rt, "batch"), len(docs)-done)
			if err := s.Write(t.Context(), docs[done:done+n]); err != nil {
				rt.Fatal(err)
			}
			done += n
			switch rapid.IntRange(0, 5).Draw(rt, "then") {
			case 0:
				if err := s.Flush(t.Context(), millrace.Position{}); err != nil {
					rt.Fatal(err)
				}
			case 1: // a crash
				if s, err = OpenSink(t.Context(), o); err != nil {
					rt.Fatal(err)
				}
				at, err := s.Resume(t.Context())
				if err != nil {
					rt.Fatal(err)
				}
				done = int(at.Next[pos(0).Partition])
			case 2:
				if looks--; looks >= 0 {
					wantCorpus(rt, dir, docs[:s.table.Checkpoint().Next[pos(0).Partition]], o.KeepVersions, false)
				}
			}
		}
		if err := s.Flush(t.Context(), millrace.Position{}); err != nil {
			rt.Fatal(err)
		}
		wantCorpus(rt, dir, docs, o.KeepVersions, true)
	})
}

// TestVersionsCrash crashes a sink that hides rows and rewrites shards.
func TestVersionsCrash(t *testing.T) {
	x := crashTrial(t, testVisits(5, 20, 4), visitOptions)
	r, err := x.Run(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Log(r)
	if err := r.Passed(".", map[string]string{
		"shards.upgrade":      "of a folder of an older format: format_test.go",
		"shards.retire":       "an hour after a rewrite; CollectOrphans is quicker here",
		"shards.abandon":      "behind an error, not a crash: TestFullDisk",
		"shards.known.folder": "behind a lost answer, not a crash: TestLostAnswer",
		"shards.renew":        "behind damage: TestDamagedOrphan", "shards.renew.rename": "the same",
		"shards.claim":  "of a store: TestCrashWithStore",
		"shards.fetch":  "the same",
		"shards.pull":   "the same",
		"shards.put":    "the same",
		"shards.store":  "the same",
		"shards.recipe": "TestCrashAtARecipe", "shards.card": "derived, and written whole: the whole line's trial (internal/cli)",
	}); err != nil {
		t.Error(err)
	}
}

// TestVersionsTwoOwners lets two sinks race, with rewrites and a collector between them.
func TestVersionsTwoOwners(t *testing.T) {
	docs := testVisits(6, 150, 8)
	dir := t.TempDir()
	if err := openTest(t, visitOptions(dir)).Close(); err != nil {
		t.Fatal(err)
	}
	var owners, collector sync.WaitGroup
	done := make(chan struct{})
	for i := range 2 {
		owners.Go(func() {
			o := visitOptions(dir)
			o.TargetBytes = 4000 + 700*int64(i)
			s, err := OpenSink(t.Context(), o)
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			for {
				err := resume(t.Context(), s, docs)
				if err == nil {
					return
				}
				if !errors.Is(err, millrace.ErrMoved) {
					t.Error(err)
					return
				}
			}
		})
	}
	collector.Go(func() {
		for {
			if _, err := CollectOrphans(nil, dir); err != nil {
				t.Error(err)
			}
			select {
			case <-done:
				return
			case <-time.After(3 * time.Millisecond):
			}
		}
	})
	owners.Wait()
	close(done)
	collector.Wait()
	wantCorpus(t, dir, docs, false, true)
}
