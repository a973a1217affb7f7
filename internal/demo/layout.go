package demo

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
)

// host is one website.
type host struct {
	index    int
	ip       string
	addr     string // ip:port
	base     string // http://ip:port
	slow     bool   // has a Crawl-delay
	sitemap  string // path of its sitemap; "" for none
	listener net.Listener
	pages    map[string]*page
	odd      map[string]oddity
	private  []string // paths below /private/
}

// slowPages is how many pages the slow host has at most, its front page left out.
const slowPages = 10

// makeHosts prepares n hosts. The last is slow, if there are others.
func (s *Site) makeHosts(n int) {
	for i := range n {
		h := &host{index: i, pages: map[string]*page{}, odd: map[string]oddity{}, slow: n > 1 && i == n-1}
		switch {
		case i%5 == 4: // nothing but links leads through this host
		case i%8 == 2:
			h.sitemap = "/sitemap-index.xml"
		case i%8 == 6:
			h.sitemap = "/sitemap.xml.gz"
		default:
			h.sitemap = "/sitemap.xml"
		}
		s.hosts = append(s.hosts, h)
	}
}

// ordinary picks one of the hosts that are not slow.
func (s *Site) ordinary(i int) *host { return s.hosts[i%max(1, len(s.hosts)-1)] }

// place spreads pages over the hosts, each to the one with the fewest; a copy never joins its original.
func (s *Site) place(pages []*page, origin map[*page]*page, rng *rand.Rand) {
	order := slices.Clone(pages)
	rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	// Originals first, so that a copy knows where not to go.
	slices.SortStableFunc(order, func(a, b *page) int { return cmp.Compare(btoi(origin[a] != nil), btoi(origin[b] != nil)) })
	for _, p := range order {
		h := s.emptiest(origin[p])
		p.host = h.index
		h.pages[p.path] = p
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// emptiest is the host with the fewest pages, leaving out the one of the original.
func (s *Site) emptiest(original *page) *host {
	var best *host
	for _, h := range s.hosts {
		if h.slow && len(h.pages) >= slowPages || len(s.hosts) > 1 && original != nil && h.index == original.host {
			continue
		}
		if best == nil || len(h.pages) < len(best.pages) {
			best = h
		}
	}
	return best
}

// frontPages gives each host its root: a few words on every package there, and links to all pages.
func (s *Site) frontPages() {
	for _, h := range s.hosts {
		list := make([]*page, 0, len(h.pages))
		for _, p := range h.pages {
			list = append(list, p)
		}
		slices.SortFunc(list, func(a, b *page) int { return cmp.Compare(a.path, b.path) })
		front := &page{host: h.index, path: "/", title: "Shelf " + strconv.Itoa(h.index+1), charset: utf8Page(), index: list}
		front.blocks = append(front.blocks, block{heading, fmt.Sprintf("Shelf %d of the Go documentation", h.index+1)})
		for _, p := range list {
			if i := slices.IndexFunc(p.blocks, func(b block) bool { return b.kind == para }); i >= 0 && len(p.header)+len(p.meta) == 0 && p.charset.enc == nil {
				front.blocks = append(front.blocks, block{para, p.title + ": " + firstSentence(p.blocks[i].text)})
			}
		}
		h.pages["/"] = front
		if h.index%4 == 1 {
			for _, p := range h.pages {
				p.gzip = true
			}
		}
		s.pages = append(s.pages, front)
	}
}

func firstSentence(s string) string {
	if i := strings.Index(s, ". "); i > 0 {
		return s[:i+1]
	}
	return s
}

// relate gives pages links to others, on all hosts, so that every page can be found in more than one way.
// A copy has the links of its original: the two differ in nothing but what was planted.
func (s *Site) relate(pages []*page, origin map[*page]*page, rng *rand.Rand) {
	for _, p := range pages {
		if origin[p] != nil {
			continue
		}
		for range 4 {
			p.related = append(p.related, pages[rng.IntN(len(pages))])
		}
	}
	for _, p := range pages {
		if o := origin[p]; o != nil {
			p.related = o.related
		}
	}
}

// expand turns "7/path" into a URL on host 7.
func (s *Site) expand(ref string) string {
	n, rest, ok := strings.Cut(ref, "/")
	i, err := strconv.Atoi(n)
	if !ok || err != nil {
		return ref
	}
	return s.hosts[i].base + "/" + rest
}

// ref names a place without its port: "7/path".
func ref(host int, path string) string { return strconv.Itoa(host) + path }

// ref is the page's place.
func (p *page) ref() string { return ref(p.host, p.path) }
