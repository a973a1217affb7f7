package crawl

import (
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"millrace"
)

func TestGuardRanges(t *testing.T) {
	g, err := newGuard([]string{"127.0.0.2:18080", "127.1.0.0/16:18081", "[fd00::1]:8443"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		addr  string
		allow bool
	}{
		{"1.1.1.1:80", true}, {"1.1.1.1:443", true}, {"1.1.1.1:22", false}, {"1.1.1.1:8080", false},
		{"[2606:4700::1111]:443", true}, {"9.255.255.255:80", true}, {"11.0.0.0:80", true},
		{"0.0.0.0:80", false}, {"10.0.0.0:80", false}, {"10.255.255.255:80", false}, {"100.64.0.1:80", false}, {"100.128.0.1:80", true},
		{"127.0.0.1:80", false}, {"127.255.255.255:80", false}, {"169.254.169.254:80", false}, {"172.15.0.1:80", true}, {"172.16.0.1:80", false},
		{"172.31.255.255:80", false}, {"172.32.0.1:80", true}, {"192.0.0.192:80", false}, {"192.0.2.1:80", false}, {"192.88.99.1:80", false},
		{"192.168.1.1:80", false}, {"198.18.0.1:80", false}, {"198.19.255.255:80", false}, {"198.20.0.1:80", true}, {"198.51.100.7:80", false},
		{"203.0.113.9:80", false}, {"224.0.0.1:80", false}, {"239.1.1.1:80", false}, {"240.0.0.1:80", false}, {"255.255.255.255:80", false},
		{"[::]:80", false}, {"[::1]:80", false}, {"[::ffff:127.0.0.1]:80", false}, {"[::ffff:10.0.0.1]:80", false}, {"[::ffff:1.1.1.1]:80", true},
		{"[::7f00:1]:80", false}, {"[64:ff9b::7f00:1]:80", false}, {"[64:ff9b::101:101]:80", true}, {"[64:ff9b:1::1]:80", false},
		{"[2002:7f00:1::]:80", false}, {"[2002:101:101::1]:80", true}, {"[100::1]:80", false}, {"[2001::1]:80", false}, {"[2001:db8::1]:80", false},
		{"[3fff::1]:80", false}, {"[5f00::1]:80", false}, {"[fc00::1]:80", false}, {"[fd00:ec2::254]:80", false}, {"[fe80::1%lo]:80", false},
		{"[fec0::1]:80", false}, {"[ff02::1]:80", false},
		// What is allowed is an address and a port, not the one or the other.
		{"127.0.0.2:18080", true}, {"[::ffff:127.0.0.2]:18080", true}, {"127.0.0.2:80", false}, {"127.0.0.2:18081", false}, {"127.0.0.3:18080", false},
		{"127.1.200.3:18081", true}, {"127.2.0.1:18081", false}, {"[fd00::1]:8443", true}, {"[fd00::2]:8443", false},
	} {
		err := g.check(netip.MustParseAddrPort(c.addr))
		if (err == nil) != c.allow || err != nil && !errors.Is(err, errAddress) {
			t.Errorf("%s: %v, want allowed %v", c.addr, err, c.allow)
		}
	}
	for _, bad := range []string{"", "127.0.0.1", "localhost:80", "127.0.0.1:0x50", "127.0.0.0/33:80", "127.0.0.1:70000", ":80"} {
		if _, err := newGuard([]string{bad}); err == nil {
			t.Errorf("allow_addr %q is taken", bad)
		}
	}
}

func TestCanonical(t *testing.T) {
	for _, c := range []struct{ in, fetch, key string }{
		{"http://H.example", "http://h.example/", "http://h.example/"},
		{"HTTP://h.example:80/a/../b/./c#frag", "http://h.example/b/c", "http://h.example/b/c"},
		{"https://h.example:443/", "https://h.example/", "https://h.example/"},
		{"https://h.example:8443/", "https://h.example:8443/", "https://h.example:8443/"},
		{"http://h.example./a", "http://h.example./a", "http://h.example/a"},
		{"http://user:pw@h.example/a", "http://h.example/a", "http://h.example/a"},
		{"http://h.example/%7ejoe/%c3%a9", "http://h.example/%7ejoe/%c3%a9", "http://h.example/~joe/%C3%A9"},
		{"http://h.example/a%2fb", "http://h.example/a%2fb", "http://h.example/a%2Fb"},
		{"http://h.example/?b=2&a=1", "http://h.example/?b=2&a=1", "http://h.example/?b=2&a=1"},
		{"http://h.example/?utm_source=x&a=1&gclid=y", "http://h.example/?utm_source=x&a=1&gclid=y", "http://h.example/?a=1"},
		{"http://h.example/?fbclid=x", "http://h.example/?fbclid=x", "http://h.example/"},
		{"http://h.example/a;jsessionid=1F?b", "http://h.example/a;jsessionid=1F?b", "http://h.example/a?b"},
		{"http://h.example/\u00e9", "http://h.example/%C3%A9", "http://h.example/%C3%A9"},
		{"http://b\u00fccher.example/", "http://xn--bcher-kva.example/", "http://xn--bcher-kva.example/"},
		{"http://0x7f.1/", "http://127.0.0.1/", "http://127.0.0.1/"},
		{"http://2130706433/", "http://127.0.0.1/", "http://127.0.0.1/"},
		{"http:\\\\h.example\\a\tb", "http://h.example/ab", "http://h.example/ab"},
		{"http://[::1]:8080/", "http://[::1]:8080/", "http://[::1]:8080/"},
	} {
		fetch, key, err := Canonical(c.in)
		if err != nil || fetch != c.fetch || key != c.key {
			t.Errorf("%q: %q, %q, %v; want %q, %q", c.in, fetch, key, err, c.fetch, c.key)
		}
	}
	for _, bad := range []string{"", "h.example", "ftp://h.example/", "javascript:x", "http://", "http://h.example:99999/", "http://a b/", "http://h/" + strings.Repeat("a", 4*maxURL)} {
		if fetch, _, err := Canonical(bad); err == nil {
			t.Errorf("%q is taken as %q", bad, fetch)
		}
	}
}

func TestScope(t *testing.T) {
	seed := "https://www.docs.example.co.uk/"
	for kind, want := range map[string][]bool{
		"host":   {true, true, true, false, false, false},
		"domain": {true, true, true, true, true, false},
		"any":    {true, true, true, true, true, true},
	} {
		s := newScope(kind, []address{mustAddress(t, seed)})
		for i, u := range []string{seed, "http://docs.example.co.uk/x", "https://docs.example.co.uk./", "https://docs.example.co.uk:8443/", "https://other.example.co.uk/", "https://elsewhere.co.uk/"} {
			if got := s.contains(mustAddress(t, u)); got != want[i] {
				t.Errorf("scope %s: %s is in it: %v", kind, u, got)
			}
		}
	}
}

func mustAddress(t testing.TB, s string) address {
	t.Helper()
	a, err := parseAddress(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// admitAll lets a frontier discover a site without fetching it: linksFrom gives the links of a path.
func admitAll(t *testing.T, most int, linksFrom func(path string) []string) map[string]int {
	t.Helper()
	f := newFrontier()
	f.log = &eventLog{}
	seed := mustAddress(t, "http://h.example/")
	s := newScope("host", []address{seed})
	f.admit(s, seed, origin{seed: true})
	fetched := map[string]int{}
	for next := f.takeWaiting(); len(next) > 0; next = f.takeWaiting() {
		for _, task := range next {
			path := strings.TrimPrefix(task.addr.fetch, "http://h.example")
			family, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
			if fetched[family]++; fetched[family] > most {
				t.Fatalf("more than %d pages under /%s", most, family)
			}
			c := &capture{task: task, answer: answer{status: http.StatusOK}}
			for _, l := range linksFrom(path) {
				c.links = append(c.links, mustAddress(t, "http://h.example"+l))
			}
			f.conclude(s, c, 0)
		}
	}
	if err := f.counts.Check(); err != nil || f.counts.Waiting != 0 {
		t.Errorf("%v, counts %+v", err, f.counts)
	}
	return fetched
}

func TestTraps(t *testing.T) {
	got := admitAll(t, 1000, func(path string) (links []string) {
		var y, m, n int
		switch {
		case path == "/":
			for i := range 20 {
				links = append(links, fmt.Sprintf("/list/?page=%d", i+1))
			}
			links = append(links, "/calendar/2026/11", "/day?d=20261101", "/deep/a/")
		case strings.HasPrefix(path, "/list/"):
			fmt.Sscanf(path, "/list/?page=%d", &n)
			for i := range 50 {
				links = append(links, fmt.Sprintf("/pkg/p%d", (n-1)*50+i))
			}
		case strings.HasPrefix(path, "/pkg/"):
			fmt.Sscanf(path, "/pkg/p%d", &n)
			links = append(links, fmt.Sprintf("/pkg/p%d", (n+1)%1000), fmt.Sprintf("/pkg/p%d", (n+500)%1000))
		case strings.HasPrefix(path, "/calendar/"):
			fmt.Sscanf(path, "/calendar/%d/%d", &y, &m)
			links = append(links, fmt.Sprintf("/calendar/%d/%d", y+m/12, m%12+1), fmt.Sprintf("/calendar/%d/%d", y-1, m), fmt.Sprintf("/calendar/%d/%d/17?view=week", y, m))
		case strings.HasPrefix(path, "/day"):
			fmt.Sscanf(path, "/day?d=%d", &n)
			links = append(links, fmt.Sprintf("/day?d=%d", n+1), fmt.Sprintf("/day?d=%d&sort=up", n))
		case strings.HasPrefix(path, "/deep/"):
			links = append(links, path+"a/", path+"b/") // a relative link that should have been absolute
		}
		return links
	})
	if got["pkg"] != 1000 || got["list"] != 20 {
		t.Errorf("%d of 1,000 pages, %d of 20 lists", got["pkg"], got["list"])
	}
	if n := got["calendar"]; n < 2 || n > 60 {
		t.Errorf("%d pages of the calendar", n)
	}
	if n := got["day?d=20261101"]; n != 1 {
		t.Errorf("the first day was taken %d times", n)
	}
	if n := got["deep"]; n > 60 {
		t.Errorf("%d pages with repeated segments", n)
	}
}

func TestRedirectChains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const host = "http://1.1.1.1"
		w := &web{answer: func(url string) reply {
			var n int
			switch path := pathOf(url); {
			case path == "/robots.txt":
				return textPage("User-agent: *\nDisallow: /closed\n")
			case path == "/":
				return htmlPage("<a href=/hop/a>h</a><a href=/into>i</a><a href=/out>o</a><a href=/inside>s</a>")
			case path == "/into":
				return moved("/closed/x")
			case path == "/out":
				return moved("http://elsewhere.example/")
			case path == "/inside":
				return moved("http://169.254.169.254/latest")
			default:
				n = len(path) - len("/hop/")
				return moved("/hop/" + strings.Repeat("a", n+1))
			}
		}}
		o := optionsFor(t.TempDir(), host+"/")
		docs, _, err := w.crawl(t, t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(docs); n != 1+6+3 { // the page and five redirects behind the first
			t.Errorf("documents %q", urlsOf(docs))
		}
		for _, h := range w.hits() {
			if h.authority() != host || strings.HasPrefix(pathOf(h.url), "/closed") {
				t.Error("request for", h.url)
			}
		}
		if f, err := Fate(o.Dir, host+"/closed/x"); err != nil || f.Reason != millrace.RobotsDisallow || f.Line != 2 {
			t.Errorf("fate %+v, %v", f, err)
		}
		if f, err := Fate(o.Dir, host+"/hop/aaaaaaa"); err != nil || f.Reason != millrace.CrawlTrap {
			t.Errorf("fate %+v, %v", f, err)
		}
	})
}

// TestPaddedBody sends a compressed body that holds nothing and never ends.
func TestPaddedBody(t *testing.T) {
	x := &exchange{limit: 1 << 10, cancel: func(error) {}}
	var empty bytes.Buffer
	z, _ := flate.NewWriter(&empty, flate.NoCompression)
	z.Flush()
	err := x.read(&http.Response{StatusCode: 200, Header: http.Header{"Content-Encoding": {"deflate"}}, Body: endless{empty.Bytes()}})
	if !errors.Is(err, errPadding) || x.wire > 1<<20 {
		t.Errorf("%v after %d bytes", err, x.wire)
	}
}

type endless struct{ b []byte }

func (e endless) Read(p []byte) (int, error) { return copy(p, e.b), nil }
func (endless) Close() error                 { return nil }

func TestPanicIsAnError(t *testing.T) {
	w := &worker{fetch: func(context.Context, *exchange) { panic("a stranger's page") }}
	if r := w.do(t.Context(), job{}); r.err == nil || r.answer.ended.IsZero() {
		t.Errorf("result %+v", r)
	}
}

// TestTornArchive cuts an archive file whose torn record holds what looks like the beginning of another.
func TestTornArchive(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "torn.warc.gz")
	torn := append([]byte(packed("WARC/1.1\r\nContent-Length: 99\r\n\r\nx"))[:25], "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff not a member"...)
	if err := os.WriteFile(name, torn, 0o644); err != nil {
		t.Fatal(err)
	}
	m, err := openMembers(warcFile{path: name}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer m.close()
	var cut *tornError
	if _, err := m.next(t.Context()); !errors.As(err, &cut) || cut.at != 0 {
		t.Errorf("got %v", err)
	}
}

func sampleEvents() []event {
	return []event{
		{kind: evDiscovered, id: idOf("a"), url: "http://h.example/a", depth: 3, hops: 1, flags: flagAlias, text: "shape\nyear"},
		{kind: evRefused, id: idOf("a"), reason: "robots.disallow", rule: "Disallow: /", line: 7},
		{kind: evFetched, id: idOf("b"), status: 200, next: 1<<seqShift | 99},
		{kind: evFailed, id: idOf("c"), attempts: 4, text: "connection refused"},
		{kind: evRobots, url: "http://h.example:80", status: 200, when: 1_700_000_000, body: "User-agent: *\n"},
		{kind: evSitemap, url: "http://h.example/map.xml"},
		{kind: evClosed, url: "http://h.example:80", when: 1_700_000_009},
		{kind: evNested, url: "http://h.example/2.xml", depth: 1},
	}
}

// FuzzLog: what is read is what was written, whatever stands behind it.
func FuzzLog(f *testing.F) {
	l := &eventLog{buf: []byte(logMagic)}
	for _, e := range sampleEvents() {
		l.add(&e)
	}
	f.Add(l.buf)
	f.Add(l.buf[:len(l.buf)-3])
	f.Add([]byte(logMagic))
	f.Fuzz(func(t *testing.T, data []byte) {
		again := &eventLog{buf: []byte(logMagic)}
		front := newFrontier()
		good, err := readEvents(bytes.NewReader(data), func(e *event) error {
			again.add(e)
			front.apply(e)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := front.counts.Check(); err != nil {
			t.Error(err)
		}
		read := 0
		if _, err := readEvents(bytes.NewReader(again.buf), func(*event) error { read++; return nil }); err != nil {
			t.Fatal(err)
		}
		var third []event
		readEvents(bytes.NewReader(data[:good]), func(e *event) error { third = append(third, *e); return nil })
		if read != len(third) || good > int64(len(data)) {
			t.Errorf("%d events, read again %d, good %d of %d bytes", len(third), read, good, len(data))
		}
	})
}

func TestLogKeepsEvents(t *testing.T) {
	dir := t.TempDir()
	l, err := openLog(dir, func(*event) error { return errors.New("an event in a new log") })
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range sampleEvents() {
		l.add(&e)
	}
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
	var got []event
	if err := readLog(dir, func(e *event) error { got = append(got, *e); return nil }); err != nil || !slices.Equal(got, sampleEvents()) {
		t.Errorf("%v, got %+v", err, got)
	}
}

// FuzzAddress: the fetch form is its own fetch form and has the same key, or a restart would not know
// a URL again.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{"http://h.example/a?b=1&utm_source=x#y", "HTTP://u:p@H.:080/%7e/%zz/..", "http:\\\\[::1]:8080/;jsessionid=a;b/c", "https://b\u00fccher.example/\xff?\xff&&=", "//", "http://h/%25%32%35"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		a, err := parseAddress(raw, nil)
		if err != nil {
			return
		}
		b, err := parseAddress(a.fetch, nil)
		if err != nil || a != b {
			t.Errorf("%q: %+v, and again %+v, %v", raw, a, b, err)
		}
		if strings.ContainsAny(a.fetch, "\r\n\t #") || !strings.HasPrefix(a.fetch, "http") {
			t.Errorf("%q may not stand in a request: %q", raw, a.fetch)
		}
		(&traps{count: map[string]int{}}).shapes(a, b)
	})
}

// FuzzPage reads hostile pages for their links and statements.
func FuzzPage(f *testing.F) {
	f.Add("text/html", "noai, millbot: nofollow", []byte("<base href=/x><a href=a rel=nofollow>a<meta name=robots content=noai><meta http-equiv=refresh content='0; url=/b'>"))
	f.Add("", "unavailable_after: x, y:", []byte("<html><a href='\xff\xfe'><area href=//[><iframe src=http://:99999/>"))
	f.Fuzz(func(t *testing.T, kind, tag string, body []byte) {
		header := []millrace.Field{{Name: "Content-Type", Value: kind}, {Name: "Content-Usage", Value: tag}, {Name: "Tdm-Reservation", Value: tag}, {Name: "X-Robots-Tag", Value: tag}}
		links, _ := linksOf("http://h.example/p", 200, header, body, "", "millbot")
		seen := map[string]bool{}
		for _, a := range links {
			if seen[a.key] {
				t.Errorf("%s twice", a.key)
			}
			seen[a.key] = true
		}
		for _, s := range statements(header, scanHead(body, "millbot"), "millbot") {
			if s.Value == millrace.NotSaid || len(s.Raw) > maxRaw || strings.ContainsAny(s.Raw, "\r\n\x1b") {
				t.Errorf("statement %+v", s)
			}
		}
	})
}
