package robots

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// file joins lines.
func file(lines ...string) string { return strings.Join(lines, "\n") }

func TestAllowed(t *testing.T) {
	const host = "http://h.example"
	both := file("User-agent: *", "Disallow: /star", "", "User-agent: millbot", "Disallow: /mill")
	cases := []struct {
		name  string
		file  string
		path  string
		allow bool
		line  int
	}{
		{"no file", "", "/a", true, 0},
		{"own group", both, "/mill", false, 5},
		{"own group hides the other", both, "/star", true, 0},
		{"no own group", file("User-agent: *", "Disallow: /star"), "/star/x", false, 2},
		{"case of the token", file("USER-AGENT: MillBot", "disallow: /a"), "/a", false, 2},
		{"case of the path", file("User-agent: *", "Disallow: /A"), "/a", true, 0},
		{"token is no prefix of another", file("User-agent: millbot-news", "Disallow: /"), "/a", true, 0},
		{"another is no prefix of the token", file("User-agent: mill", "Disallow: /"), "/a", true, 0},
		{"version behind the token", file("User-agent: millbot/2.1", "Disallow: /"), "/a", false, 2},
		{"star with text", file("User-agent: * all", "Disallow: /"), "/a", false, 2},
		{"groups of one token join", file("User-agent: millbot", "Disallow: /a", "User-agent: x", "Disallow: /", "User-agent: millbot", "Disallow: /b"), "/b", false, 6},
		{"agents share rules", file("User-agent: x", "User-agent: millbot", "Disallow: /a"), "/a", false, 3},
		{"empty lines do not end a group", file("User-agent: millbot", "", "", "Disallow: /a"), "/a", false, 4},
		{"unknown lines do not part agents", file("User-agent: millbot", "Crawl-delay: 3", "Foo: bar", "User-agent: x", "Disallow: /a"), "/a", false, 5},
		{"own group without rules", file("User-agent: *", "Disallow: /", "User-agent: millbot"), "/a", true, 0},
		{"rule before any agent", file("Disallow: /", "User-agent: *", "Allow: /x"), "/a", true, 0},
		{"longest wins", file("User-agent: *", "Disallow: /a", "Allow: /a/b"), "/a/b/c", true, 3},
		{"longest wins, other order", file("User-agent: *", "Allow: /a/b", "Disallow: /a"), "/a/b", true, 2},
		{"tie: allow", file("User-agent: *", "Disallow: /a", "Allow: /a"), "/a", true, 3},
		{"tie: allow on the root", file("User-agent: *", "Allow: /", "Disallow: /"), "/a", true, 2},
		{"tie of wildcard and text", file("User-agent: *", "Disallow: /ab", "Allow: /a*"), "/abc", true, 3},
		{"empty disallow", file("User-agent: *", "Disallow:"), "/a", true, 0},
		{"empty allow", file("User-agent: *", "Allow:", "Disallow: /a"), "/a", false, 3},
		{"star", file("User-agent: *", "Disallow: *"), "/a", false, 2},
		{"star in the middle", file("User-agent: *", "Disallow: /a*c"), "/abbc/d", false, 2},
		{"anchored at the start", file("User-agent: *", "Disallow: /b*c"), "/a/b/c", true, 0},
		{"end", file("User-agent: *", "Disallow: /*.pdf$"), "/x.pdf", false, 2},
		{"end, not there", file("User-agent: *", "Disallow: /*.pdf$"), "/x.pdf?a", true, 0},
		{"end, exact", file("User-agent: *", "Disallow: /a$"), "/a", false, 2},
		{"end, longer", file("User-agent: *", "Disallow: /a$"), "/ab", true, 0},
		{"end needs its own octets", file("User-agent: *", "Disallow: /ab*b$"), "/ab", true, 0},
		{"dollar in the middle", file("User-agent: *", "Disallow: /a$b"), "/a$b", false, 2},
		{"query belongs to the path", file("User-agent: *", "Disallow: /s?b="), "/s?b=2&a=1", false, 2},
		{"fragment does not", file("User-agent: *", "Disallow: /*x"), "/a#x", true, 0},
		{"bytes are encoded", file("User-agent: *", "Disallow: /caf\u00e9"), "/caf%C3%A9", false, 2},
		{"bytes of the URL too", file("User-agent: *", "Disallow: /caf%c3%a9"), "/caf\u00e9", false, 2},
		{"unreserved are decoded", file("User-agent: *", "Disallow: /%7Ejoe"), "/~joe", false, 2},
		{"unreserved of the URL too", file("User-agent: *", "Disallow: /p"), "/%70", false, 2},
		{"reserved stay", file("User-agent: *", "Disallow: /a/b"), "/a%2Fb", true, 0},
		{"reserved match in any case", file("User-agent: *", "Disallow: /a%2fb"), "/a%2Fb", false, 2},
		{"literal star", file("User-agent: *", "Disallow: /a%2Ab"), "/a*b", false, 2},
		{"literal star only", file("User-agent: *", "Disallow: /a%2Ab"), "/axb", true, 0},
		{"literal dollar", file("User-agent: *", "Disallow: /a%24"), "/a$x", false, 2},
		{"comment", file("User-agent: * # all", "Disallow: /a#why"), "/ab", false, 2},
		{"blank before the colon", file("User-agent : *", "Disallow : /a"), "/a", false, 2},
		{"no colon", file("User-agent *", "Disallow /a"), "/a", false, 2},
		{"no colon, three words", file("User-agent *", "Disallow /a b"), "/a", true, 0},
		{"misspelt", file("Useragent: *", "Dissallow: /a"), "/a", false, 2},
		{"space within", file("User-agent: *", "Disallow: /p q"), "/p", true, 0},
		{"no slash", file("User-agent: *", "Disallow: a"), "/a", true, 0},
		{"BOM", "\xef\xbb\xbfUser-agent: *\nDisallow: /a", "/a", false, 2},
		{"CR alone", "User-agent: *\rDisallow: /a", "/a", false, 2},
		{"CR LF", "User-agent: *\r\nDisallow: /a\r\n", "/a", false, 2},
		{"robots.txt itself", file("User-agent: *", "Disallow: /"), "/robots.txt", true, 0},
		{"bad lines are passed over", "\x00\xff\xfe\nUser-agent: *\nCrawl-delay: x\n:::\nDisallow: /a", "/a", false, 5},
		{"digits in a token", file("User-agent: AI2Bot", "Disallow: /"), "/a", true, 0},
		{"HTML", "<html><body>User-agent: *<br>Disallow: /</body>", "/a", true, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			allow, rule, line, _ := Parse([]byte(c.file)).Allowed("millbot", host+c.path)
			if allow != c.allow || line != c.line || (rule == "") != (line == 0) {
				t.Errorf("got %v by line %d %q, want %v by line %d", allow, line, rule, c.allow, c.line)
			}
		})
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
