package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sync/errgroup"

	"millrace"
	"millrace/ingest/broker"
	"millrace/internal/durable"
	"millrace/internal/objects"
	"millrace/internal/sim/crashfs"
	"millrace/internal/sim/s3"
	"millrace/shards"
)

// machines is a line whose belts have a folder each, and share a log and a store and nothing else.
type machines struct {
	dir   string
	fake  *s3.Fake
	text  string // of the configuration, without dir
	plain string // the same, for a whole line with a folder and no store

	stages []millrace.Stage
}

// command runs one command, with the stages.
func (m *machines) command(t *testing.T, args ...string) int {
	a := &App{Args: args, Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: testWriter{t}, Stages: m.stages}
	return a.Run(t.Context())
}

func openMachines(t *testing.T, inputs string) *machines {
	t.Helper()
	m := &machines{dir: t.TempDir(), fake: s3.NewFake()}
	endpoint, stop := m.fake.Serve()
	t.Cleanup(stop)
	b, err := broker.Start(t.Context(), broker.Options{Dir: filepath.Join(m.dir, "kafka")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, name := range []string{"MILLRACE_TEST_CARRY_KEY", "MILLRACE_TEST_CARRY_SECRET"} { // t.Setenv is not for parallel tests
		if err := os.Setenv(name, "any"); err != nil {
			t.Fatal(err)
		}
	}
	m.plain = inputs + "shards: {flush_every: 0}\n"
	m.text = m.plain + fmt.Sprintf("log: kafka://%s\nstore: s3://%s/c1\ns3: {endpoint: %q, access_key_env: MILLRACE_TEST_CARRY_KEY, secret_key_env: MILLRACE_TEST_CARRY_SECRET}\n", b.Addr(), s3.FakeBucket, endpoint)
	return m
}

// file writes the configuration of one machine, and gives its name.
func (m *machines) file(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(m.dir, name+".yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, "dir: %q\n%s", filepath.Join(m.dir, name), text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// run runs a mill with n workers of each kind to the end, each on its machine. exit is that of the mill.
func (m *machines) run(t *testing.T, n, exit int) {
	t.Helper()
	var g errgroup.Group
	part := func(exit int, machine string, args ...string) {
		file := m.file(t, machine, m.text)
		g.Go(func() error {
			if got := m.command(t, append([]string{"run", file}, args...)...); got != exit {
				return fmt.Errorf("%v ended with exit %d", args, got)
			}
			return nil
		})
	}
	part(exit, "mill", "--belt", "mill")
	for i := range n {
		worker := fmt.Sprintf("%d/%d", i, n)
		part(Done, fmt.Sprint("crawl-", i), "--belt", "crawl", "--worker", worker)
		part(Done, fmt.Sprint("clean-", i), "--belt", "clean", "--worker", worker)
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
}

// TestMachinesMakeTheSameRows: machines that share no disk make what one machine makes of the same files, and what
// is too long for a message goes by the store.
func TestMachinesMakeTheSameRows(t *testing.T) {
	t.Parallel()
	in := t.TempDir()
	mixedTexts(t, in)
	long := strings.Repeat("a long text of many words, which no message holds. ", 50_000)
	if err := os.WriteFile(filepath.Join(in, "long.txt"), []byte(long), 0o644); err != nil {
		t.Fatal(err)
	}
	m := openMachines(t, fmt.Sprintf("ingest: [{in: %q}]\n", in))
	if exit := m.command(t, "run", m.file(t, "whole", m.plain)); exit != DeadLetters {
		t.Fatalf("the whole line ended with exit %d", exit)
	}
	m.run(t, 1, DeadLetters)
	want, got := rowsOf(t, filepath.Join(m.dir, "whole")), rowsOf(t, filepath.Join(m.dir, "mill"))
	same := cmp.Options{cmpopts.EquateNaNs(), cmpopts.IgnoreFields(shards.Row{}, "Position", "File")}
	if diff := cmp.Diff(want, got, same); diff != "" || len(want) < 450 {
		t.Errorf("%d rows here, %d there: %s", len(want), len(got), diff)
	}
	blobs := 0
	for _, key := range m.fake.Keys() {
		if strings.HasPrefix(key, "c1/blobs/") {
			blobs++
		}
	}
	if blobs != 1 {
		t.Errorf("%d objects hold bytes, want that of the long text: %v", blobs, m.fake.Keys())
	}
	for _, machine := range []string{"clean-0", "mill"} {
		if _, err := os.Stat(filepath.Join(m.dir, machine, "state", "ingest")); err == nil {
			t.Errorf("%s has read files", machine)
		}
	}
}

// fussy is a stage that fails on some pages until it is mended.
type fussy struct{ mended *atomic.Bool }

func (fussy) Name() string { return "fussy" }

func (f fussy) Process(_ context.Context, d *millrace.Document) (millrace.Verdict, error) {
	if strings.HasSuffix(d.Page.URL, "/p3") && !f.mended.Load() {
		return millrace.Verdict{}, errors.New("not this one")
	}
	return millrace.Verdict{}, nil
}

// TestMachinesCrawl: two crawl workers, two clean workers and a mill, a folder each. The archive comes into the store, from
// where any machine replays dead letters and makes a corpus anew.
func TestMachinesCrawl(t *testing.T) {
	t.Parallel()
	w := &towns{}
	server, err := w.open(4)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	_, crawl, _ := strings.Cut(w.yaml(""), "\n")
	crawl, _, _ = strings.Cut(crawl, "shards:")
	recipe := filepath.Join(t.TempDir(), "recipe.yaml")
	text := "name: all\nsteps:\n  - step: extract\n    rules:\n      - {signal: chars, min: 1, reason: extract.empty, source: a page without text is no document}\n"
	if err := os.WriteFile(recipe, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	m := openMachines(t, crawl+fmt.Sprintf("clean: {recipe: %q}\n", recipe))
	mended := new(atomic.Bool)
	m.stages = []millrace.Stage{fussy{mended}}
	m.run(t, 2, DeadLetters)
	const pages = 4 * townPages
	failed := 0
	urls := map[string]bool{}
	for _, r := range rowsOf(t, filepath.Join(m.dir, "mill")) {
		urls[r.URL] = true
		if r.Verdict.Failed() {
			failed++
		}
	}
	if len(urls) != pages || failed != 4 {
		t.Fatalf("%d pages, %d failed", len(urls), failed)
	}
	m.wantArchive(t, 2)

	elsewhere := filepath.Join(m.dir, "elsewhere")
	if err := os.Mkdir(elsewhere, 0o755); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(m.file(t, "elsewhere", m.text))
	if err == nil {
		err = os.WriteFile(filepath.Join(elsewhere, "pipeline.yaml"), b, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	mended.Store(true)
	if exit := m.command(t, "replay", "--dir", elsewhere); exit != Done {
		t.Errorf("replay ended with exit %d", exit)
	}
	m.run(t, 2, Done)
	if got := rowsOf(t, filepath.Join(m.dir, "mill")); len(got) != pages+failed {
		t.Errorf("%d rows after the replay, want %d", len(got), pages+failed)
	}
	if exit := m.command(t, "run", m.file(t, "anew", m.plain), "--archive", elsewhere); exit != Done {
		t.Errorf("a new corpus of the archive: exit %d", exit)
	}
	if got := rowsOf(t, filepath.Join(m.dir, "anew")); len(got) != pages {
		t.Errorf("%d rows of the archive, want %d", len(got), pages)
	}
}

// wantArchive wants the archive files of n workers in the store, byte for byte, each with its index.
func (m *machines) wantArchive(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		dir := filepath.Join(m.dir, fmt.Sprint("crawl-", i))
		files, err := filepath.Glob(filepath.Join(dir, "warc", "*"))
		if err != nil || len(files) < 3 { // and the folder site
			t.Errorf("worker %d has %v, %v", i, files, err)
		}
		for _, file := range files {
			if filepath.Base(file) == "site" {
				continue
			}
			b, err := os.ReadFile(file)
			there, ok := m.fake.Object("c1/warc/" + filepath.Base(file))
			if err != nil || !ok || !bytes.Equal(b, there) {
				t.Errorf("%s: %d bytes here, %d there, %v", file, len(b), len(there), err)
			}
		}
	}
}

// TestCrashAtArchive crashes while an archive is uploaded, and while another machine fetches it: whatever happened, the
// next life brings all of it, and nothing else.
func TestCrashAtArchive(t *testing.T) {
	t.Parallel()
	whole := map[string]string{"warc/pages-0-00000000-01234567.warc.gz": "pages", "warc/pages-0-00000000-01234567.cdxj": "index",
		"warc/site/site-0-00000000-01234567.warc.gz": "site", "warc/site/site-0-00000000-01234567.cdxj": "index of site"}
	others := map[string]string{"warc/pages-0-00000001-01234567.warc.gz": "unfinished",
		"warc/pages-1-00000000-01234567.warc.gz": "another worker's", "warc/pages-1-00000000-01234567.cdxj": "another worker's"}
	x := &crashfs.Trial{Seed: 10, Each: 2, Pairs: 10}
	x.Life = func(ctx context.Context, p crashfs.Place) error {
		from := filepath.Join(p.Dir, "crawl") // what the crawl has made durable, which is no part of this
		for _, files := range []map[string]string{whole, others} {
			if err := writeAll(from, files); err != nil {
				return err
			}
		}
		fake := s3.NewFake()
		endpoint, stop := fake.Serve()
		defer stop()
		store, err := objects.NewS3(objects.Options{Place: "s3://" + s3.FakeBucket, Endpoint: endpoint, AccessKey: "a", SecretKey: "b"})
		if err != nil {
			return err
		}
		u := &uploader{store: store, disk: p.Disk, dir: from, log: slog.New(slog.DiscardHandler)}
		before := &uploader{store: store, dir: from, there: map[string]int64{}}
		for _, s := range p.Seen { // what was put before the crash is there
			if s.Op == durable.OpPut {
				if _, err := before.put(ctx, filepath.Join(from, archivePath(s.Path))); err != nil {
					return err
				}
			}
		}
		if _, err := u.pass(ctx); err != nil {
			return err
		}
		if keys := fake.Keys(); len(keys) != len(whole) {
			return fmt.Errorf("the store has %v", keys)
		}
		_, err = fetchArchive(ctx, p.Disk, filepath.Join(p.Dir, "elsewhere"), store)
		return err
	}
	x.Judge = func(dir string) error {
		for name, data := range whole {
			if b, err := os.ReadFile(filepath.Join(dir, "elsewhere", name)); err != nil || string(b) != data {
				return fmt.Errorf("%s holds %q: %w", name, b, err)
			}
		}
		return nil
	}
	r, err := x.Run(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if r.Points["cli.upload"] != 4 || r.Points["cli.archive.rename"] != 4 {
		t.Errorf("%v", r.Points)
	}
}

// archivePath is the part of a path that begins with the archive's folder.
func archivePath(p string) string {
	return p[strings.LastIndex(filepath.ToSlash(p), "/warc/")+1:]
}

func writeAll(dir string, files map[string]string) error {
	for name, data := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(data), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// TestBucketInputs reads objects through the command, by signed URLs; one that has changed is refused.
func TestBucketInputs(t *testing.T) {
	t.Parallel()
	m := openMachines(t, "ingest: [{in: 's3://"+s3.FakeBucket+"/in/*.jsonl'}]\n")
	endpoint := m.text[strings.Index(m.text, "s3: {"):]
	store, err := objects.NewS3(objects.Options{Place: "s3://" + s3.FakeBucket, Endpoint: strings.Split(endpoint, `"`)[1], AccessKey: "a", SecretKey: "b"})
	if err != nil {
		t.Fatal(err)
	}
	put := func(text string) {
		if err := objects.PutBytes(t.Context(), store, "in/a.jsonl", []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	put("{\"id\": 1, \"text\": \"one\"}\n{\"id\": 2, \"text\": \"two\"}\n")
	file := m.file(t, "bucket", m.plain+endpoint)
	if exit := m.command(t, "run", file); exit != Done {
		t.Fatalf("exit %d", exit)
	}
	if got := rowsOf(t, filepath.Join(m.dir, "bucket")); len(got) != 2 || got[1].ID != "2" || got[1].URL != "s3://"+s3.FakeBucket+"/in/a.jsonl#1" {
		t.Errorf("%d rows", len(got))
	}
	put("{\"id\": 1, \"text\": \"another\"}\n")
	if exit := m.command(t, "run", file); exit != Integrity {
		t.Errorf("a changed object: exit %d", exit)
	}
}
