package stream

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"millrace/ingest"
	"millrace/ingest/broker"
)

// TestRecordAndPlay records a topic while its broker is started anew, and plays it into another one.
func TestRecordAndPlay(t *testing.T) {
	dir := t.TempDir()
	b, err := broker.Start(t.Context(), broker.Options{Dir: filepath.Join(dir, "log")})
	if err != nil {
		t.Fatal(err)
	}
	addr := b.Addr()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	rec := record(ctx, addr, "docs", filepath.Join(dir, "record"))
	write := func(addr string, from, to int) {
		t.Helper()
		if err := (ingest.Topic{Addr: addr, Name: "docs"}).Ensure(ctx); err != nil {
			t.Fatal(err)
		}
		var recs []kafka.Record
		for i := from; i < to; i++ {
			r := kafka.Record{Headers: []kafka.Header{{Key: "src", Value: fmt.Appendf(nil, "pages/1/%d", i)}}}
			if i%3 > 0 {
				r.Value = kafka.NewBytes(fmt.Appendf(nil, "value %d", i))
			}
			recs = append(recs, r)
		}
		a, err := newReader(addr, "docs", 0).client.Produce(ctx, &kafka.ProduceRequest{Topic: "docs", RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(recs...)})
		if err != nil || a.Error != nil {
			t.Fatal(err, a.Error)
		}
	}
	write(addr, 0, 10)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if b, err = broker.Start(ctx, broker.Options{Dir: filepath.Join(dir, "log"), Addr: addr}); err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	write(addr, 10, 30)
	n, err := rec.stop(ctx)
	if err != nil || n != 30 {
		t.Fatalf("recorded %d messages, want 30: %v", n, err)
	}
	other, err := broker.Start(ctx, broker.Options{Dir: filepath.Join(dir, "other")})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := (ingest.Topic{Addr: other.Addr(), Name: "docs"}).Ensure(ctx); err != nil {
		t.Fatal(err)
	}
	if err := play(ctx, filepath.Join(dir, "record"), other.Addr(), "docs"); err != nil {
		t.Fatal(err)
	}
	all, err := newReader(other.Addr(), "docs", 0).fetch(ctx, 0, time.Second)
	if err != nil || len(all) != 30 {
		t.Fatalf("%d messages, %v", len(all), err)
	}
	for i, e := range all {
		part, at, ok := e.source()
		if want := fmt.Sprintf("value %d", i); !ok || part != "pages/1" || at != int64(i) || i%3 > 0 && string(e.value) != want || i%3 == 0 && len(e.value) > 0 {
			t.Errorf("message %d: %s/%d, %q", i, part, at, e.value)
		}
	}
}
