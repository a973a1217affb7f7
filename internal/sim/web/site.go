package web

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// Site is a website of many hosts. It is a function of its name, seed and port, so that the process which
// serves it and the one which judges the crawl need not exchange it.
type Site struct {
	Hosts   []*Host
	Latency time.Duration // that every answer takes: requests at the same time are seen as such
	seed    uint64
}

// Host is an address of its own. Its pages are a tree in which each links to ten others.
type Host struct {
	Addr   string          // ip:port, which is also its name
	Robots string          // robots.txt; "" is answered with 404
	Delay  time.Duration   // its Crawl-delay
	Pages  int             // their paths are Path(0) to Path(Pages-1)
	Closed bool            // every page links to one more, which robots.txt forbids
	Flaws  map[string]Flaw // by path: the answer to the first request
}

// Flaw is an answer that asks for a pause.
type Flaw struct {
	Status int
	After  time.Duration // of Retry-After
	Date   bool          // said as a date, not in seconds
}

const (
	robotsPath = "/robots.txt"
	closedPath = "/closed/"
	linksAPage = 10
	pageBytes  = 5 << 10
	blocks     = 8 // of text on a page
)

// Path is the path of a host's n-th page. It has letters for digits: numbered pages that link to each other
// look like a trap.
func Path(n int) string {
	if n == 0 {
		return "/"
	}
	name := strconv.AppendInt([]byte("/page/"), int64(n), 10)
	for i := len("/page/"); i < len(name); i++ {
		name[i] += 'a' - '0'
	}
	return string(append(name, ".html"...))
}

// New makes the site of that name: polite, of hosts that ask for pauses, or HOSTSxPAGES, of hosts that do not.
func New(name string, seed uint64, port int) (*Site, error) {
	if name == "polite" {
		return polite(seed, port), nil
	}
	var hosts, pages int
	if _, err := fmt.Sscanf(name, "%dx%d", &hosts, &pages); err != nil || hosts < 1 || hosts > 10_000 || pages < 1 {
		return nil, fmt.Errorf("site %q: want polite, or HOSTSxPAGES", name)
	}
	s := &Site{seed: seed}
	for i := range hosts {
		s.Hosts = append(s.Hosts, &Host{Addr: addr(0, i, port), Pages: pages, Closed: true,
			Robots: "# Everybody is welcome, nearly everywhere.\nUser-agent: *\nDisallow: " + closedPath + "\nDisallow: /*.php$\nAllow: /page/\n"})
	}
	return s, nil
}

// addr gives each host of a site, and each kind of site, an address in 127.0.0.0/8.
func addr(kind, n, port int) string {
	return fmt.Sprintf("127.%d.%d.%d:%d", 40+kind, n/250, 1+n%250, port)
}

const (
	politeHosts   = 200
	politeSeconds = 36 // that a host's pages take, at its own pace, without its flaws
	maxPages      = 40
	// ConfiguredDelay is the pause that crawlers of the polite site are told to make everywhere.
	ConfiguredDelay = 500 * time.Millisecond
)

// polite is 200 hosts with Crawl-delays from none to 5 s. One page in twenty, and one robots.txt in ten,
// first answers 429 or 503 with a Retry-After of 1 to 4 s, half of them as a date.
func polite(seed uint64, port int) *Site {
	rng := rand.New(rand.NewPCG(seed, 11))
	s := &Site{seed: seed, Latency: 20 * time.Millisecond}
	delays := []string{"none", "", "0", "0.5", "1", "1.5", "2", "3", "4", "5"}
	for i := range politeHosts {
		h := &Host{Addr: addr(1, i, port), Flaws: map[string]Flaw{}}
		said := delays[i%len(delays)]
		if said != "none" {
			h.Robots, h.Closed = "User-agent: *\nDisallow: "+closedPath+"\n", true
		}
		if seconds, err := strconv.ParseFloat(said, 64); err == nil {
			h.Robots += "Crawl-delay: " + said + "\n"
			h.Delay = time.Duration(seconds * float64(time.Second))
		}
		pace := max(h.Delay, ConfiguredDelay)
		h.Pages = min(maxPages, int(politeSeconds*time.Second/pace))
		flaw := func(path string) {
			h.Flaws[path] = Flaw{Status: []int{429, 503}[rng.IntN(2)], After: time.Duration(1+rng.IntN(4)) * time.Second, Date: rng.IntN(2) == 0}
		}
		if i%10 == 9-i/10%10 { // of each delay two hosts
			flaw(robotsPath)
		}
		for n := range h.Pages {
			if rng.IntN(20) == 0 {
				flaw(Path(n))
			}
		}
		s.Hosts = append(s.Hosts, h)
	}
	return s
}

// Seeds are the front pages.
func (s *Site) Seeds() []string {
	out := make([]string, len(s.Hosts))
	for i, h := range s.Hosts {
		out[i] = "http://" + h.Addr + "/"
	}
	return out
}

// Pages counts what may be fetched.
func (s *Site) Pages() int {
	n := 0
	for _, h := range s.Hosts {
		n += h.Pages
	}
	return n
}

// number finds a page by its path.
func (h *Host) number(path string) (int, bool) {
	if path == "/" {
		return 0, true
	}
	name, _ := strings.CutPrefix(path, "/page/")
	name, _ = strings.CutSuffix(name, ".html")
	n := 0
	for _, c := range []byte(name[:min(len(name), 9)]) {
		n = 10*n + int(c-'a') // nonsense gives some other page's number
	}
	if n < 1 || n >= h.Pages || Path(n) != path {
		return 0, false
	}
	return n, true
}

// page appends the n-th page of host k to b: the same bytes every time.
func (s *Site) page(b []byte, k, n int) []byte {
	h := s.Hosts[k]
	rng := rand.NewPCG(s.seed, uint64(k)<<32|uint64(n))
	b = append(b, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>"...)
	b = sentence(b, rng, 5)
	b = append(b, "</title></head>\n<body><main>\n"...)
	began := len(b)
	for i := range blocks {
		b = append(b, "<p>"...)
		for len(b)-began < pageBytes*(i+1)/blocks {
			b = sentence(b, rng, 14)
			b = append(b, ". "...)
		}
		b = append(b, "</p>\n"...)
	}
	b = append(b, "</main><ul>\n"...)
	for i := 1; i <= linksAPage; i++ {
		b = append(append(append(b, "<li><a href=\""...), Path((linksAPage*n+i)%h.Pages)...), "\">"...)
		b = append(sentence(b, rng, 3), "</a></li>\n"...)
	}
	if h.Closed {
		b = append(strconv.AppendInt(append(append(b, "<li><a href=\""...), closedPath...), int64(n), 10), "\">Not for you</a></li>\n"...)
	}
	return append(b, "</ul></body></html>\n"...)
}

// words are common English ones, so that language and quality rules find ordinary text.
const words = `the of and to in a is that for it as was with be by on not he his but at are this have from or had an they which one you
were all her she there would their we him been has when who will no more if out so up said what its about than into them can only
other time new some could these two may first then do any like my now over such our man me even most made after also well where
before must years much down should because each just those people too mr how little good world very own year see men work long get
here between both life being under never day same another know while last might us great old off come since against go came right used
take three small water house early large river garden letter morning village teacher window bridge winter market paper road city music`

// sentence appends n words, the first with a capital.
func sentence(b []byte, rng *rand.PCG, n int) []byte {
	for i := range n {
		w := vocabulary[rng.Uint64()%uint64(len(vocabulary))]
		if i == 0 {
			b = append(append(b, w[0]-'a'+'A'), w[1:]...)
		} else {
			b = append(append(b, ' '), w...)
		}
	}
	return b
}

var vocabulary = strings.Fields(words)
