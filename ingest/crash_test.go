package ingest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millrace/internal/sim/crashfs"
)

// TestCrashAtSpool crashes while standard input is stored and listed. A file that is listed is whole, and once a life
// has come through, what it was given is listed.
func TestCrashAtSpool(t *testing.T) {
	const piped = `{"text":"piped"}` + "\n"
	x := &crashfs.Trial{Seed: 7, Pairs: 40}
	x.Life = func(_ context.Context, p crashfs.Place) error {
		s, err := newFiles(p.Disk, p.Dir, []Input{{Glob: "-"}}, strings.NewReader(piped), nil)
		if err != nil {
			return err
		}
		return s.Close()
	}
	x.Judge = func(dir string) error {
		all, err := loadList(dir)
		if err != nil || len(all) == 0 {
			return fmt.Errorf("%d files are listed: %w", len(all), err)
		}
		for _, l := range all {
			if b, err := os.ReadFile(filepath.Join(stateDir(dir), filepath.Base(l.Path))); err != nil || string(b) != piped {
				return fmt.Errorf("%s holds %q: %w", l.Path, b, err)
			}
		}
		return nil
	}
	r, err := x.Run(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Log(r)
	if r.Points["ingest.spool.link"] == 0 {
		t.Error("nothing was spooled")
	}
}
