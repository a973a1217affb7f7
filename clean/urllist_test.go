package clean

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millrace"
)

func TestURLList(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) {
		if err := os.WriteFile(filepath.Join(dir, "hosts.txt"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	recipe := func() (*Recipe, error) {
		return parse("r", dir, []byte("steps: [{step: url-list, file: hosts.txt}]"))
	}
	write("# mine\r\n\r\nBad.example\r\nads.fine.example\n")
	r, err := recipe()
	if err != nil {
		t.Fatal(err)
	}
	for raw, want := range map[string]millrace.Reason{
		"https://bad.example/x": millrace.SafetyHost, "http://WWW.BAD.example.:80/": millrace.SafetyHost, "https://ads.fine.example": millrace.SafetyHost,
		"https://fine.example/": "", "https://notbad.example/": "", "https://bad.example.org/": "", "file:bad.example#1": "", "": "",
		"https://" + strings.Repeat("a.", 1<<20) + "bad.example/": "",
	} {
		v, err := r.Stages()[0].Process(t.Context(), &millrace.Document{Page: millrace.Page{URL: raw}})
		if err != nil || v.Reason != want {
			t.Errorf("%.60s: %v, %v", raw, v, err)
		}
	}
	write("# mine\nbad.example\n")
	other, err := recipe()
	if err != nil || other.Hash() == r.Hash() {
		t.Errorf("another list, the same recipe: %v", err)
	}
	for text, want := range map[string]string{"a.b\nhttps://c.d/\n": "hosts.txt:2:", "#\n": "no host", "a.b\nx\xff\n": "hosts.txt:2:"} {
		write(text)
		if _, err := recipe(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func FuzzURLList(f *testing.F) {
	f.Add("a.b\n# c\n\nD.\n")
	f.Fuzz(func(t *testing.T, data string) {
		l, err := parseURLList(data)
		if err != nil {
			return
		}
		for h := range l.hosts {
			if h != hostForm(h) || len(h) > 253 || strings.Contains(h, "/") {
				t.Errorf("host %q", h)
			}
		}
	})
}
