package crawl

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Limits of the sitemap protocol, and on what is kept of one file.
const (
	maxSitemapURLs  = 50_000
	maxSitemapBytes = 50 << 20
	maxLocBytes     = 8 << 20
)

// listed is a URL that a sitemap or a feed names.
type listed struct {
	url string
	// changed is when its page last changed, as the file says; zero if it does not. Of a date without
	// a time it is the first moment.
	changed time.Time
}

// sitemap is what a sitemap file lists: pages, or other sitemaps.
type sitemap struct {
	urls  []listed
	index bool
}

var errSitemapURLs = errors.New("more than 50,000 URLs: the rest is not read")

// readSitemap reads the XML forms (urlset, sitemapindex) and the plain one, a URL a line, and feeds
// in the role of a sitemap; each may be compressed. What came before an error is returned with it.
func readSitemap(r io.Reader) (sitemap, error) {
	br := bufio.NewReaderSize(io.LimitReader(r, maxSitemapBytes), 1<<15)
	if magic, _ := br.Peek(2); string(magic) == "\x1f\x8b" {
		z, err := gzip.NewReader(br)
		if err != nil {
			return sitemap{}, fmt.Errorf("read sitemap: %w", err)
		}
		br = bufio.NewReaderSize(io.LimitReader(z, maxSitemapBytes), 1<<15)
	}
	if bom, _ := br.Peek(3); string(bom) == "\xef\xbb\xbf" {
		br.Discard(3)
	}
	p := sitemapParser{}
	var err error
	if first, _ := br.Peek(1); len(first) > 0 && strings.ContainsRune("< \t\r\n", rune(first[0])) {
		err = p.xml(&xmlScanner{r: br})
	} else {
		err = p.lines(&xmlScanner{r: br})
	}
	if err = eofIsEnd(err); err != nil {
		err = fmt.Errorf("read sitemap: %w", err)
	}
	return p.out, err
}

type sitemapParser struct {
	out  sitemap
	size int
}

func (p *sitemapParser) add(l listed) error {
	l.url = strings.TrimSpace(l.url)
	if l.url == "" || len(l.url) > maxURL {
		return nil
	}
	if p.size += len(l.url); len(p.out.urls) >= maxSitemapURLs || p.size > maxLocBytes {
		return errSitemapURLs
	}
	p.out.urls = append(p.out.urls, l)
	return nil
}

// lines reads the plain form.
func (p *sitemapParser) lines(s *xmlScanner) error {
	for {
		line, err := s.until('\n', true)
		if strings.HasPrefix(line, "http") {
			if err := p.add(listed{url: line}); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
}

// xml reads tag after tag. It looks for <loc>, and for the <lastmod> of the same entry.
func (p *sitemapParser) xml(s *xmlScanner) error {
	var entry listed
	for {
		tag, err := s.next()
		if err == nil && isFeedRoot(tag) && len(p.out.urls) == 0 {
			feed, err := feedEntries(s, tag)
			for _, l := range feed {
				if err := p.add(l); err != nil {
					return err
				}
			}
			return err
		}
		// An entry ends where the next begins or its own end is, or the file.
		if err != nil || tag.name == "url" || tag.name == "sitemap" || tag.name == "loc" && !tag.end && entry.url != "" {
			if err := p.add(entry); err != nil {
				return err
			}
			entry = listed{}
		}
		if err != nil {
			return err
		}
		if tag.end {
			continue
		}
		switch tag.name {
		case "sitemapindex":
			p.out.index = true
		case "loc":
			text, err := s.text()
			if err == nil { // what is cut off may be another URL's beginning
				entry.url = text
			}
		case "lastmod":
			text, _ := s.text()
			entry.changed, _ = parseW3CTime(text)
		}
	}
}

// parseW3CTime reads the W3C's profile of ISO 8601, at each of its precisions, and the usual ways to miss it.
func parseW3CTime(s string) (time.Time, error) {
	var first error
	for _, layout := range []string{
		"2006-01-02T15:04:05Z07:00", "2006-01-02", "2006-01-02T15:04Z07:00", "2006-01", "2006",
		"2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04:05 Z0700",
	} {
		t, err := time.Parse(layout, strings.TrimSpace(s))
		if err == nil {
			return t.UTC(), nil
		}
		if first == nil {
			first = err
		}
	}
	return time.Time{}, first
}
