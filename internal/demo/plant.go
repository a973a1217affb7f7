package demo

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strconv"

	"golang.org/x/sync/errgroup"
	"golang.org/x/text/encoding/charmap"
)

// counts says how many of each kind are planted.
type counts struct {
	exact, high, low, decoy                          int // copies: pages of their own
	spam                                             int // pages of their own
	mojibake, charset, noai, pii, clean              int // done to pages that are there
	flaky, busy, missing, moved, intoPrivate, hidden int
}

// plan scales the numbers of a site of 400 pages. Above that they grow with the square root, because
// the prose that can carry an edit grows slower than the site.
func plan(pages int) counts {
	f := float64(pages) / 400
	if f > 1 {
		f = math.Sqrt(f)
	}
	n := func(at400 int) int { return max(1, int(math.Round(f*float64(at400)))) }
	return counts{
		exact: n(28), high: n(28), low: n(20), decoy: n(30), spam: n(6),
		mojibake: n(20), charset: n(22), noai: n(15), pii: n(8), clean: n(4),
		flaky: n(6), busy: min(2, n(2)), missing: n(6), moved: n(4), intoPrivate: n(4), hidden: n(10),
	}
}

func (c counts) copies() int { return c.exact + c.high + c.low + c.decoy }

// fromDocumentation makes the site of the Go code on this machine.
func (s *Site) fromDocumentation(ctx context.Context) error {
	rng := rand.New(rand.NewPCG(s.opt.Seed, 0x6d696c6c))
	c := plan(s.opt.Pages)
	n := min(s.opt.MaxHosts, max(1, s.opt.Pages/8))
	s.makeHosts(n)
	want := max(c.copies(), s.opt.Pages-n-c.copies()-c.spam)
	pool, bases, err := s.gather(ctx, want, c.copies(), rng)
	if err != nil {
		return err
	}
	b := &planter{site: s, rng: rng, origin: map[*page]*page{}}
	docs := b.choose(pool, bases, want)
	b.copies(c, docs[:min(len(bases), len(docs))])
	rest := docs[b.used:]
	rest = b.alter(c, rest)
	b.behave(c, rest)
	b.spam(c.spam)
	all := append(docs, b.added...)
	s.place(all, b.origin, rng)
	s.relate(all, b.origin, rng)
	s.pages = all
	s.frontPages()
	b.oddities(c)
	b.name()
	s.total = len(s.pages)
	return nil
}

// gather reads documentation in an order drawn from the seed until there is enough of it.
// It gives all pages, and those of them that edits can be planted in.
func (s *Site) gather(ctx context.Context, want, bases int, rng *rand.Rand) (pool, good []*page, err error) {
	units, err := s.units(ctx)
	if err != nil {
		return nil, nil, err
	}
	rng.Shuffle(len(units), func(i, j int) { units[i], units[j] = units[j], units[i] })
	bc := buildContext()
	const chunk = 32
	paths := map[string]bool{}
	for from := 0; from < len(units); from += chunk {
		part := units[from:min(from+chunk, len(units))]
		found := make([][]*page, len(part))
		g, gctx := errgroup.WithContext(ctx)
		g.SetLimit(runtime.GOMAXPROCS(0))
		for i, u := range part {
			g.Go(func() (err error) {
				if err := gctx.Err(); err != nil {
					return err
				}
				if u.file != "" {
					found[i], err = articlePages(u)
				} else {
					found[i], err = packagePages(&bc, u)
				}
				for _, p := range found[i] {
					p.charset = utf8Page()
					p.set = shingles(p.text())
					p.carries = p.words() < 1500 && readable(p, 100)
				}
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return nil, nil, fmt.Errorf("demo site: %w", err)
		}
		for _, ps := range found {
			for _, p := range ps {
				if paths[p.path] || p.words() < ownPage/2 { // two units may differ in letter case only
					continue
				}
				paths[p.path] = true
				pool = append(pool, p)
				if p.carries {
					good = append(good, p)
				}
			}
		}
		if s.opt.Progress != nil {
			s.opt.Progress(from+len(part), len(pool))
		}
		if len(pool) >= want && len(good) >= bases+bases/2+8 {
			break
		}
	}
	return pool, alone(good, pool), nil
}

func (s *Site) units(ctx context.Context) ([]unit, error) {
	goroot, trees, err := findTrees(ctx)
	if err != nil {
		return nil, err
	}
	units, err := articles(goroot)
	if err != nil {
		return nil, err
	}
	for _, t := range trees {
		us, err := t.units(ctx)
		if err != nil {
			return nil, err
		}
		units = append(units, us...)
	}
	return units, nil
}

// alone keeps the pages that resemble no other page of the pool: their only twin will be the planted one.
func alone(good, pool []*page) []*page {
	const most = 0.3
	owners := map[uint64][]int32{} // shingle -> pages
	for i, p := range pool {
		for _, h := range p.set {
			if len(owners[h]) < 16 { // more is boilerplate
				owners[h] = append(owners[h], int32(i))
			}
		}
	}
	var out []*page
	for _, p := range good {
		both := map[int32]int{}
		for _, h := range p.set {
			for _, i := range owners[h] {
				both[i]++
			}
		}
		ok := true
		for i, n := range both {
			q := pool[i]
			if q != p && float64(n) > most*float64(len(p.set)+len(q.set)-n) {
				ok = false
			}
		}
		if ok {
			out = append(out, p)
		}
	}
	for _, p := range pool {
		p.set = nil
	}
	return out
}

// planter alters pages and writes down what it did.
type planter struct {
	site   *Site
	rng    *rand.Rand
	origin map[*page]*page // copy -> original
	added  []*page
	used   int // of the chosen pages, how many have a copy
	notes  []note
}

// note is an entry of planted.json whose places are not known yet.
type note struct {
	Planted
	page, of *page
}

func (b *planter) note(kind string, p *page, e Expect) *Planted {
	b.notes = append(b.notes, note{Planted: Planted{Kind: kind, Expect: e}, page: p})
	return &b.notes[len(b.notes)-1].Planted
}

// choose takes the pages that can carry a copy first, and fills up from the others.
func (b *planter) choose(pool, bases []*page, want int) []*page {
	docs := make([]*page, 0, want)
	taken := map[*page]bool{}
	for _, list := range [][]*page{bases, pool} {
		for _, p := range list {
			if len(docs) < want && !taken[p] {
				taken[p] = true
				docs = append(docs, p)
			}
		}
	}
	return docs
}

// copies plants exact copies, near-duplicates and decoys, each of a page of its own.
func (b *planter) copies(c counts, bases []*page) {
	next := func(w window, same bool) (p, q *page, j float64) {
		for b.used < len(bases) {
			p = bases[b.used]
			b.used++
			if same {
				return p, p.clone(), 1
			}
			if q, j, ok := editTo(p, w, b.rng); ok && readable(q, 100) {
				return p, q, j
			}
		}
		return nil, nil, 0
	}
	for _, k := range []struct {
		n      int
		kind   string
		prefix string
		w      window
		e      Expect
	}{
		{c.exact, "exact", "/mirror", window{}, Expect{Fate: "one_of", Reasons: []string{"dup.exact"}}},
		{c.low, "near", "/archive", nearLow, Expect{Fate: "one_of", Reasons: []string{"dup.near"}}},
		{c.high, "near", "/copy", nearHigh, Expect{Fate: "one_of", Reasons: []string{"dup.near"}}},
		{c.decoy, "decoy", "/fork", decoy, Expect{Fate: "both"}},
	} {
		for range k.n {
			p, q, j := next(k.w, k.kind == "exact")
			if q == nil {
				return
			}
			q.path = k.prefix + q.path
			b.origin[q] = p
			b.added = append(b.added, q)
			b.note(k.kind, q, k.e).J = math.Round(j*1e4) / 1e4
			b.notes[len(b.notes)-1].of = p
		}
	}
}

// alter plants damage and statements in pages that are there, and gives back those it left alone.
func (b *planter) alter(c counts, docs []*page) []*page {
	take := func() *page {
		if len(docs) == 0 {
			return nil
		}
		p := docs[0]
		docs = docs[1:]
		return p
	}
	for i := range c.mojibake {
		if p := take(); p != nil {
			b.mojibake(p, i)
		}
	}
	for i := range c.charset {
		if p := take(); p != nil {
			b.encode(p, i)
		}
	}
	for i := range c.noai {
		if p := take(); p != nil {
			b.noai(p, i)
		}
	}
	for i := range c.pii {
		if p := take(); p != nil {
			b.pii(p, i)
		}
	}
	for i := range c.clean {
		if p := take(); p != nil {
			s := tongues()[i%len(tongues())]
			p.add(s)
			b.note("clean", p, Expect{Fate: "row", Contains: []string{s}})
		}
	}
	return docs
}

// add puts a paragraph of its own into the middle of the page.
func (p *page) add(s string) {
	i := (len(p.blocks) + 1) / 2
	p.blocks = append(p.blocks[:i:i], append([]block{{para, s}}, p.blocks[i:]...)...)
}

func (b *planter) mojibake(p *page, i int) {
	s := tongues()[i%len(tongues())]
	p.add(s)
	as, name := charmap.Windows1252, "windows-1252"
	if i%4 == 3 {
		as, name = charmap.ISO8859_1, "iso-8859-1"
	}
	for k := range p.blocks {
		x := &p.blocks[k]
		if x.kind == para && as == charmap.Windows1252 {
			x.text = typographic(x.text)
		}
		x.text = garble(x.text, as)
	}
	if as == charmap.Windows1252 {
		s = typographic(s)
	}
	b.note("mojibake", p, Expect{Fate: "row", Contains: []string{s}, Absent: []string{"â€", garble("é", as), garble("ü", as)}}).Encoding = name
}

func (b *planter) noai(p *page, i int) {
	ways := []struct {
		header, meta [2]string
	}{
		{header: [2]string{"X-Robots-Tag", "noai"}},
		{meta: [2]string{"robots", "noai, noimageai"}},
		{header: [2]string{"Tdm-Reservation", "1"}},
		{header: [2]string{"Content-Usage", "train-ai=n"}},
		{meta: [2]string{"tdm-reservation", "1"}},
	}
	w := ways[i%len(ways)]
	how := "header " + w.header[0]
	if w.header[0] != "" {
		p.header = append(p.header, w.header)
	} else {
		p.meta = append(p.meta, w.meta)
		how = "meta " + w.meta[0]
	}
	b.note("noai", p, Expect{Fate: "dropped", Reasons: []string{"consent.no_train"}}).How = how
}

// pii plants an address of a person and of a machine. Neither is in use.
func (b *planter) pii(p *page, i int) {
	mail := "lindqvist" + strconv.Itoa(i) + "@harbourlight-gophers.dev"
	ip := "93.184." + strconv.Itoa(20+i) + ".34"
	p.add("Questions about this page go to " + mail + " in the first place, and the machine behind it answers at " + ip + " on most days of the week.")
	b.note("pii", p, Expect{Fate: "row", Contains: []string{"Questions about this page go to <EMAIL_"}, Absent: []string{mail, ip}})
}

// spam plants pages that say one thing over and over.
func (b *planter) spam(n int) {
	for i := range n {
		p := &page{path: "/offers/" + strconv.Itoa(i+1) + ".html", title: "Best offers " + strconv.Itoa(i+1), charset: utf8Page()}
		p.blocks = append(p.blocks, block{heading, p.title})
		for range 40 + 7*i {
			p.blocks = append(p.blocks, block{para, "Buy the best watches here and now, with the lowest price of all that you have seen, offer number " + strconv.Itoa(i) + "."})
		}
		b.added = append(b.added, p)
		b.note("spam", p, Expect{Fate: "dropped", Reasons: []string{"repetition.", "quality."}})
	}
}

// name resolves the notes, once every page has its place.
func (b *planter) name() {
	for _, n := range b.notes {
		if n.page != nil {
			n.Planted.URL = n.page.ref()
		}
		if n.of != nil {
			n.Planted.Of = n.of.ref()
		}
		b.site.planted = append(b.site.planted, n.Planted)
	}
}
