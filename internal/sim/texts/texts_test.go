package texts

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// catalogue makes a gettext catalogue.
func catalogue(order binary.AppendByteOrder, list ...message) []byte {
	n := uint32(len(list))
	b := order.AppendUint32(nil, 0x950412de)
	for _, v := range []uint32{0, n, 28, 28 + 8*n, 0, 0} {
		b = order.AppendUint32(b, v)
	}
	var data []byte
	from := 28 + 16*n
	for _, pick := range []func(message) string{func(m message) string { return m.id }, func(m message) string { return m.text }} {
		for _, m := range list {
			b = order.AppendUint32(b, uint32(len(pick(m))))
			b = order.AppendUint32(b, from+uint32(len(data)))
			data = append(append(data, pick(m)...), 0)
		}
	}
	return append(b, data...)
}

func TestParseMO(t *testing.T) {
	in := []message{{"", "Language: de\n"}, {"menu\x04Open", "Öffnen"}, {"%d file\x00%d files", "%d Datei\x00%d Dateien"}}
	want := []message{{"Open", "Öffnen"}, {"%d file", "%d Datei"}, {"%d file", "%d Dateien"}}
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		got, err := parseMO(catalogue(order, in...))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%v: got %q, %v", order, got, err)
		}
	}
	if _, err := parseMO([]byte("no catalogue at all, but long enough")); err == nil {
		t.Error("another file was taken for a catalogue")
	}
}

func FuzzParseMO(f *testing.F) {
	f.Add(catalogue(binary.LittleEndian, message{"a", "b"}))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := parseMO(b)
		if err == nil && len(list) > len(b)*len(b)/8+8 {
			t.Errorf("%d messages of %d bytes", len(list), len(b))
		}
	})
}

func TestLangOf(t *testing.T) {
	for tag, want := range map[string]string{
		"pt_BR": "pt", "sr@latin": "sr", "zh_TW": "zh", "en@quot": "", "be-tarask": "be", "bs-Latn": "bs", "cmn-hans": "zh", "swh": "sw",
		"no": "nb", "nn": "nn", "ceb": "ceb", "cat": "ca", "qqq": "", "C": "", "als": "gsw", "ak-akuapem": "ak", "ckb": "ckb",
	} {
		if got := langOf(tag); got != want {
			t.Errorf("langOf(%q) = %q, want %q", tag, got, want)
		}
	}
}

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{
		"_Datei öffnen":        "Datei öffnen",
		"&Cancel":              "Cancel",
		"%s: Ungültige Option": "Ungültige Option",
		"Siehe [[Hilfe:Suche|die Hilfe]] für $1.":  "Siehe die Hilfe für .",
		"<b>Fett</b> &amp; kursiv":                 "Fett kursiv",
		"{{PLURAL:$1|eine Seite|Seiten}} gefunden": "eine Seite Seiten gefunden",
		"vis-à-vis, peut-être":                     "vis-à-vis, peut-être",
		"mit --all geht es":                        "mit geht es",
	} {
		if got := strings.TrimLeft(strings.Join(strings.Fields(plain(in)), " "), ": "); got != want {
			t.Errorf("plain(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestParsers(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	long := "dass ein Absatz lang genug sein muss, damit man ihn überhaupt zählt"
	write("package/declaration/deu.html", `<!doctype html><html data-code="deu" lang="de"><head><title>German</title></head><body><p>Alle Menschen sind <b>frei</b> geboren.</p><p>[Missing]</p></body></html>`)
	write("package/declaration/068.html", `<html lang="de"><body><p>Eine Mundart, die keinen Code hat und einen fremden trägt.</p></body></html>`)
	write("usr/share/locale/de/LC_MESSAGES/x.mo", string(catalogue(binary.LittleEndian, message{"Open the folder", "Den Ordner öffnen"}, message{"The same words", "The same words"})))
	write("usr/share/mw/languages/i18n/en.json", `{"@metadata":{"authors":["x"]},"a":"Search all the pages","b":"Nobody translated this"}`)
	write("usr/share/mw/languages/i18n/de.json", `{"@metadata":{"authors":["x"]},"a":"Alle Seiten durchsuchen","b":"Nobody translated this"}`)
	write("usr/share/doc/help/de/text/a.html", "<html><body><nav>Menü</nav><p>Es ist so, "+long+".</p><pre>code that is long enough to be counted as a paragraph</pre></body></html>")
	write("usr/share/help/de/gnome-help/a.page", `<page xml:lang="de"><info><desc>Was hier steht, ist eine Angabe `+long+`</desc></info><p>Es ist <gui>so</gui>, `+long+`.</p><p>A paragraph that nobody has translated so far, with many letters.</p></page>`)
	write("usr/share/help/C/gnome-help/a.page", `<page><p>A paragraph that nobody has translated so far, with many letters.</p></page>`)
	write("usr/share/doc/html/de-DE/b.html", "<html><body><p>Hier steht, "+long+".</p><p>A paragraph that nobody has translated so far, with many letters.</p></body></html>")
	write("usr/share/doc/html/en-US/b.html", "<html><body><p>A paragraph that nobody has translated so far, with many letters.</p></body></html>")
	for name, parse := range map[string]struct {
		run  func(string) ([]Text, error)
		want []string
	}{
		"udhr":      {parseUDHR, []string{"Alle Menschen sind frei geboren."}},
		"gettext":   {parseCatalogues, []string{"Den Ordner öffnen"}},
		"mediawiki": {parseMediaWiki, []string{"Alle Seiten durchsuchen"}},
		"help":      {parseHelp, []string{"Es ist so, " + long + "."}},
		"manual":    {parseManual, []string{"Es ist so, " + long + "."}},
		"handbook":  {parseHandbook, []string{"Hier steht, " + long + "."}},
	} {
		list, err := parse.run(dir)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var got []string
		for _, x := range list {
			if x.Lang == "de" {
				got = append(got, x.Paragraphs...)
			}
		}
		if !slices.Equal(got, parse.want) {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

func TestEnglish(t *testing.T) {
	for text, want := range map[string]bool{
		"You can choose or alter a data range on the second page of the Chart Wizard.":            true,
		"Refer to the website for templates to download.":                                         true,
		"Este es un archivo sources.list estándar para un sistema que ejecuta la versión Testing": false,
		"Klik op the Document Foundation om meer over de stichting en haar leden te lezen":        false,
		"": false,
	} {
		if got := English(text); got != want {
			t.Errorf("English(%q) = %v", text, got)
		}
	}
}
