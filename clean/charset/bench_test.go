package charset_test

import (
	"strings"
	"testing"

	"millrace/clean/charset"
)

// BenchmarkDecode reads pages of 1,500 characters that say nothing of their encoding.
func BenchmarkDecode(b *testing.B) {
	for _, name := range []string{"windows-1252", "windows-1251", "gb18030", "shift_jis"} {
		b.Run(name, func(b *testing.B) {
			text := ""
			for _, s := range samples {
				if strings.HasPrefix(s.encodings, name) {
					text = s.text
				}
			}
			page := encode(b, name, "<html><title>x</title><p>"+strings.Repeat(text+" ", 1500/len([]rune(text))))
			b.SetBytes(int64(len(page)))
			for b.Loop() {
				charset.Decode(page, "", true)
			}
		})
	}
}
