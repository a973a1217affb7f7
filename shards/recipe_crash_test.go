package shards

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"millrace/internal/durable"
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

// TestRecipeWhileOthersCommit: another's entry has the number first, and a collector takes the file that was to become
// it. The recipe goes on top of that entry.
func TestRecipeWhileOthersCommit(t *testing.T) {
	dir := t.TempDir()
	o := testOptions(dir)
	if err := replay(t.Context(), o, testDocs(4, 5)[:3]); err != nil {
		t.Fatal(err)
	}
	late := true
	disk := durable.Watched(watch{before: func(s *durable.Step) error {
		if s.Point != "shards.recipe.link" || !late {
			return nil
		}
		late = false
		if err := replay(t.Context(), o, testDocs(4, 5)); err != nil {
			return err
		}
		_, err := CollectOrphans(nil, dir)
		return err
	}})
	if err := FromHere(t.Context(), disk, dir, "r2", "two"); err != nil || late {
		t.Fatal(late, err)
	}
	if list := openTable(t, dir).Entries(); len(list) != 3 || list[2].Recipe != "r2" {
		t.Fatalf("%d entries, the last of recipe %s", len(list), list[len(list)-1].Recipe)
	}
}

// TestPassOver leaves what the log holds behind the newest commit: a gap, and nothing else changes. What is committed
// stays so, and there is nothing to leave twice.
func TestPassOver(t *testing.T) {
	dir := t.TempDir()
	p := pos(0).Partition
	if err := (Place{Dir: dir}).PassOver(t.Context(), p, 9); err != nil || openTable(t, dir).Newest() != nil {
		t.Fatal("a corpus without a commit has another place than the start", err)
	}
	if err := replay(t.Context(), testOptions(dir), testDocs(4, 5)); err != nil {
		t.Fatal(err)
	}
	before := openTable(t, dir).Checkpoint()
	for _, to := range []int64{3, 5, 9, 9} {
		if err := (Place{Dir: dir}).PassOver(t.Context(), p, to); err != nil {
			t.Fatal(err)
		}
	}
	after := openTable(t, dir)
	if before.Next[p] != 5 || after.Checkpoint().Next[p] != 9 || !maps.Equal(before.Marks, after.Checkpoint().Marks) {
		t.Errorf("from %v to %v", before, after.Checkpoint())
	}
	if e := after.Newest(); !slices.Equal(e.Gaps, []Gap{{5, 9}}) || after.Tally().In != 5 {
		t.Errorf("the gap is %v of %d rows", e.Gaps, after.Tally().In)
	}
	if r, err := Check(t.Context(), dir); err != nil || !r.OK {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestDamagedOrphan flips a bit in a shard that a crash left with its name and without an entry. The next process makes
// the same shard: it must not commit the damaged one.
func TestDamagedOrphan(t *testing.T) {
	dir, docs := t.TempDir(), testDocs(4, 5)
	r, err := crashfs.Record(dir)
	if err != nil {
		t.Fatal(err)
	}
	o := testOptions(dir)
	o.Disk = r.Disk()
	if err := replay(t.Context(), o, docs); err != nil {
		t.Fatal(err)
	}
	steps := r.Steps()
	at := slices.IndexFunc(steps, func(s crashfs.Step) bool { return s.Point == "shards.commit.link" })
	left := filepath.Join(t.TempDir(), "left")
	if err := r.At(at).Write(left); err != nil {
		t.Fatal(err)
	}
	edit(t, first(t, left, "data/part-*"), func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
	if err := replay(t.Context(), testOptions(left), docs); err != nil {
		t.Fatal(err)
	}
	if report, err := Check(t.Context(), left); err != nil || !report.OK {
		t.Fatalf("%+v, %v", report, err)
	}
}
