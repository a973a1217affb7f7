package ingest

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"testing"

	"millrace"
)

// chain is a line of parts: a feeder, n clean workers that do nothing to a document, and a mill that only takes
// what comes. Each has an owner and a zombie, which go on in any order from where they are.
type chain struct {
	t       *testing.T
	rng     *rand.Rand
	ctx     context.Context
	pages   Topic
	docs    Topic
	input   []*millrace.Document
	commit  millrace.Checkpoint
	taken   []string // committed rows
	feeders [2]*feeder
	cleans  [][2]*cleaner
}

type feeder struct {
	sink *SpreadSink
	next int // of input
}

type cleaner struct {
	source *TopicSource
	sink   *TopicSink
}

func (c *chain) newest(context.Context) (millrace.Checkpoint, error) { return c.commit.Clone(), nil }

func (c *chain) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// startFeeder begins a life of the feeder; the one before goes on as a zombie.
func (c *chain) startFeeder() {
	c.feeders[1] = c.feeders[0]
	f := &feeder{sink: c.pages.Spread(c.newest)}
	at, err := f.sink.Resume(c.ctx)
	c.must(err)
	for f.next < len(c.input) && c.input[f.next].Position.Offset < at.Next[filesPartition()] {
		f.next++
	}
	c.feeders[0] = f
}

// feed lets a feeder write up to n documents.
func (c *chain) feed(f *feeder, n int) bool {
	n = min(n, len(c.input)-f.next)
	if n == 0 {
		return false
	}
	var batch []*millrace.Document
	for _, d := range c.input[f.next : f.next+n] {
		again := *d
		batch = append(batch, &again)
	}
	c.must(f.sink.Write(c.ctx, batch))
	f.next += n
	return true
}

func (c *chain) startClean(p int) {
	c.cleans[p][1] = c.cleans[p][0]
	pages := c.pages
	pages.Partition = int32(p)
	w := &cleaner{source: pages.Source(SourceOptions{Until: ended}), sink: c.docs.Sink(c.newest)}
	at, err := w.sink.Resume(c.ctx)
	c.must(err)
	c.must(w.source.Open(c.ctx, at))
	c.cleans[p][0] = w
}

// clean lets a clean worker hand on up to n documents.
func (c *chain) clean(w *cleaner, n int) bool {
	b, err := w.source.Read(c.ctx, n)
	if err == io.EOF {
		return false
	}
	c.must(err)
	c.must(w.sink.Write(c.ctx, b.Docs))
	return true
}

// mill takes up to n documents from docs and commits them. Where trim is set, what the commit names goes.
func (c *chain) mill(n int, trim bool) bool {
	s := c.docs.Source(SourceOptions{Until: ended})
	defer s.Close()
	c.must(s.Open(c.ctx, c.commit))
	b, err := s.Read(c.ctx, n)
	if err == io.EOF {
		return false
	}
	c.must(err)
	for _, d := range b.Docs {
		c.taken = append(c.taken, d.UserID)
		c.commit.Take(d)
	}
	if !trim {
		return true
	}
	c.must(c.docs.Trim(c.ctx, c.commit.Next[c.docs.At()]))
	for p := range c.cleans {
		pages := c.pages
		pages.Partition = int32(p)
		if mark, ok := c.commit.Marks[pages.At()]; ok {
			c.must(pages.Trim(c.ctx, mark+1))
		}
	}
	return true
}

// step draws what happens next.
func (c *chain) step() {
	p, who, n := c.rng.IntN(len(c.cleans)), c.rng.IntN(2), 1+c.rng.IntN(80)
	steps := []string{"feed", "feed", "clean", "clean", "clean", "mill", "feeder dies", "clean dies"}
	switch steps[c.rng.IntN(len(steps))] {
	case "feed":
		if f := c.feeders[who]; f != nil {
			c.feed(f, n)
		}
	case "clean":
		if w := c.cleans[p][who]; w != nil {
			if who == 1 && c.outOfRange(w, p) {
				c.cleans[p][1] = nil // a zombie that is told to start again is none
				return
			}
			c.clean(w, n)
		}
	case "mill":
		c.mill(n, who == 0)
	case "feeder dies":
		c.startFeeder()
	case "clean dies":
		c.startClean(p)
	}
}

// outOfRange reports whether what a zombie would read next is trimmed.
func (c *chain) outOfRange(w *cleaner, p int) bool {
	pages := c.pages
	pages.Partition = int32(p)
	begin, _, err := pages.Ends(c.ctx)
	c.must(err)
	return len(w.source.queue) == 0 && w.source.next < begin
}

// TestChain: whatever dies, whoever goes on as a zombie, whenever a commit comes and the topics are trimmed behind it,
// each input is committed once, and those of one partition in their order.
func TestChain(t *testing.T) {
	seeds := 3
	if os.Getenv("MILLRACE_NIGHTLY") != "" {
		seeds = 200
	}
	topic := newTopic(t)
	for seed := range seeds {
		t.Run(fmt.Sprintf("seed-%d", seed), func(t *testing.T) { runChain(t, topic, uint64(seed)) })
	}
}

func runChain(t *testing.T, topic Topic, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 7))
	n := 1 + int(seed)%3
	c := &chain{t: t, rng: rng, ctx: t.Context(), pages: topic, docs: topic, cleans: make([][2]*cleaner, n)}
	c.pages.Name, c.pages.Partitions = fmt.Sprintf("pages-%d", seed), int32(n)
	c.docs.Name, c.docs.Recipe = fmt.Sprintf("docs-%d", seed), "r2"
	c.must(c.pages.Ensure(c.ctx))
	c.must(c.docs.Ensure(c.ctx))
	for i := range 300 {
		d := &millrace.Document{UserID: fmt.Sprint(i), Position: millrace.Position{Partition: filesPartition(), Offset: int64(i/100)<<recordBits | int64(i%100*2)}}
		c.input = append(c.input, d)
	}
	c.startFeeder()
	for p := range n {
		c.startClean(p)
	}
	for range 5 + rng.IntN(25) {
		c.step()
	}
	c.startFeeder()
	for c.feed(c.feeders[0], 100) {
	}
	for p := range n {
		c.startClean(p)
		for c.clean(c.cleans[p][0], 100) {
		}
	}
	for c.mill(100, false) {
	}
	c.judge()
}

func (c *chain) judge() {
	seen := map[string]bool{}
	last := map[int32]int{}
	for _, id := range c.taken {
		if seen[id] {
			c.t.Fatalf("input %s is committed twice", id)
		}
		seen[id] = true
		var i int
		fmt.Sscan(id, &i)
		p := c.feeders[0].sink.route(c.input[i].Position.Offset)
		if i < last[p] {
			c.t.Fatalf("input %d of partition %d comes after %d", i, p, last[p])
		}
		last[p] = i
	}
	if len(seen) != len(c.input) {
		c.t.Fatalf("%d inputs are committed, want %d", len(seen), len(c.input))
	}
}
