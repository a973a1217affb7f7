package cli

import (
	"bytes"
	"fmt"
	"testing"

	"millrace"
	"millrace/ingest"
	"millrace/ingest/broker"
	"millrace/shards"
)

// An export goes on behind what it has written, also when whoever reads the topic has trimmed it; after a rebuild
// it begins anew.
func TestExportResumes(t *testing.T) {
	dir := t.TempDir()
	b, err := broker.Start(t.Context(), broker.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	at := int64(0)
	grow := func(rows int) {
		t.Helper()
		sink, err := shards.OpenSink(t.Context(), shards.Options{Dir: dir, Recipe: "r"})
		if err != nil {
			t.Fatal(err)
		}
		defer sink.Close()
		if _, err := sink.Resume(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range rows {
			d := &millrace.Document{ID: millrace.ID{byte(at + 1)}, UserID: fmt.Sprint("row-", at), Text: "text", Position: millrace.Position{Partition: millrace.Partition{Topic: pagesTopic}, Offset: at}}
			if at%3 == 2 {
				d.Verdict = millrace.Verdict{Reason: millrace.ExtractEmpty, Stage: "extract"}
			}
			at++
			if err := sink.Write(t.Context(), []*millrace.Document{d}); err != nil {
				t.Fatal(err)
			}
		}
		if err := sink.Flush(t.Context(), millrace.Position{}); err != nil {
			t.Fatal(err)
		}
	}
	export := func(want string) {
		t.Helper()
		var out, talk bytes.Buffer
		a := &App{Args: []string{"export", "--dir", dir, "--to", "kafka://" + b.Addr() + "/rows"}, Stdin: &bytes.Buffer{}, Stdout: &out, Stderr: &talk}
		if code := a.Run(t.Context()); code != Done || out.String() != "  exported "+want+" rows\n" {
			t.Fatalf("exit %d, %q, %s", code, out.String(), talk.String())
		}
	}
	topic := ingest.Topic{Addr: b.Addr(), Name: "rows"}
	grow(6)
	export("4")
	export("0")
	if err := topic.Trim(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	grow(3)
	export("2")
	if err := shards.Rebuild(t.Context(), nil, dir, "other", "other"); err != nil {
		t.Fatal(err)
	}
	export("0")
	var got []string
	if err := topic.Tail(t.Context(), 0, false, func(m ingest.Message) error {
		got = append(got, fmt.Sprintf("%d %s after %d", m.At.Offset, m.Doc.UserID, m.Prev))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if s := fmt.Sprint(got); s != "[3 row-4 after 3 4 row-6 after 4 5 row-7 after 6]" {
		t.Error(s)
	}
}
