package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"millrace/crawl"
)

// TestLiveCrawl: what running workers say is added up, and what a dead one said long ago is not believed.
func TestLiveCrawl(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	if err := os.Mkdir(filepath.Join(dir, "state"), 0o755); err != nil {
		t.Fatal(err)
	}
	if readLive(dir, now) != nil {
		t.Error("nobody runs")
	}
	at := now.Add(1500 * time.Millisecond).UTC().Format(time.RFC3339Nano)
	for i, said := range []string{`{"Hosts":{"Ready":1,"Waiting":2},"Next":[{"host":"http://a\u001b.example","at":"` + at + `"}]}`, `{"Hosts":{"Ready":3}}`, `{"Hosts":{"Ready":100}}`, `{broken`} {
		if err := os.WriteFile(liveCrawl(dir, i), []byte(said), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	old := now.Add(-time.Minute)
	if err := os.Chtimes(liveCrawl(dir, 2), old, old); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	printCrawl(&out, crawl.Survey{Hosts: 9, Trapped: 1}, 3, readLive(dir, now), now)
	for _, want := range []string{"9 hosts", "refused: 2 by robots.txt or for their address, 1 as traps", "hosts now: 4 ready, 0 in flight, 2 waiting", ".example in 1.5 s"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Error("a host's name reaches the terminal as it is")
	}
}
