package dedup

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"millrace"
)

// corpus is what a sink has committed: rows, and their texts.
type corpus struct {
	rows  []Row
	texts map[int64]string
	reads int
	gone  map[int64]bool
}

func (c *corpus) Text(_ context.Context, offset int64, id millrace.ID) (string, error) {
	c.reads++
	if c.gone[offset] {
		return "", fmt.Errorf("row at %d: %w", offset, ErrNoText)
	}
	text, ok := c.texts[offset]
	if !ok {
		return "", fmt.Errorf("no row at %d", offset)
	}
	return text, nil
}

func (c *corpus) Rows(_ context.Context, from, to int64, yield func(Row) error) error {
	for _, r := range c.rows {
		if from <= r.Offset && r.Offset < to {
			if err := yield(r); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *corpus) commit(docs []*millrace.Document) {
	for _, d := range docs {
		c.rows = append(c.rows, Row{Offset: d.Position.Offset, ID: d.ID, UserID: d.UserID, Version: millrace.VersionKey(d.Page.Source, d.URLKey), Kept: d.Verdict.Kept(),
			Reason: d.Verdict.Reason, Keys: d.Keys, Cluster: d.Cluster})
		if c.texts == nil {
			c.texts = map[int64]string{}
		}
		c.texts[d.Position.Offset] = d.Text
	}
}

// document makes the document at one offset; offsets have gaps, as those of a topic have.
func document(i int, text string) *millrace.Document {
	return &millrace.Document{
		ID:       millrace.NewID(fmt.Sprintf("http://h/%d", i), sha256.Sum256([]byte(text))),
		Text:     text,
		Position: millrace.Position{Partition: millrace.Partition{Topic: "pages"}, Offset: int64(3 * i)},
	}
}

func documents(texts ...string) []*millrace.Document {
	docs := make([]*millrace.Document, len(texts))
	for i, t := range texts {
		docs[i] = document(i, t)
	}
	return docs
}

func newIndex(t testing.TB, opt Options) *Index {
	t.Helper()
	if opt.Scratch == "" {
		opt.Scratch = t.TempDir()
	}
	x, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	return x
}

// decide runs both stages, as the runner does.
func decide(t testing.TB, x *Index, docs ...*millrace.Document) {
	t.Helper()
	sketch := Sketch()
	for _, d := range docs {
		if !d.Verdict.Kept() {
			continue
		}
		for _, s := range []millrace.Stage{sketch, x} {
			v, err := s.Process(context.Background(), d)
			if err != nil {
				t.Fatalf("%s at %s: %v", s.Name(), d.Position, err)
			}
			d.Verdict = v
		}
	}
}

// prose makes n words. Few of them are frequent, as in a language.
func prose(rng *rand.Rand, n int) []string {
	w := make([]string, n)
	for i := range w {
		w[i] = fmt.Sprintf("w%d", int(rng.ExpFloat64()*200))
	}
	return w
}

// edit substitutes, inserts and deletes words, each with a probability of rate/3.
func edit(rng *rand.Rand, w []string, rate float64) []string {
	out := make([]string, 0, len(w)+8)
	for _, word := range w {
		switch r := rng.Float64() * 3; {
		case r < rate:
			out = append(out, fmt.Sprintf("s%d", rng.IntN(1000)))
		case r < 2*rate:
			out = append(out, word, fmt.Sprintf("i%d", rng.IntN(1000)))
		case r < 3*rate:
		default:
			out = append(out, word)
		}
	}
	return out
}

// mixture makes texts of which about half are edits of an earlier one, many of them near the threshold.
func mixture(rng *rand.Rand, n int) []string {
	var texts []string
	var made [][]string
	for range n {
		var w []string
		switch r := rng.Float64(); {
		case len(made) == 0 || r < 0.4:
			w = prose(rng, 3+rng.IntN(400))
		case r < 0.45:
			w = made[rng.IntN(len(made))] // an exact copy, in other letters
			texts = append(texts, strings.ToUpper(strings.Join(w, "  ")))
			made = append(made, w)
			continue
		default:
			w = edit(rng, made[rng.IntN(len(made))], rng.Float64()*0.06)
		}
		made = append(made, w)
		texts = append(texts, strings.Join(w, " "))
	}
	return texts
}
