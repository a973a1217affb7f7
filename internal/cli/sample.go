package cli

import (
	"context"
	"encoding/binary"
	"fmt"
	"sort"

	"github.com/spf13/cobra"

	"millrace"
	"millrace/internal/term"
	"millrace/shards"
)

// sampleOptions are the flags of sample.
type sampleOptions struct {
	dropped, failed bool
	reason          string
	n               int
	seed            uint64
	chars           int
}

func (a *App) sampleCommand() *cobra.Command {
	o := sampleOptions{}
	c := &cobra.Command{
		Use: "sample", Short: "Look at texts: a random few of the kept, the dropped or the failed", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.runSample(c.Context(), o) },
	}
	f := c.Flags()
	f.BoolVar(&o.dropped, "dropped", false, "of the dropped, with what was measured")
	f.BoolVar(&o.failed, "failed", false, "of the dead letters, with their errors")
	f.StringVar(&o.reason, "reason", "", "only this reason (implies --dropped)")
	f.IntVarP(&o.n, "number", "n", 5, "how many")
	f.Uint64Var(&o.seed, "seed", 1, "another seed, another sample")
	f.IntVar(&o.chars, "chars", 300, "characters of text shown")
	return c
}

// wants says whether a row is among those asked for.
func (o sampleOptions) wants(v millrace.Verdict) bool {
	switch {
	case o.reason != "":
		return string(v.Reason) == o.reason
	case o.failed:
		return v.Failed()
	case o.dropped:
		return v.Dropped()
	}
	return v.Kept()
}

func (a *App) runSample(ctx context.Context, o sampleOptions) error {
	dir, err := a.corpusDir()
	if err != nil {
		return err
	}
	at, err := a.placeOf(dir)
	if err != nil {
		return err
	}
	t, err := at.Open(ctx)
	if err != nil {
		return err
	}
	picked, err := pick(ctx, t, o)
	if err != nil {
		return err
	}
	if len(picked) == 0 {
		a.say("No row is like that.")
		return nil
	}
	for _, offset := range picked {
		err := t.Rows(ctx, shards.Select{From: offset, To: offset + 1, Kept: true, Rejects: true}, func(r *shards.Row) error {
			if a.json {
				a.emit(map[string]any{"type": "sample", "id": r.ID, "mid": r.MID.String(), "url": r.URL, "title": r.Title, "text": r.Text,
					"reason": r.Verdict.Reason, "stage": r.Verdict.Stage, "signal": r.Verdict.Signal, "value": r.Verdict.Value, "limit": r.Verdict.Limit, "err": r.Verdict.Err})
				return nil
			}
			fmt.Fprintf(a.Stdout, "%s  %s\n  %s\n  %s\n\n", r.ID, term.Safe(r.URL), term.Safe(r.Verdict.String()), term.Safe(term.Clip(r.Text, o.chars)))
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// pick takes the rows with the smallest keyed hash of their IDs: a uniform sample in one pass over small columns.
func pick(ctx context.Context, t *shards.Table, o sampleOptions) ([]int64, error) {
	type candidate struct {
		key    uint64
		offset int64
	}
	var best []candidate
	err := t.Rows(ctx, shards.Select{Kept: true, Rejects: true, Columns: []string{"id"}}, func(r *shards.Row) error {
		if !o.wants(r.Verdict) {
			return nil
		}
		c := candidate{mix(binary.LittleEndian.Uint64(r.MID[:8]) ^ mix(o.seed+uint64(r.Offset))), r.Offset}
		i := sort.Search(len(best), func(i int) bool { return best[i].key > c.key })
		if i < o.n {
			best = append(best[:i], append([]candidate{c}, best[i:]...)...)
			best = best[:min(len(best), o.n)]
		}
		return nil
	})
	offsets := make([]int64, len(best))
	for i, c := range best {
		offsets[i] = c.offset
	}
	return offsets, err
}

// mix is the finaliser of splitmix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
