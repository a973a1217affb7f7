package shards

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"millrace"
	"millrace/internal/durable"
)

// FromHere makes recipe the one in force, by a commit without files that changes nothing else. text is
// the recipe itself. On a corpus without a commit there is nothing to change.
func FromHere(ctx context.Context, disk *durable.Disk, dir, recipe, text string) error {
	return Place{Dir: dir, Disk: disk}.FromHere(ctx, recipe, text)
}

// FromHere is the function of that name for a corpus in any place.
func (p Place) FromHere(ctx context.Context, recipe, text string) error {
	return p.changeRecipe(ctx, func(t *Table, base *Entry) *Entry {
		if base.Recipe == recipe {
			return nil
		}
		return &Entry{Operation: opRecipe, Recipe: recipe, RecipeText: text, Checkpoint: base.Checkpoint, From: base.To, To: base.To}
	})
}

// Rebuild makes recipe the one in force and starts the table anew, by a commit that takes all files out of
// it. Older versions of the table stay readable; their files stay. Positions and marks start anew too, so
// whoever owns the topic empties it first: what stands in it is made again from the archive.
func Rebuild(ctx context.Context, disk *durable.Disk, dir, recipe, text string) error {
	return Place{Dir: dir, Disk: disk}.Rebuild(ctx, recipe, text)
}

// Rebuild is the function of that name for a corpus in any place.
func (p Place) Rebuild(ctx context.Context, recipe, text string) error {
	return p.changeRecipe(ctx, func(t *Table, base *Entry) *Entry {
		if base.Operation == opRebuild && base.Recipe == recipe {
			return nil // it is empty already
		}
		e := &Entry{Operation: opRebuild, Recipe: recipe, RecipeText: text, Checkpoint: millrace.Checkpoint{}.Clone()}
		kept, _ := t.Files()
		for _, f := range kept {
			e.removed = append(e.removed, f.Name)
		}
		return e
	})
}

// PassOver is a commit that has no rows and stands at offset to of part, the partition that the corpus is fed by: what lies
// between the newest commit and there is a gap. Marks stay, so that whoever writes to the topic writes it again, behind
// to. On a corpus without a commit, and on one that stands there, there is nothing to do.
func (p Place) PassOver(ctx context.Context, part millrace.Partition, to int64) error {
	return p.changeRecipe(ctx, func(_ *Table, base *Entry) *Entry {
		if to <= base.To {
			return nil
		}
		at := base.Checkpoint.Clone()
		at.Next[part] = to
		return &Entry{Operation: opWrite, Recipe: base.Recipe, Checkpoint: at, From: base.To, To: to, Gaps: []Gap{{base.To, to}}}
	})
}

// changeRecipe appends the entry without rows that change makes on top of the newest one; nil is nothing to do.
func (p Place) changeRecipe(ctx context.Context, change func(t *Table, base *Entry) *Entry) error {
	if err := p.checkBinding(); err != nil {
		return err
	}
	t, err := p.Open(ctx)
	if err != nil {
		return err
	}
	for {
		if err := t.Update(ctx); err != nil {
			return err
		}
		base := t.Newest()
		if base == nil {
			return nil
		}
		e := change(t, base)
		if e == nil {
			return nil
		}
		e.Version, e.Time, e.Code, e.Root, e.Previous = base.Version+1, base.Time, base.Code, new(tree).root(), base.checksum
		e.Tally, e.InForce = *millrace.NewTally(nil), t.inForce(e)
		raw, err := e.encode()
		if err != nil {
			return err
		}
		err = p.add(ctx, "shards.recipe", e.Version, raw)
		if err == nil {
			return nil
		}
		if errors.Is(err, fs.ErrNotExist) { // a collector takes the temporary file of an entry that came too late
			if before := t.Version(); t.Refresh(ctx) == nil && t.Version() > before {
				continue
			}
		}
		if !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("change recipe: %w", err)
		}
	}
}

func sum(raw []byte) string {
	h := sha256.Sum256(raw)
	return hex.EncodeToString(h[:])
}

func jsonString(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}
