package charset_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/text/encoding/unicode"

	"millrace/clean/charset"
)

// sentence is the sample of a language, by the encoding in which it stands first.
func sentence(t *testing.T, encoding string, n int) string {
	t.Helper()
	for _, s := range samples {
		if strings.HasPrefix(s.encodings, encoding) {
			if n--; n < 0 {
				return s.text
			}
		}
	}
	t.Fatalf("no sample in %s", encoding)
	return ""
}

// Labels that lie are found out, whoever tells the lie.
func TestLies(t *testing.T) {
	russian, polish, chinese := sentence(t, "windows-1251", 0), sentence(t, "windows-1250", 0), sentence(t, "gb18030", 0)
	japanese, taiwan, korean := sentence(t, "shift_jis", 0), sentence(t, "big5", 0), sentence(t, "euc-kr", 0)
	hungarian := strings.Repeat(sentence(t, "windows-1250", 2)+" ", 3)
	greek, thai, turkish, french := sentence(t, "windows-1253", 0), sentence(t, "windows-874", 0), sentence(t, "windows-1254", 0), sentence(t, "windows-1252", 0)
	tests := []struct {
		name, text, is     string
		header, meta       string
		how                string
		wantName           string
		notOverridden, any bool
	}{
		{name: "server's default, Russian", text: russian, is: "windows-1251", header: "iso-8859-1", how: "guess"},
		{name: "server's default, Russian, in KOI8", text: russian, is: "koi8-r", header: "windows-1251", how: "guess"},
		{name: "server's default, Polish", text: polish, is: "windows-1250", header: "iso-8859-1", how: "guess"},
		{name: "server's default, Greek", text: greek, is: "windows-1253", header: "latin1", how: "guess"},
		{name: "server's default, Thai", text: thai, is: "windows-874", header: "iso-8859-1", how: "guess"},
		{name: "server's default, Turkish", text: turkish, is: "windows-1254", header: "windows-1252", how: "guess"},
		{name: "server's default, Chinese", text: chinese, is: "gb18030", header: "iso-8859-1", how: "guess"},
		{name: "server's default, Korean", text: korean, is: "euc-kr", header: "iso-8859-1", how: "guess"},
		{name: "the page is right where the server is not", text: polish, is: "windows-1250", header: "iso-8859-1", meta: "windows-1250", how: "meta"},
		{name: "both lie", text: russian, is: "windows-1251", header: "iso-8859-1", meta: "koi8-r", how: "guess"},
		{name: "UTF-8 is said, it is Chinese", text: chinese, is: "gb18030", header: "utf-8", how: "guess"},
		{name: "UTF-8 is said in the page", text: japanese, is: "euc-jp", meta: "utf-8", how: "guess"},
		{name: "one Japanese encoding for the other", text: japanese, is: "euc-jp", meta: "shift_jis", how: "guess"},
		{name: "simplified is said, it is traditional", text: taiwan, is: "big5", meta: "gb2312", how: "guess"},
		{name: "UTF-8 needs no label", text: russian, is: "utf-8", header: "windows-1251", meta: "koi8-r", how: "utf8", notOverridden: true},
		{name: "ISO-2022-JP is no UTF-8", text: japanese, is: "iso-2022-jp", header: "utf-8", how: "guess"},
		{name: "server's default, Hungarian", text: hungarian, is: "windows-1250", header: "iso-8859-1", how: "guess"},
		{name: "an older standard's name", text: russian, is: "iso-8859-5", header: "iso-8859-1", how: "guess"},
		{name: "the truth", text: french, is: "windows-1252", header: "iso-8859-1", how: "header", notOverridden: true},
		{name: "the truth, Chinese", text: chinese, is: "gb18030", header: "gb2312", how: "header", wantName: "gbk", notOverridden: true},
		{name: "the truth, ISO", text: polish, is: "iso-8859-2", meta: "iso-8859-2", how: "meta", notOverridden: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			page := "<html><head><meta charset='" + tt.meta + "'><title>x</title></head><p>" + tt.text + "</p>"
			body := []byte(page)
			if tt.is != "utf-8" {
				body = encode(t, tt.is, page)
			}
			got := charset.Decode(body, tt.header, true)
			want := tt.is
			if tt.wantName != "" {
				want = tt.wantName
			}
			if got.Text != page || got.Name != want || got.How != tt.how || got.Overridden == tt.notOverridden {
				t.Errorf("read as %s by %s, overridden %v: %q", got.Name, got.How, got.Overridden, got.Text)
			}
		})
	}
}

// A true label of each encoding is believed, however short the text.
func TestTruth(t *testing.T) {
	for _, s := range samples {
		for name := range strings.FieldsSeq(s.encodings) {
			words := strings.Fields(s.text)
			for n := range len(words) {
				text := strings.Join(words[:n+1], " ")
				got := charset.Decode(encode(t, name, text), name, false)
				if got.Text != text || got.Overridden {
					t.Errorf("%s, said to be so, is read as %s: %q, want %q", name, got.Name, got.Text, text)
				}
			}
		}
	}
}

// UTF-16 without a mark is found where no zeros give it away, and nothing else is taken for it.
func TestWide(t *testing.T) {
	for _, s := range samples {
		for name, e := range map[string]unicode.Endianness{"utf-16le": unicode.LittleEndian, "utf-16be": unicode.BigEndian} {
			b, err := unicode.UTF16(e, unicode.IgnoreBOM).NewEncoder().Bytes([]byte(s.text))
			if err != nil {
				t.Fatal(err)
			}
			if got := charset.Decode(b, "", false); got.Text != s.text || got.Name != name || got.How != "utf16" {
				t.Errorf("%s is read as %s: %q, want %q", name, got.Name, got.Text, s.text)
			}
		}
	}
	for _, text := range []string{
		"one\x01two\x01three\x01four\x01five\x01six\x01seven\x01eight",
		"\x02\x03\x02\x03 a log line with marks \x02\x03 and another \x02\x03",
		strings.Repeat("déjà\x01vu\x01", 20),
	} {
		if got := charset.Decode([]byte(text), "", false); got.Text != text {
			t.Errorf("%q is read as %s: %q", text, got.Name, got.Text)
		}
	}
}

// What becomes of bytes that mean nothing in UTF-8, by policy.
func TestPolicies(t *testing.T) {
	tests := []struct {
		name, body                string
		salvage, replace          string
		salvaged, invalid, mended int // with Salvage
		replaced                  int // with Replace
	}{
		{name: "a lone byte", body: "dé\xe9jà", salvage: "dééjà", replace: "dé\uFFFDjà", salvaged: 1, replaced: 1},
		{name: "a quotation mark", body: "é it\x92s", salvage: "é it’s", replace: "é it\uFFFDs", salvaged: 1, replaced: 1},
		{name: "a hole of windows-1252", body: "é \x81 é", salvage: "é \uFFFD é", replace: "é \uFFFD é", invalid: 1, replaced: 1},
		{name: "two in a row", body: "é日本\xe6\x97é", salvage: "é日本\uFFFD\uFFFDé", replace: "é日本\uFFFD\uFFFDé", invalid: 2, replaced: 2},
		{name: "at the end", body: "éé\xe9", salvage: "éé\uFFFD", replace: "éé\uFFFD", invalid: 1, replaced: 1},
		{name: "CESU-8", body: "é\xed\xa0\xbd\xed\xb8\x80é", salvage: "é😀é", replace: "é😀é", mended: 1},
		{name: "half of CESU-8", body: "éé\xed\xa0\xbdéé", salvage: "éé\uFFFD\uFFFD\uFFFDéé", replace: "éé\uFFFD\uFFFD\uFFFDéé", invalid: 3, replaced: 3},
		{name: "NUL as Java writes it", body: "éé\xc0\x80é", salvage: "éé\x00é", replace: "éé\x00é", mended: 1},
		{name: "nothing wrong", body: "éé", salvage: "éé", replace: "éé"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := charset.Salvage.Decode([]byte(tt.body), "utf-8", false)
			if err != nil || got.Text != tt.salvage || got.Salvaged != tt.salvaged || got.Invalid != tt.invalid || got.Mended != tt.mended {
				t.Errorf("Salvage: %+v, %v, want %q", got, err, tt.salvage)
			}
			got, err = charset.Replace.Decode([]byte(tt.body), "utf-8", false)
			if err != nil || got.Text != tt.replace || got.Salvaged != 0 || got.Invalid != tt.replaced || got.Mended != tt.mended {
				t.Errorf("Replace: %+v, %v, want %q", got, err, tt.replace)
			}
			clean := tt.salvaged+tt.invalid+tt.mended == 0
			if got, err := charset.Strict.Decode([]byte(tt.body), "utf-8", false); errors.Is(err, charset.ErrInvalid) == clean || (got.Text == tt.body) != clean {
				t.Errorf("Strict: %+v, %v", got, err)
			}
		})
	}
}

// Markup, scripts and styles are no evidence, and a page that is nothing but markup is still read.
func TestMarkupIsNoEvidence(t *testing.T) {
	russian := sentence(t, "windows-1251", 0)
	for _, page := range []string{
		"<script>" + strings.Repeat("if (a<b) {c();} ", 400) + "</script><p>" + russian,
		strings.Repeat("<div class='row'><a href='/x.html'>home</a></div>\n", 300) + "<p>" + russian,
		"<img alt='" + russian + "'>",
		"<!-- > -->" + russian + "<p",
	} {
		if got := charset.Decode(encode(t, "windows-1251", page), "", true); got.Text != page {
			t.Errorf("read as %s: %.80q", got.Name, got.Text)
		}
	}
}

// The statistics are a part of the program that is paid for in every download.
func TestModelIsSmall(t *testing.T) {
	info, err := os.Stat("model.bin")
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 512<<10 {
		t.Errorf("model.bin has %d bytes", info.Size())
	}
}

// A word of another language in a page of English decides about the encoding.
func TestForeignWordInEnglish(t *testing.T) {
	for _, tt := range []struct{ encoding, text string }{
		{"windows-1250", "The town hall of Łódź was designed by an architect from Poznań, who never saw it finished."},
		{"windows-1254", "A bus leaves for Beşiktaş every ten minutes; the fare has to be paid before you get on."},
		{"windows-1251", "The newspaper Правда was founded in 1912 and is still printed, though few people read it."},
		{"windows-1252", "She ordered a crème brûlée and a café au lait, and paid with a note of fifty dollars."},
	} {
		if got := charset.Decode(encode(t, tt.encoding, tt.text), "", false); got.Text != tt.text {
			t.Errorf("%s is read as %s: %q", tt.encoding, got.Name, got.Text)
		}
	}
}
