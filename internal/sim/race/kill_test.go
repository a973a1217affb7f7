package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millrace/internal/sim/web"
)

// member is one record, in a gzip member of its own.
func member(t *testing.T, kind, url string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	body := strings.Repeat("x", 100)
	fmt.Fprintf(z, "WARC/1.1\r\nWARC-Type: %s\r\nWARC-Target-URI: %s\r\nContent-Length: %d\r\n\r\n%s\r\n\r\n", kind, url, len(body), body)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// archive writes one response and its request for each URL.
func archive(t *testing.T, urls ...string) string {
	t.Helper()
	corpus := t.TempDir()
	if err := os.MkdirAll(filepath.Join(corpus, "warc", "site"), 0o755); err != nil {
		t.Fatal(err)
	}
	file := member(t, "warcinfo", "")
	for _, u := range urls {
		file = append(append(file, member(t, "response", u)...), member(t, "request", u)...)
	}
	for name, data := range map[string][]byte{"pages.warc.gz": file, "site/robots.warc.gz": member(t, "response", "http://a/robots.txt")} {
		if err := os.WriteFile(filepath.Join(corpus, "warc", name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return corpus
}

// TestOnce: a page that is missing, twice there or not on the site is found, in the archive as among the rows.
func TestOnce(t *testing.T) {
	s := &web.Site{Hosts: []*web.Host{{Addr: "a", Pages: 2}, {Addr: "b", Pages: 1}}}
	a0, a1, b0 := "http://a"+web.Path(0), "http://a"+web.Path(1), "http://b"+web.Path(0)
	for _, tt := range []struct {
		name string
		urls []string
		ok   bool
	}{
		{"whole", []string{b0, a0, a1}, true},
		{"missing", []string{a0, a1}, false},
		{"twice", []string{a0, a1, b0, a1}, false},
		{"invented", []string{a0, a1, b0, "http://b/closed/0"}, false},
	} {
		have, err := responses(archive(t, tt.urls...))
		if err != nil {
			t.Fatal(err)
		}
		if err := once(s, "response", have); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// TestResponsesOfDamaged: what cannot be read is an error, not a smaller number.
func TestResponsesOfDamaged(t *testing.T) {
	corpus := archive(t, "http://a/")
	file := filepath.Join(corpus, "warc", "pages.warc.gz")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(whole)
	flipped[len(flipped)-5] ^= 1 // in the last member's checksum
	for name, data := range map[string][]byte{"cut": whole[:len(whole)-40], "flipped": flipped, "with something behind it": append(bytes.Clone(whole), "x"...)} {
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
		if have, err := responses(corpus); err == nil {
			t.Errorf("a file that is %s: %v", name, have)
		}
	}
}
