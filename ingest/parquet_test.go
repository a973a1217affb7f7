package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"millrace"
)

// lineRows stands for a reader of Parquet: a row is a line behind the first four bytes.
type lineRows struct{ lines [][]byte }

func (l *lineRows) Next() ([]byte, error) {
	if len(l.lines) == 0 {
		return nil, io.EOF
	}
	b := l.lines[0]
	l.lines = l.lines[1:]
	if string(b) == "damage" {
		return nil, errors.New("damaged page")
	}
	return b, nil
}

func (l *lineRows) Close() error { return nil }

func openLines(in io.ReaderAt, size, from int64) (Rows, error) {
	b := make([]byte, size)
	if _, err := in.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	rest, ok := bytes.CutPrefix(b, []byte("PAR1"))
	if !ok {
		return nil, errors.New("no Parquet")
	}
	return &lineRows{bytes.Split(rest, []byte("\n"))[from:]}, nil
}

func TestParquetRows(t *testing.T) {
	long := strings.Repeat("long ", MaxText/5+1)
	dir := tree(t, map[string]string{
		"a.parquet": "PAR1" + `{"text":"one","id":1,"tags":["x"]}` + "\n" + `{"id":2}` + "\n" + `{"text":"` + long + `"}` + "\n" + `{"text":"three","url":"https://a.example/"}`,
		"b.parquet": "none", "c.parquet": "PAR1" + `{"text":"good"}` + "\ndamage\n" + `{"text":"lost"}`, "d": "PAR1" + `{"text":"by its first bytes"}`,
		"e.parquet.gz": gz("PAR1"), "z.txt": "neighbour"})
	in := Input{Name: "mine", Glob: dir, URLField: "url"}
	s := openFiles(t, t.TempDir(), in)
	s.Rows = openLines
	l := &Loader{Inputs: []Input{in}, Rows: openLines}
	defer l.Close()
	var got []string
	for _, d := range readFiles(t, s, millrace.Checkpoint{}) {
		if d.Verdict.Kept() {
			d.Text, d.Meta = "", "" // as if it were long
			if err := l.load(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
		got = append(got, briefs(dir, []*millrace.Document{d})...)
	}
	want := []string{`1|text/plain; charset=utf-8|one|{"tags":["x"]}`, `a.parquet: row 1: field "text" is missing`, "|text/plain; charset=utf-8|" + long + "|",
		"|text/plain; charset=utf-8|three|", "b.parquet: no Parquet", "|text/plain; charset=utf-8|good|", "c.parquet: damaged page",
		"|text/plain; charset=utf-8|by its first bytes|", "e.parquet.gz: neither JSONL, CSV, Parquet, WARC, text nor HTML", "z.txt|text/plain|neighbour|"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A row that is not what it was ends the line, and so does a reader that is not there.
func TestParquetChanged(t *testing.T) {
	dir := tree(t, map[string]string{"a.parquet": "PAR1" + `{"html":"<p>a"}` + "\n" + `{"html":"<p>b"}`})
	in := Input{Name: "mine", Glob: dir, HTMLField: "html"}
	s := openFiles(t, t.TempDir(), in)
	s.Rows = openLines
	ds := readFiles(t, s, millrace.Checkpoint{})
	if len(ds) != 2 {
		t.Fatalf("%d documents", len(ds))
	}
	if err := os.WriteFile(filepath.Join(dir, "a.parquet"), []byte("PAR1"+`{"html":"<p>a"}`+"\n"+`{"html":"<q>b"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	l := &Loader{Inputs: []Input{in}, Rows: openLines}
	defer l.Close()
	if _, err := l.Process(t.Context(), ds[0]); err != nil || string(ds[0].Page.Body) != "<p>a" {
		t.Errorf("%q, %v", ds[0].Page.Body, err)
	}
	if _, err := l.Process(t.Context(), ds[1]); !errors.Is(err, millrace.ErrIntegrity) || !errors.Is(err, millrace.ErrStop) {
		t.Errorf("a changed row: %v", err)
	}
	if _, err := (&Loader{Inputs: []Input{in}}).Process(t.Context(), ds[1]); !errors.Is(err, millrace.ErrStop) {
		t.Errorf("no reader: %v", err)
	}
	bare := openFiles(t, t.TempDir(), in)
	if got := fmt.Sprint(briefs(dir, readFiles(t, bare, millrace.Checkpoint{}))); got != "[a.parquet: nothing here reads Parquet]" {
		t.Error(got)
	}
}
