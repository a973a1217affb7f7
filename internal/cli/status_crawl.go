package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"millrace/crawl"
	"millrace/internal/term"
)

// liveCrawl is where a running crawl worker says each second how its hosts stand, for `status`. It is worth
// nothing a few seconds later, and no step of it has to be durable.
func liveCrawl(dir string, worker int) string {
	return filepath.Join(dir, "state", fmt.Sprintf("crawl-%d.live", worker))
}

// live is how the hosts of a running crawl stand.
type live struct {
	Hosts crawl.HostCounts
	Next  []crawl.HostTime // whose turns come first
}

// maxLive is how old it may be to be believed.
const maxLive = 10 * time.Second

func (l *line) showCrawl(c *crawl.Counts) {
	b, err := json.Marshal(live{c.Hosts, l.crawler.Next()})
	if err == nil {
		err = l.c.disk.Replace("cli.live", liveCrawl(l.c.dir, l.worker), b)
	}
	if err != nil {
		l.a.log.Debug("the state of the crawl was not written", "error", err)
	}
}

// readLive gives what the running workers said last; nil where none runs.
func readLive(dir string, now time.Time) *live {
	files, err := filepath.Glob(filepath.Join(dir, "state", "crawl-*.live"))
	if err != nil {
		return nil
	}
	var all *live
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil || now.Sub(info.ModTime()) > maxLive {
			continue
		}
		var c live
		if b, err := os.ReadFile(name); err != nil || json.Unmarshal(b, &c) != nil {
			continue
		}
		if all == nil {
			all = &live{}
		}
		h := &all.Hosts
		h.Ready, h.InFlight, h.Waiting, h.Away, h.Parked = h.Ready+c.Hosts.Ready, h.InFlight+c.Hosts.InFlight, h.Waiting+c.Hosts.Waiting, h.Away+c.Hosts.Away, h.Parked+c.Hosts.Parked
		all.Next = append(all.Next, c.Next...)
	}
	return all
}

// printCrawl says what was decided, and who is asked next.
func printCrawl(w io.Writer, s crawl.Survey, refused int64, l *live, now time.Time) {
	fmt.Fprintf(w, "  %d hosts; robots.txt: %d have one, %d have none, %d are closed by its status, %d not known yet\n",
		s.Hosts, s.Robots.Rules, s.Robots.None, s.Robots.Closed, s.Robots.Unknown)
	if refused > 0 {
		fmt.Fprintf(w, "  refused: %d by robots.txt or for their address, %d as traps\n", refused-s.Trapped, s.Trapped)
	}
	if l == nil {
		return
	}
	h := l.Hosts
	fmt.Fprintf(w, "  hosts now: %d ready, %d in flight, %d waiting, %d away for long, %d left for the next run\n", h.Ready, h.InFlight, h.Waiting, h.Away, h.Parked)
	var next []string
	for _, n := range l.Next[:min(len(l.Next), 5)] {
		next = append(next, fmt.Sprintf("%s in %.1f s", term.Safe(n.Host), max(0, n.At.Sub(now).Seconds())))
	}
	if len(next) > 0 {
		fmt.Fprintf(w, "  next: %s\n", strings.Join(next, " · "))
	}
}
