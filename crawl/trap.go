package crawl

import (
	"strings"
)

// Limits on addresses that a machine makes up.
const (
	maxDepth    = 20 // links from a seed or a sitemap's entry
	maxSegments = 20
	maxRepeat   = 3  // times that one segment may stand in a path
	shapeQuota  = 40 // of URLs of one shape, one leading to the next
	shapeProof  = 10 // worthy pages of a shape that double it, and so on
)

// traps count, for each shape of URL, how many were found in the way that traps hand them out. A
// shape is a host and path with the digits replaced, and the names of the query's parameters.
//
// Two ways count. A page that links to a page of its own shape may go on for ever (page 1, page 2, …).
// A page with a year in its address that links to others with years is a calendar, whatever their
// shapes. Links from elsewhere, and from sitemaps, do not count: there the site itself has listed
// the page, and a refused URL that is found so is taken in again.
//
// A shape has a quota, which grows with the pages of it that turned out to be worth something (yield.go).
// What is beyond the quota is held back until then, and refused where the crawl ends without.
type traps struct {
	count  map[string]int64   // by shape
	proved map[string]int64   // how often the quota has grown
	held   map[string]offsets // URLs beyond the quota, by their places in the log
	worthy map[string]int     // pages that turned out to be worth something; not kept over a restart
}

func newTraps() traps {
	return traps{count: map[string]int64{}, proved: map[string]int64{}, held: map[string]offsets{}, worthy: map[string]int{}}
}

// beyond is how many URLs of a shape exceed its quota.
func (t *traps) beyond(shape string) int64 {
	return max(0, t.count[shape]-shapeQuota*(1+t.proved[shape]))
}

// refuse says why the path of a URL alone is a trap, or "".
func (t *traps) refuse(a address, depth int) string {
	if len(a.fetch) > maxURL {
		return "URL longer than 2048 bytes"
	}
	if depth > maxDepth {
		return "more than 20 links away"
	}
	path := pathOf(a.fetch)
	segments := strings.Split(path, "/")
	if len(segments) > maxSegments+1 {
		return "more than 20 path segments"
	}
	seen := map[string]int{}
	for _, s := range segments {
		if s == "" {
			continue
		}
		if seen[s]++; seen[s] > maxRepeat {
			return "a path segment more than 3 times"
		}
	}
	return ""
}

// shape names the quota that a link from page to a falls under, or "".
func (t *traps) shape(page, a address) string {
	if page.authority != a.authority {
		return ""
	}
	if hasYear(a.fetch) && hasYear(page.fetch) {
		return yearShape(a)
	}
	shape, digits := shapeOf(a)
	if from, _ := shapeOf(page); digits && from == shape {
		return shape
	}
	return ""
}

// yearWords begin the shapes of calendars.
const yearWords = "year "

func yearShape(a address) string {
	family, _, _ := strings.Cut(strings.TrimPrefix(pathOf(a.fetch), "/"), "/")
	family, _ = blankDigits(family)
	return yearWords + a.authority + "/" + family
}

func shapeOf(a address) (shape string, digits bool) {
	path, query, _ := strings.Cut(a.fetch[len(originOf(a.fetch)):], "?")
	path, digits = blankDigits(path)
	var b strings.Builder
	b.WriteString(a.authority)
	b.WriteString(path)
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if strings.ContainsAny(value, "0123456789") {
			digits = true
		}
		b.WriteString("&" + name)
	}
	return b.String(), digits
}

// blankDigits replaces each run of digits.
func blankDigits(s string) (string, bool) {
	if !strings.ContainsAny(s, "0123456789") {
		return s, false
	}
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			b = append(b, s[i])
		} else if len(b) == 0 || b[len(b)-1] != '#' {
			b = append(b, '#')
		}
	}
	return string(b), true
}

// hasYear reports whether a number from 1900 to 2199 stands in the path or query.
func hasYear(fetch string) bool {
	s := fetch[len(originOf(fetch)):]
	for i := 0; i < len(s); {
		if s[i] < '0' || s[i] > '9' {
			i++
			continue
		}
		j := i
		for j < len(s) && s[j] >= '0' && s[j] <= '9' {
			j++
		}
		if n := s[i:j]; (len(n) == 4 || len(n) == 6 || len(n) == 8) && (n[:2] == "19" || n[:2] == "20" || n[:2] == "21") {
			return true
		}
		i = j
	}
	return false
}

// originOf is the part of a canonical URL before its path.
func originOf(fetch string) string {
	i := strings.Index(fetch, "://")
	if i < 0 {
		return ""
	}
	if j := strings.IndexByte(fetch[i+3:], '/'); j >= 0 {
		return fetch[:i+3+j]
	}
	return fetch
}

func pathOf(fetch string) string {
	path, _, _ := strings.Cut(fetch[len(originOf(fetch)):], "?")
	return path
}
