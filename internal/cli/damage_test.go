package cli

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"millrace/internal/sim/crashfs"
)

// flips says how many bits of a file are flipped, one after the other, and for which files. Nightly it is one in each
// byte of the small ones.
const (
	fewFlips  = 3
	manyFlips = 400
)

// TestOneFlippedBit flips a bit in each kind of file of a small corpus: one that is finished, and one whose last rows
// stand in the log and are not committed. Either somebody says so (check, or the next run, which then ends with an
// error), or nothing was lost: the next run ends with the same rows in the same files. And what was damaged can be
// made again, by a rebuild.
func TestOneFlippedBit(t *testing.T) {
	const docs = 12
	config := lineConfig(t, docs)
	base := t.TempDir()
	rec, err := crashfs.Record(base)
	if err != nil {
		t.Fatal(err)
	}
	whole := filepath.Join(base, "corpus")
	if exit, out := lineOf(t.Context(), rec.Disk(), "run", config, "--dir", whole); exit != Done {
		t.Fatalf("run: exit %d: %s", exit, out)
	}
	wantRows, wantFiles, err := tableOf(t.Context(), whole)
	if err != nil || len(wantRows) != docs {
		t.Fatal(len(wantRows), err)
	}
	half := filepath.Join(base, "half")
	steps := rec.Steps()
	last := len(steps) - 1
	for steps[last].Point != "shards.commit.link" {
		last--
	}
	if err := rec.At(last).Write(half); err != nil {
		t.Fatal(err)
	}
	half = filepath.Join(half, "corpus")
	x := &damages{t: t, config: config, wantRows: wantRows, wantFiles: wantFiles, kinds: map[string]int{}}
	g, _ := errgroup.WithContext(t.Context())
	g.SetLimit(2)
	for _, dir := range []string{whole, half} {
		for _, name := range filesBelow(t, dir) {
			g.Go(func() error { return x.spoil(dir, name) })
		}
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bits flipped in %v: %d were found by check, %d by the run (and %d mended by a rebuild), %d did no harm", x.flipped.Load(), x.kinds, x.byCheck.Load(), x.byRun.Load(), x.rebuilt.Load(), x.harmless.Load())
	if !crashfs.Nightly() {
		t.Log("each byte of each small file: MILLRACE_NIGHTLY=1, for it takes minutes")
	}
	for _, kind := range []string{"parquet", "json", "log", "acked", "jsonl", "format", "addr", "yaml"} {
		if x.kinds[kind] == 0 {
			t.Errorf("no bit was flipped in a file of the kind %s: %v", kind, x.kinds)
		}
	}
}

// damages flips bits and sees what comes of it.
type damages struct {
	t                   *testing.T
	config              string
	wantRows, wantFiles []string

	mu                                         sync.Mutex
	kinds                                      map[string]int
	flipped, byCheck, byRun, harmless, rebuilt atomic.Int64
}

func filesBelow(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(dir, path)
			names = append(names, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// spoil flips bits in one file.
func (x *damages) spoil(dir, name string) error {
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil || len(raw) == 0 {
		return err
	}
	x.mu.Lock()
	x.kinds[kindOf(name)]++
	x.mu.Unlock()
	rng := rand.New(rand.NewPCG(uint64(len(raw)), 3))
	n := fewFlips
	if crashfs.Nightly() {
		n = manyFlips
	}
	at := rng.Perm(len(raw))
	for _, i := range at[:min(n, len(at))] {
		bit := byte(1) << rng.IntN(8)
		to := x.t.TempDir()
		if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
			return err
		}
		b := slices.Clone(raw)
		b[i] ^= bit
		if err := os.WriteFile(filepath.Join(to, name), b, 0o644); err != nil {
			return err
		}
		x.flipped.Add(1)
		if err := x.look(to, name); err != nil {
			x.t.Errorf("%s/%s, bit %#x of byte %d (%.40q): %v", filepath.Base(dir), name, bit, i, raw[max(0, i-20):min(len(raw), i+20)], err)
		}
		if err := os.RemoveAll(to); err != nil {
			return err
		}
	}
	return nil
}

func kindOf(name string) string { return name[strings.LastIndexAny(name, "./")+1:] }

// look runs check, then the line, and says whether the damage was seen or did no harm.
func (x *damages) look(dir, name string) error {
	ctx := x.t.Context()
	if exit, _ := lineOf(ctx, nil, "check", "--dir", dir); exit != Done {
		x.byCheck.Add(1)
		return nil
	}
	exit, out := lineOf(ctx, nil, "run", x.config, "--dir", dir)
	if exit != Done {
		x.byRun.Add(1)
		if !strings.Contains(out, "Error:") {
			return fmt.Errorf("the run ends with %d and says nothing: %s", exit, out)
		}
		return x.again(dir, name)
	}
	x.harmless.Add(1)
	if exit, out := lineOf(ctx, nil, "check", "--dir", dir); exit != Done {
		return fmt.Errorf("check after a run that saw nothing: exit %d: %s", exit, out)
	}
	rows, files, err := tableOf(ctx, dir)
	if err != nil || !slices.Equal(rows, x.wantRows) || !slices.Equal(files, x.wantFiles) {
		return fmt.Errorf("nobody saw it, and %d rows in %d files are not those %d in %d: %w", len(rows), len(files), len(x.wantRows), len(x.wantFiles), err)
	}
	return nil
}

// again makes the table of a corpus anew whose log is damaged: what stood in it is made again from the inputs.
func (x *damages) again(dir, name string) error {
	if !strings.HasPrefix(name, "log/") {
		return nil
	}
	ctx := x.t.Context()
	if exit, out := lineOf(ctx, nil, "run", x.config, "--dir", dir, "--rebuild"); exit != Done {
		return fmt.Errorf("rebuild: exit %d: %s", exit, out)
	}
	rows, _, err := tableOf(ctx, dir)
	if err != nil || !slices.Equal(rows, x.wantRows) {
		return fmt.Errorf("rebuilt, and the rows are others: %w", err)
	}
	x.rebuilt.Add(1)
	return nil
}
