package consent

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"millrace"
	"millrace/crawl/robots"
)

// tokens.json lists the product tokens of crawlers for AI, by class, with the list's version.
//
//go:embed tokens.json
var tokenData []byte

// tokenList is tokens.json. Only crawlers that collect for training tell anything about training; a
// crawler for search or for a user's question may be refused for other reasons.
type tokenList struct {
	Version  string   `json:"version"`
	Training []string `json:"training"`
	Search   []string `json:"search"`
	User     []string `json:"user"`
}

// readTokens gives the list. It is part of the program and has a test of its own.
func readTokens() tokenList {
	var l tokenList
	d := json.NewDecoder(bytes.NewReader(tokenData))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		panic(fmt.Sprintf("tokens.json: %v", err))
	}
	return l
}

// Rules is what a robots.txt says about use, besides what may be fetched. It never changes.
type Rules struct {
	at       time.Time
	group    *robots.Group // ours
	others   *robots.Group // of "*"
	licences []string      // RSL documents
	probes   []probe
	version  string
}

// probe is a group of rules for crawlers that collect for training.
type probe struct {
	names []string
	group *robots.Group
}

// ReadRules prepares the statements of a robots.txt that was fetched at a time, for our product token.
func ReadRules(f *robots.File, token string, at time.Time) *Rules {
	r := &Rules{at: at, group: f.Group(token), others: f.Group("*")}
	r.licences = f.Licences(r.group)
	list := readTokens()
	r.version = list.Version
	for _, name := range list.Training {
		if strings.EqualFold(name, token) {
			continue
		}
		if g := f.Named(name); g != nil {
			r.probe(name, g)
		}
	}
	return r
}

// probe adds a crawler. Files list a dozen of them over the same rules: those are asked once.
func (r *Rules) probe(name string, g *robots.Group) {
	for i := range r.probes {
		if r.probes[i].group.Same(g) {
			r.probes[i].names = append(r.probes[i].names, name)
			return
		}
	}
	r.probes = append(r.probes, probe{[]string{name}, g})
}

func (r *Rules) statements(c *collector, url string) {
	if r == nil {
		return
	}
	for _, u := range r.group.Usage(url) {
		raw := u.Value
		if u.Path != "" {
			raw = u.Path + " " + raw
		}
		c.add(millrace.Statement{Source: "robots:" + u.Name, Raw: raw, Value: usageOf(u.Name, u.Value), At: r.at})
	}
	if raw := r.refused(url); raw != "" {
		c.add(millrace.Statement{Source: "robots:ai-tokens", Raw: raw, Value: millrace.No, Inferred: true, At: r.at})
	}
}

// refused lists the crawlers for training to which url is closed while it is open to everybody else.
func (r *Rules) refused(url string) string {
	if len(r.probes) == 0 {
		return ""
	}
	if open, _, _ := r.others.Allowed(url); !open {
		return ""
	}
	var names []string
	for _, p := range r.probes {
		if open, _, _ := p.group.Allowed(url); !open {
			names = append(names, p.names...)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("closed to %s (list %s)", strings.Join(names, ", "), r.version)
}
