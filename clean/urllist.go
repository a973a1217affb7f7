package clean

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"

	"millrace"
)

// maxURLList bounds a list of hosts, in bytes. RefinedWeb's has 4.6 million lines.
const maxURLList = 256 << 20

// urlList is a list of hosts from a file of the user's.
type urlList struct {
	digest string
	hosts  map[string]struct{}
}

// urlList reads a step that drops what comes from the hosts of a file.
func (p *recipeParser) urlList(r *Recipe, n ast.Node, f map[string]ast.Node) error {
	name, err := p.text(f["file"])
	if err != nil {
		return err
	}
	if name == "" {
		return p.at(n.GetToken(), "a step url-list needs a file")
	}
	for _, key := range [...]string{"name", "run", "rules"} {
		if f[key] != nil {
			return p.at(f[key].GetToken(), "a step url-list has no %s: it has a file", key)
		}
	}
	for _, s := range r.steps {
		if s.urls != nil {
			return p.at(f["step"].GetToken(), "step %q stands twice", "url-list")
		}
	}
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(p.dir, path)
	}
	l, err := readURLList(path)
	if err != nil {
		return p.at(f["file"].GetToken(), "%s", err)
	}
	r.steps = append(r.steps, step{kind: kind{name: "url-list", version: 1}, urls: l})
	return nil
}

func readURLList(path string) (*urlList, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxURLList+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if len(data) > maxURLList {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxURLList)
	}
	l, err := parseURLList(string(data))
	if err != nil {
		return nil, fmt.Errorf("%s%w", path, err)
	}
	return l, nil
}

// parseURLList reads a host a line. Empty lines, and those that begin with #, say nothing.
func parseURLList(data string) (*urlList, error) {
	sum := sha256.Sum256([]byte(data))
	l := &urlList{digest: hex.EncodeToString(sum[:]), hosts: map[string]struct{}{}}
	at := 0
	for line := range strings.SplitSeq(strings.TrimPrefix(data, "\uFEFF"), "\n") {
		at++
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		host := hostForm(line)
		if len(host) > 253 || host == "" || !utf8.ValidString(line) || strings.ContainsAny(host, "/:?#@\x00") || strings.ContainsFunc(host, unicode.IsSpace) || strings.Contains(host, "..") {
			return nil, fmt.Errorf(":%d: %.60q is no host; want lines like example.org", at, line)
		}
		l.hosts[host] = struct{}{}
	}
	if len(l.hosts) == 0 {
		return nil, fmt.Errorf(": no host in it")
	}
	return l, nil
}

// urlListStage is the stage of a step "url-list".
type urlListStage struct{ *urlList }

// Name implements millrace.Stage.
func (urlListStage) Name() string { return "url-list" }

// Process drops a document whose host, or a domain above it, is listed.
func (s urlListStage) Process(_ context.Context, d *millrace.Document) (millrace.Verdict, error) {
	if !underHost(d.Page.URL, s.hosts, "") {
		return millrace.Verdict{}, nil
	}
	return millrace.Verdict{Reason: millrace.SafetyHost, Stage: "url-list", Signal: "host listed", Value: 1, Limit: 0}, nil
}

// underHost reports whether a set has a URL's host or a domain above it, each behind a prefix. What is no web address
// has no host.
func underHost(raw string, set map[string]struct{}, prefix string) bool {
	u, err := url.Parse(raw)
	if err != nil || len(u.Host) > 1000 {
		return false
	}
	for host := hostForm(u.Hostname()); host != ""; {
		if _, ok := set[prefix+host]; ok {
			return true
		}
		_, host, _ = strings.Cut(host, ".")
	}
	return false
}

// SignalNames implements millrace.Describer.
func (urlListStage) SignalNames() []string { return nil }

// Reasons implements millrace.Describer.
func (urlListStage) Reasons() []millrace.Reason { return []millrace.Reason{millrace.SafetyHost} }
