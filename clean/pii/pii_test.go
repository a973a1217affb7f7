package pii

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"millrace"
)

func TestMask(t *testing.T) {
	tests := []struct {
		name, in, want string
		n              Counts
	}{
		{"e-mail", "write to ann@acme.io, please", "write to <EMAIL_1>, please", Counts{Email: 1}},
		{"same value, same number", "a@b.de c@d.de A@B.DE a@B.de", "<EMAIL_1> <EMAIL_2> <EMAIL_3> <EMAIL_1>", Counts{Email: 4}},
		{"end of a sentence", "Mail ann.lee+x@mail.acme.co.uk.", "Mail <EMAIL_1>.", Counts{Email: 1}},
		{"brackets", "<ann@acme.io> (bob@acme.io)", "<<EMAIL_1>> (<EMAIL_2>)", Counts{Email: 2}},
		{"international", "张三@例子.中国 ünï@exämple.de", "<EMAIL_1> <EMAIL_2>", Counts{Email: 2}},
		{"mailto", `mailto:ann@acme.io`, `mailto:<EMAIL_1>`, Counts{Email: 1}},
		{"git remote", "git@github.com:foo/bar.git", "git@github.com:foo/bar.git", Counts{}},
		{"reserved domains", "a@example.com b@x.example.org c@foo.test", "a@example.com b@x.example.org c@foo.test", Counts{}},
		{"no addresses", "@user a@b foo@v1.2.3 x@1.2 a..b@c.de @ medium.com/@ann.lee", "@user a@b foo@v1.2.3 x@1.2 a..b@c.de @ medium.com/@ann.lee", Counts{}},
		{"IPv4", "from 8.8.8.8 to 9.9.9.9:53, 8.8.8.8.", "from <IP_1> to <IP_2>:53, <IP_1>.", Counts{IPv4: 3}},
		{"not public", "127.0.0.1 10.1.2.3 192.168.0.1 192.0.2.7 0.0.0.0 224.0.0.1 255.255.255.255", "127.0.0.1 10.1.2.3 192.168.0.1 192.0.2.7 0.0.0.0 224.0.0.1 255.255.255.255", Counts{}},
		{"versions and OIDs", "OID 1.3.6.1.4.1.311 v1.2.3.4 version 1.2.3.4 1.2.3.4567 1.2.3.4-rc1 01.2.3.4", "OID 1.3.6.1.4.1.311 v1.2.3.4 version 1.2.3.4 1.2.3.4567 1.2.3.4-rc1 01.2.3.4", Counts{}},
		{"IPv6", "2606:4700::1111 and [2A00:1450:4001:80b::200e]:443.", "<IP_1> and [<IP_2>]:443.", Counts{IPv6: 2}},
		{"IPv6 by value", "2606:4700:0:0::1111 2606:4700::1111", "<IP_1> <IP_1>", Counts{IPv6: 2}},
		{"not public IPv6", "::1 fe80::1 fd00::1 2001:db8::1 ff02::1 std::string 12:34:56 a::b", "::1 fe80::1 fd00::1 2001:db8::1 ff02::1 std::string 12:34:56 a::b", Counts{}},
		{"numbers taken", "<EMAIL_4> a@b.de", "<EMAIL_4> <EMAIL_5>", Counts{Email: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, _, n := Mask(tt.in, nil)
			if got != tt.want || n != tt.n {
				t.Errorf("Mask(%q) = %q, %+v, want %q, %+v", tt.in, got, n, tt.want, tt.n)
			}
			if again, _, n := Mask(got, nil); again != got || n.Any() {
				t.Errorf("Mask again = %q", again)
			}
		})
	}
}

func TestMaskMovesCode(t *testing.T) {
	in := "a@b.de\n\ncode 8.8.8.8\n\nc@d.de"
	code := "code 8.8.8.8"
	at := strings.Index(in, code)
	got, spans, _ := Mask(in, []millrace.Span{{From: at, To: at + len(code)}})
	if len(spans) != 1 || got[spans[0].From:spans[0].To] != "code <IP_1>" {
		t.Errorf("Mask = %q, %v", got, spans)
	}
}

// Masking again changes nothing, and spans stay in order and inside the text.
func TestLaws(t *testing.T) {
	parts := []string{"ann@acme.io", "8.8.8.8", "2606:4700::1111", "@", ".", ":", " ", " ", "a", "1", "<EMAIL_2>", "<PHONE_1>", "é", "\n", "-", "tel ", "SSN ", "version ", "+49 30 901820", "030 901820", "4111 1111 1111 1111", "DE89370400440532013000",
		"123-45-6789", "11010519491231002X", "AKIAIOSFODNN7EXAMPLE", "-----BEGIN PRIVATE KEY-----\n", "MIIEowIBAAKCAQEAx0Zq2mLr8vTnW5bQyH3sKj7dPfGuXcRtYiOaElNhMwBvCzDk\n", "a@example.com", "+1 415-555-0123", "order ", "电话", "(", ")", "/"}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOf(rapid.SampledFrom(parts)).Draw(t, "parts"), "")
		from := rapid.IntRange(0, len(text)).Draw(t, "from")
		to := rapid.IntRange(from, len(text)).Draw(t, "to")
		laws(t, text, from, to)
		twice(t, policyOf(rapid.Uint().Draw(t, "policy")), text)
	})
}

// policyOf is one of all policies: n, read as digits of base 3, says what becomes of each kind.
func policyOf(n uint) Policy {
	p := Policy{}
	for k := range p.Do {
		p.Do[k], n = Action(n%3), n/3
	}
	if n%2 == 1 {
		p.Key = []byte("key")
	}
	return p
}

type failer interface{ Errorf(string, ...any) }

// twice holds that a policy changes a text once: what it has made is left as it is, and kinds that are kept are never counted.
func twice(t failer, p Policy, text string) {
	a := p.Apply(text, nil)
	if b := p.Apply(a.Text, nil); b.Text != a.Text || b.Counts.Any() {
		t.Errorf("%v: %q became %q, and then %q", p.Do, text, a.Text, b.Text)
	}
	for k, do := range p.Do {
		if do == KeepValue && a.Counts[k] > 0 {
			t.Errorf("%q: %d of %s are counted, which stay", text, a.Counts[k], Kind(k))
		}
	}
}

func laws(t failer, text string, from, to int) {
	twice(t, Policy{Key: []byte("key")}, text)
	twice(t, policyOf(uint(from)*2654435761+uint(to)), text)
	got, spans, n := Mask(text, []millrace.Span{{From: from, To: to}})
	if s := spans[0]; s.From < 0 || s.To < s.From || s.To > len(got) {
		t.Errorf("%q: span %v of a text of %d bytes", text, s, len(got))
	}
	if n.Any() == (got == text) {
		t.Errorf("%q: counts %+v, text %q", text, n, got)
	}
	if again, _, n := Mask(got, nil); again != got || n.Any() {
		t.Errorf("Mask(%q) = %q, again %q", text, got, again)
	}
}

func FuzzMask(f *testing.F) {
	f.Add("ann@acme.io 8.8.8.8 2606:4700::1111 a@a@a.de", 1, 3)
	f.Add("a.a.a.@::::1.1.1.1.1é@é.éé", 0, 0)
	f.Add("tel (030) 901820, +49 (0)30 901820\n<PHONE_3> 电话13800138000 DE89 3704 0044 0532 0130 00", 4, 9)
	f.Add("4111-1111-1111-1111 SSN 123-45-6789 RSSMRA85T10A562S 1 85 05 2A 006 084 82 X-1234567-L NIE", 0, 20)
	f.Add("ghp_16C7e42F292c6912E7710c838347Ae178B4a AKIAIOSFODNN7EXAMPLE eyJhbGciOiJI.eyJzdWIiOiIx.dozjgNryP4\n-----BEGIN PRIVATE KEY-----\nMIIEowIBAAKCAQEAx0Zq2mLr8vTnW5bQyH3s\n", 1, 2)
	f.Fuzz(func(t *testing.T, text string, from, to int) {
		if !utf8.ValidString(text) || from < 0 || to < from || to > len(text) {
			t.Skip()
		}
		laws(t, text, from, to)
	})
}

// Work that grew with the square of the text would take a quarter of an hour here.
func TestHostileEnds(t *testing.T) {
	for _, piece := range []string{"a@", "a.", "@", "1.", "1.1.1.1.", ":", "a:", "::1 ", "a@b.de ", "8.8.8.8 ", "<EMAIL_", "<IP_9>",
		"1 ", "12-", "123 4567 ", "tel 030 901820 ", "tel 1234567 ", "+49 ", "+49 30 901820 ", "(", "AB12", "DE89 ", "4111 ", "eyJ", "eyJ.", "sk-", "ghp_", "AKIA", "-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\nabc\n", "电话1", "SSN 123456789 ", "12345678Z ", "1.1.1.", "a-1"} {
		Mask(strings.Repeat(piece, 1<<19/len(piece)), nil)
		text := strings.Repeat(piece, 1<<14/len(piece))
		laws(t, text, len(text)/3, len(text)/2)
	}
}
