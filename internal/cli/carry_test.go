package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sync/errgroup"

	"millrace/ingest/broker"
	"millrace/internal/sim/s3"
	"millrace/shards"
)

// machines is a line whose belts have a folder each, and share a log and a store and nothing else.
type machines struct {
	dir   string
	fake  *s3.Fake
	text  string // of the configuration, without dir
	plain string // the same, for a whole line with a folder and no store
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
	t.Setenv("AWS_ACCESS_KEY_ID", "me")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	m.plain = inputs + "shards: {flush_every: 0}\n"
	m.text = m.plain + fmt.Sprintf("log: kafka://%s\nstore: s3://%s/c1\ns3: {endpoint: %q}\n", b.Addr(), s3.FakeBucket, endpoint)
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
			if got := command(t.Context(), t, append([]string{"run", file}, args...)...); got != exit {
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
	in := t.TempDir()
	mixedTexts(t, in)
	long := strings.Repeat("a long text of many words, which no message holds. ", 50_000)
	if err := os.WriteFile(filepath.Join(in, "long.txt"), []byte(long), 0o644); err != nil {
		t.Fatal(err)
	}
	m := openMachines(t, fmt.Sprintf("ingest: [{in: %q}]\n", in))
	if exit := command(t.Context(), t, "run", m.file(t, "whole", m.plain)); exit != DeadLetters {
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
