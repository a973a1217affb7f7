package warc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Entry is one line of a CDXJ index: where the record of a URL stands. As the tools that replay
// archives want it, every value is a string.
type Entry struct {
	Key  string `json:"-"` // SURT of URL
	Time string `json:"-"` // of the visit, 14 digits

	URL       string `json:"url"`
	MIME      string `json:"mime,omitempty"`
	Status    string `json:"status,omitempty"`
	Digest    string `json:"digest,omitempty"`
	Length    string `json:"length"`
	Offset    string `json:"offset"`
	Filename  string `json:"filename"`
	Truncated string `json:"truncated,omitempty"`
}

// NewEntry makes the entry of a record of the file filename. Only what can be replayed has one:
// responses, revisits and resources.
func NewEntry(rec *Record, filename string) (Entry, bool) {
	kind := rec.Type()
	if kind != "response" && kind != "revisit" && kind != "resource" {
		return Entry{}, false
	}
	url := rec.TargetURI()
	e := Entry{Key: SURT(url), Time: fourteen(rec.Get("WARC-Date")), URL: url, Digest: rec.Get("WARC-Payload-Digest"),
		Filename: filename, Truncated: rec.Get("WARC-Truncated")}
	e.SetPlace(rec.Offset, rec.Length)
	mime := rec.Get("Content-Type")
	if strings.HasPrefix(mime, "application/http") {
		if status, header, _, err := ParseHTTP(rec.Block); err == nil {
			e.Status, mime = strconv.Itoa(status), field(header, http.CanonicalHeaderKey("Content-Type"))
		} else {
			mime = ""
		}
	}
	mime, _, _ = strings.Cut(mime, ";")
	if e.MIME = strings.ToLower(strings.TrimSpace(mime)); kind == "revisit" {
		e.MIME = "warc/revisit"
	}
	return e, true
}

// SetPlace says where the record's member stands.
func (e *Entry) SetPlace(offset, length int64) {
	e.Offset, e.Length = strconv.FormatInt(offset, 10), strconv.FormatInt(length, 10)
}

// Place is where the record's member stands.
func (e *Entry) Place() (offset, length int64, err error) {
	if offset, err = strconv.ParseInt(e.Offset, 10, 64); err == nil {
		length, err = strconv.ParseInt(e.Length, 10, 64)
	}
	return offset, length, err
}

// Line is the entry as it stands in an index, with its line end.
func (e *Entry) Line() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(e.Key + " " + e.Time + " ")
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		return nil, fmt.Errorf("write index: %w", err)
	}
	return b.Bytes(), nil
}

var errLine = errors.New("no CDXJ line: want KEY TIME {JSON}")

// ParseEntry reads a line. Of others' indexes only what an Entry has is read.
func ParseEntry(line []byte) (e Entry, err error) {
	key, rest, ok := bytes.Cut(bytes.TrimSpace(line), []byte(" "))
	at, object, ok2 := bytes.Cut(rest, []byte(" "))
	if !ok || !ok2 {
		return e, errLine
	}
	if err := json.Unmarshal(object, &e); err != nil {
		return e, fmt.Errorf("%w: %w", errLine, err)
	}
	e.Key, e.Time = string(key), string(at)
	return e, nil
}

// IndexPath is where the index of a file stands: beside it.
func IndexPath(path string) string {
	for _, end := range []string{".gz", ".zst", ".warc"} {
		path = strings.TrimSuffix(path, end)
	}
	return path + ".cdxj"
}

// fourteen keeps the digits of a WARC-Date down to the second.
func fourteen(date string) string {
	var b []byte
	for _, c := range []byte(date) {
		if '0' <= c && c <= '9' && len(b) < 14 {
			b = append(b, c)
		}
	}
	return string(b)
}

// SURT is the key of a URL in an index: its host turned round, then the rest, so that a sorted index has
// pages of one site together. As in the indexes of the Wayback Machine what rarely tells two pages apart
// is left out: scheme, user, "www." and a default port, a last slash, the order of the query and capitals.
// (They go further: session ids are cut, and what is percent-encoded without need is decoded.)
func SURT(url string) string {
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok {
		return noBlanks(strings.ToLower(url)) // urn:, dns:
	}
	rest, _, _ = strings.Cut(rest, "#")
	i := strings.IndexAny(rest, "/?")
	if i < 0 {
		i = len(rest)
	}
	authority, path := strings.ToLower(rest[:i]), rest[i:]
	authority = authority[strings.LastIndexByte(authority, '@')+1:]
	host, port := authority, ""
	if at := strings.LastIndexByte(authority, ':'); at > strings.LastIndexByte(authority, ']') {
		host, port = authority[:at], authority[at:]
	}
	if scheme = strings.ToLower(scheme); port == ":" || scheme == "http" && port == ":80" || scheme == "https" && port == ":443" {
		port = ""
	}
	path, query, _ := strings.Cut(strings.ToLower(path), "?")
	if path = strings.TrimSuffix(path, "/"); path == "" {
		path = "/"
	}
	if query != "" {
		parts := strings.Split(query, "&")
		slices.Sort(parts)
		query = "?" + strings.Join(parts, "&")
	}
	return noBlanks(reversed(withoutWWW(host)) + port + ")" + path + query)
}

// noBlanks keeps a key from ending before its end.
func noBlanks(s string) string {
	if !strings.ContainsFunc(s, isBlank) {
		return s
	}
	var b strings.Builder
	for _, c := range []byte(s) {
		if isBlank(rune(c)) {
			fmt.Fprintf(&b, "%%%02x", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func isBlank(r rune) bool { return r <= ' ' || r == 0x7f }

// withoutWWW cuts "www.", "www2." and the like.
func withoutWWW(host string) string {
	rest, ok := strings.CutPrefix(host, "www")
	if !ok {
		return host
	}
	if rest = strings.TrimLeft(rest, "0123456789"); len(rest) > 1 && rest[0] == '.' {
		return rest[1:]
	}
	return host
}

// reversed turns the labels of a name, or the numbers of an address, round.
func reversed(host string) string {
	if strings.HasPrefix(host, "[") {
		return strings.Trim(host, "[]")
	}
	labels := strings.Split(host, ".")
	slices.Reverse(labels)
	return strings.Join(labels, ",")
}
