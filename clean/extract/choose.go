package extract

import "strings"

// node is an element that may hold the page's text. Nodes stand in the order of their start tags, so the ones
// inside node i are i+1 to last.
type node struct {
	parent, last  int32
	main, article bool
	bonus         float64
	score         float64
	good          int // characters of good text, those of inner nodes included
	links, chars  int
}

// bonus is what the class names say about an element's text.
func (at *attributes) bonus() float64 {
	for _, w := range [...]string{"article", "content", "story", "entry", "post", "main"} {
		if strings.Contains(at.names, w) {
			return 25
		}
	}
	return 0
}

// choice is the part of the page that was found to be its text.
type choice struct {
	from, last int32 // nodes
	soft       bool  // blocks with class names of boilerplate are in
	trusted    bool  // the page itself says that this is its main part
	total      int   // characters of good text on the whole page
}

// good reports whether a block looks like running text.
func (b *block) good() bool {
	const short = 25
	return b.chars >= short && b.linked() < 0.5
}

// choose finds the container with the page's text.
func choose(blocks []block, nodes []node, soft bool) choice {
	score(blocks, nodes, soft)
	c := choice{last: int32(len(nodes) - 1), soft: soft, total: nodes[0].good}
	if i, ok := declared(nodes); ok {
		c.from, c.last, c.trusted = i, nodes[i].last, true
		return c
	}
	best, top := int32(0), 0.0
	for i := range nodes {
		n := &nodes[i]
		if n.score <= 0 {
			continue
		}
		density := 0.0
		if n.chars > 0 {
			density = float64(n.links) / float64(n.chars)
		}
		if v := (n.score + n.bonus) * (1 - density); v > top {
			best, top = int32(i), v
		}
	}
	best = climb(nodes, best)
	c.from, c.last = best, nodes[best].last
	return c
}

// score gives each container the worth of its blocks, and half of it to the one around.
func score(blocks []block, nodes []node, soft bool) {
	for i := range nodes {
		n := &nodes[i]
		n.score, n.good, n.links, n.chars = 0, 0, 0, 0
	}
	for i := range blocks {
		b := &blocks[i]
		if b.soft && !soft {
			continue
		}
		n := &nodes[b.node]
		n.chars += int(b.chars)
		n.links += int(b.linkChars)
		if !b.good() {
			continue
		}
		n.good += int(b.chars)
		v := 1 + float64(b.commas) + min(float64(b.chars)/100, 3)
		n.score += v
		if b.node > 0 {
			nodes[n.parent].score += v / 2
		}
	}
	for i := len(nodes) - 1; i > 0; i-- {
		n := &nodes[i]
		p := &nodes[n.parent]
		p.good += n.good
		p.links += n.links
		p.chars += n.chars
	}
}

// declared finds the part that the page itself calls its main one: a single main element with a third of the
// good text, or else a single article with half of it.
func declared(nodes []node) (int32, bool) {
	mains, articles := 0, 0
	var main, article int32
	for i := range nodes {
		n := &nodes[i]
		if n.main {
			mains, main = mains+1, int32(i)
		}
		if n.article {
			articles, article = articles+1, int32(i)
		}
	}
	total := nodes[0].good
	if n := &nodes[main]; mains == 1 && n.chars > 0 && n.good*3 >= total {
		return main, true
	}
	if n := &nodes[article]; articles == 1 && n.chars > 0 && n.good*2 >= total {
		return article, true
	}
	return 0, false
}

// climb goes up to four containers further out, to one that holds a good deal more.
func climb(nodes []node, i int32) int32 {
	best := i
	for range 4 {
		if i == 0 {
			break
		}
		i = nodes[i].parent
		if float64(nodes[i].good) > 1.3*float64(nodes[best].good) {
			best = i
		}
	}
	return best
}
