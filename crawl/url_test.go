package crawl

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nlnwa/whatwg-url/url"
	"pgregory.net/rapid"
)

func TestCanonical(t *testing.T) {
	for _, c := range []struct{ in, fetch, key string }{
		// URL standard, section 4.4: parsing. The fetch form is its serialisation without the fragment.
		{"http://H.example", "http://h.example/", ""},
		{"HTTP://h.example:80/a/../b/./c#frag", "http://h.example/b/c", ""},
		{"https://h.example:443/", "https://h.example/", ""},
		{"https://h.example:8443/", "https://h.example:8443/", ""},
		{"http://h.example:443/", "http://h.example:443/", ""},
		{"http://h.example/a/%2e%2E/b", "http://h.example/b", ""},
		{"http://h.example/a/b/..", "http://h.example/a/", ""},
		{"http://h.example/../../a", "http://h.example/a", ""},
		{"http://h.example?a", "http://h.example/?a", ""},
		{"http://h.example/?", "http://h.example/?", "http://h.example/"},
		{"http://h.example//a//b/", "http://h.example//a//b/", ""},
		{"http://h.example/\u00e9", "http://h.example/%C3%A9", ""},
		{"http://h.example/a b?c d'e", "http://h.example/a%20b?c%20d%27e", ""},
		{"http:\\\\h.example\\a\tb", "http://h.example/ab", ""},
		{"  http://h.example/\n", "http://h.example/", ""},
		{"http://h.example/a|b[c]^d", "http://h.example/a|b[c]^d", ""},
		// Sections 3.5 and 4.4: hosts.
		{"http://b\u00fccher.example/", "http://xn--bcher-kva.example/", ""},
		{"http://0x7f.1/", "http://127.0.0.1/", ""},
		{"http://2130706433/", "http://127.0.0.1/", ""},
		{"http://127.0.0.1:8080/a", "http://127.0.0.1:8080/a", ""},
		{"http://127.0.0.01/", "http://127.0.0.1/", ""},
		{"http://[0:0::1]:8080/", "http://[::1]:8080/", ""},
		{"http://h_1.example/", "http://h_1.example/", ""},
		{"http://" + strings.Repeat("a", 500) + "/", "http://" + strings.Repeat("a", 500) + "/", ""}, // longer than DNS allows, but a URL
		{"http://h.example/" + strings.Repeat("a", 2000), "http://h.example/" + strings.Repeat("a", 2000), ""},
		// RFC 9110, section 4.2.4: credentials are not sent, and not kept.
		{"http://user:pw@h.example/a", "http://h.example/a", ""},
		{"http://user@h.example:81/a@b", "http://h.example:81/a@b", ""},
		// RFC 3986, section 6.2.2: escapes. The key alone has them tidied.
		{"http://h.example/%7ejoe/%c3%a9", "http://h.example/%7ejoe/%c3%a9", "http://h.example/~joe/%C3%A9"},
		{"http://h.example/a%2fb", "http://h.example/a%2fb", "http://h.example/a%2Fb"},
		{"http://h.example/?%41=%zz", "http://h.example/?%41=%zz", ""},
		{"http://h.example/?a=%%37e", "http://h.example/?a=%%37e", ""},
		// RFC 1034, section 3.1: the dot of an absolute name.
		{"http://h.example./a", "http://h.example./a", "http://h.example/a"},
		{"http://h.example.:81/a", "http://h.example.:81/a", "http://h.example:81/a"},
		// The order of parameters, and of equal ones among themselves.
		{"http://h.example/?b=2&a=1", "http://h.example/?b=2&a=1", "http://h.example/?a=1&b=2"},
		{"http://h.example/?b&a=2&c&a=1", "http://h.example/?b&a=2&c&a=1", "http://h.example/?a=2&a=1&b&c"},
		{"http://h.example/?a=1&&b=2&", "http://h.example/?a=1&&b=2&", "http://h.example/?a=1&b=2"},
		// What tracks a visitor.
		{"http://h.example/?utm_source=x&a=1&gclid=y", "http://h.example/?utm_source=x&a=1&gclid=y", "http://h.example/?a=1"},
		{"http://h.example/?fbclid=x", "http://h.example/?fbclid=x", "http://h.example/"},
		{"http://h.example/?UTM%5Fterm=x", "http://h.example/?UTM%5Fterm=x", "http://h.example/"},
		{"http://h.example/?utmost=x", "http://h.example/?utmost=x", ""},
		// Sessions.
		{"http://h.example/a;jsessionid=1F?b", "http://h.example/a;jsessionid=1F?b", "http://h.example/a?b"},
		{"http://h.example/a;JSESSIONID=1F/b;v=2;jsessionid=3", "http://h.example/a;JSESSIONID=1F/b;v=2;jsessionid=3", "http://h.example/a/b;v=2"},
		{"http://h.example/a/..;jsessionid=1/b", "http://h.example/a/..;jsessionid=1/b", ""},
		{"http://h.example/?PHPSESSID=1&a", "http://h.example/?PHPSESSID=1&a", "http://h.example/?a"},
		{"http://h.example/?ASPSESSIONIDQABC=1&a", "http://h.example/?ASPSESSIONIDQABC=1&a", "http://h.example/?a"},
		{"http://h.example/?sid=0123456789abcdef0123456789abcdef", "http://h.example/?sid=0123456789abcdef0123456789abcdef", "http://h.example/"},
		{"http://h.example/?sid=42&session=keynote&s=word", "http://h.example/?sid=42&session=keynote&s=word", "http://h.example/?s=word&session=keynote&sid=42"},
	} {
		if c.key == "" {
			c.key = c.fetch
		}
		fetch, key, err := Canonical(c.in)
		if err != nil || fetch != c.fetch || key != c.key {
			t.Errorf("%q: %q, %q, %v; want %q, %q", c.in, fetch, key, err, c.fetch, c.key)
		}
	}
	for _, bad := range []string{"", "h.example", "ftp://h.example/", "javascript:x", "java\tscript:x", "http://", "http://h.example:99999/", "http://a b/", "http://h.example/%zz",
		"http://1.2.3.256/", "http://" + strings.Repeat("a", 600), "ht\ttp:\\\\" + strings.Repeat("a:", 300) + "@h.example/", "http://" + strings.Repeat("\u4e00", 100), "http:" + strings.Repeat("%41", 100) + "/", "http://h.1/", "http://[::1/", "http://" + strings.Repeat("@", 100), "http://h" + strings.Repeat("/", 300), "http://h/" + strings.Repeat("a", 4*maxURL)} {
		if fetch, _, err := Canonical(bad); err == nil {
			t.Errorf("%q is taken as %q", bad, fetch)
		}
	}
}

func TestReferences(t *testing.T) {
	const page = "http://h.example:81/a/b?c#d"
	for ref, want := range map[string]string{
		"e": "http://h.example:81/a/e", "./e": "http://h.example:81/a/e", "../e": "http://h.example:81/e", "../../e": "http://h.example:81/e", "..": "http://h.example:81/",
		".": "http://h.example:81/a/", "e/../f/.": "http://h.example:81/a/f/", "/e": "http://h.example:81/e", "//g.example/e": "http://g.example/e", "//g.example": "http://g.example/",
		"?e": "http://h.example:81/a/b?e", "e?f/../g": "http://h.example:81/a/e?f/../g", "e#f": "http://h.example:81/a/e", "": "http://h.example:81/a/b?c",
		"https://h.example:81/e": "https://h.example:81/e", "http:e": "http://h.example:81/a/e", " \t#e": "http://h.example:81/a/b?c", "\t": "http://h.example:81/a/b?c", "e:f": "", "./e:f": "http://h.example:81/a/e:f", "mailto:a@b": "", "http://h.example:81": "http://h.example:81/",
		"%2e%2e/e": "http://h.example:81/e", "...": "http://h.example:81/a/...", "/.e/..f": "http://h.example:81/.e/..f", "é": "http://h.example:81/a/%C3%A9", `\e`: "http://h.example:81/e",
	} {
		a, err := resolve(page, ref)
		if (err == nil) != (want != "") || a.fetch != want {
			t.Errorf("%q is %q, %v; want %q", ref, a.fetch, err, want)
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

// checkForms holds the laws of the two forms: the fetch form is its own fetch form and has the same key, or a
// restart would not know a URL again; and a key that is a URL is its own key.
func checkForms(t fail, raw string) {
	a, err := parseAddress(raw, nil)
	if err != nil {
		return
	}
	b, err := parseAddress(a.fetch, nil)
	if err != nil || a != b {
		t.Error(fmt.Sprintf("%q: %+v, and again %+v, %v", raw, a, b, err))
	}
	if k, err := parseAddress(a.key, nil); err == nil && k.key != a.key {
		t.Error(fmt.Sprintf("%q: the key of %q is %q", raw, a.key, k.key))
	}
	if strings.ContainsAny(a.fetch, "\r\n\t #") || !strings.HasPrefix(a.fetch, "http") {
		t.Error(fmt.Sprintf("%q may not stand in a request: %q", raw, a.fetch))
	}
}

func FuzzAddress(f *testing.F) {
	for _, s := range []string{"http://h.example/a?b=1&utm_source=x#y", "HTTP://u:p@H.:080/%7e/%zz/..", "http:\\\\[::1]:8080/;jsessionid=a;b/c", "https://b\u00fccher.example/\xff?\xff&&=", "//", "http://h/%25%32%35", "http://h/..;jsessionid=x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		checkForms(t, raw)
		if a, err := parseAddress(raw, nil); err == nil {
			(&traps{}).shape(a, a)
			shapesAround(a)
		}
	})
}

// checkPlain holds the short way against the parser, and our use of the parser against its library: where the one
// answers, both do, and alike.
func checkPlain(t fail, page, ref string) {
	from, err := newBase(page, nil)
	if err != nil {
		from = nil
	}
	b, err := parseSlowly(ref, from)
	if a, ok := plainAddress(ref, from); ok && (err != nil || a != b) {
		t.Error(fmt.Sprintf("%q on %q: %+v; the parser says %+v, %v", ref, page, a, b, err))
	}
	if from == nil || from.fetch == "" || err != nil {
		return
	}
	if u, err := url.ParseRef(from.fetch, ref); err != nil {
		t.Error(fmt.Sprintf("%q on %q: %s; the library says %v", ref, page, b.fetch, err))
	} else {
		u.SetUsername("")
		u.SetPassword("")
		if u.Href(true) != b.fetch {
			t.Error(fmt.Sprintf("%q on %q: %s; the library says %s", ref, page, b.fetch, u.Href(true)))
		}
	}
}

func FuzzPlain(f *testing.F) {
	for _, s := range []string{"http://h.example/a/./b/../c?d#e", "//g.example:81", "../x", "?q", "a.b-c.0x7f:80/", "https://1.2.3.4:443/%2E./", "http://h-.a--b/;x=1,2", "..//..", "http://h.example", "a:b"} {
		f.Add("http://h.example/a/b?c", s)
	}
	f.Fuzz(func(t *testing.T, page, ref string) {
		if bearable(page) == nil && bearable(ref) == nil {
			checkPlain(t, page, ref)
		}
	})
}

// TestURLLaws tries URLs made of the pieces that matter.
func TestURLLaws(t *testing.T) {
	piece := rapid.SampledFrom(strings.Split(`http:// https:// // / . .. ? # & = ; : @ % %2e %2E%2e %7e %41 %zz %%3 %C3%A9 é ' " < \ | [ ] a b.c h.example H.EXAMPLE xn-- - _ 80 :80 :81 :443 :65536 127.0.0.1 0x7f 01 .1 ..; utm_source= sid= ;jsessionid= gclid=1 x&a=2&a=1 +`, " "))
	text := rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(piece, 0, 8).Draw(t, "pieces"), "") })
	rapid.Check(t, func(t *rapid.T) {
		page, ref := "http://h.example"+text.Draw(t, "page"), text.Draw(t, "ref")
		checkForms(t, page)
		checkForms(t, "http://h.example/"+ref)
		checkPlain(t, page, ref)
		checkPlain(t, page, "http://"+ref)
	})
}

// BenchmarkLinks reads the links of a page of 5 KB with ten of them.
func BenchmarkLinks(b *testing.B) {
	var page strings.Builder
	for i := range 10 {
		fmt.Fprintf(&page, "<p>%s <a class=x href=\"/page/%d\">page</a></p>", strings.Repeat("word and word ", 35), i)
	}
	body := []byte(page.String())
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if n := len(scanLinks(body, "http://h.example/page/11")); n != 10 {
			b.Fatal(n)
		}
	}
}
