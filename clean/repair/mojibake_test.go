package repair

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// misread reads the UTF-8 of s as codec k, as a browser would.
func misread(s string, k int) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(decodeByte(k, s[i]))
	}
	return b.String()
}

// Sentences that are read wrongly once or twice come back. Those that do not are those that ftfy leaves as they are,
// for they hold too little that nobody would write.
func TestMojibakeGenerated(t *testing.T) {
	total, right := 0, 0
	for _, s := range sentences() {
		for k := range codecCount {
			once := misread(s, k)
			for _, wrong := range []string{once, misread(once, k)} {
				total++
				if Encoding(wrong) == s {
					right++
				}
			}
		}
	}
	if total != 400 || right != 370 {
		t.Errorf("%d of %d sentences came back", right, total)
	}
}

// What else was damaged on the way.
func TestEncoding(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"nothing", "", ""},
		{"ASCII", "plain & <b> \x1a", "plain & <b> \x1a"},
		{"Latin-1", "voilÃ©", "voilé"},
		{"two layers", "voilÃƒÂ©", "voilé"},
		{"two codecs", misread(misread("Köln – Größe", windows1252), macRoman), "Köln – Größe"},
		{"a space for 0xA0", "voilÃ  le travail", "voilà le travail"},
		{"a space for 0xA0 and one for itself", "voilÃ le travail", "voilà le travail"},
		{"a Portuguese word", "Ã quele", "àquele"},
		{"lost bytes", "â€œlost like thisâ€\ufffd", "“lost like this\ufffd"},
		{"a question mark for a lost byte", "â€œlost like thisâ€?", "“lost like this\ufffd"},
		{"parts", "Ã©tÃ© – Ж", "été – Ж"},
		{"CESU-8", "ok í\u00a0½í¸\u0080", "ok 😀"},
		{"Java's NUL", "Ã©À\u0080", "é\x00"},
		{"half a character", "í\u00a0½ Ã©", "í\u00a0½ é"},
		{"Windows-1252 as Latin-1", "\u0093a\u0094 \u0081", "“a” \u0081"},
		{"a name with an é before a quote", "CAFÉ” and CAFÉ™", "CAFÉ” and CAFÉ™"},
	}
	for _, tt := range tests {
		if got := Encoding(tt.in); got != tt.want {
			t.Errorf("%s: Encoding(%q) = %q, want %q", tt.name, tt.in, got, tt.want)
		}
	}
}

// garble is text of characters that mojibake is made of, which lets every rule have its say.
func garble() *rapid.Generator[string] {
	var pool []rune
	t := signs()
	for r := range rune(0x10000) {
		if t.number(r) != 0 && utf8.ValidRune(r) && (r >= 0x80 || r%7 == 0) {
			pool = append(pool, r)
		}
	}
	pool = append(pool, ' ', 'a', 'Z', 's', '.', '中', '\u0301', 0x200B, 0x2028)
	some := rapid.SampledFrom([]rune("ÂÃÎÐØÙàâ√‚Äó€œβΓВЂўГРС°±™\u00a0\u00adéÉ’“”»«² aZ.ƒ©ðŸ"))
	return rapid.Custom(func(t *rapid.T) string {
		return string(rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(pool), some), 0, 12).Draw(t, "runes"))
	})
}

// The gate: what has nothing that asks for the slow path is never bad.
func TestGateLaw(t *testing.T) {
	g := garble()
	rapid.Check(t, func(t *rapid.T) {
		s := g.Draw(t, "text")
		if bad(s) && needed().all(s)&needMojibake == 0 {
			t.Errorf("%q is bad, and was not looked at", s)
		}
	})
}

// settled reports what a second run changes.
func settled(t failer, s string) {
	got, _, _ := Text(s, nil)
	again, _, n := Text(got, nil)
	if again != got {
		t.Errorf("%q\n gives %q\n then  %q (%+v)", s, got, again, n)
	}
	if !utf8.ValidString(got) {
		t.Errorf("%q gives what is no UTF-8: %q", s, got)
	}
}

func TestSettledLaw(t *testing.T) {
	g := garble()
	rapid.Check(t, func(t *rapid.T) { settled(t, g.Draw(t, "text")) })
}

// families are texts that could waste time: n says how long.
func families() map[string]func(n int) string {
	repeat := func(piece string) func(int) string {
		return func(n int) string { return strings.Repeat(piece, n/len(piece)) }
	}
	return map[string]func(int) string{
		"chain":      func(n int) string { return "Ã" + strings.Repeat("ƒ", n/2) }, // each mend makes the next one possible
		"chains":     repeat("Ãƒƒƒƒ© "),
		"broken":     repeat("Ã©é"),
		"letters":    repeat("é–"),
		"controls":   repeat("\u0080\u0081"),
		"capitals":   repeat("ВРГ°"),
		"lost":       repeat("â€\ufffd"),
		"spaces":     repeat("Ã "),
		"hidden end": repeat("â€¨"),
		"nested": func(n int) string {
			s := "é"
			for len(s) < n/3 {
				s = misread(s, latin1)
			}
			return s + " Ж"
		},
	}
}

// For twice the text, at most 2.2 times the work: the bytes that are looked at are counted.
func TestMojibakeLinear(t *testing.T) {
	const n = 1 << 16
	for name, text := range families() {
		work := func(n int) float64 {
			s := text(n)
			m := newMender(len(s))
			start := m.fuel
			m.undo(s, 0)
			return float64(start - max(0, m.fuel))
		}
		if a, b := work(n), work(2*n); b > 2.2*a {
			t.Errorf("%s: %.0f bytes, then %.0f", name, a, b)
		}
		settled(t, text(1<<12))
	}
}

// The scan sees what a look at each character sees, however it is cut up for speed.
func TestScanLaw(t *testing.T) {
	pieces := append(sentences(), "", "\t", "\n", "\x7f", "\x01", "a\r", "\u0301", "é", "–", "中", "\u2028", "😀", "\U000E0041", "\xe4\xb8", "\xc3", "\xed\xa0\x80", "\xf0\x9f", "x y", " ")
	rapid.Check(t, func(t *rapid.T) {
		s := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 8).Draw(t, "pieces"), "")
		s = s[rapid.IntRange(0, len(s)).Draw(t, "from"):]
		var want need
		for i := 0; i < len(s); {
			size, n := 1, needed().ascii[s[i]&0x7F]
			if s[i] >= utf8.RuneSelf {
				size, n = needed().other(s[i:])
			}
			want |= n &^ mark
			i += size
		}
		if got := needed().all(s) &^ mark; got != want {
			t.Errorf("%q asks for %b, want %b", s, got, want)
		}
	})
}
