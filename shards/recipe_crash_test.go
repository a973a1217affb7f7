package shards

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"millrace/internal/sim/crashfs"
)

// TestCrashAtARecipe crashes while another recipe is put in force: it is, once, and nothing else has changed.
func TestCrashAtARecipe(t *testing.T) {
	dir := t.TempDir()
	if err := replay(t.Context(), testOptions(filepath.Join(dir, "calm")), testDocs(4, 5)); err != nil {
		t.Fatal(err)
	}
	x := &crashfs.Trial{Seed: 8, Pairs: 20}
	x.Life = func(ctx context.Context, p crashfs.Place) error { return FromHere(ctx, p.Disk, p.Dir, "r2", "two") }
	x.Judge = func(dir string) error {
		r, err := Check(t.Context(), dir)
		if err != nil || !r.OK || r.Rows+r.Rejects != 5 {
			return fmt.Errorf("%+v: %w", r, err)
		}
		if list := openTable(t, dir).Entries(); len(list) != 2 || list[1].Recipe != "r2" {
			return fmt.Errorf("%d entries, the last of recipe %s", len(list), list[len(list)-1].Recipe)
		}
		return nil
	}
	if r, err := x.Run(t.Context(), dir); err != nil || r.Points["shards.recipe.link"] == 0 {
		t.Fatal(r, err)
	}
}
