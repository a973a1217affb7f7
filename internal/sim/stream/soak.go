package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"millrace/internal/sim"
	"millrace/shards"
)

// SoakOptions say how long a line is to run, and with what.
type SoakOptions struct {
	Seed uint64
	For  time.Duration
	File int // documents a file of the input
}

// The bars of a soak, and what the duplicate index may take: it grows with the documents by design.
const (
	soakDrift   = 0.05
	soakFiles   = 24        // of the input, ahead of what is committed: a commit may take half a minute to come
	soakLog     = 512 << 20 // bytes that the log may have: two segments of 64 MiB in each of three partitions, and some
	indexKept   = 410       // bytes of the index a kept row; dedup's own test holds it
	indexCopy   = 30        // bytes a duplicate: 20, and its place in a table that is half empty at times
	soakMemory  = "1GB"
	soakOrphans = 15 * time.Second // between two looks for orphans
)

// moment is what was seen in one second.
type moment struct {
	At    float64            `json:"at"`
	Parts map[string]sight   `json:"parts"`
	World map[string]float64 `json:"world"` // bytes and files in the corpus's folders
}

// sight is what was seen of one process.
type sight struct {
	RSS, Heap, Files, Routines float64 // Heap is what lived at the last collection
}

// Soak runs a line at full speed, with input that does not end, and wants it to be the same at the end as it was.
func (o *SoakOptions) Soak(ctx context.Context, w *World, b *sim.Bar) error {
	r, err := w.newRig(ctx, rigOptions{name: "soak", seed: o.Seed, docs: o.File, memory: soakMemory, shards: "target_bytes: 4MB, flush_every: 1m"})
	if err != nil {
		return err
	}
	defer r.end()
	r.pour.w.stale = true
	committed := newCommitted(r.corpus)
	r.pour.room = func(made int) bool { return made-int(committed.files.Load()) < soakFiles }
	r.pour.old = func() int { return int(committed.files.Load()) }
	if err := r.up(ctx); err != nil {
		return err
	}
	all, err := r.soak(ctx, o.For, committed)
	if err != nil {
		return err
	}
	wrote := r.pour.bytes.Load()
	if err := r.down(ctx); err != nil {
		return err
	}
	r.watch.stop()
	return r.soaked(ctx, b, all, committed, wrote)
}

// soak looks each second.
func (r *rig) soak(ctx context.Context, during time.Duration, c *committed) (all []moment, err error) {
	series, err := os.Create(filepath.Join(r.w.Dir, "moments.jsonl")) // for a look where the bars do not hold
	if err != nil {
		return nil, err
	}
	defer series.Close()
	began := time.Now()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for last := began; time.Since(began) < during; {
		m := moment{At: time.Since(began).Seconds(), Parts: map[string]sight{}}
		for _, pt := range r.parts {
			k, err := ofKernel(pt.pid())
			if got := pt.probe.read(ctx); err == nil && got.up {
				m.Parts[pt.name] = sight{float64(k.rss), got.goal / 2, float64(k.files), got.routines}
			}
		}
		if e, ok := r.log.(*embedded); ok {
			if k, err := ofKernel(e.p.pid()); err == nil {
				m.Parts["log"] = sight{RSS: float64(k.rss), Files: float64(k.files)}
			}
		}
		if err := c.look(ctx); err != nil {
			return all, err
		}
		if m.World, err = c.folders(); err != nil {
			return all, err
		}
		if all = append(all, m); json.NewEncoder(series).Encode(m) != nil {
			return all, errors.New("the series cannot be written")
		}
		if time.Since(last) > time.Minute {
			last = time.Now()
			fmt.Fprintf(os.Stderr, "soak: %3.0f s, %d documents, %d kept, log %.0f MB, mill %.0f MB\n", m.At, c.in, c.kept, m.World["log_bytes"]/1e6, m.Parts["mill"].RSS/1e6)
		}
		if err := r.broken(); err != nil {
			return all, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return all, ctx.Err()
		}
	}
	return all, nil
}

// soaked holds what was seen against the bars.
func (r *rig) soaked(ctx context.Context, b *sim.Bar, all []moment, c *committed, wrote int64) error {
	if err := c.look(ctx); err != nil {
		return err
	}
	report, err := shards.Check(ctx, r.corpus)
	if err != nil {
		return err
	}
	world, err := c.folders()
	if err != nil {
		return err
	}
	b.Figures["documents"], b.Figures["kept"], b.Figures["copies"], b.Figures["samples"] = c.in, c.kept, c.copies, len(all)
	b.Figures["documents_per_s"] = math.Round(float64(all[len(all)-1].World["in"]-all[0].World["in"]) / (all[len(all)-1].At - all[0].At))
	b.Figures["commits"] = c.t.Version() + 1
	b.Figures["input_written_mb"], b.Figures["at_the_end"], b.Figures["orphans"] = wrote>>20, world, len(report.Orphans)
	drifts, faults := driftOf(all)
	b.Figures["drift"] = drifts
	highest := 0.0
	for _, m := range all {
		highest = max(highest, m.World["log_bytes"])
	}
	b.Figures["log_highest_mb"] = math.Round(highest / 1e6)
	switch {
	case !report.OK:
		faults = append(faults, "millrace check finds a problem")
	case len(report.Orphans) > 0:
		faults = append(faults, fmt.Sprintf("%d orphans, the first: %s", len(report.Orphans), report.Orphans[0]))
	case world["temporary"] > 0:
		faults = append(faults, fmt.Sprintf("%.0f temporary files are left", world["temporary"]))
	case highest > soakLog:
		faults = append(faults, fmt.Sprintf("the log had %.0f MB", highest/1e6))
	case c.in != int64(r.pour.made):
		faults = append(faults, fmt.Sprintf("%d documents went in, %d have a row", r.pour.made, c.in))
	}
	if len(faults) > 0 {
		return errors.New(strings.Join(faults, "; "))
	}
	return nil
}

// drift is a median of the second third of a run, one of the last third, and their relation.
type drift struct {
	Second, Last float64
	Share        float64 // of which the last is more
}

// driftOf compares the last two thirds. The mill's memory is that without what its index has grown by.
func driftOf(all []moment) (out map[string]drift, faults []string) {
	out = map[string]drift{}
	for _, name := range []string{"crawl 0", "clean 0", "clean 1", "mill", "log"} {
		for what, of := range map[string]func(sight) float64{
			"rss":      func(s sight) float64 { return s.RSS },
			"heap":     func(s sight) float64 { return s.Heap },
			"files":    func(s sight) float64 { return s.Files },
			"routines": func(s sight) float64 { return s.Routines },
		} {
			var values []float64
			for _, m := range all {
				v := of(m.Parts[name])
				if name == "mill" && (what == "rss" || what == "heap") && v > 0 {
					v -= m.World["index_bytes"]
				}
				values = append(values, v)
			}
			if slices.Max(values) == 0 {
				continue // the log has no page with metrics
			}
			third := len(values) / 3 // the first one is the warm-up
			d := drift{Second: median(values[third : 2*third]), Last: median(values[2*third:])}
			d.Share = math.Round(1e4*(d.Last/d.Second-1)) / 1e4
			out[name+" "+what] = d
			if math.Abs(d.Share) > soakDrift && math.Abs(d.Last-d.Second) > least(what) {
				faults = append(faults, fmt.Sprintf("%s: %s was %.0f and is %.0f", name, what, d.Second, d.Last))
			}
		}
	}
	slices.Sort(faults)
	return out, faults
}

// least is what a median may be off in any case: a file, a goroutine, and of the heap what is in work at a collection.
// The resident memory has no such margin.
func least(what string) float64 {
	switch what {
	case "rss":
		return 0
	case "heap":
		return 2 << 20
	}
	return 1
}

// median is the middle of values that were measured; 0 stands for none.
func median(values []float64) float64 {
	s := slices.DeleteFunc(slices.Clone(values), func(v float64) bool { return v == 0 })
	if len(s) == 0 {
		return 0
	}
	slices.Sort(s)
	return s[len(s)/2]
}

// committed follows the commits of a corpus.
type committed struct {
	dir   string
	t     *shards.Table
	files atomic.Int64 // of the input, all of whose documents have rows

	in, kept, copies int64
	orphans          float64
	looked           time.Time
}

func newCommitted(dir string) *committed { return &committed{dir: dir} }

// look reads the newest commit.
func (c *committed) look(ctx context.Context) (err error) {
	if c.t == nil {
		if c.t, err = shards.Open(c.dir); err != nil {
			return err
		}
	}
	if err := c.t.Refresh(ctx); err != nil {
		return err
	}
	tally := c.t.Tally()
	c.in, c.kept, c.copies = tally.In, tally.Kept, 0
	for _, s := range tally.Stages {
		if s.Name == "dedup" {
			c.copies = s.Dropped
		}
	}
	// Each partition of pages has a mark of its own for the files.
	least, sources := int64(math.MaxInt64), 0
	for p, mark := range c.t.Checkpoint().Marks {
		if p.Topic == "files" {
			least, sources = min(least, mark), sources+1
		}
	}
	if sources == 2 {
		c.files.Store(least >> recordBits)
	}
	if time.Since(c.looked) > soakOrphans {
		c.looked = time.Now()
		c.orphans = float64(c.strays())
	}
	return nil
}

// strays counts the files in data and rejects that no commit names. The newest may become part of the next one.
func (c *committed) strays() int {
	named := map[string]bool{}
	for _, e := range c.t.Entries() {
		for _, f := range slices.Concat(e.Files, e.Rejects) {
			named[f.Name] = true
		}
	}
	n := 0
	for _, sub := range []string{"data", "rejects"} {
		list, _ := os.ReadDir(filepath.Join(c.dir, sub)) // not there before the first commit
		for _, f := range list {
			if strings.HasSuffix(f.Name(), ".parquet") && !named[f.Name()] {
				n++
			}
		}
	}
	return n
}

// folders adds up what lies in the corpus.
func (c *committed) folders() (map[string]float64, error) {
	out := map[string]float64{"in": float64(c.in), "index_bytes": float64(indexKept*c.kept + indexCopy*c.copies), "orphans": c.orphans}
	for _, sub := range []string{"data", "rejects", "log", "state"} {
		err := filepath.WalkDir(filepath.Join(c.dir, sub), func(_ string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // it went meanwhile
			}
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return nil // it went meanwhile
			}
			out[sub+"_bytes"] += float64(info.Size())
			out[sub+"_files"]++
			if name := d.Name(); strings.HasPrefix(name, ".") || strings.Contains(name, ".tmp") {
				out["temporary"]++
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("look at %s: %w", sub, err)
		}
	}
	return out, nil
}
