package cli

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"millrace/internal/sim/crashfs"
	"millrace/internal/sim/fields"
)

// TestOneBitOfEachField flips a bit in each field of each kind of file of a small corpus: one that is finished, and one
// whose last rows stand in the log and are not committed. Either somebody says so and names the place (check, or the
// next run, which then ends with an error), or nothing was lost: the next run ends with the same rows in the same files.
// What the log has lost is made again from the inputs, by a refill or a rebuild, and so is what the table has.
func TestOneBitOfEachField(t *testing.T) {
	t.Parallel()
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
	x := &damages{t: t, config: config, wantRows: wantRows, wantFiles: wantFiles, kinds: map[string]int{}, met: map[string]bool{}}
	g, _ := errgroup.WithContext(t.Context())
	g.SetLimit(2)
	for _, dir := range []string{whole, half} {
		for _, name := range filesBelow(t, dir) {
			x.flip(g, dir, name)
		}
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bits flipped in %v: %d were found by check, %d by the run, %d did no harm; %d mended by a refill, %d by a rebuild",
		x.flipped.Load(), x.kinds, x.byCheck.Load(), x.byRun.Load(), x.harmless.Load(), x.refilled.Load(), x.rebuilt.Load())
	if !crashfs.Nightly() {
		t.Log("one bit of a field, and one field of a name in a kind of file; every bit of all: MILLRACE_NIGHTLY=1, for it takes hours")
	}
	for _, kind := range []string{"data Parquet", "rejects Parquet", "commit entry", "segment", "acked", "topics.json", "files.jsonl", "attempts", "format", "pipeline.yaml"} {
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
	met                 map[string]bool // fields that had their bit

	kinds                                                map[string]int
	flipped, byCheck, byRun, harmless, rebuilt, refilled atomic.Int64
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

// flip has a bit flipped in each field of a file that had none yet; nightly each bit of each.
func (x *damages) flip(g *errgroup.Group, dir, name string) {
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		x.t.Fatal(err)
	}
	list, err := fields.Of(name, raw)
	if err != nil {
		x.t.Fatal(err)
	}
	newest := fields.Kind(name) == "commit entry" && isNewest(dir, name)
	tried := filepath.Base(filepath.Dir(dir)) != "half"
	for _, f := range list {
		at, bits := (f.From+f.To)/2, 1
		// The newest entry has none behind it that would know its checksum.
		id := fmt.Sprint(dir, fields.Kind(name), f.Name, newest)
		if crashfs.Nightly() {
			at, bits = f.From, 8*(f.To-f.From)
		} else if newest && strings.HasPrefix(f.Name, "key ") { // shards flips each bit of it
			continue
		} else if x.met[id] || tried != x.whole(name) {
			continue
		}
		x.met[id] = true
		x.kinds[fields.Kind(name)]++
		for bit := range bits {
			g.Go(func() error { return x.spoil(dir, name, f.Name, raw, at+bit/8, 1<<((bit+at)%8)) })
		}
	}
}

// whole says in which corpus a file is tried, but for nightly: its log and its state count in the one that is half done.
func (x *damages) whole(name string) bool {
	return !strings.HasPrefix(name, "log/") && !strings.HasPrefix(name, "state/") || fields.Kind(name) == "attempts"
}

func isNewest(dir, name string) bool {
	list, _ := filepath.Glob(filepath.Join(dir, "data", "_delta_log", "*.json"))
	return len(list) > 0 && filepath.Base(list[len(list)-1]) == filepath.Base(name)
}

// spoil flips one bit of a file in a copy of its corpus.
func (x *damages) spoil(dir, name, field string, raw []byte, at int, bit byte) error {
	to := x.t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		return err
	}
	b := slices.Clone(raw)
	b[at] ^= bit
	if err := os.WriteFile(filepath.Join(to, name), b, 0o644); err != nil {
		return err
	}
	x.flipped.Add(1)
	if err := x.look(to, name); err != nil {
		x.t.Errorf("%s/%s, %s, bit %#x of byte %d (%.40q): %v", filepath.Base(dir), name, field, bit, at, raw[max(0, at-20):], err)
	}
	return os.RemoveAll(to)
}

// look runs check, then the line, and says whether the damage was seen or did no harm.
func (x *damages) look(dir, name string) error {
	ctx := x.t.Context()
	if exit, out := lineOf(ctx, nil, "check", "--dir", dir); exit != Done {
		x.byCheck.Add(1)
		if !strings.Contains(out, filepath.Base(name)) {
			return fmt.Errorf("check ends with %d and does not name the file: %s", exit, out)
		}
		return nil
	}
	exit, out := lineOf(ctx, nil, "run", x.config, "--dir", dir)
	if exit != Done {
		x.byRun.Add(1)
		if !strings.Contains(out, "Error:") || !strings.Contains(out, "Try:") {
			return fmt.Errorf("the run ends with %d and does not say what to do: %s", exit, out)
		}
		return x.again(dir, name, out)
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

// again makes anew what a damaged log held: by a refill, where the run says so, which leaves what is committed as it is;
// else by a rebuild.
func (x *damages) again(dir, name, said string) error {
	if !strings.HasPrefix(name, "log/") {
		return nil
	}
	ctx := x.t.Context()
	how, count := "--rebuild", &x.rebuilt
	if strings.Contains(said, "--refill") {
		how, count = "--refill", &x.refilled
	}
	for _, args := range [][]string{{"run", x.config, "--dir", dir, how}, {"run", x.config, "--dir", dir}, {"check", "--dir", dir}} {
		if exit, out := lineOf(ctx, nil, args...); exit != Done {
			return fmt.Errorf("%v: exit %d: %s", args, exit, out)
		}
	}
	rows, _, err := tableOf(ctx, dir)
	if err != nil || !slices.Equal(withoutOffsets(rows), withoutOffsets(x.wantRows)) {
		return fmt.Errorf("%s: the rows are others: %w", how, err)
	}
	count.Add(1)
	return nil
}

// withoutOffsets is what the rows say of their inputs. What was written again stands further behind in the log.
func withoutOffsets(rows []string) (list []string) {
	for _, r := range rows {
		f := strings.Fields(r)
		list = append(list, strings.Join(append(f[:2:2], f[3:]...), " "))
	}
	return list
}
