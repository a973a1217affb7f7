package cli

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"millrace"
	"millrace/shards"
)

// visited makes a corpus of pages that were crawled twice: visited DIR. /edited has another text the second time,
// /no says no, /gone is gone, /same was seen once.
func visited(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: visited DIR")
	}
	sink, err := shards.OpenSink(context.Background(), shards.Options{Dir: ts.MkAbs(args[0]), Recipe: "r", Stages: []string{"fetch", "consent", "dedup"}})
	ts.Check(err)
	var docs []*millrace.Document
	visit := func(path, text string, v millrace.Verdict) {
		url := "https://docs.example.org" + path
		d := &millrace.Document{ID: millrace.NewID(url, sha256.Sum256([]byte(text))), Text: text, URLKey: url, Verdict: v,
			Position: millrace.Position{Partition: millrace.Partition{Topic: pagesTopic}, Offset: int64(len(docs))}}
		d.Page.URL, d.Page.Source, d.Page.FetchedAt = url, millrace.SourceCrawl, time.Unix(1_700_000_000, 0).UTC()
		if v.Kept() {
			d.Cluster = d.ID
		}
		docs = append(docs, d)
		ts.Setenv(fmt.Sprint("ID", len(docs)), d.ID.String())
	}
	visit("/edited", "the first text", millrace.Verdict{})
	visit("/no", "a text that was given", millrace.Verdict{})
	visit("/gone", "a text that is gone", millrace.Verdict{})
	visit("/same", "a text that stays", millrace.Verdict{})
	visit("/edited", "the second text", millrace.Verdict{})
	visit("/no", "", millrace.Verdict{Reason: millrace.ConsentNoTrain, Stage: "consent"})
	visit("/gone", "", millrace.Verdict{Reason: millrace.RemovedGone, Stage: "fetch"})
	ts.Check(sink.Write(context.Background(), docs))
	ts.Check(sink.Flush(context.Background(), millrace.Position{}))
	ts.Check(sink.Close())
}
