package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"millrace/internal/config"
)

func TestSeedFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "seeds.txt")
	text := "\ufeffhttp://a.example/\r\n# a comment\n\n  https://b.example/x \nwww.c.example\nhttp://\nhttp://a.example/\n" +
		"http://d.example/" + strings.Repeat("x", 100_000) + "\nftp://e.example/\n\xff\xfe\x00\nhttp://f.example:99999/\nhttp://last.example"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	seeds, bad, err := readSeeds(config.Crawl{Seeds: []string{"http://first.example/", "http://a.example/"}, SeedsFile: file})
	if want := []string{"http://first.example/", "http://a.example/", "https://b.example/x", "http://last.example"}; err != nil || !slices.Equal(seeds, want) {
		t.Errorf("seeds %q, %v; want %q", seeds, err, want)
	}
	var lines []int
	for _, b := range bad {
		lines = append(lines, b.line)
		if s := b.String(); !strings.HasPrefix(s, file+":") || len(s) > len(file)+250 {
			t.Errorf("line %d: %q", b.line, s)
		}
	}
	if want := []int{5, 6, 8, 9, 10, 11}; !slices.Equal(lines, want) {
		t.Errorf("broken lines %v, want %v", lines, want)
	}
	if _, _, err := readSeeds(config.Crawl{SeedsFile: file + "x"}); err == nil {
		t.Error("a seed file that is not there is no error")
	}
}
