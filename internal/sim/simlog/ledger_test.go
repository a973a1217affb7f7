package simlog

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/parquet-go/parquet-go"

	"millrace"
)

// row is one row of a shard, read by a reader that is not ours.
type row struct {
	ID       string `parquet:"id"`
	MID      string `parquet:"mid"`
	URL      string `parquet:"url,optional"`
	URLKey   string `parquet:"url_key,optional"`
	Text     string `parquet:"text,optional"`
	Source   string `parquet:"source,optional"`
	Cluster  string `parquet:"cluster_id,optional"`
	Reason   string `parquet:"reason,optional"`
	Stage    string `parquet:"stage,optional"`
	Of       string `parquet:"of,optional"`
	Position string `parquet:"position"`

	offset int64
	data   bool // stands in data/
}

// moved says that the row was kept by its commit and taken out since.
func (r *row) moved() bool { return r.Stage == "versions" }

// filed is the reason that its own commit had for it, "" for a kept row.
func (r *row) filed() string {
	if r.moved() {
		return ""
	}
	return r.Reason
}

// shard is a file as an entry names it.
type shard struct {
	path string // below the corpus
	sum  string
	rows []row
}

// entry is one commit, read from its JSON.
type entry struct {
	number      int64
	operation   string
	recipe      string
	from, to    int64
	gaps        [][2]int64
	next, marks map[string]int64
	hidden      map[int64]string // offset to reason
	added       []*shard
	removed     []string
	previous    string
	sum         string
}

// ledger takes down the commit log as it grows, with the rows of each file while they are there.
type ledger struct {
	dir  string
	open *opener

	mu      sync.Mutex
	entries []*entry
	files   map[string]*shard
}

func newLedger(dir string) *ledger {
	return &ledger{dir: dir, files: map[string]*shard{}, open: newOpener()}
}

// opener reads Parquet files in a goroutine of its own: the library keeps channels for later, which may not be made in
// one bubble of synctest and used in another.
type opener struct {
	ask    chan []byte
	answer chan opened
}

type opened struct {
	rows []row
	err  error
}

func newOpener() *opener {
	o := &opener{ask: make(chan []byte), answer: make(chan opened)}
	go func() {
		for raw := range o.ask {
			rows, err := parquet.Read[row](bytes.NewReader(raw), int64(len(raw)))
			o.answer <- opened{rows, err}
		}
	}()
	return o
}

func (o *opener) rows(raw []byte) ([]row, error) {
	o.ask <- raw
	x := <-o.answer
	return x.rows, x.err
}

func (o *opener) close() { close(o.ask) }

// read takes down what is new.
func (l *ledger) read() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		n := int64(len(l.entries))
		raw, err := os.ReadFile(filepath.Join(l.dir, "data", "_delta_log", fmt.Sprintf("%020d.json", n)))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		e, err := parseEntry(n, raw)
		if err != nil {
			return fmt.Errorf("entry %d: %w", n, err)
		}
		l.entries = append(l.entries, e)
		for _, s := range e.added {
			if l.files[s.path] != nil {
				return fmt.Errorf("entry %d names %s, which another names already", n, s.path)
			}
			if err := s.read(l.dir, l.open); err != nil {
				return fmt.Errorf("entry %d: %w", n, err)
			}
			l.files[s.path] = s
		}
	}
}

func parseEntry(n int64, raw []byte) (*entry, error) {
	e := &entry{number: n, next: map[string]int64{}, marks: map[string]int64{}, hidden: map[int64]string{}, sum: sumOf(raw)}
	for line := range bytes.Lines(raw) {
		var a struct {
			CommitInfo *struct {
				Operation, Recipe, Previous string
				From, To                    int64
				Gaps                        []struct{ From, To int64 }
				Rejects                     []struct{ Path, SHA256 string }
				Replaced                    []string `json:"replaced_rejects"`
				Hidden                      []struct {
					Reason  string
					Offsets []int64
				}
			}
			Txn *struct {
				AppID   string
				Version int64
			}
			Add *struct {
				Path string
				Tags map[string]string
			}
			Remove *struct{ Path string }
		}
		if err := json.Unmarshal(line, &a); err != nil {
			return nil, err
		}
		if c := a.CommitInfo; c != nil {
			e.operation, e.recipe, e.previous, e.from, e.to = c.Operation, c.Recipe, c.Previous, c.From, c.To
			for _, g := range c.Gaps {
				e.gaps = append(e.gaps, [2]int64{g.From, g.To})
			}
			for _, r := range c.Rejects {
				e.added = append(e.added, &shard{path: "rejects/" + r.Path, sum: r.SHA256})
			}
			for _, r := range c.Replaced {
				e.removed = append(e.removed, "rejects/"+r)
			}
			for _, h := range c.Hidden {
				for _, o := range h.Offsets {
					e.hidden[o] = h.Reason
				}
			}
		}
		if a.Txn != nil {
			if name, isMark := strings.CutPrefix(a.Txn.AppID, "mark:"); isMark {
				e.marks[name] = a.Txn.Version
			} else {
				e.next[name] = a.Txn.Version
			}
		}
		if a.Add != nil {
			e.added = append(e.added, &shard{path: "data/" + a.Add.Path, sum: a.Add.Tags["sha256"]})
		}
		if a.Remove != nil {
			e.removed = append(e.removed, "data/"+a.Remove.Path)
		}
	}
	return e, nil
}

func sumOf(raw []byte) string {
	h := sha256.Sum256(raw)
	return hex.EncodeToString(h[:])
}

// read reads the rows of a file, which has to be the one that the entry means; without an opener it only looks at that.
func (s *shard) read(dir string, open *opener) error {
	raw, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(s.path)))
	if err != nil {
		return err
	}
	if got := sumOf(raw); got != s.sum {
		return fmt.Errorf("%s has the checksum %s, the entry says %s", s.path, got, s.sum)
	}
	if open == nil {
		return nil
	}
	if s.rows, err = open.rows(raw); err != nil {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	for i := range s.rows {
		r := &s.rows[i]
		r.data = strings.HasPrefix(s.path, "data/")
		at := r.Position[strings.LastIndexByte(r.Position, '/')+1:]
		if r.offset, err = strconv.ParseInt(at, 10, 64); err != nil {
			return err
		}
	}
	return nil
}

// committed is the offset of p below which the newest entry has everything.
func (l *ledger) committed(p millrace.Partition) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.entries) == 0 {
		return 0
	}
	e := l.entries[len(l.entries)-1]
	if n, ok := e.next[p.String()]; ok {
		return n
	}
	if m, ok := e.marks[p.String()]; ok {
		return m + 1
	}
	return 0
}

// now gives the files that are live behind the entry of a number.
func (l *ledger) now(number int) map[string]*shard {
	live := map[string]*shard{}
	for _, e := range l.entries[:number+1] {
		for _, name := range e.removed {
			delete(live, name)
		}
		for _, s := range e.added {
			live[s.path] = s
		}
	}
	return live
}

// live wants every live file to be there.
func (l *ledger) live() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.entries) == 0 {
		return nil
	}
	for name := range l.now(len(l.entries) - 1) {
		if _, err := os.Stat(filepath.Join(l.dir, filepath.FromSlash(name))); err != nil {
			return err
		}
	}
	return nil
}
