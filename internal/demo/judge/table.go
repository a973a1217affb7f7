package judge

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// row is what the judge needs of a row of data/ or rejects/.
type row struct {
	id, mid, url, text string
	position           string
	partition          string // position without the offset
	offset             int64
	kept               bool
	reason, stage      string
	signal, of, method string
	value, limit       float64
	similarity         float64
}

func (x *row) failed() bool { return strings.HasPrefix(x.reason, "failed.") }

// reachedDedup holds for rows that no earlier stage has decided.
func (x *row) reachedDedup() bool { return x.kept || strings.HasPrefix(x.reason, "dup.") }

// entry is one commit.
type entry struct {
	number   int
	from, to int64
	gaps     []gap
	txn      map[string]int64
	tally    tally
	recorded bool // the entry says from where to where it goes
	rows     []*row
}

type gap struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

type tally struct {
	In     int64 `json:"in"`
	Kept   int64 `json:"kept"`
	Stages []struct {
		Name    string           `json:"name"`
		In      int64            `json:"in"`
		Kept    int64            `json:"kept"`
		Dropped int64            `json:"dropped"`
		Failed  int64            `json:"failed"`
		Reasons map[string]int64 `json:"reasons"`
	} `json:"stages"`
}

// table is the whole corpus.
type table struct {
	entries []*entry
	rows    []*row // in the order of their offsets
	byURL   map[string][]*row
	byID    map[string][]*row
}

// action is a line of a Delta log.
type action struct {
	Add *struct {
		Path  string `json:"path"`
		Stats string `json:"stats"`
	} `json:"add"`
	Remove json.RawMessage `json:"remove"`
	Txn    *struct {
		AppID   string `json:"appId"`
		Version int64  `json:"version"`
	} `json:"txn"`
	CommitInfo *struct {
		From    int64 `json:"from"`
		To      int64 `json:"to"`
		Gaps    []gap `json:"gaps"`
		Tally   tally `json:"tally"`
		Rejects []struct {
			Path string `json:"path"`
			Rows int64  `json:"rows"`
		} `json:"rejects"`
	} `json:"commitInfo"`
}

// maxLine bounds a line of JSON: an entry can name thousands of files.
const maxLine = 64 << 20

func readTable(dir string, r *Report) (*table, error) {
	t := &table{byURL: map[string][]*row{}, byID: map[string][]*row{}}
	for n := 0; ; n++ {
		name := filepath.Join(dir, "data", "_delta_log", fmt.Sprintf("%020d.json", n))
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read commit log: %w", err)
		}
		err = t.readEntry(f, n, dir, r)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("read commit %d: %w", n, err)
		}
	}
	if len(t.entries) == 0 {
		return nil, fmt.Errorf("read commit log: no entry in %s", filepath.Join(dir, "data", "_delta_log"))
	}
	slices.SortStableFunc(t.rows, func(a, b *row) int {
		if c := strings.Compare(a.partition, b.partition); c != 0 {
			return c
		}
		return int(min(1, max(-1, a.offset-b.offset)))
	})
	for _, x := range t.rows {
		t.byURL[x.url] = append(t.byURL[x.url], x)
		t.byID[x.mid] = append(t.byID[x.mid], x)
		if x.id != x.mid {
			t.byID[x.id] = append(t.byID[x.id], x)
		}
	}
	return t, nil
}

func (t *table) readEntry(f io.Reader, n int, dir string, r *Report) error {
	e := &entry{number: n, txn: map[string]int64{}}
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, maxLine)
	for sc.Scan() {
		if len(sc.Bytes()) == 0 {
			continue
		}
		var a action
		if err := json.Unmarshal(sc.Bytes(), &a); err != nil {
			return err
		}
		switch {
		case a.Add != nil:
			var stats struct {
				NumRecords *int64 `json:"numRecords"`
			}
			if err := json.Unmarshal([]byte(a.Add.Stats), &stats); err != nil || stats.NumRecords == nil {
				r.problem("commit %d: %s has no row count", n, a.Add.Path)
				stats.NumRecords = new(int64)
			}
			e.readFile(dir, "data", a.Add.Path, *stats.NumRecords, r)
		case a.Txn != nil:
			e.txn[a.Txn.AppID] = a.Txn.Version
		case a.CommitInfo != nil:
			c := a.CommitInfo
			e.from, e.to, e.gaps, e.tally, e.recorded = c.From, c.To, c.Gaps, c.Tally, c.To > c.From
			for _, x := range c.Rejects {
				e.readFile(dir, "rejects", x.Path, x.Rows, r)
			}
		case a.Remove != nil:
			r.problem("commit %d removes files, which the judge cannot follow", n)
		}
	}
	t.entries = append(t.entries, e)
	t.rows = append(t.rows, e.rows...)
	return sc.Err()
}

// readFile reads the rows of one Parquet file. A damaged file is a problem of the corpus, not of the judge.
func (e *entry) readFile(dir, kind, name string, want int64, r *Report) {
	if !filepath.IsLocal(name) {
		r.problem("commit %d names the file %q outside the corpus", e.number, name)
		return
	}
	before := len(e.rows)
	err := e.readParquet(filepath.Join(dir, kind, filepath.FromSlash(name)), kind == "data")
	if err != nil {
		r.problem("commit %d, %s/%s: %v", e.number, kind, name, err)
	}
	if got := int64(len(e.rows) - before); got != want {
		r.problem("commit %d, %s/%s: %d rows, the commit log says %d", e.number, kind, name, got, want)
	}
}

func (e *entry) readParquet(name string, kept bool) (err error) {
	defer func() { // a broken file may panic in the reader
		if p := recover(); p != nil {
			err = fmt.Errorf("broken Parquet: %v", p)
		}
	}()
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	pf, err := parquet.OpenFile(f, st.Size())
	if err != nil {
		return err
	}
	set := setters(pf.Schema(), kept)
	buf := make([]parquet.Row, 64)
	for _, g := range pf.RowGroups() {
		rows := g.Rows()
		for {
			k, err := rows.ReadRows(buf)
			for _, values := range buf[:k] {
				x := &row{kept: kept}
				for _, v := range values {
					if s := set[v.Column()]; s != nil && !v.IsNull() {
						s(x, v)
					}
				}
				x.place()
				e.rows = append(e.rows, x)
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				rows.Close()
				return err
			}
		}
		if err := rows.Close(); err != nil {
			return err
		}
	}
	return nil
}

// setters tells, for each column that the judge reads, where its values go.
func setters(s *parquet.Schema, kept bool) map[int]func(*row, parquet.Value) {
	str := func(p func(*row) *string) func(*row, parquet.Value) {
		return func(x *row, v parquet.Value) { *p(x) = string(v.ByteArray()) }
	}
	num := func(p func(*row) *float64) func(*row, parquet.Value) {
		return func(x *row, v parquet.Value) { *p(x) = v.Double() }
	}
	names := map[string]func(*row, parquet.Value){
		"id":       str(func(x *row) *string { return &x.id }),
		"mid":      str(func(x *row) *string { return &x.mid }),
		"url":      str(func(x *row) *string { return &x.url }),
		"text":     str(func(x *row) *string { return &x.text }),
		"position": str(func(x *row) *string { return &x.position }),
	}
	if !kept {
		names["reason"] = str(func(x *row) *string { return &x.reason })
		names["stage"] = str(func(x *row) *string { return &x.stage })
		names["signal"] = str(func(x *row) *string { return &x.signal })
		names["of"] = str(func(x *row) *string { return &x.of })
		names["method"] = str(func(x *row) *string { return &x.method })
		names["value"] = num(func(x *row) *float64 { return &x.value })
		names["limit"] = num(func(x *row) *float64 { return &x.limit })
		names["similarity"] = num(func(x *row) *float64 { return &x.similarity })
	}
	out := map[int]func(*row, parquet.Value){}
	for name, set := range names {
		if leaf, ok := s.Lookup(name); ok {
			out[leaf.ColumnIndex] = set
		}
	}
	return out
}

// place reads the position.
func (x *row) place() {
	i := strings.LastIndexByte(x.position, '/')
	n, err := strconv.ParseInt(x.position[i+1:], 10, 64)
	if i < 0 || err != nil {
		x.partition, x.offset = "", -1
		return
	}
	x.partition, x.offset = x.position[:i], n
}
