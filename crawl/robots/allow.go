package robots

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// ForStatus is the file that an answer with this status stands for: the body for 2xx, no rules for
// 4xx, everything closed for the rest. 401 and 403 close too, which is stricter than RFC 9309: a
// site that asks for a password has not invited a corpus. 429 says "later", not "welcome".
func ForStatus(status int, body []byte) *File {
	switch {
	case status >= 200 && status < 300:
		return Parse(body)
	case status == 401, status == 403, status == 429:
	case status >= 400 && status < 500:
		return &File{}
	}
	return Closed(fmt.Sprintf("robots.txt answered with status %d", status))
}

// Closed is a file that disallows everything, for the reason why.
func Closed(why string) *File { return &File{closed: why} }

// Sitemaps lists the values of the Sitemap lines, which stand outside all groups.
func (f *File) Sitemaps() []string { return slices.Clone(f.sitemaps) }

// Allowed reports whether the crawler with this product token may fetch url, with the line that
// decided: rule is "" and line 0 where none spoke. group is the token under which the rules stand,
// "*", or "" where no group applies.
func (f *File) Allowed(token, url string) (allowed bool, rule string, line int, group string) {
	g := f.Group(token)
	allowed, rule, line = g.Allowed(url)
	return allowed, rule, line, g.Name
}

// Group is what one crawler has to obey: all blocks that name it, or else all for "*".
type Group struct {
	Name string // the token in lower case, "*", or ""

	blocks []*block
	closed string
	named  func(agent) bool // what made the blocks its own; nil: none
}

// within reports whether a line about use in b speaks to the group.
func (g *Group) within(b *block, s scope) bool {
	return slices.ContainsFunc(b.agents[s.from:s.to], g.named)
}

// Group joins the blocks that apply to the product token.
func (f *File) Group(token string) *Group {
	if i := strings.IndexByte(token, '/'); i >= 0 {
		token = token[:i]
	}
	g := &Group{closed: f.closed}
	if token != "" && token != "*" {
		g.collect(f, strings.ToLower(token), func(a agent) bool {
			return strings.EqualFold(a.cut, token) || strings.EqualFold(a.full, token)
		})
	}
	if len(g.blocks) == 0 {
		g.collect(f, "*", func(a agent) bool { return a.cut == "*" })
	}
	return g
}

func (g *Group) collect(f *File, name string, match func(agent) bool) {
	for i := range f.blocks {
		if slices.ContainsFunc(f.blocks[i].agents, match) {
			g.blocks = append(g.blocks, &f.blocks[i])
			g.Name, g.named = name, match
		}
	}
}

// Named joins the blocks that name a crawler in full, in any case: "AI2Bot", "Kangaroo Bot". It is nil
// where none does. It tells what a site says to others; for our own token there is Group.
func (f *File) Named(name string) *Group {
	g := &Group{closed: f.closed}
	g.collect(f, strings.ToLower(name), func(a agent) bool { return strings.EqualFold(a.full, name) })
	if len(g.blocks) == 0 {
		return nil
	}
	return g
}

// Licences lists the values of the License lines (RSL 1.0) that stand before all groups or in g.
func (f *File) Licences(g *Group) []string {
	out := slices.Clone(f.licences)
	for _, b := range g.blocks {
		for _, l := range b.licences {
			if g.within(b, l.scope) {
				out = append(out, l.url)
			}
		}
	}
	return out
}

// Allowed reports whether url may be fetched, with the line that decided. The longest pattern wins;
// of equally long ones, Allow wins.
func (g *Group) Allowed(url string) (allowed bool, rule string, line int) {
	path := Path(url)
	if path == "/robots.txt" {
		return true, "", 0
	}
	if g.closed != "" {
		return false, g.closed, 0
	}
	best := g.longest(path)
	if best == nil {
		return true, "", 0
	}
	return best.allow, best.String(), best.line
}

func (g *Group) longest(path string) *rule {
	var best *rule
	for _, b := range g.blocks {
		if b.heads == nil {
			for i := range b.rules {
				if r := &b.rules[i]; r.beats(best) && r.match(path) {
					best = r
				}
			}
			continue
		}
		for _, n := range slices.Backward(b.lengths) { // a long head is likely to beat the rest unseen
			if n > len(path) {
				continue
			}
			for i := b.heads[path[:n]]; i > 0; i = b.rules[i-1].next {
				if r := &b.rules[i-1]; r.beats(best) && r.matchTail(path[n:]) {
					best = r
				}
			}
		}
	}
	return best
}

// Same reports whether two groups consist of the same rules.
func (g *Group) Same(o *Group) bool { return slices.Equal(g.blocks, o.blocks) && g.closed == o.closed }

// CrawlDelay is the largest Crawl-delay of the group, 0 where there is none.
func (g *Group) CrawlDelay() time.Duration {
	var d time.Duration
	for _, b := range g.blocks {
		d = max(d, b.delay)
	}
	return d
}

// Usage lists what the group says about the use of url: every line for the whole site, and of the
// lines for paths those with the longest pattern that matches.
func (g *Group) Usage(url string) []Usage {
	path := Path(url)
	var out []Usage
	longest := 0
	for _, b := range g.blocks {
		for i := range b.usage {
			u := &b.usage[i]
			if g.within(b, u.scope) && (u.Path == "" || u.pattern.match(path)) {
				out = append(out, *u)
				longest = max(longest, len(u.Path))
			}
		}
	}
	return slices.DeleteFunc(out, func(u Usage) bool { return u.Path != "" && len(u.Path) < longest })
}

// Path is the part of a URL that rules speak about: path and query, normalised, never empty.
func Path(url string) string {
	if i := strings.IndexByte(url, '#'); i >= 0 {
		url = url[:i]
	}
	if i := strings.Index(url, "//"); i >= 0 && (i == 0 || url[i-1] == ':') && !strings.ContainsAny(url[:i], "/?") {
		url = url[i+2:]
		if i = strings.IndexAny(url, "/?;\\"); i < 0 {
			return "/"
		}
		url = url[i:]
	}
	if url == "" || url[0] != '/' {
		url = "/" + url
	}
	return normalise(url, false)
}
