package quote

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// Whatever the text, JSON's own reader gives it back, byte for byte where it is UTF-8.
func FuzzAppend(f *testing.F) {
	for _, s := range []string{"", "The mill", "a \"word\"\nand \\ more\t\r", "\x00\x1f\x7f\u0080é\u2028😀", "ü12345678\"", "12345678\"", "1234567\x01\"\\", "\xff\xfe12345\xc3", strings.Repeat("zwölf ", 99)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Append([]byte("before"), s)
		var back string
		if err := json.Unmarshal(got[len("before"):], &back); err != nil {
			t.Fatalf("%q: %v", got, err)
		}
		if want := string([]rune(s)); back != want || utf8.ValidString(s) && back != s {
			t.Errorf("%q came back as %q", s, back)
		}
		if i := strings.IndexFunc(string(got), func(r rune) bool { return r < ' ' }); i >= 0 {
			t.Errorf("%q holds a control character", got)
		}
	})
}

// Every byte value, at every place of eight.
func TestEveryByte(t *testing.T) {
	for c := range 256 {
		for at := range 17 {
			s := strings.Repeat("x", at) + string([]byte{byte(c)}) + strings.Repeat("y", 16-at)
			var back string
			if err := json.Unmarshal(Append(nil, s), &back); err != nil || back != string([]rune(s)) {
				t.Fatalf("%q: %q, %v", s, back, err)
			}
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	s := strings.Repeat("The mill stands at the end of the lane, where the brook comes down.\n", 30)
	b.SetBytes(int64(len(s)))
	var to []byte
	for b.Loop() {
		to = Append(to[:0], s)
	}
}
