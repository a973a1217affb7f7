package extract

// node is an element that may hold the page's text, or is said to hold none. Nodes stand in the order of their start
// tags, so the ones inside node i are i+1 to last.
type node struct {
	parent, last int32
	src          int32 // where it begins in the page
	tag          tag
	main         bool   // main, or a role of that name
	prop         bool   // itemprop says that it is the article's text
	content      bool   // class names of content
	body         bool   // class names of the text itself
	reason       Reason // by its class names
	lang         string
	score        float64
	good         int32 // characters of good text, those of inner nodes included
	links, chars int32
	told         int32 // characters that the page's own data has, too
}

// choice is the part of the page that was found to be its text.
type choice struct {
	from, last int32 // nodes
	trusted    bool  // the page itself says that this is its main part
	told       bool  // blocks are marked with what the page's data has
	names      bool  // class names are believed
	total      int32 // characters of good text on the whole page
}

const (
	shortBlock = 25  // characters; a shorter block says little
	shortText  = 700 // bytes; a shorter text is doubted
	lone       = 80  // characters of good text that a part without links has at least
	aside      = 200 // characters of good text that a box beside the text has at least
)

// good reports whether a block looks like running text. Cells, terms and code may be short.
func (b *block) good() bool {
	switch b.kind {
	case cell, term, pre:
		return b.linked() < 0.2
	}
	return b.chars >= shortBlock && b.linked() < 0.5
}

// choose finds the container with the page's text. names says whether class names of boilerplate are believed.
func (r *reader) choose(names bool, t *told) choice {
	blocks, nodes := r.blocks, r.nodes
	for i := range nodes {
		n := &nodes[i]
		n.score, n.good, n.links, n.chars, n.told = 0, 0, 0, 0, 0
	}
	believe(blocks, nodes, names)
	score(blocks, nodes)
	c := choice{last: int32(len(nodes) - 1), names: names, total: nodes[0].good}
	i, declared := declared(nodes)
	if !declared {
		i = climb(nodes, best(nodes))
	}
	i = narrow(nodes, i)
	if t != nil {
		t.mark(r.out, blocks, nodes)
		j, ok := t.holder(nodes)
		begins := j >= i && j <= nodes[i].last && nodes[i].good >= 2*nodes[0].told // the data has the beginning only
		if ok && !begins {
			c.from, c.last, c.trusted, c.told = j, nodes[j].last, true, true
			return c
		}
	}
	c.from, c.last, c.trusted = i, nodes[i].last, declared
	return c
}

// believe gives each block the reason of the innermost named element around it. A name is not believed of an element
// that holds half of the page's text: page builders put "widget" or "sidebar" on the article's own wrapper.
// Without names, only what an element is counts.
func believe(blocks []block, nodes []node, names bool) {
	for i := range blocks {
		b := &blocks[i]
		n := &nodes[b.node]
		if b.good() {
			n.good += b.chars
		}
		n.chars += b.chars
		n.links += b.linkChars
	}
	for i := len(nodes) - 1; i > 0; i-- {
		n := &nodes[i]
		p := &nodes[n.parent]
		p.good += n.good
		p.chars += n.chars
		p.links += n.links
	}
	total := nodes[0].good
	reason := make([]Reason, len(nodes))
	for i := range nodes {
		n := &nodes[i]
		own := n.reason
		switch {
		case !names && own != Element:
			own = None
		case n.good*2 >= total && own != Comments && own != Element:
			own = None
		case n.content && (own == Layout || own == Navigation):
			own = None
		case own == Related && n.links == 0 && n.good >= lone:
			own = None // what points nowhere is no other page: in German, a teaser is a text's own beginning
		case own == Layout && n.good >= aside && n.links*5 < n.chars:
			own = None // a box of the text's own: choosing the main part decides
		}
		if reason[i] = own; own == None && i > 0 {
			reason[i] = reason[n.parent]
		}
		n.good, n.chars, n.links = 0, 0, 0
	}
	for i := range blocks {
		blocks[i].left = reason[blocks[i].node]
	}
}

// score gives each container the worth of its blocks, and half of it to the one around.
func score(blocks []block, nodes []node) {
	for i := range blocks {
		b := &blocks[i]
		if b.left != None {
			continue
		}
		n := &nodes[b.node]
		n.chars += b.chars
		n.links += b.linkChars
		if !b.good() {
			continue
		}
		n.good += b.chars
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

// best is the container that is worth most.
func best(nodes []node) int32 {
	best, top := int32(0), 0.0
	for i := range nodes {
		n := &nodes[i]
		if n.score <= 0 {
			continue
		}
		bonus := 0.0
		if n.content {
			bonus = 25
		}
		density := 0.0
		if n.chars > 0 {
			density = float64(n.links) / float64(n.chars)
		}
		if v := (n.score + bonus) * (1 - density); v > top {
			best, top = int32(i), v
		}
	}
	return best
}

// declared finds the part that the page itself calls its text: the element whose itemprop says so, or else a single
// main element with a third of the good text, or else a single article with half of it.
func declared(nodes []node) (int32, bool) {
	const least = 250
	mains, articles := 0, 0
	var main, article, prop int32
	for i := range nodes {
		n := &nodes[i]
		if n.main {
			mains, main = mains+1, int32(i)
		}
		if n.tag == tagArticle {
			articles, article = articles+1, int32(i)
		}
		if n.prop && n.good > nodes[prop].good || n.prop && prop == 0 {
			prop = int32(i)
		}
	}
	total := nodes[0].good
	if n := &nodes[prop]; prop > 0 && n.good >= least && n.good*10 >= total {
		return prop, true
	}
	if n := &nodes[main]; mains == 1 && n.chars > 0 && n.good*3 >= total {
		return main, true
	}
	if n := &nodes[article]; articles == 1 && n.chars > 0 && n.good*2 >= total {
		return article, true
	}
	return 0, false
}

// climb goes further out, to containers that hold a good deal more: each within four of the one before.
func climb(nodes []node, i int32) int32 {
	best := i
	for far := 0; far < 4 && i > 0; far++ {
		i = nodes[i].parent
		if float64(nodes[i].good) > 1.3*float64(nodes[best].good) {
			best, far = i, -1
		}
	}
	// A short page has little beside its text.
	for i = best; i > 0 && nodes[best].good < shortText; {
		i = nodes[i].parent
		if n := &nodes[i]; n.links*3 > n.chars {
			break
		} else if n.good > nodes[best].good {
			best = i
		}
	}
	return best
}

// narrow goes into the element inside i that is named for the text itself, or is an article, if it holds most of it.
func narrow(nodes []node, i int32) int32 {
	best := i
	for j := i + 1; j <= nodes[i].last; j++ {
		n := &nodes[j]
		if (n.body || n.prop || n.tag == tagArticle) && float64(n.good) >= 0.6*float64(nodes[best].good) {
			best = j
		}
	}
	return best
}
