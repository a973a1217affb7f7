package extract

import (
	"encoding/json"
	"strings"
	"time"

	"golang.org/x/net/html"
)

// metadata is what the page says about itself.
type metadata struct {
	title, canonical, lang string
	author, date           string
	authorRank, dateRank   int // of where they come from: the lowest counts
	data                   []string
	dataBytes              int
}

// Ranks of the places where author and date can stand.
const (
	fromData = iota + 1
	fromArticle
	fromMeta
	fromText
)

// maxData bounds the JSON-LD of a page that is looked at.
const maxData = 1 << 20

// setTitle takes in the text of the title element.
func (m *metadata) setTitle(s string) {
	s = strings.ToValidUTF8(s[:min(len(s), 8*maxTitle)], "")
	m.title = strings.Join(strings.Fields(html.UnescapeString(strings.ReplaceAll(s, "\x00", ""))), " ")
}

// addData takes in a script of JSON-LD.
func (m *metadata) addData(s string) {
	if m.dataBytes+len(s) > maxData {
		return
	}
	m.dataBytes += len(s)
	m.data = append(m.data, s)
}

// metaTag takes in a meta element.
func (m *metadata) metaTag(list []attr) {
	content := attribute(list, "content")
	if content == "" {
		return
	}
	for _, key := range [...]string{"name", "property", "itemprop"} {
		switch strings.ToLower(attribute(list, key)) {
		case "author", "article:author", "dc.creator", "dcterms.creator", "sailthru.author", "parsely-author":
			if !strings.Contains(content, "://") {
				m.setAuthor(fromMeta, content)
			}
		case "article:published_time", "datepublished":
			m.setDate(fromArticle, content)
		case "date", "pubdate", "publishdate", "dc.date", "dc.date.issued", "dcterms.date", "dcterms.created", "sailthru.date", "parsely-pub-date", "publish-date", "og:published_time":
			m.setDate(fromMeta, content)
		}
	}
}

// linkTag takes in a link element.
func (m *metadata) linkTag(list []attr) {
	if m.canonical == "" && strings.EqualFold(attribute(list, "rel"), "canonical") {
		m.canonical = line(attribute(list, "href"))
	}
}

// timeTag takes in a time element.
func (m *metadata) timeTag(list []attr) {
	if d := attribute(list, "datetime"); d != "" {
		rank := fromText
		if strings.EqualFold(attribute(list, "itemprop"), "datePublished") {
			rank = fromArticle
		}
		m.setDate(rank, d)
	}
}

func (m *metadata) setAuthor(rank int, s string) {
	if s = line(s); s != "" && (m.author == "" || rank < m.authorRank) {
		m.author, m.authorRank = s, rank
	}
}

func (m *metadata) setDate(rank int, s string) {
	if m.date != "" && rank >= m.dateRank {
		return
	}
	if d := isoDate(s); d != "" {
		m.date, m.dateRank = d, rank
	}
}

// isoDate gives the day that s begins with, as 2006-01-02, or "".
func isoDate(s string) string {
	s = strings.TrimSpace(s)
	const day = "2006-01-02"
	for _, layout := range [...]string{day, "20060102", "2006/01/02"} {
		if len(s) >= len(layout) {
			if t, err := time.Parse(layout, s[:len(layout)]); err == nil && t.Year() > 1000 {
				return t.Format(day)
			}
		}
	}
	return ""
}

// line makes one line of an attribute's value.
func line(s string) string {
	s = strings.Join(strings.Fields(html.UnescapeString(s[:min(len(s), 8*maxTitle)])), " ")
	if len(s) > maxTitle {
		s = s[:maxTitle]
	}
	return strings.ToValidUTF8(s, "")
}

// readData looks for author, date and text in the JSON-LD. It reads single values behind their keys, for much of
// what pages have there is not whole JSON.
func (m *metadata) readData() (body string) {
	for _, s := range m.data {
		if v, ok := member(s, "datePublished"); ok {
			m.setDate(fromData, v)
		}
		if i := strings.Index(s, `"author"`); i >= 0 {
			const near = 400
			part := s[i+len(`"author"`):]
			if v, ok := stringAt(part); ok {
				m.setAuthor(fromData, v)
			} else if v, ok := member(part[:min(len(part), near)], "name"); ok && !strings.Contains(v, "://") {
				m.setAuthor(fromData, v)
			}
		}
		if v, ok := member(s, "articleBody"); ok && len(v) > len(body) {
			body = v
		}
	}
	return body
}

// member finds the first string behind a key.
func member(s, key string) (string, bool) {
	i := strings.Index(s, `"`+key+`"`)
	if i < 0 {
		return "", false
	}
	return stringAt(s[i+len(key)+2:])
}

// stringAt reads the string of JSON behind a colon.
func stringAt(s string) (string, bool) {
	i := skipSpace(s, 0)
	if i >= len(s) || s[i] != ':' {
		return "", false
	}
	if i = skipSpace(s, i+1); i >= len(s) || s[i] != '"' {
		return "", false
	}
	for j := i + 1; j < len(s); j++ {
		switch s[j] {
		case '\\':
			j++
		case '"':
			return unquote(s[i : j+1])
		}
	}
	return "", false
}

// unquote reads a string of JSON. Control characters in it, which JSON has not, become spaces.
func unquote(s string) (string, bool) {
	var v string
	s = strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, s)
	err := json.Unmarshal([]byte(s), &v)
	return v, err == nil
}
