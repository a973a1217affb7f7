package robots

import (
	"strings"
	"testing"

	"github.com/temoto/robotstxt"
	"pgregory.net/rapid"
)

// TestAgreesWithPeer compares with temoto/robotstxt where that library is right: files in which every
// line is well formed, patterns without wildcards and escapes, no two rules of one length, and agents
// of which none is a prefix of another.
func TestAgreesWithPeer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		for _, agent := range rapid.Permutation([]string{"*", "millbot", "other"}).Draw(t, "agents") {
			b.WriteString("User-agent: " + agent + "\n")
			used := map[int]bool{}
			rules := rapid.SliceOfN(rapid.StringMatching(`/[ab/]{0,5}`), 1, 4).Draw(t, "rules of "+agent)
			for _, r := range rules {
				if used[len(r)] {
					continue
				}
				used[len(r)] = true
				b.WriteString(rapid.SampledFrom([]string{"Allow: ", "Disallow: "}).Draw(t, "kind") + r + "\n")
			}
		}
		path := rapid.StringMatching(`/[ab/]{0,7}`).Draw(t, "path")
		peer, err := robotstxt.FromString(b.String())
		if err != nil {
			t.Fatal(err)
		}
		got, rule, line, _ := Parse([]byte(b.String())).Allowed("millbot", "http://h"+path)
		if want := peer.FindGroup("millbot").Test(path); got != want {
			t.Fatalf("%s on\n%s: got %v by line %d %s, the peer says %v", path, b.String(), got, line, rule, want)
		}
	})
}
