package robots

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/temoto/robotstxt"
	"pgregory.net/rapid"
)

// agreesWithPeer compares with temoto/robotstxt where that library is right: files in which every line is
// well formed, patterns without wildcards and escapes, no two rules of one length, agents of which none
// is a prefix of another, Crawl-delay behind the agents, and the Sitemap lines.
func agreesWithPeer(t *rapid.T) {
	var b strings.Builder
	for i, agent := range rapid.Permutation([]string{"*", "millbot", "other"}).Draw(t, "agents") {
		fmt.Fprintf(&b, "User-agent: %s\n", agent)
		used := map[int]bool{}
		for _, r := range rapid.SliceOfN(rapid.StringMatching(`/[ab/?=&]{0,5}`), 1, 4).Draw(t, "rules of "+agent) {
			if !used[len(r)] {
				used[len(r)] = true
				fmt.Fprintf(&b, "%s: %s\n", rapid.SampledFrom([]string{"Allow", "Disallow"}).Draw(t, "kind"), r)
			}
		}
		if rapid.Bool().Draw(t, "has a delay") {
			fmt.Fprintf(&b, "Crawl-delay: %d\n", rapid.IntRange(0, 100).Draw(t, "delay"))
		}
		if rapid.Bool().Draw(t, "has a sitemap") {
			fmt.Fprintf(&b, "Sitemap: http://h/%d.xml\n", i)
		}
	}
	path := rapid.StringMatching(`/[ab/?=&]{0,7}`).Draw(t, "path")
	file := b.String()
	peer, err := robotstxt.FromString(file)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := Parse([]byte(file)), peer.FindGroup("millbot")
	got, rule, line, _ := ours.Allowed("millbot", "http://h"+path)
	if want := theirs.Test(path); got != want {
		t.Fatalf("%s on\n%s: got %v by line %d %s, the peer says %v", path, file, got, line, rule, want)
	}
	if d := ours.Group("millbot").CrawlDelay(); d != theirs.CrawlDelay {
		t.Fatalf("Crawl-delay of\n%s: got %v, the peer says %v", file, d, theirs.CrawlDelay)
	}
	if got, want := ours.Sitemaps(), peer.Sitemaps; !slices.Equal(got, want) {
		t.Fatalf("sitemaps of\n%s: got %q, the peer says %q", file, got, want)
	}
}

func TestAgreesWithPeer(t *testing.T) { rapid.Check(t, agreesWithPeer) }

func FuzzPeer(f *testing.F) { f.Fuzz(rapid.MakeFuzz(agreesWithPeer)) }

// TestStatusAgreesWithPeer compares what a status stands for, but for those that close a site to us and
// open it to the peer (401, 403, 429) or have no meaning to it.
func TestStatusAgreesWithPeer(t *testing.T) {
	body := "User-agent: *\nCrawl-delay: 7\nDisallow: /a\n"
	for _, status := range []int{200, 204, 400, 402, 404, 405, 410, 418, 451, 499, 500, 502, 503, 504, 599} {
		peer, err := robotstxt.FromStatusAndString(status, body)
		if err != nil {
			t.Fatal(err)
		}
		ours := ForStatus(status, []byte(body))
		for _, path := range []string{"/a", "/b"} {
			got, _, _, _ := ours.Allowed("millbot", "http://h"+path)
			if want := peer.TestAgent(path, "millbot"); got != want {
				t.Errorf("status %d, %s: got %v, the peer says %v", status, path, got, want)
			}
		}
	}
	if d := ForStatus(200, []byte(body)).Group("x").CrawlDelay(); d != 7*time.Second {
		t.Errorf("Crawl-delay %v", d)
	}
}
