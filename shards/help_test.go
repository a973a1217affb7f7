package shards

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"millrace"
)

var testStages = []string{"fetch", "quality", "dedup"}
var testSignals = []string{"words", "stop_words"}

// testDocs makes n documents of all fates, the same for the same seed.
func testDocs(seed uint64, n int) []*millrace.Document {
	rng := rand.New(rand.NewPCG(seed, 7))
	docs := make([]*millrace.Document, n)
	var keptID millrace.ID
	for i := range docs {
		url := fmt.Sprintf("https://h%d.example/%d?q=é", i%7, i)
		text := words(rng, 20+rng.IntN(200))
		digest := sha256.Sum256([]byte(text))
		d := &millrace.Document{ID: millrace.NewID(url, digest), URLKey: url, Title: "Page <" + fmt.Sprint(i) + ">", Text: text,
			Lang: "en", LangSure: float32(rng.IntN(100)) / 100, Signals: millrace.Signals{float32(i), float32(math.NaN())},
			Keys: digest[:], Attempts: 1, Position: pos(int64(i))}
		d.Page = millrace.Page{URL: url, FetchedAt: time.Date(2024, 5, 1, 0, 0, i, 123456789, time.UTC), Source: "crawl", Consent: millrace.Consent(i % 3),
			Claim: millrace.Claim{File: fmt.Sprintf("warc/w%d.warc.gz", i/50), Offset: int64(i) * 100, Length: 99, SHA256: digest, Kind: "warc"}}
		d.Via = millrace.Position{Partition: millrace.Partition{Topic: "warc"}, Offset: int64(i)}
		if i%5 == 0 {
			d.UserID = fmt.Sprintf("user-%d", i)
		}
		if i%4 == 0 {
			d.AddEdit("pii.email", 2)
			d.AddEdit("repair.mojibake", i+1)
		}
		switch {
		case i%9 == 3:
			d.Verdict = millrace.Verdict{Reason: millrace.QualityWordCount, Stage: "quality", Signal: "words", Value: float64(i), Limit: 50}
		case i%9 == 5 && !keptID.IsZero():
			d.Verdict = millrace.Verdict{Reason: millrace.DupNear, Stage: "dedup", Signal: "jaccard", Value: .9, Limit: .8, Of: keptID, Similarity: .9, Method: "jaccard"}
		case i%9 == 7:
			d.Verdict = millrace.Verdict{Reason: millrace.FailedFetch, Stage: "fetch", Err: "connection reset"}
			d.Text, d.Lang, d.Title, d.Keys, d.Signals = "", "", "", nil, nil
		default:
			d.Cluster = d.ID
			if d.UserID == "" {
				keptID = d.ID
			}
		}
		docs[i] = d
	}
	return docs
}

func pos(offset int64) millrace.Position {
	return millrace.Position{Partition: millrace.Partition{Topic: "pages"}, Offset: offset}
}

func words(rng *rand.Rand, n int) string {
	var b strings.Builder
	for range n {
		fmt.Fprintf(&b, "w%d ", rng.IntN(5000))
	}
	return b.String()
}

func testOptions(dir string) Options {
	return Options{Dir: dir, Recipe: "r1", RecipeText: "clean: {recipe: default}", Signals: testSignals, Stages: testStages,
		TargetBytes: 40_000, Code: "v0.0.1-test"}
}

func openTest(t *testing.T, o Options) *Sink {
	t.Helper()
	s, err := OpenSink(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// fill writes docs in batches and flushes at the end.
func fill(ctx context.Context, s *Sink, docs []*millrace.Document, batch int) error {
	for len(docs) > 0 {
		n := min(batch, len(docs))
		if err := s.Write(ctx, docs[:n]); err != nil {
			return err
		}
		docs = docs[n:]
	}
	return s.Flush(ctx, millrace.Position{})
}

// testCorpus writes n documents into a fresh folder.
func testCorpus(t *testing.T, n int) (dir string, docs []*millrace.Document) {
	t.Helper()
	dir, docs = t.TempDir(), testDocs(1, n)
	if err := fill(t.Context(), openTest(t, testOptions(dir)), docs, 13); err != nil {
		t.Fatal(err)
	}
	return dir, docs
}

// files gives the content of the corpus by name, without temporary files.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			return err
		}
		b, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		all[filepath.ToSlash(rel)] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
