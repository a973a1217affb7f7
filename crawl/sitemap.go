package crawl

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"html"
	"io"
	"strings"
)

// Limits of the sitemap protocol, and on what is kept of one file.
const (
	maxSitemapURLs  = 50_000
	maxSitemapBytes = 50 << 20
	maxLocBytes     = 8 << 20
)

// sitemap is what a sitemap file lists: pages, or other sitemaps.
type sitemap struct {
	urls  []string
	index bool
}

var errSitemapURLs = errors.New("more than 50,000 URLs: the rest is not read")

// readSitemap reads the XML forms (urlset, sitemapindex, feeds with loc elements are none) and the
// plain one, a URL a line; each may be compressed. What came before an error is returned with it.
// It looks for <loc> elements and nothing else: one pass, and no more memory than they take.
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
	p := sitemapParser{r: br}
	var err error
	if first, _ := br.Peek(1); len(first) > 0 && strings.ContainsRune("< \t\r\n", rune(first[0])) {
		err = p.xml()
	} else {
		err = p.lines()
	}
	if err == io.EOF {
		err = nil
	}
	if err != nil {
		err = fmt.Errorf("read sitemap: %w", err)
	}
	return p.out, err
}

type sitemapParser struct {
	r    *bufio.Reader
	out  sitemap
	size int
}

func (p *sitemapParser) add(s string) error {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > maxURL {
		return nil
	}
	if p.size += len(s); len(p.out.urls) >= maxSitemapURLs || p.size > maxLocBytes {
		return errSitemapURLs
	}
	p.out.urls = append(p.out.urls, s)
	return nil
}

// lines reads the plain form.
func (p *sitemapParser) lines() error {
	for {
		line, err := p.until('\n')
		if strings.HasPrefix(line, "http") {
			if err := p.add(line); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
}

// xml reads tag after tag.
func (p *sitemapParser) xml() error {
	for {
		if err := p.skip('<'); err != nil {
			return err
		}
		if head, _ := p.r.Peek(3); string(head) == "!--" {
			if err := p.skipComment(); err != nil {
				return err
			}
			continue
		}
		tag, err := p.until('>')
		if err != nil {
			return err
		}
		if i := strings.IndexAny(tag, " \t\r\n"); i >= 0 {
			tag = tag[:i]
		}
		switch strings.ToLower(tag) {
		case "sitemapindex":
			p.out.index = true
		case "loc":
			if err := p.loc(); err != nil {
				return err
			}
		}
	}
}

// loc reads the text of a <loc>, which may stand in a CDATA section.
func (p *sitemapParser) loc() error {
	text, err := p.until('<')
	if err != nil {
		return err
	}
	const open, end = "![CDATA[", "]]"
	if head, _ := p.r.Peek(len(open)); string(head) == open {
		p.r.Discard(len(open))
		cdata, err := p.until('>')
		if err != nil {
			return err
		}
		return p.add(strings.TrimSuffix(cdata, end))
	}
	if err := p.add(html.UnescapeString(text)); err != nil {
		return err
	}
	_, err = p.until('>') // the end tag, whose "<" is taken
	return err
}

// until reads up to a byte and returns what came before it, of which no more is kept than a URL needs.
func (p *sitemapParser) until(end byte) (string, error) {
	var b []byte
	for {
		c, err := p.r.ReadByte()
		if err != nil || c == end {
			return string(b), err
		}
		if len(b) <= 2*maxURL {
			b = append(b, c)
		}
	}
}

func (p *sitemapParser) skip(end byte) error {
	for {
		c, err := p.r.ReadByte()
		if err != nil || c == end {
			return err
		}
	}
}

func (p *sitemapParser) skipComment() error {
	dashes := 0
	p.r.Discard(3)
	for {
		c, err := p.r.ReadByte()
		if err != nil {
			return err
		}
		switch {
		case c == '-':
			dashes++
		case c == '>' && dashes >= 2:
			return nil
		default:
			dashes = 0
		}
	}
}
