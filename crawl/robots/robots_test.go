package robots

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// file joins lines.
func file(lines ...string) string { return strings.Join(lines, "\n") }

// TestOddBytes has the files that cases.yaml cannot hold.
func TestOddBytes(t *testing.T) {
	for name, file := range map[string]string{
		"no UTF-8":         "\x00\xff\xfe\n\xff: \xfe\nUser-agent: *\nDisallow: /b\n",
		"a line that ends": "User-agent: *\nDisallow: /" + strings.Repeat("x", 2*maxLine) + "\n\nDisallow: /b\n",
	} {
		if allowed, _, line, _ := Parse([]byte(file)).Allowed("millbot", "http://h/b"); allowed || line != 4 {
			t.Errorf("%s: allowed %v by line %d, want the rule in line 4", name, allowed, line)
		}
	}
	long := "User-agent: *\nDisallow: /" + strings.Repeat("x", 2*maxLine)
	if allowed, _, _, _ := Parse([]byte(long)).Allowed("millbot", "http://h/"+strings.Repeat("x", maxLine)); allowed {
		t.Error("what stands before the cut of a long line is lost")
	}
}

func TestGroupNames(t *testing.T) {
	f := Parse([]byte("User-agent: a\nDisallow: /a\nUser-agent: *\nDisallow: /b\n"))
	for token, want := range map[string]string{"A": "a", "a/1.0": "a", "b": "*"} {
		if g := f.Group(token); g.Name != want {
			t.Errorf("group of %s: %q, want %q", token, g.Name, want)
		}
	}
	if g := (&File{}).Group("a"); g.Name != "" {
		t.Errorf("group of an empty file: %q", g.Name)
	}
	if g := Parse([]byte("User-agent: AI2Bot\nDisallow: /")).Group("AI2Bot"); g.Name != "ai2bot" {
		t.Errorf("group of a token with a digit: %q", g.Name)
	}
}

func TestForStatus(t *testing.T) {
	body := []byte("User-agent: *\nDisallow: /a")
	for status, open := range map[int]bool{200: false, 204: false, 404: true, 410: true, 401: false, 403: false, 429: false, 500: false, 503: false} {
		allow, rule, _, _ := ForStatus(status, body).Allowed("millbot", "http://h/a")
		if allow != open || !open && rule == "" {
			t.Errorf("status %d: allowed %v by %q, want %v", status, allow, rule, open)
		}
	}
	if allow, _, _, _ := ForStatus(500, nil).Allowed("millbot", "http://h/robots.txt"); !allow {
		t.Error("robots.txt itself is closed")
	}
}

func TestDelayAndSitemaps(t *testing.T) {
	f := Parse([]byte("Sitemap: http://h/1.xml\nUser-agent: *\nCrawl-delay: 2.5\nCrawl-delay: -1\nCrawl-delay: NaN\nSitemap: /2.xml\n"))
	if d := f.Group("x").CrawlDelay(); d != 2500*time.Millisecond {
		t.Errorf("delay %v", d)
	}
	if got := strings.Join(f.Sitemaps(), " "); got != "http://h/1.xml /2.xml" {
		t.Errorf("sitemaps %s", got)
	}
}

// TestUsageScope: a line about use speaks to the agents above it, and parts no agents from their rules.
func TestUsageScope(t *testing.T) {
	f := Parse([]byte(file("License: /all", "User-agent: a", "License: /a", "Content-Usage: train-ai=n", "User-agent: AI2Bot", "User-agent: *", "Content-Usage: train-ai=y", "Disallow: /x")))
	for token, want := range map[string]string{"a": "/all /a train-ai=n", "AI2Bot": "/all train-ai=y", "c": "/all train-ai=y"} {
		g := f.Group(token)
		got := f.Licences(g)
		for _, u := range g.Usage("http://h/x") {
			got = append(got, u.Value)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %s, want %s", token, strings.Join(got, " "), want)
		}
		if ok, _, _ := g.Allowed("http://h/x"); ok {
			t.Errorf("%s: the rule below was lost", token)
		}
	}
	if f.Named("ai2bot") == nil || f.Named("AI") != nil || !f.Named("AI2Bot").Same(f.Named("*")) {
		t.Error("whole names")
	}
}

func TestUsage(t *testing.T) {
	f := Parse([]byte(file("User-agent: *", "Content-Signal: search=yes, ai-train=no", "Content-Usage: /a train-ai=y", "Content-Usage: /a/b train-ai=n", "Content-Usage: search=y")))
	var got []string
	for _, u := range f.Group("x").Usage("http://h/a/b/c") {
		got = append(got, u.Name+" "+u.Path+" "+u.Value)
	}
	want := "Content-Signal  search=yes, ai-train=no|Content-Usage /a/b train-ai=n|Content-Usage  search=y"
	if strings.Join(got, "|") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "|"), want)
	}
}

func TestSizeLimit(t *testing.T) {
	long := "User-agent: *\nDisallow: /a\n" + strings.Repeat("# filler\n", MaxSize/9) + "Disallow: /late\n"
	f := Parse([]byte(long))
	if !f.Truncated {
		t.Error("not marked as truncated")
	}
	if allow, _, _, _ := f.Allowed("x", "http://h/late"); !allow {
		t.Error("a rule behind the limit was read")
	}
	if allow, _, _, _ := f.Allowed("x", "http://h/a"); allow {
		t.Error("a rule before the limit was lost")
	}
}

// slowMatch is the definition of a match, written as a search over all ways.
func slowMatch(pattern, path string) bool {
	switch {
	case pattern == "":
		return true
	case pattern == "$":
		return path == ""
	case pattern[0] == '*':
		return slowMatch(pattern[1:], path) || path != "" && slowMatch(pattern, path[1:])
	}
	return path != "" && pattern[0] == path[0] && slowMatch(pattern[1:], path[1:])
}

func TestMatchIsItsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`/[ab*]{0,6}\$?`).Draw(t, "pattern")
		path := rapid.StringMatching(`/[ab]{0,8}`).Draw(t, "path")
		p := compile(pattern)
		if got, want := p.match(path), slowMatch(pattern, path); got != want {
			t.Fatalf("%q on %q: got %v, want %v", pattern, path, got, want)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("User-agent: *\nDisallow: /a*b$\nAllow: /%zz\n"), "http://h/a%2")
	f.Add([]byte("\xef\xbb\xbfUser-agent: millbot\rCrawl-delay: 1e309\nContent-Usage: * train-ai=n"), "//")
	f.Fuzz(func(t *testing.T, data []byte, url string) {
		file := Parse(data)
		allowed, rule, line, _ := file.Allowed("millbot", url)
		if !allowed && rule == "" {
			t.Error("closed by no rule")
		}
		if strings.ContainsAny(rule, "\r\n\x1b") {
			t.Errorf("rule %q is not fit for a terminal", rule)
		}
		if line > 0 && line > strings.Count(string(data), "\n")+strings.Count(string(data), "\r")+1 {
			t.Errorf("line %d of a shorter file", line)
		}
		if n := normalise(url, false); n != normalise(n, false) {
			t.Errorf("normalising %q is not stable: %q, %q", url, n, normalise(n, false))
		}
		file.Group("millbot").Usage(url)
	})
}
