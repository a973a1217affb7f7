package robots

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MaxSize is how much of a file is read. RFC 9309 asks for at least 500 KiB.
const MaxSize = 512 << 10

// maxLine is where a line is cut, as Google's parser does.
const maxLine = 16_664

// File is a parsed robots.txt. The zero File has no rules: everything is allowed.
type File struct {
	// Truncated says that the file was longer than MaxSize; the rest was not read.
	Truncated bool

	blocks   []block
	sitemaps []string
	licences []string // outside of all blocks
	closed   string   // why everything is disallowed, whatever the file says
}

// block is a run of User-agent lines with the lines that follow it.
type block struct {
	agents []agent
	rules  []rule
	delay  time.Duration
	usage  []Usage

	licences []licence

	heads   map[string]int // of many rules: the last one with a head, counted from 1
	lengths []int          // of heads, ascending
}

// manyRules is from how many on a block is worth an index.
const manyRules = 16

// index makes rules found by their heads, so that a path is held against a few of them only.
func (b *block) index() {
	if len(b.rules) < manyRules {
		return
	}
	b.heads = make(map[string]int, len(b.rules))
	for i := range b.rules {
		r := &b.rules[i]
		r.next = b.heads[r.head]
		b.heads[r.head] = i + 1
		if at, found := slices.BinarySearch(b.lengths, len(r.head)); !found {
			b.lengths = slices.Insert(b.lengths, at, len(r.head))
		}
	}
}

// scope is a range of a block's agents. Lines about use do not close a list of User-agent lines, for a
// crawler that does not know them must read the same rules; but what they say, they say to the agents
// above them only, back to the line about use before.
type scope struct{ from, to int }

// licence is the value of a License line in a block.
type licence struct {
	scope
	url string
}

// agent is the value of a User-agent line in two forms: real names hold digits, dots and spaces
// ("AI2Bot", "Kangaroo Bot") and end at the slash before a version, RFC 9309 cuts at the first octet that is neither a letter nor "-" nor "_".
type agent struct{ full, cut string }

// Usage is a line that says what content may be used for, not whether it may be fetched.
type Usage struct {
	Name  string // "Content-Usage" or "Content-Signal"
	Path  string // normalised pattern; "" where the line speaks of the whole site
	Value string // as written, without the path
	Line  int

	scope   scope
	pattern pattern
}

// Parse reads a file. Any bytes are a file.
func Parse(data []byte) *File {
	f := &File{}
	if len(data) > MaxSize {
		f.Truncated = true
		data = data[:MaxSize]
		if i := bytes.LastIndexAny(data, "\r\n"); i >= 0 {
			data = data[:i]
		}
	}
	text := strings.TrimPrefix(string(data), "\xef\xbb\xbf")
	p := parser{file: f}
	for number := 1; len(text) > 0; number++ {
		var line string
		line, text = cutLine(text)
		p.line(line[:min(len(line), maxLine)], number)
	}
	for i := range f.blocks {
		f.blocks[i].index()
	}
	return f
}

// cutLine takes a line off text. Lines end with LF, CR or CR LF.
func cutLine(text string) (line, rest string) {
	for i := range len(text) {
		switch text[i] {
		case '\n':
			return text[:i], text[i+1:]
		case '\r':
			return text[:i], strings.TrimPrefix(text[i+1:], "\n")
		}
	}
	return text, ""
}

// parser keeps what one line means for the next.
type parser struct {
	file *File
	// ruled says that the block at hand has a rule: the next User-agent line opens another block.
	ruled bool
	from  int  // first of the block's agents that a line about use speaks to
	used  bool // a line about use came after the last agent
}

// scope is what a line about use in b speaks to.
func (p *parser) scope(b *block) scope {
	p.used = true
	return scope{p.from, len(b.agents)}
}

func (p *parser) line(s string, number int) {
	key, value, ok := cutField(s)
	if !ok {
		return
	}
	kind := kindOf(key)
	switch kind {
	case "user-agent":
		p.agent(value)
		return
	case "sitemap":
		if value != "" {
			p.file.sitemaps = append(p.file.sitemaps, value)
		}
		return
	}
	if len(p.file.blocks) == 0 {
		if kind == "license" && value != "" {
			p.file.licences = append(p.file.licences, value)
		}
		return // a rule outside a group
	}
	b := &p.file.blocks[len(p.file.blocks)-1]
	switch kind {
	case "allow", "disallow":
		p.ruled = true
		if value != "" {
			b.rules = append(b.rules, newRule(kind == "allow", value, number))
		}
	case "crawl-delay":
		if d, ok := parseDelay(value); ok {
			b.delay = max(b.delay, d)
		}
	case "license":
		if value != "" {
			b.licences = append(b.licences, licence{p.scope(b), value})
		}
	case "content-usage", "content-signal":
		if value != "" {
			u := newUsage(kind, value, number)
			u.scope = p.scope(b)
			b.usage = append(b.usage, u)
		}
	}
}

// kindOf is the field that a name means, with the ways in which people misspell it; "" is none.
func kindOf(key string) string {
	var lower [14]byte // the longest has as many
	if len(key) > len(lower) {
		return ""
	}
	for i := range len(key) {
		if lower[i] = key[i]; 'A' <= key[i] && key[i] <= 'Z' {
			lower[i] |= 0x20
		}
	}
	switch name := string(lower[:len(key)]); name {
	case "user-agent", "useragent", "user agent":
		return "user-agent"
	case "allow":
		return "allow"
	case "sitemap", "content-usage", "content-signal", "crawl-delay", "license":
		return name
	case "disallow", "dissallow", "dissalow", "disalow", "diasllow", "disallaw":
		return "disallow"
	case "site-map":
		return "sitemap"
	}
	return ""
}

func (p *parser) agent(value string) {
	if value == "" {
		return
	}
	if p.ruled || len(p.file.blocks) == 0 {
		p.file.blocks = append(p.file.blocks, block{})
		p.ruled, p.used, p.from = false, false, 0
	}
	b := &p.file.blocks[len(p.file.blocks)-1]
	if p.used {
		p.used, p.from = false, len(b.agents)
	}
	full, _, _ := strings.Cut(value, "/")
	b.agents = append(b.agents, agent{full: strings.TrimSpace(full), cut: cutToken(value)})
}

// cutField splits a line into its key and its value. The colon may be missing where
// exactly two words stand in the line.
func cutField(s string) (key, value string, ok bool) {
	if i := strings.IndexByte(s, '#'); i >= 0 {
		s = s[:i]
	}
	s = strings.Trim(s, " \t\v\f\x00")
	key, value, ok = strings.Cut(s, ":")
	if !ok {
		words := strings.Fields(s)
		if len(words) != 2 {
			return "", "", false
		}
		key, value = words[0], words[1]
	}
	return strings.TrimSpace(key), strings.TrimSpace(value), true
}

// cutToken is the product token that RFC 9309 sees in a name.
func cutToken(s string) string {
	if s == "*" || strings.HasPrefix(s, "* ") || strings.HasPrefix(s, "*\t") {
		return "*"
	}
	for i := range len(s) {
		if c := s[i] | 0x20; (c < 'a' || c > 'z') && s[i] != '-' && s[i] != '_' {
			return s[:i]
		}
	}
	return s
}

// parseDelay reads seconds. What is negative, no number or beyond a day is no delay.
func parseDelay(s string) (time.Duration, bool) {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || !(n >= 0 && n <= 86_400) {
		return 0, false
	}
	return time.Duration(n * float64(time.Second)), true
}

// newUsage reads "[/path] key=value, …".
func newUsage(kind, value string, line int) Usage {
	u := Usage{Name: "Content-Usage", Value: value, Line: line}
	if kind == "content-signal" {
		u.Name = "Content-Signal"
	}
	if strings.HasPrefix(value, "/") || strings.HasPrefix(value, "*") {
		path, rest, _ := strings.Cut(value, " ")
		u.pattern = compile(path)
		u.Path, u.Value = u.pattern.text, strings.TrimSpace(rest)
	}
	return u
}
