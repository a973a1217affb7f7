package crawl

import (
	"crypto/sha256"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"millrace"
)

// trapSite is a site of 2,000 real pages among traps. Its session parameter has no known name, its words and
// hosts are made up, and nothing but the texts tells the copies from the pages.
type trapSite struct {
	rng  *rand.Rand
	real map[string]bool // real pages that were asked for, without the session
	all  int             // requests for pages
	trap map[string]int  // requests in traps, by trap
}

const (
	trapDocs     = 1000
	trapArticles = 400
	trapItems    = 200
	trapNews     = 350
	trapLists    = trapNews / 10
	trapReal     = 1 + trapDocs + trapArticles + trapItems + trapNews + trapLists + 14 // 12 months, docs, shop
)

func words(seed string, n int) string {
	h := fnv.New64a()
	io.WriteString(h, seed)
	rng := rand.New(rand.NewPCG(h.Sum64(), 1))
	var b strings.Builder
	for range n {
		b.WriteByte(' ')
		for range 3 + rng.IntN(6) {
			b.WriteByte(byte('a' + rng.IntN(26)))
		}
	}
	return b.String()
}

func links(refs ...string) string {
	var b strings.Builder
	for _, r := range refs {
		b.WriteString("<a href=\"" + r + "\">x</a> ")
	}
	return b.String()
}

// word makes one up.
func (s *trapSite) word() string { return strings.TrimSpace(words(strconv.Itoa(s.rng.Int()), 1)) }

func (s *trapSite) answer(raw string) reply {
	u, err := url.Parse(raw)
	if err != nil {
		return reply{status: 400}
	}
	if u.Path == "/robots.txt" {
		return textPage("")
	}
	s.all++
	host, path := u.Hostname(), u.Path
	if strings.HasSuffix(host, ".farm.example") {
		s.trap["farm"]++
		return htmlPage("buy cheap things here today" + links("http://"+s.word()+".farm.example/", "http://"+s.word()+".farm.example/", "http://"+s.word()+".farm.example/"))
	}
	body, isReal := s.page(path, u.Query())
	if isReal {
		id := path
		if n := u.Query().Get("n"); n != "" {
			id += "?" + n
		}
		if s.real[id] {
			s.trap["again"]++
		}
		s.real[id] = true
	} else {
		family, _, _ := strings.Cut(path[1:], "/")
		s.trap[family]++
	}
	if body == "" {
		return reply{status: 404}
	}
	return htmlPage(body)
}

// page gives the page at path, and whether it is real.
func (s *trapSite) page(path string, q url.Values) (body string, real bool) {
	part := strings.Split(strings.Trim(path, "/"), "/")
	num := func(i int) int {
		if i >= len(part) {
			return -1
		}
		n, err := strconv.Atoi(strings.TrimLeft(part[i], "psa-"))
		if err != nil {
			return -1
		}
		return n
	}
	session := fmt.Sprintf("&zz=%x", s.rng.Uint64())
	switch {
	case path == "/":
		return "home" + links("/docs/", "/shop/?"+session[1:], "/news/page/1", "/blog/2025/01/", "/cal/2026/11", "/tree/", "/list?sort=up", "/loop/", "http://www.farm.example/"), true
	case path == "/docs/":
		var refs []string
		for i := range trapDocs / 20 {
			refs = append(refs, fmt.Sprintf("/docs/s%d/p0", i))
		}
		return "docs" + links(refs...), true
	case part[0] == "docs" && len(part) == 3 && num(2) >= 0:
		// The last link should have been absolute.
		return words(path, 80) + links(fmt.Sprintf("p%d", (num(2)+1)%20), fmt.Sprintf("p%d", (num(2)+7)%20), "docs/"+part[1]+"/"+part[2]), true
	case part[0] == "docs" && len(part) > 3: // the mirror below
		last := part[len(part)-2:]
		return words("/docs/"+strings.Join(last, "/"), 80) + links(fmt.Sprintf("p%d", (num(len(part)-1)+1)%20), "docs/"+strings.Join(last, "/")), false
	case path == "/shop/":
		var refs []string
		for i := range 10 {
			refs = append(refs, fmt.Sprintf("/shop/item?n=%d&zz=%x", i, s.rng.Uint64()))
		}
		return "shop" + links(refs...), true
	case path == "/shop/item":
		n, _ := strconv.Atoi(q.Get("n"))
		var refs []string
		for _, d := range []int{1, 2, 3, 10, 50} {
			refs = append(refs, fmt.Sprintf("/shop/item?n=%d&zz=%x", (n+d)%trapItems, s.rng.Uint64()))
		}
		return words("item"+strconv.Itoa(n), 80) + links(refs...), true
	case part[0] == "news" && len(part) == 3 && num(2) > 0:
		refs := []string{fmt.Sprintf("/news/page/%d", num(2)%trapLists+1), fmt.Sprintf("/news/page/%d", (num(2)+9)%trapLists+1)}
		for i := range 10 {
			refs = append(refs, fmt.Sprintf("/news/a-%d", (num(2)-1)*10+i))
		}
		return "more news" + links(refs...), num(2) <= trapLists
	case part[0] == "news" && len(part) == 2:
		return words(path, 80) + links("/news/page/1"), true
	case part[0] == "blog" && len(part) == 3:
		m := num(2)
		refs := []string{fmt.Sprintf("/blog/2025/%02d/", m%12+1)}
		for i := m - 1; i < trapArticles; i += 12 {
			refs = append(refs, fmt.Sprintf("/blog/2025/%02d/a-%d", m, i))
		}
		return "archive" + links(refs...), true
	case part[0] == "blog" && len(part) == 4:
		return words(path, 80) + links("/"), true
	case part[0] == "cal" && len(part) == 3:
		y, m := num(1), num(2)
		return "nothing on this month" + links(fmt.Sprintf("/cal/%d/%d", y+m/12, m%12+1), fmt.Sprintf("/cal/%d/%d", y-1, m), fmt.Sprintf("/cal/%d/%d/17?view=week", y, m), fmt.Sprintf("/cal/%d/%d/3", y, m)), false
	case part[0] == "cal":
		return "nothing on this day" + links(fmt.Sprintf("/cal/%d/%d", num(1), num(2)+1)), false
	case part[0] == "tree":
		return "a page of the tree" + links(path+s.word()+"/", path+s.word()+"/", path+s.word()+"/"), false
	case part[0] == "list":
		sort := q.Get("sort")
		return "the list" + links("/list?sort="+sort+"&by="+s.word(), "/list?sort="+s.word(), "/list?c="+s.word()+"&sort="+sort), false
	case part[0] == "loop":
		return "round and round" + links(path+"a/", path+"b/", path+"a/b/"), false
	}
	return "", false
}

// judge stands for the mill: the text decides.
func trapJudge(seen map[[32]byte]bool, text string) millrace.Verdict {
	text, _, _ = strings.Cut(text, "<a ")
	if seen[sha256.Sum256([]byte(text))] {
		return millrace.Verdict{Reason: millrace.DupExact}
	}
	seen[sha256.Sum256([]byte(text))] = true
	if len(text) < 100 {
		return millrace.Verdict{Reason: millrace.QualityWordCount}
	}
	return millrace.Verdict{}
}

// TestTrapSite is the bar: at least 99 % of the real pages are fetched, at most 5 % of the requests are in traps.
func TestTrapSite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := &trapSite{rng: rand.New(rand.NewPCG(1, 2)), real: map[string]bool{}, trap: map[string]int{}}
		bodies := map[string]string{}
		var mu sync.Mutex
		w := &world{latency: 20 * time.Millisecond, answer: func(u string) reply {
			mu.Lock()
			defer mu.Unlock()
			r := site.answer(u)
			bodies[u] = r.body
			return r
		}, lookup: func(string) string { return "1.1.1.1" }}
		o := optionsFor(t.TempDir(), "http://site.example/")
		o.Scope, o.PerIPDelay, o.MaxPages = "any", -1, 10_000
		o.Judged = true
		c := w.start(t, t.Context(), o)
		defer c.Close()
		seen := map[[32]byte]bool{}
		for {
			b, err := c.Read(t.Context(), 16)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range b.Docs {
				v := d.Verdict
				if v.Reason == "" {
					mu.Lock()
					v = trapJudge(seen, bodies[d.Page.URL])
					mu.Unlock()
				}
				c.Judge(d.Page.URL, v)
			}
		}
		if again, err := Fate(o.Dir, "http://site.example/cal/1999/1"); err != nil || again.Reason != millrace.CrawlTrap {
			t.Errorf("the fate of a page of a frozen shape: %+v, %v", again, err)
		}
		trapped := 0
		for _, n := range site.trap {
			trapped += n
		}
		t.Logf("%d of %d real pages, %d requests, %d in traps: %v; frozen %v", len(site.real), trapReal, site.all, trapped, site.trap, c.Counts().Frozen)
		if len(site.real) < trapReal*99/100 {
			t.Errorf("%d of %d real pages were fetched", len(site.real), trapReal)
		}
		if trapped > site.all*5/100 {
			t.Errorf("%d of %d requests were in traps: %v", trapped, site.all, site.trap)
		}
		if err := c.Counts().Check(); err != nil {
			t.Error(err)
		}
	})
}
