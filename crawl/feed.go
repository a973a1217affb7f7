package crawl

import (
	"bufio"
	"bytes"
	"net/mail"
	"strings"
	"time"
)

// maxFeedEntries bounds what is taken of a feed.
const maxFeedEntries = maxLinks

// isFeed reports whether an answer is an RSS or Atom feed. Its type may say so; of other XML the
// first element does.
func isFeed(contentType string, body []byte) bool {
	switch t, xml := xmlType(contentType); {
	case isFeedType(t):
		return true
	case !xml:
		return false
	}
	tag, err := firstTag(body[:min(len(body), 4<<10)])
	return err == nil && isFeedRoot(tag)
}

// isFeedType knows the registered types.
func isFeedType(t string) bool {
	return t == "application/rss+xml" || t == "application/atom+xml" || t == "application/rdf+xml"
}

// xmlType is a media type without its parameters, and whether it names XML and no more.
func xmlType(contentType string) (t string, xml bool) {
	t, _, _ = strings.Cut(strings.ToLower(contentType), ";")
	t = strings.TrimSpace(t)
	return t, t == "application/xml" || t == "text/xml" || t == "text/rss"
}

func firstTag(body []byte) (xmlTag, error) {
	s := xmlScanner{r: bufio.NewReader(bytes.NewReader(body))}
	return s.next()
}

func isFeedRoot(t xmlTag) bool {
	return !t.end && (t.name == "rss" || t.name == "feed" || t.name == "rdf:rdf" && strings.Contains(t.attrs, "purl.org/rss/1.0"))
}

// readFeed lists the entries of a feed, up to where it breaks off.
func readFeed(body []byte) []listed {
	s := xmlScanner{r: bufio.NewReader(bytes.NewReader(body))}
	root, err := s.next()
	if err != nil {
		return nil
	}
	out, _ := feedEntries(&s, root)
	return out
}

// feedEntries reads behind the root element: the items of RSS 2.0 and 1.0, the entries of Atom, and
// where an archived feed goes on (RFC 5005). xml:base counts on the root and on entries.
func feedEntries(s *xmlScanner, root xmlTag) (out []listed, err error) {
	f := feedParser{base: root.attr("xml:base"), atom: root.name == "feed"}
	f.local = f.base
	for len(f.out) < maxFeedEntries {
		tag, err := s.next()
		if err != nil {
			f.end()
			return f.out, eofIsEnd(err)
		}
		if err := f.take(s, tag); err != nil {
			f.end()
			return f.out, eofIsEnd(err)
		}
	}
	return f.out, nil
}

// feedParser is where the reader of a feed is.
type feedParser struct {
	base  string
	atom  bool
	in    bool // an item or entry
	other bool // a <source> in it: the feed that the entry was taken from
	entry listed
	guid  string // of the item: its URL if it has no link
	local string // xml:base that holds here
	out   []listed
}

// take handles one tag.
func (f *feedParser) take(s *xmlScanner, tag xmlTag) error {
	name := strings.TrimPrefix(tag.name, "atom:")
	switch {
	case name == "item" || name == "entry":
		f.end()
		f.in = !tag.end
		if base := tag.attr("xml:base"); base != "" {
			f.local = under(f.base, base)
		}
		return nil
	case name == "source" && f.atom:
		f.other = !tag.end
		return nil
	case tag.end || f.other:
		return nil
	case name == "link" && (f.atom || name != tag.name):
		f.link(tag)
		return nil
	case !f.in:
		return nil
	}
	text := func(set func(string)) error {
		t, err := s.text()
		if err == nil {
			set(t)
		}
		return err
	}
	switch name {
	case "link":
		return text(func(t string) { f.entry.url = t })
	case "guid":
		if strings.EqualFold(tag.attr("isPermaLink"), "false") {
			return nil
		}
		return text(func(t string) { f.guid = t })
	case "pubdate", "dc:date", "updated", "published", "modified", "issued":
		return text(f.date)
	}
	return nil
}

// link takes an Atom link: of an entry its page, of a feed the part that follows.
func (f *feedParser) link(tag xmlTag) {
	switch rel := strings.ToLower(tag.attr("rel")); {
	case f.in && (rel == "" || rel == "alternate") && f.entry.url == "":
		f.entry.url = tag.attr("href")
	case !f.in && (rel == "next" || rel == "prev-archive"):
		f.add(listed{url: tag.attr("href")})
	}
}

// date keeps the latest date of an entry.
func (f *feedParser) date(s string) {
	t, err := parseW3CTime(s)
	if err != nil {
		t, err = mail.ParseDate(s)
	}
	if err == nil && t.After(f.entry.changed) {
		f.entry.changed = t.UTC()
	}
}

// end closes an entry.
func (f *feedParser) end() {
	if f.entry.url == "" && strings.Contains(f.guid, "://") {
		f.entry.url = f.guid
	}
	f.add(f.entry)
	f.entry, f.guid, f.local, f.in, f.other = listed{}, "", f.base, false, false
}

// add keeps a URL, as seen from the entry's base.
func (f *feedParser) add(l listed) {
	l.url = strings.TrimSpace(l.url)
	if l.url == "" || len(l.url) > maxURL || len(f.out) >= maxFeedEntries {
		return
	}
	l.url = under(f.local, l.url)
	f.out = append(f.out, l)
}

// under reads a reference as seen from an absolute base; without one it stays as it is.
func under(base, ref string) string {
	if base != "" && ref != "" {
		if a, err := resolve(base, ref); err == nil {
			return a.fetch
		}
	}
	return ref
}

// feedLinks are the addresses that a feed leads to, in order and without repetition, and what it says
// about when their pages changed.
func feedLinks(url string, body []byte) (links []address, changed []time.Time) {
	seen := map[string]bool{}
	for _, l := range readFeed(body) {
		if a, err := resolve(url, l.url); err == nil && !seen[a.key] {
			seen[a.key] = true
			links, changed = append(links, a), append(changed, l.changed)
		}
	}
	return links, changed
}
