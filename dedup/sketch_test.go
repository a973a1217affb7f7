package dedup

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/zeebo/xxh3"
	"pgregory.net/rapid"

	"millrace"
)

func keysOf(text string) keys {
	var s sketching
	return s.keys(newPermutations(), text)
}

func TestWords(t *testing.T) {
	tests := []struct {
		text   string
		normal string
		words  int
	}{
		{"", "", 0},
		{" \t\n ", "", 0},
		{"One, two:  THREE\u00a0four.\n", "one, two: three four.", 4},
		{"don't x86-64", "don't x86-64", 4},
		{"...", "...", 0},
		{"Caf\u00e9 cafe\u0301", "caf\u00e9 caf\u00e9", 2},
		{"soft\u00adhyphen zero\u200bwidth \u2060", "softhyphen zerowidth", 2},
		{"水車は水", "水車は水", 4},
		{"mix水車ed", "mix水車ed", 4},
		{"สวัสดี", "สวัสดี", 6},
		{"हिन्दी भाषा", "हिन्दी भाषा", 2},
		{"a\xffb", "a\ufffdb", 2},
	}
	for _, tt := range tests {
		normal := normalise(nil, tt.text)
		if got := words(nil, normal); string(normal) != tt.normal || len(got) != tt.words {
			t.Errorf("%q: %q and %d words, want %q and %d", tt.text, normal, len(got), tt.normal, tt.words)
		}
	}
}

func TestJaccard(t *testing.T) {
	tests := []struct {
		a, b string
		want float64
	}{
		{"", "", 1},
		{"", "a", 0},
		{"!", "?", 0},
		{"!", " !", 1},
		{"a b", "A, b.", 1},
		{"a b", "b a", 0},
		{"a b c d e", "a b c d e f", 0.5},
		{"1 2 3 4 5 6 7 8 9", "1 2 3 4 5 6 7 8 8", 4.0 / 6},
		{"a a a a a a a a", "a a a a a", 1}, // a set counts a shingle once
	}
	for _, tt := range tests {
		if got := Jaccard(tt.a, tt.b); got != tt.want || got != Jaccard(tt.b, tt.a) {
			t.Errorf("Jaccard(%q, %q) = %v, want %v", tt.a, tt.b, got, tt.want)
		}
	}
}

// A very long text is compared by its first words, in bounded memory.
func TestLongText(t *testing.T) {
	long := strings.Repeat("a b c d e f g ", maxWords/7+10)
	var s scratch
	s.shingles(nil, long)
	if len(s.words) != maxWords {
		t.Errorf("%d words", len(s.words))
	}
	s.words = words(s.words[:0], []byte(strings.Repeat("水", maxWords+3)))
	if len(s.words) != maxWords {
		t.Errorf("%d words", len(s.words))
	}
	if keysOf(long).content == keysOf(long+"x").content {
		t.Error("the content hash does not cover the end")
	}
	if s.release(); s.normal != nil || s.words != nil {
		t.Error("the memory of a long text is kept")
	}
}

// Keys depend on the text alone: not on the worker, nor on what it did before.
func TestSketchIsPure(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	texts := mixture(rng, 60)
	want := make([][]byte, len(texts))
	for i, text := range texts {
		k := keysOf(text)
		want[i] = k.encode()
	}
	stage := Sketch()
	var g sync.WaitGroup
	for worker := range 4 {
		order := rand.New(rand.NewPCG(uint64(worker), 1)).Perm(len(texts))
		g.Go(func() {
			for _, i := range order {
				d := document(i, texts[i])
				if v, err := stage.Process(context.Background(), d); err != nil || !v.Kept() || !bytes.Equal(d.Keys, want[i]) {
					t.Errorf("document %d: other keys", i)
				}
			}
		})
	}
	g.Wait()
}

// The keys are a format: they lie in rows. If this test fails, raise version.
func TestKeysAreAsTheyWere(t *testing.T) {
	k := keysOf("A mill race is the channel that leads water to the wheel of a mill. Ein Mühlgraben; 水車.")
	b := k.encode()
	if got, want := fmt.Sprintf("%x", xxh3.Hash(b)), "522c1557c4639258"; got != want || len(b) != 277 {
		t.Errorf("keys of %d bytes with digest %s, want %s", len(b), got, want)
	}
}

// The estimate is right within five standard deviations, and on the average.
func TestEstimate(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	var bias float64
	const n = 300
	for range n {
		a := prose(rng, 100+rng.IntN(500))
		b := edit(rng, a, rng.Float64()*0.1)
		x, y := strings.Join(a, " "), strings.Join(b, " ")
		kx, ky := keysOf(x), keysOf(y)
		j, e := Jaccard(x, y), estimate(&kx.sketch, &ky.sketch)
		if math.Abs(e-j) > 5*math.Sqrt(0.25/minima) {
			t.Errorf("estimate %v of %v", e, j)
		}
		bias += (e - j) / n
	}
	if math.Abs(bias) > 0.01 {
		t.Errorf("the estimate is off by %v on the average", bias)
	}
}

func FuzzKeys(f *testing.F) {
	k := keysOf("one two three four five six")
	f.Add(k.encode())
	f.Add(k.encode()[:20])
	f.Add([]byte{version})
	f.Fuzz(func(t *testing.T, b []byte) {
		var k keys
		if err := k.decode(b); err != nil {
			return
		}
		if !bytes.Equal(k.encode(), b) {
			t.Fatal("keys change when read and written")
		}
		// Whatever a row holds as keys, the index takes it.
		x := newIndex(t, Options{})
		for i := range 3 {
			d := document(i, "one two three four five six")
			d.Keys = b
			if _, err := x.Process(context.Background(), d); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func FuzzShingles(f *testing.F) {
	f.Add("One, two three; four five", "six")
	f.Add("水車\u0e2a\u0e27 e\u0301", "\xff\u00ad")
	f.Fuzz(func(t *testing.T, a, b string) {
		set := Shingles(a)
		if !slices.IsSorted(set) || len(slices.Compact(slices.Clone(set))) != len(set) || len(set) > len(a) {
			t.Fatalf("%d shingles of %d bytes are no sorted set", len(set), len(a))
		}
		if j := Jaccard(a, b); j < 0 || j > 1 || Jaccard(a, a) != 1 && len(set) > 0 {
			t.Fatalf("Jaccard %v", j)
		}
		normal := normalise(nil, a)
		if again := normalise(nil, string(normal)); len(words(nil, again)) != len(words(nil, normal)) {
			t.Fatalf("normalised once %q, twice %q", normal, again)
		}
	})
}

// A table finds what a map finds, as long as nobody attacks it.
func TestBandTable(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		kinds := rapid.IntRange(1, 3000).Draw(rt, "tags")
		spread := make([]uint32, kinds)
		for i := range spread {
			spread[i] = rng.Uint32()
		}
		var table bandTable
		want := map[uint32][]uint32{}
		for ord := range uint32(rapid.IntRange(0, 3000).Draw(rt, "documents")) {
			tag := spread[rng.IntN(kinds)]
			table.add(tag, ord)
			if len(want[tag]) < maxOwners {
				want[tag] = append(want[tag], ord)
			}
		}
		for _, tag := range append(spread, 0, math.MaxUint32) {
			got := table.owners(nil, tag)
			slices.Sort(got)
			if !slices.Equal(got, want[tag]) {
				rt.Fatalf("tag %08x: owners %v, want %v", tag, got, want[tag])
			}
		}
	})
}

// Keys that all fall on one place cost a bounded search.
func TestBandTableUnderAttack(t *testing.T) {
	var table bandTable
	for ord := range uint32(20000) {
		table.add(ord, ord) // neighbouring tags have one place
	}
	for i := range table.tags {
		if table.ords[i] != 0 && (i-table.place(table.tags[i])+len(table.tags))%len(table.tags) >= maxRun {
			t.Fatalf("slot %d lies %d from its place", i, i-table.place(table.tags[i]))
		}
	}
	if table.n > 2*maxRun || 3*len(table.tags) > 4*4*maxRun {
		t.Errorf("%d of 20000 entries in %d slots", table.n, len(table.tags))
	}
}

func BenchmarkSketch(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	text := strings.Join(prose(rng, 1000), " ")
	stage := Sketch()
	d := document(0, text)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := stage.Process(context.Background(), d); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkIndex(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	docs := documents(mixture(rng, 2000)...)
	sketch := Sketch()
	for _, d := range docs {
		if _, err := sketch.Process(context.Background(), d); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		x := newIndex(b, Options{})
		for _, d := range docs {
			if _, err := x.Process(context.Background(), d); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(docs)), "ns/document")
}

var _ millrace.Stateful = (*Index)(nil)
var _ millrace.Describer = (*Index)(nil)
