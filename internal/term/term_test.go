package term

import (
	"strings"
	"testing"
	"unicode"
)

func FuzzSafe(f *testing.F) {
	for _, s := range []string{"plain", "\x1b[31mred", "a\u202eb", "\xff\xfe", "é 中", "\x9b31m", "a\x00b", "l1\nl2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range Safe(s) {
			if unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r) {
				t.Fatalf("%q leaves %U", s, r)
			}
		}
		if strings.Count(SafeText(s), "\n") != strings.Count(s, "\n") {
			t.Fatal("line breaks changed")
		}
	})
}

func TestClip(t *testing.T) {
	for _, c := range []struct{ in, want string }{{"abc", "abc"}, {"abcdef", "abc…"}, {"中中中中中", "中中中…"}} {
		if got := Clip(c.in, 4); got != c.want {
			t.Errorf("Clip(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}
