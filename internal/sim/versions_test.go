package sim

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"millrace"
	"millrace/dedup"
	"millrace/internal/cli"
	"millrace/internal/run"
	"millrace/shards"
)

var pagesPart = millrace.Partition{Topic: "pages"}

// visits is a crawl of 1,000 pages and the crawl after it: 300 were edited, a little each, so that every new
// version is a near-duplicate of the old one; 20 say no now, 10 are gone, 5 are as they were, 5 are near-copies of
// another page. want is what the corpus has to hold in the end, by URL.
func visits() (docs []*millrace.Document, want map[string]string) {
	rng := rand.New(rand.NewPCG(4, 4))
	want = map[string]string{}
	visit := func(url, text string, v millrace.Verdict) {
		d := &millrace.Document{ID: millrace.NewID(url, sha256.Sum256([]byte(text))), Text: text, URLKey: url, Verdict: v,
			Position: millrace.Position{Partition: pagesPart, Offset: int64(len(docs))}}
		d.Page.URL, d.Page.Source = url, millrace.SourceCrawl
		d.Page.FetchedAt = time.Unix(1_700_000_000+10*int64(len(docs)), 0).UTC()
		docs = append(docs, d)
	}
	texts := make([][]string, 1000)
	url := func(i int) string { return fmt.Sprintf("https://example.org/%d", i) }
	for i := range texts {
		for range 150 {
			texts[i] = append(texts[i], fmt.Sprintf("w%d", rng.IntN(20_000)))
		}
		want[url(i)] = strings.Join(texts[i], " ")
		visit(url(i), want[url(i)], millrace.Verdict{})
	}
	order := rng.Perm(1000)
	for n, i := range order[:340] {
		switch {
		case n < 300:
			texts[i][rng.IntN(150)] = fmt.Sprint("edited ", n)
			want[url(i)] = strings.Join(texts[i], " ")
			visit(url(i), want[url(i)], millrace.Verdict{})
		case n < 320:
			delete(want, url(i))
			visit(url(i), "", millrace.Verdict{Reason: millrace.ConsentNoTrain, Stage: "consent"})
		case n < 330:
			delete(want, url(i))
			visit(url(i), "", millrace.Verdict{Reason: millrace.RemovedGone, Stage: "fetch"})
		case n < 335:
			visit(url(i), want[url(i)], millrace.Verdict{})
		default: // what it became is dropped, and the older row stays
			visit(url(i), strings.Join(texts[order[900]], " ")+" copied", millrace.Verdict{})
		}
	}
	return docs, want
}

// listSource reads documents from memory, as new ones each time.
type listSource struct {
	docs []*millrace.Document
	at   int64
}

func (s *listSource) Open(_ context.Context, c millrace.Checkpoint) error {
	s.at = c.Next[pagesPart]
	return nil
}

func (s *listSource) Read(_ context.Context, most int) (b millrace.Batch, err error) {
	for len(b.Docs) < most && s.at < int64(len(s.docs)) {
		d := *s.docs[s.at]
		b.Docs = append(b.Docs, &d)
		s.at++
	}
	if len(b.Docs) == 0 {
		return b, io.EOF
	}
	return b, nil
}

// millOf works through docs into dir until ctx ends.
func millOf(ctx context.Context, docs []*millrace.Document, dir, scratch string, workers, batch int, onCommit func()) error {
	sink, err := shards.OpenSink(ctx, shards.Options{Dir: dir, Recipe: "r", Stages: []string{"fetch", "consent", "sketch", "dedup"},
		TargetBytes: 150_000, Stale: 20 * time.Minute, StaleWithdrawn: time.Minute, OnCommit: func(*shards.Entry) { onCommit() }})
	if err != nil {
		return err
	}
	defer sink.Close()
	x, err := cli.OpenIndex(dir, dedup.Options{Scratch: scratch})
	if err != nil {
		return err
	}
	defer x.Close()
	b := run.Belt{Name: "mill", Source: &listSource{docs: docs}, Sink: sink, Stages: []millrace.Stage{dedup.Sketch(), x},
		Input: pagesPart, Workers: workers, Batch: batch}
	return b.Run(ctx)
}

// TestNewestTextOnce is what a corpus that is kept fresh promises, told by a reader of the live files that is not ours.
func TestNewestTextOnce(t *testing.T) {
	docs, want := visits()
	var names []string
	for _, c := range []struct{ workers, batch, crashes int }{{1, 16, 0}, {4, 3, 0}, {2, 7, 12}} {
		dir, scratch := t.TempDir(), t.TempDir()
		rng := rand.New(rand.NewPCG(1, 1))
		for crashes := 0; ; crashes++ {
			ctx, stop := context.WithCancel(t.Context())
			left := -1
			if crashes < c.crashes {
				left = rng.IntN(3)
			}
			err := millOf(ctx, docs, dir, scratch, c.workers, c.batch, func() {
				if left--; left == -1 {
					stop()
				}
			})
			stop()
			if err == nil {
				break
			}
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		if err := Check(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
		tab, err := shards.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		moved := map[millrace.Reason]int64{millrace.Superseded: 300, millrace.ConsentNoTrain: 20, millrace.RemovedGone: 10}
		if tally := tab.Tally(); !maps.Equal(tally.Moved, moved) || tally.Rows() != 970 || tally.In != 1340 {
			t.Errorf("ledger: %d rows of %d, moved %v", tally.Rows(), tally.In, tally.Moved)
		}
		if got := liveTexts(t, tab); !maps.Equal(got, want) {
			t.Errorf("%d workers: other texts: %d, want %d", c.workers, len(got), len(want))
		}
		now, err := shardNames(dir)
		if err != nil {
			t.Fatal(err)
		}
		if names == nil {
			names = now
		}
		if !slices.Equal(now, names) {
			t.Errorf("%d workers, %d crashes: other files", c.workers, c.crashes)
		}
	}
}

// liveTexts reads the files in data/ with parquet-go, after the collector, and wants each URL once.
func liveTexts(t *testing.T, tab *shards.Table) map[string]string {
	t.Helper()
	if _, err := shards.CollectOrphans(nil, tab.Dir()); err != nil {
		t.Fatal(err)
	}
	list, err := filepath.Glob(filepath.Join(tab.Dir(), "data", "*.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, name := range list {
		rows, err := parquet.ReadFile[struct {
			URL  string `parquet:"url,optional"`
			Text string `parquet:"text,optional"`
		}](name)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			if _, twice := texts[r.URL]; twice || r.Text == "" {
				t.Errorf("%s stands twice, or without a text", r.URL)
			}
			texts[r.URL] = r.Text
		}
	}
	return texts
}
