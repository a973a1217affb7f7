package shards

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"millrace/internal/sim/s3"
)

// deltaFiles replays a Delta log as its specification says, from the objects of a bucket, and knows nothing of us.
func deltaFiles(t *testing.T, f *s3.Fake, table string) (live []string) {
	t.Helper()
	for v := 0; ; v++ {
		raw, ok := f.Object(fmt.Sprintf("%s/_delta_log/%020d.json", table, v))
		if !ok {
			return live
		}
		for line := range bytes.Lines(raw) {
			var a struct {
				Add, Remove *struct {
					Path string `json:"path"`
				}
			}
			if err := json.Unmarshal(line, &a); err != nil {
				t.Fatal(err)
			}
			if a.Remove != nil {
				live = slices.DeleteFunc(live, func(n string) bool { return n == path.Join(table, a.Remove.Path) })
			}
			if a.Add != nil {
				live = append(live, path.Join(table, a.Add.Path))
			}
		}
	}
}

// TestStoreReadElsewhere lets another library read the bucket, through visits, versions that hide others, and rewrites:
// the table's files have the rows of the corpus, each once.
func TestStoreReadElsewhere(t *testing.T) {
	f := s3.NewFake()
	o := visitOptions(t.TempDir())
	o.Store, o.Disk = s3Store(t, f), hasty(nil)
	docs := testVisits(31, 60, 5)
	if err := replay(t.Context(), o, docs); err != nil {
		t.Fatal(err)
	}
	if _, err := o.place().CollectOrphans(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	tab, err := Place{Dir: t.TempDir(), Store: o.Store}.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := tab.Rows(t.Context(), Select{Kept: true}, func(r *Row) error { want[r.Position.String()] = r.Text; return nil }); err != nil {
		t.Fatal(err)
	}
	got, files := map[string]string{}, deltaFiles(t, f, "corpus/en/data")
	for _, name := range files {
		raw, ok := f.Object(name)
		if !ok {
			t.Fatalf("the log names %s, which is not there", name)
		}
		rows, err := parquet.Read[stored](bytes.NewReader(raw), int64(len(raw)))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			if _, twice := got[r.Position]; twice || r.Text == nil {
				t.Fatalf("row %s twice, or without a text", r.Position)
			}
			got[r.Position] = *r.Text
		}
	}
	if len(want) < 5 || len(got) != len(want) {
		t.Fatalf("%d rows elsewhere, %d here", len(got), len(want))
	}
	for _, d := range docs {
		if text, ok := got[d.Position.String()]; ok && (text != d.Text || text != want[d.Position.String()]) {
			t.Fatalf("row %s has another text", d.Position)
		}
	}
	// Nothing lies there that nobody names.
	for _, key := range f.Keys() {
		if strings.HasPrefix(key, "corpus/en/data/part-") && !slices.Contains(files, key) {
			t.Errorf("%s is in no version of the table", key)
		}
	}
	if tab.Newest().Operation != opRewrite && !slices.ContainsFunc(tab.Entries(), func(e *Entry) bool { return e.Operation == opRewrite }) {
		t.Error("nothing was rewritten")
	}
}
