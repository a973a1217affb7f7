package dedup

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"millrace"
)

// manyRows are n rows that are kept, with random keys.
type manyRows int64

func (n manyRows) Rows(_ context.Context, from, to int64, yield func(Row) error) error {
	for i := from; i < min(to, int64(n)); i++ {
		rng := rand.New(rand.NewPCG(uint64(i), 1))
		k := keys{shingles: 100}
		for b := range k.bands {
			k.bands[b] = rng.Uint64()
		}
		binary.LittleEndian.PutUint64(k.content[:], rng.Uint64())
		id := millrace.ID(k.content)
		if err := yield(Row{Offset: i, ID: id, Keys: k.encode(), Cluster: id, Kept: true}); err != nil {
			return err
		}
	}
	return nil
}

func (manyRows) Text(context.Context, int64, millrace.ID) (string, error) { return "", ErrNoText }

// BenchmarkLoad is a start behind a million rows that were kept.
func BenchmarkLoad(b *testing.B) {
	const n = 1_000_000
	dir := b.TempDir()
	open := func() *Index {
		return newIndex(b, Options{Texts: manyRows(n), Rows: manyRows(n), Snapshots: Snapshots{Dir: dir, Recipe: "r",
			Commit: func(context.Context, int64) (string, error) { return "c", nil }}})
	}
	if err := open().Load(b.Context(), n); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		x := open()
		if err := x.Load(b.Context(), n); err != nil || x.kept.n != n {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
