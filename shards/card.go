package shards

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"millrace/internal/durable"
)

// CardInfo is what the cards tell beside the table itself. It holds no time of day: the cards of equal
// corpora are equal.
type CardInfo struct {
	Name   string     // of the data set; "" is "corpus"
	Facts  []CardFact // versions, seeds, what a run lost: printed as they are
	Gates  []Gate
	Points []Point // the training run
}

// CardFact is one line of a card.
type CardFact struct{ Name, Value string }

// Gate is a measure that the corpus had to meet.
type Gate struct {
	Name, Value, Limit string
	Holds              bool
}

// Point is one evaluation of the model; a loss that was not measured is NaN.
type Point struct {
	Step       int
	Train, Val float64
}

// printable makes what the caller gives harmless in a terminal and in bidirectional text.
func (c CardInfo) printable() CardInfo {
	if c.Name = head(c.Name, 200); c.Name == "" {
		c.Name = "corpus"
	}
	c.Facts, c.Gates = slices.Clone(c.Facts), slices.Clone(c.Gates)
	for i, f := range c.Facts {
		c.Facts[i] = CardFact{head(f.Name, 200), head(f.Value, 2000)}
	}
	for i, g := range c.Gates {
		c.Gates[i] = Gate{head(g.Name, 200), head(g.Value, 200), head(g.Limit, 200), g.Holds}
	}
	return c
}

// WriteCard writes DIR/README.md (a dataset card as the Hugging Face hub reads it), DIR/croissant.json
// (Croissant 1.1) and DIR/card.html (for people) about the newest commit.
func WriteCard(ctx context.Context, disk *durable.Disk, dir string, info CardInfo) error {
	return Place{Dir: dir, Disk: disk}.WriteCard(ctx, info)
}

// WriteCard is the function of that name for a corpus in any place. The card lies in Dir.
func (p Place) WriteCard(ctx context.Context, info CardInfo) error {
	t, err := p.Open(ctx)
	if err != nil {
		return err
	}
	info = info.printable()
	s, err := takeSurvey(ctx, t)
	if err != nil {
		return fmt.Errorf("write card: %w", err)
	}
	croissant, err := s.croissant(info)
	if err != nil {
		return fmt.Errorf("write card: %w", err)
	}
	page, err := s.html(info)
	if err != nil {
		return fmt.Errorf("write card: %w", err)
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{"README.md", s.markdown(info)}, {"croissant.json", croissant}, {"card.html", page}} {
		if err := p.Disk.Replace("shards.card", filepath.Join(p.Dir, f.name), f.data); err != nil {
			return fmt.Errorf("write card: %w", err)
		}
	}
	return nil
}
