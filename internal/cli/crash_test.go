package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"millrace"
	"millrace/internal/durable"
	"millrace/internal/sim/crashfs"
	"millrace/shards"
)

// lineOf runs a command in this process, as somebody types it.
func lineOf(ctx context.Context, disk *durable.Disk, args ...string) (exit int, out string) {
	var b bytes.Buffer
	a := &App{Args: append(args, "--quiet"), Stdin: strings.NewReader(""), Stdout: &b, Stderr: &b, Disk: disk}
	exit = a.Run(ctx)
	return exit, b.String()
}

// someTexts writes n documents into JSONL files below dir: most are kept, some are too short, some are repeated.
func someTexts(t *testing.T, dir string, n int) {
	t.Helper()
	words := strings.Fields("the of and to in that it was for on as with his they at be this have from or had by but not what all were we when your can said there use an each which she do how their if will up other about out many then them these so some her would make like him into time has look two more write go see number no way could people my than first water been call who oil its now find long down day did get come made may part")
	var files [2]bytes.Buffer
	for i := range n {
		var text strings.Builder
		seed := i
		if i%7 == 6 {
			seed = i - 3 // the same text once more
		}
		for s := range 9 {
			for w := range 11 {
				text.WriteString(words[(seed*31+s*17+w*w*(seed+3)+w*7)%len(words)] + " ")
			}
			text.WriteString("here.\n")
		}
		if i%9 == 4 {
			text.Reset()
			text.WriteString("too short")
		}
		line, err := json.Marshal(map[string]string{"id": fmt.Sprint(i), "text": text.String()})
		if err != nil {
			t.Fatal(err)
		}
		files[i*2/n].Write(append(line, '\n'))
	}
	for i := range files {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("texts-%d.jsonl", i)), files[i].Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// lineConfig writes a configuration that reads texts and makes several commits of them.
func lineConfig(t *testing.T, n int) (file string) {
	t.Helper()
	dir := t.TempDir()
	someTexts(t, dir, n)
	file = filepath.Join(dir, "pipeline.yaml")
	text := fmt.Sprintf("ingest:\n  - in: '%s'\nshards: {target_bytes: 12kB}\n", filepath.Join(dir, "*.jsonl"))
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// tableOf tells which input stands in which row of the table in dir, and its shard files by what they hold.
func tableOf(ctx context.Context, dir string) (rows, files []string, err error) {
	t, err := shards.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	err = t.Rows(ctx, shards.Select{To: t.Checkpoint().Next[millrace.Partition{Topic: pagesTopic}], Kept: true, Rejects: true}, func(r *shards.Row) error {
		rows = append(rows, fmt.Sprintf("%s %s %d %s %s", r.UserID(), r.MID, r.Offset, r.Verdict.Reason, r.Verdict.Of))
		return nil
	})
	kept, rejects := t.Files()
	for folder, list := range map[string][]shards.File{"data": kept, "rejects": rejects} {
		for _, f := range list {
			b, err := os.ReadFile(filepath.Join(dir, folder, f.Name))
			if err != nil {
				return nil, nil, err
			}
			sum := sha256.Sum256(b)
			files = append(files, folder+" "+hex.EncodeToString(sum[:]))
		}
	}
	slices.Sort(files)
	return rows, files, err
}

// TestCrashAtEachPoint runs the whole line (files, topic, mill, commits) and crashes it at each of its points, and
// again in the run after that. Whatever happened, the next run of the same command ends what was begun: each input in
// one row, the shard files byte for byte those of an undisturbed run, no entry lost that was told of, and check
// finds nothing.
func TestCrashAtEachPoint(t *testing.T) {
	t.Parallel()
	const docs = 24
	config := lineConfig(t, docs)
	var wantRows, wantFiles []string
	x := &crashfs.Trial{Seed: 4, Each: 1, Own: []string{"cli", "ingest"}, Others: 10, Pairs: 3}
	x.Life = func(ctx context.Context, p crashfs.Place) error {
		if last := p.Promised("shards.committed"); last >= 0 {
			if table, err := shards.Open(p.Dir); err != nil || table.Version() < last {
				return fmt.Errorf("entry %d was told of, the newest is not it: %w", last, err)
			}
		}
		if exit, out := lineOf(ctx, p.Disk, "run", config, "--dir", p.Dir); exit != Done {
			return fmt.Errorf("run: exit %d: %s", exit, out)
		}
		return nil
	}
	x.Judge = func(dir string) error {
		if exit, out := lineOf(t.Context(), nil, "check", "--dir", dir); exit != Done {
			return fmt.Errorf("check: exit %d: %s", exit, out)
		}
		rows, files, err := tableOf(t.Context(), dir)
		if wantRows == nil {
			wantRows, wantFiles = rows, files
			if len(rows) != docs || len(files) < 4 {
				return fmt.Errorf("%d rows in %d files", len(rows), len(files))
			}
		}
		if err != nil || !slices.Equal(rows, wantRows) || !slices.Equal(files, wantFiles) {
			return fmt.Errorf("%w: rows\n%s\nwant\n%s\nfiles %v, want %v", err, strings.Join(rows, "\n"), strings.Join(wantRows, "\n"), files, wantFiles)
		}
		return nil
	}
	r, err := x.Run(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Log(r)
	const spool = "standard input: ingest/crash_test.go"
	const remote = "a file by URL, of which this line has none: ingest/crash_test.go"
	for folder, but := range map[string]map[string]string{
		".": {"cli.live": "a second of a crawl, and nothing that has to last", "cli.workers": "TestCrashAtWorkersFile", "cli.rebuild": "TestCrashAtRebuild",
			"cli.resize.workers": "TestCrashAtResize", "cli.archive": "TestCrashAtArchive", "cli.upload": "TestCrashAtArchive"},
		filepath.Join("..", "..", "ingest"): {"ingest.spool": spool, "ingest.spool.write": spool, "ingest.spool.sync": spool, "ingest.spool.link": spool,
			"ingest.spool.folder": spool, "ingest.spool.tidy": spool,
			"ingest.remote.again": remote, "ingest.remote.folder": remote, "ingest.remote.known": remote, "ingest.remote.rename": remote,
			"ingest.remote.part": remote, "ingest.remote.spool": remote, "ingest.remote.sync": remote, "ingest.remote.tidy": remote,
			"ingest.remote.truncate": remote, "ingest.remote.write": remote, "ingest.blob": "a line in parts: TestCrashAtBlob"},
	} {
		if err := r.Passed(folder, but); err != nil {
			t.Error(err)
		}
	}
}

// TestCrashAtRebuild crashes a rebuild, from the removal of the log on: the next one makes the table that an
// undisturbed rebuild makes.
func TestCrashAtRebuild(t *testing.T) {
	t.Parallel()
	config := lineConfig(t, 12)
	dir := t.TempDir()
	if exit, out := lineOf(t.Context(), nil, "run", config, "--dir", filepath.Join(dir, "calm")); exit != Done {
		t.Fatalf("run: exit %d: %s", exit, out)
	}
	text, err := os.ReadFile(config)
	if err == nil {
		err = os.WriteFile(config, append(text, "dedup: {threshold: 0.7}\n"...), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	x := &crashfs.Trial{Seed: 5, Each: 1, Own: []string{"cli.rebuild", "shards.recipe"}, Others: 4, Pairs: 2}
	x.Life = func(ctx context.Context, p crashfs.Place) error {
		if exit, out := lineOf(ctx, p.Disk, "run", config, "--dir", p.Dir, "--rebuild"); exit != Done {
			return fmt.Errorf("rebuild: exit %d: %s", exit, out)
		}
		return nil
	}
	x.Judge = func(dir string) error {
		if exit, out := lineOf(t.Context(), nil, "check", "--dir", dir); exit != Done {
			return fmt.Errorf("check: exit %d: %s", exit, out)
		}
		rows, _, err := tableOf(t.Context(), dir)
		if want == nil {
			want = rows
		}
		if err != nil || len(rows) != 12 || !slices.Equal(rows, want) {
			return fmt.Errorf("%w: rows\n%s\nwant\n%s", err, strings.Join(rows, "\n"), strings.Join(want, "\n"))
		}
		return nil
	}
	r, err := x.Run(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(r)
	if r.Points["cli.rebuild"] == 0 || r.Points["shards.recipe.link"] == 0 {
		t.Errorf("a rebuild did not pass its points: %v", r.Points)
	}
}

// TestCrashAtWorkersFile crashes the first of several crawl workers while it settles their number.
func TestCrashAtWorkersFile(t *testing.T) {
	x := &crashfs.Trial{Seed: 6, Pairs: 40}
	x.Life = func(_ context.Context, p crashfs.Place) error {
		c := &corpus{dir: p.Dir, disk: p.Disk}
		if err := c.disk.Mkdir("cli.state", filepath.Join(p.Dir, "state")); err != nil {
			return err
		}
		return c.settleWorkers(3)
	}
	x.Judge = func(dir string) error {
		if n, err := crawlWorkers(dir); err != nil || n != 3 {
			return fmt.Errorf("%d workers: %w", n, err)
		}
		return nil
	}
	if r, err := x.Run(t.Context(), t.TempDir()); err != nil || r.Points["cli.workers.link"] == 0 {
		t.Fatal(r, err)
	}
}
