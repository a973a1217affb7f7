package crawl

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"millrace"
	"millrace/crawl/consent"
)

// maxRaw bounds what is kept of a stranger's text.
const maxRaw = 1 << 10

// sayings joins what an answer says about its use. What robots.txt and the site's files say is for the
// caller to add.
func sayings(url string, header []millrace.Field, body []byte, token string) consent.Input {
	in := consent.Input{URL: url, Header: header, Token: token, Resolve: func(ref string) string {
		a, err := resolve(url, ref)
		if err != nil {
			return ""
		}
		return a.fetch
	}}
	for _, f := range header {
		if f.Name == "Content-Type" {
			if isHTML(f.Value, body) {
				in.Head = consent.Scan(body, token)
			}
			return in
		}
	}
	if isHTML("", body) {
		in.Head = consent.Scan(body, token)
	}
	return in
}

// statementJSON is a Statement in a WARC field.
type statementJSON struct {
	Source   string     `json:"source"`
	Value    string     `json:"value"`
	Raw      string     `json:"raw"`
	Inferred bool       `json:"inferred,omitempty"`
	NoIndex  bool       `json:"noindex,omitempty"`
	At       *time.Time `json:"at,omitempty"`
}

func formatStatement(s millrace.Statement) string {
	v := statementJSON{Source: s.Source, Value: s.Value.String(), Raw: s.Raw, Inferred: s.Inferred, NoIndex: s.NoIndex}
	if !s.At.IsZero() {
		at := s.At.UTC().Truncate(time.Second)
		v.At = &at
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // a struct of plain values always has a JSON form
	}
	return strings.TrimSpace(b.String())
}

// parseStatement reads a WARC field. A value that is unknown here was not said.
func parseStatement(field string) (millrace.Statement, bool) {
	var v statementJSON
	if json.Unmarshal([]byte(field), &v) != nil {
		return millrace.Statement{}, false
	}
	s := millrace.Statement{Source: v.Source, Raw: v.Raw, Inferred: v.Inferred, NoIndex: v.NoIndex}
	s.Value, _ = millrace.ParseConsent(v.Value)
	if v.At != nil {
		s.At = v.At.UTC()
	}
	return s, true
}

// clip makes a stranger's text fit to be kept: one line, valid, not too long.
func clip(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if len(s) > maxRaw {
		s = strings.ToValidUTF8(s[:maxRaw], "")
	}
	return s
}
