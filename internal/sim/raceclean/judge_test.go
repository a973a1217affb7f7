package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"
)

// TestJudge: what is right is right, and each fault is found.
func TestJudge(t *testing.T) {
	const plain, right, wrong = "Zwölf Boxkämpfer jagen Viktor quer über den Deich.", "Der Müller läuft über die Brücke.", "Der MÃ¼ller lÃ¤uft Ã¼ber die BrÃ¼cke."
	truths := map[string]*truth{"http://made.example/0/de.html": {lang: "de", encoding: "windows-1252", label: "none", plain: []string{plain},
		damaged: []damage{{right, wrong}}, private: []private{{"ann@brook.io", "email"}}}}
	good := plain + "\n" + right + "\nSchreiben Sie an <EMAIL_1>."
	for name, c := range map[string]struct {
		text, lang, fault string
	}{
		"all right":    {good, "de", ""},
		"encoding":     {strings.ReplaceAll(good, "ä", "д"), "de", "text of pages, legacy, none: 0 of 1"},
		"mojibake":     {strings.Replace(good, right, wrong, 1), "de", "mojibake: 0 of 1"},
		"private data": {strings.Replace(good, "<EMAIL_1>", "ann@brook.io", 1), "de", "personal data: 0 of 1"},
		"language":     {good, "nl", "languages: 0 of 1"},
		"missing":      {right, "de", "text of pages, legacy, none: 0 of 1"},
		"empty":        {"", "de", "0 of 1 can be judged"},
	} {
		out := t.TempDir()
		line, err := json.Marshal(map[string]string{"url": "http://made.example/0/de.html", "text": c.text, "lang": c.lang})
		if err != nil {
			t.Fatal(err)
		}
		for file, data := range map[string][]byte{"kept.jsonl": append(line, '\n'), "rejects.jsonl": nil} {
			if err := os.WriteFile(filepath.Join(out, file), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		v, err := judge(out, &entrant{name: "millrace", kept: "kept.jsonl"}, truths)
		if err != nil {
			t.Fatal(err)
		}
		var faults []string
		for line := range strings.Lines(v.holds().Error()) {
			if !strings.Contains(line, "nothing to judge") { // the other encodings and labels have no page here
				faults = append(faults, line)
			}
		}
		said := strings.Join(faults, "")
		if c.fault == "" && said != "" || c.fault != "" && !strings.Contains(said, c.fault) {
			t.Errorf("%s: %q is said", name, said)
		}
	}
}

// TestArchive: what is written is found again, as it was.
func TestArchive(t *testing.T) {
	body, contentType, err := labelled("<html><head><meta charset=utf-8><title>x</title></head><body>Мельник 磨坊</body></html>", "windows-1251", "meta")
	if err != nil {
		t.Fatal(err)
	}
	text, err := charmap.Windows1251.NewDecoder().Bytes(body)
	if err != nil || contentType != "text/html" || bytes.Count(body, []byte("charset=")) != 1 || !bytes.Contains(text, []byte("charset=windows-1251\"><title>x</title></head><body>Мельник &#")) {
		t.Fatalf("%s, %v: %s", contentType, err, text)
	}
	list := []page{{url: "http://a.example/1", contentType: contentType, body: body}, {url: "http://a.example/2", contentType: "text/html", body: []byte("<p>two")}, {url: "http://a.example/3", body: []byte("three")}}
	dir := t.TempDir()
	made, err := writeArchive(filepath.Join(dir, "made"), list)
	if err != nil {
		t.Fatal(err)
	}
	again, err := splitArchive(filepath.Join(dir, "split"), filepath.Join(made.dir, "0.warc.gz"))
	if err != nil {
		t.Fatal(err)
	}
	if made.pages != 3 || made.html != len(body)+len("<p>two")+len("three") || again.pages != 2 || again.html != len(body)+len("three") {
		t.Errorf("made %+v, read again %+v", made, again)
	}
}
