package demo

import (
	"encoding/json"
	"fmt"
	"strings"
)

// PipelineYAML is the recipe of the demo. It switches no rule off; what differs from the defaults
// says why beside it.
func (s *Site) PipelineYAML(dir string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Written by `millrace demo`. Every rule of the default recipe is on.\ndir: %s\n", quote(dir))
	b.WriteString("agent: {token: millbot, contact: 'mailto:demo@example.org', purpose: training corpus}\n")
	b.WriteString("crawl:\n  seeds:\n")
	for _, u := range s.Seeds() {
		fmt.Fprintf(&b, "    - %s\n", quote(u))
	}
	b.WriteString("  scope: host\n")
	b.WriteString("  # Private addresses are refused; these are the demo's own website, by address and port.\n  allow_addr:\n")
	for _, a := range s.AllowAddr() {
		fmt.Fprintf(&b, "    - %s\n", quote(a))
	}
	fmt.Fprintf(&b, "  # The default is 1s, for hosts of strangers. This website runs on your own machine and says that %s suits it.\n  delay: %s\n", Delay, Delay)
	if !s.onePort {
		b.WriteString("  # All hosts of the demo share 127.0.0.1 on this machine: a delay for each address would make forty hosts one.\n  per_ip_delay: 0s\n")
	}
	b.WriteString("clean: {recipe: default}\ndedup: {threshold: 0.8}\n")
	b.WriteString("# The default is 60s. The demo is over by then, and training starts at the first commit.\nshards: {flush_every: 5s}\n")
	return b.String()
}

// quote writes a YAML string: JSON's are a subset of YAML's.
func quote(s string) string {
	q, err := json.Marshal(s)
	if err != nil { // a string can always be written
		return `""`
	}
	return string(q)
}
