package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// A small world for the judge: a program of its own writes what millrace would, and a test breaks one thing in it.

// madeRow is a row before it is written. A kept one has no verdict.
type madeRow struct {
	line   int // of the input
	offset int64
	id     string
	mid    string
	sha    string
	text   string
	url    string
	verdict
}

// madeCommit is a commit before it is written.
type madeCommit struct {
	rows     []madeRow
	from, to int64
	gaps     []gap
	next     int64
	mark     int64
	edit     func(*commitInfo) // after it was filled
	files    func([]any) []any // the file actions, after they were made
}

// world is an input file and the commits that were made of it.
type world struct {
	input   string
	lines   []string
	commits []*madeCommit
}

// textOf makes a text of 60 words by a seed.
func textOf(seed uint64, n int) string {
	rng := rand.New(rand.NewPCG(seed, 0))
	ws := make([]string, n)
	for i := range ws {
		ws[i] = fmt.Sprintf("w%d", rng.IntN(5000))
	}
	return strings.Join(ws, " ")
}

// goodWorld has a kept row, an exact copy, a near one, a text that is too short and a broken line, a blank line,
// and a copy in the second commit of what the first has kept.
func goodWorld(t *testing.T) *world {
	w := &world{input: filepath.Join(t.TempDir(), "in.jsonl")}
	near := textOf(1, 60) + " tail"
	for i, text := range []string{textOf(1, 60), textOf(1, 60), near, "too short", "", "", textOf(2, 60), textOf(2, 60)} {
		line := fmt.Sprintf(`{"id":"r-%d","text":%q}`, i, text)
		switch i {
		case 4:
			line = line[:12]
		case 5:
			line = "  "
		}
		w.lines = append(w.lines, line)
	}
	if err := os.WriteFile(w.input, []byte(strings.Join(w.lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	first := &madeCommit{from: 0, to: 6, next: 6, mark: 4, gaps: []gap{{2, 3}}}
	first.rows = []madeRow{
		w.row(0, 0, textOf(1, 60), verdict{}),
		w.row(1, 1, textOf(1, 60), verdict{reason: "dup.exact", stage: "dedup", of: "r-0", method: "exact", similarity: 1}),
		w.row(2, 3, near, verdict{reason: "dup.near", stage: "dedup", of: "r-0", method: "jaccard", similarity: 56. / 57}),
		w.row(3, 4, "too short", verdict{reason: "quality.word_count", stage: "gopher-quality", signal: "words", value: 2, limit: 50}),
		w.row(4, 5, "", verdict{reason: "failed.decode", stage: "decode", err: "in.jsonl:5:12: unexpected end"}),
	}
	second := &madeCommit{from: 6, to: 9, next: 9, mark: 7, gaps: []gap{{8, 9}}}
	second.rows = []madeRow{
		w.row(6, 6, textOf(2, 60), verdict{}),
		w.row(7, 7, textOf(2, 60), verdict{reason: "dup.exact", stage: "dedup", of: "r-6", method: "exact", similarity: 1}),
	}
	w.commits = []*madeCommit{first, second}
	return w
}

// row makes the row of an input line.
func (w *world) row(line int, offset int64, text string, v verdict) madeRow {
	digest := sha256.Sum256([]byte(w.lines[line]))
	url := fmt.Sprintf("file:%s#%d", filepath.ToSlash(w.input), line)
	h := sha256.Sum256(slices.Concat([]byte("millrace/1\x00"), []byte(url), []byte{0}, digest[:]))
	x := madeRow{line: line, offset: offset, id: fmt.Sprintf("r-%d", line), mid: hex.EncodeToString(h[:16]), sha: hex.EncodeToString(digest[:]), text: text, url: url, verdict: v}
	if v.failed() {
		x.id = x.mid
	}
	return x
}

// write writes the corpus and gives its folder.
func (w *world) write(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, sub := range []string{"data/_delta_log", "rejects"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	previous := ""
	for n, c := range w.commits {
		raw := c.write(t, dir, n, previous)
		previous = sumOf(raw)
	}
	return dir
}

// write writes the files of one commit and its entry.
func (c *madeCommit) write(t *testing.T, dir string, n int, previous string) []byte {
	info := commitInfo{Operation: "WRITE", From: c.from, To: c.to, Gaps: c.gaps, Previous: previous, Tally: c.tally()}
	var root tree
	for i := range c.rows {
		x := c.rows[i].judged()
		root.add(leaf(&x))
	}
	info.Root = root.root()
	var files []any
	for _, kept := range []bool{true, false} {
		rows := slices.DeleteFunc(slices.Clone(c.rows), func(x madeRow) bool { return (x.reason == "") != kept })
		if len(rows) == 0 {
			continue
		}
		raw := parquetOf(t, rows)
		first, last := rows[0].offset, rows[len(rows)-1].offset
		name := fmt.Sprintf("part-%08d-%020d-%s.parquet", n, first, sumOf(raw)[:16])
		sub := "rejects"
		if kept {
			sub = "data"
			files = append(files, action{Add: &addFile{Path: name, Size: int64(len(raw)), Stats: fmt.Sprintf(`{"numRecords":%d}`, len(rows)),
				Tags: map[string]string{"sha256": sumOf(raw), "first": fmt.Sprint(first), "last": fmt.Sprint(last)}}})
		} else {
			info.Rejects = append(info.Rejects, rejectFile{name, int64(len(rows)), int64(len(raw)), first, last, sumOf(raw)})
		}
		if err := os.WriteFile(filepath.Join(dir, sub, name), raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if c.edit != nil {
		c.edit(&info)
	}
	if c.files != nil {
		files = c.files(files)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for _, a := range append([]any{action{CommitInfo: &info}, action{Txn: &txn{"docs/0", c.next}}, action{Txn: &txn{"mark:pages/0", c.mark}}}, files...) {
		if err := enc.Encode(a); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(logFolder(dir), entryName(int64(n))), b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// judged is the row as the judge reads it.
func (x *madeRow) judged() row {
	return row{id: x.id, mid: x.mid, url: x.url, position: fmt.Sprintf("docs/0/%d", x.offset), offset: x.offset, kept: x.reason == "",
		verdict: x.verdict, text: sha256.Sum256([]byte(x.text))}
}

// tally counts the rows, stages in the order in which they stand in a line.
func (c *madeCommit) tally() tally {
	t := tally{In: int64(len(c.rows))}
	in := t.In
	for _, name := range []string{"decode", "gopher-quality", "dedup"} {
		s := stageTally{Name: name, In: in, Reasons: map[string]int64{}}
		for _, x := range c.rows {
			if x.stage != name {
				continue
			}
			s.Reasons[x.reason]++
			if in--; x.failed() {
				s.Failed++
			} else {
				s.Dropped++
			}
		}
		s.Kept = in
		t.Stages = append(t.Stages, s)
	}
	t.Kept = in
	return t
}

// storedRow has the columns that the judge reads; those of a verdict are null where there is none.
type storedRow struct {
	ID         string   `parquet:"id"`
	MID        string   `parquet:"mid"`
	URL        string   `parquet:"url"`
	Text       *string  `parquet:"text,optional"`
	SHA256     string   `parquet:"sha256"`
	Position   string   `parquet:"position"`
	Reason     *string  `parquet:"reason,optional"`
	Stage      *string  `parquet:"stage,optional"`
	Signal     *string  `parquet:"signal,optional"`
	Of         *string  `parquet:"of,optional"`
	Method     *string  `parquet:"method,optional"`
	Err        *string  `parquet:"err,optional"`
	Value      *float64 `parquet:"value,optional"`
	Limit      *float64 `parquet:"limit,optional"`
	Similarity *float64 `parquet:"similarity,optional"`
}

func parquetOf(t *testing.T, rows []madeRow) []byte {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[storedRow](&b)
	for _, x := range rows {
		s := storedRow{ID: x.id, MID: x.mid, URL: x.url, Text: some(x.text), SHA256: x.sha, Position: x.judged().position,
			Reason: some(x.reason), Stage: some(x.stage), Signal: some(x.signal), Of: some(x.of), Method: some(x.method), Err: some(x.err),
			Value: some(x.value), Limit: some(x.limit), Similarity: some(x.similarity)}
		if _, err := w.Write([]storedRow{s}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// some is nil for the zero value: the column is null.
func some[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
