package cli

import (
	"testing"
	"testing/synctest"
	"time"

	"millrace"
	"millrace/internal/config"
	"millrace/shards"
)

// TestStale counts from when a row is out of the corpus and other engines still see it.
func TestStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink, err := shards.OpenSink(t.Context(), shards.Options{Dir: t.TempDir(), Recipe: "r", Stale: time.Hour, StaleWithdrawn: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		defer sink.Close()
		at := millrace.Position{Partition: millrace.Partition{Topic: pagesTopic}}
		visit := func(url string, v millrace.Verdict) {
			d := &millrace.Document{ID: millrace.ID{byte(at.Offset + 1)}, Text: "text", URLKey: url, Verdict: v, Position: at}
			d.Page.URL, d.Page.Source = url, millrace.SourceCrawl
			if err := sink.Write(t.Context(), []*millrace.Document{d}); err != nil {
				t.Fatal(err)
			}
			at.Offset++
		}
		flush := func(at millrace.Position) {
			if err := sink.Flush(t.Context(), at); err != nil {
				t.Fatal(err)
			}
		}
		limit := config.MaxStale{Takedown: config.Duration(time.Minute), Superseded: config.Duration(time.Hour)}
		var s stale
		want := func(over, more bool) {
			t.Helper()
			s.look(sink.Table())
			if s.over(limit, 0) != over || s.over(limit, 2*time.Minute) != more {
				t.Fatalf("over: %v, and by two minutes: %v", s.over(limit, 0), s.over(limit, 2*time.Minute))
			}
		}
		for range 2 {
			visit("https://a.example", millrace.Verdict{})
		}
		visit("https://b.example", millrace.Verdict{})
		flush(at)
		want(false, false)
		time.Sleep(time.Hour - time.Second)
		want(false, false)
		time.Sleep(time.Second)
		want(true, false)
		time.Sleep(2 * time.Minute)
		want(true, true)
		flush(millrace.Position{}) // everything is carried out
		want(false, false)
		at.Offset++ // the mark
		visit("https://b.example", millrace.Verdict{Reason: millrace.RemovedGone, Stage: "fetch"})
		at.Offset++
		flush(at)
		want(false, false)
		time.Sleep(time.Minute)
		want(true, false)
	})
}
