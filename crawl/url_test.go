package crawl

import (
	"strings"
	"testing"
)

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
	for _, bad := range []string{"", "h.example", "ftp://h.example/", "javascript:x", "http://", "http://h.example:99999/", "http://a b/", "http://" + strings.Repeat("@", 100), "http://h" + strings.Repeat("/", 300), "http://h/" + strings.Repeat("a", 4*maxURL)} {
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
