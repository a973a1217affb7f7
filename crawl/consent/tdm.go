package consent

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"millrace"
	"millrace/crawl/robots"
)

const maxLocations = 10_000 // entries of a tdmrep.json

// tdm reads the TDM Reservation Protocol. What the page says goes before the header, and that before
// the site's file; what is overruled is kept and counts as not said.
func tdm(c *collector, in Input) {
	var said bool
	level := func(source string, raws []string) {
		counts := !said
		for _, raw := range raws {
			v := tdmValue(raw)
			said = said || v != millrace.NotSaid
			if !counts {
				v = millrace.NotSaid
			}
			c.add(millrace.Statement{Source: source, Raw: raw, Value: v})
		}
	}
	note := func(source string, raws []string) {
		for _, raw := range raws {
			c.add(millrace.Statement{Source: source, Raw: raw})
		}
	}
	if in.Head != nil {
		level("meta:tdm-reservation", in.Head.tdm)
		note("meta:tdm-policy", in.Head.tdmPolicy)
	}
	level("header:TDM-Reservation", values(in.Header, "Tdm-Reservation"))
	note("header:TDM-Policy", values(in.Header, "Tdm-Policy"))
	if e := in.Site.location(in.URL); e != nil {
		s := millrace.Statement{Source: "file:tdmrep.json", Raw: e.raw, At: in.Site.tdmAt}
		if !said {
			s.Value = e.value
		}
		c.add(s)
	}
}

// tdmValue reads a reservation: 1 reserves, 0 does not, anything else was not said.
func tdmValue(s string) millrace.Consent {
	switch strings.TrimSpace(s) {
	case "1":
		return millrace.No
	case "0":
		return millrace.Yes
	}
	return millrace.NotSaid
}

// location is an entry of a tdmrep.json.
type location struct {
	pattern robots.Pattern
	value   millrace.Consent
	raw     string
}

// parseTDM reads a tdmrep.json: an array of entries, or one alone. Entries that cannot be read are passed
// over, and so is what follows the first byte that is no JSON.
func parseTDM(body []byte) (out []location) {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	d := json.NewDecoder(bytes.NewReader(body))
	if bytes.HasPrefix(body, []byte("[")) {
		if _, err := d.Token(); err != nil {
			return nil
		}
	}
	for n := 0; n < maxLocations && d.More(); n++ {
		var raw json.RawMessage
		if d.Decode(&raw) != nil {
			break
		}
		if l, ok := parseLocation(raw); ok {
			out = append(out, l)
		}
	}
	return out
}

func parseLocation(raw json.RawMessage) (l location, ok bool) {
	var e struct {
		Location    string          `json:"location"`
		Reservation json.RawMessage `json:"tdm-reservation"`
	}
	if json.Unmarshal(raw, &e) != nil || e.Location == "" {
		return l, false
	}
	l.value = tdmValue(strings.Trim(string(e.Reservation), `"`))
	path := e.Location
	if path[0] != '/' && path[0] != '*' {
		path = robots.Path(path) // a whole URL, or a path without its slash
	}
	l.pattern, l.raw = robots.Compile(path), clip(string(raw))
	return l, l.value != millrace.NotSaid
}

// location is the first entry that matches url, or nil.
func (s *Site) location(url string) *location {
	if s == nil {
		return nil
	}
	path := robots.Path(url)
	for i := range s.tdm {
		if s.tdm[i].pattern.Match(path) {
			return &s.tdm[i]
		}
	}
	return nil
}

func (s *Site) addTDM(at time.Time, body []byte) { s.tdm, s.tdmAt = parseTDM(body), at }
