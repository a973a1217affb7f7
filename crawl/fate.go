package crawl

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"

	"millrace"
	"millrace/internal/durable"
)

// URLState is what the frontier knows about a URL.
type URLState struct {
	URL      string
	Host     string
	State    string // fetched, refused, failed, waiting, unknown; frozen: URL is a shape of URLs that yields nothing new
	Reason   millrace.Reason
	Rule     string // of a refusal: what decided
	Line     int    // of robots.txt
	Err      string // of a failure; of a URL that waits: what keeps its host from being asked
	Attempts int
	Status   int
	Links    int64 // of a frozen shape: that were not followed
}

// Fate looks a URL up in the frontier of dir, by its canonical form. A URL that redirects to another
// form of itself answers for the page behind.
func Fate(dir, url string) (URLState, error) {
	a, err := parseAddress(url, nil)
	if err != nil {
		return URLState{URL: url, State: "unknown"}, err
	}
	found := URLState{URL: a.fetch, Host: a.host, State: "unknown"}
	want, trouble := idOf(a.key), ""
	y := newYields()
	err = readLogs(dir, func(e *event) error {
		if e.kind == evDiscovered && e.id == aliasID(a) {
			want = e.id
		}
		if e.id == want && e.kind <= evFailed {
			found.apply(e)
		}
		if e.kind == evTrouble && e.url == a.authority {
			trouble = e.text
		}
		if e.kind == evFrozen {
			y.freeze(e.url, int64(e.attempts))
		}
		return nil
	})
	if found.State == "waiting" {
		found.Err = trouble
	}
	if why := y.stops(a, false); found.State == "unknown" && why != "" {
		found.State, found.Reason, found.Rule = "refused", millrace.CrawlTrap, why
	}
	return found, err
}

// readLogs reads the logs of all workers, one after the other. Each URL is in one of them.
func readLogs(dir string, f func(*event) error) error {
	folders, err := frontierDirs(dir)
	for _, folder := range folders {
		if err == nil {
			err = readLog(folder, func(e *event, _ int64) error { return f(e) })
		}
	}
	return err
}

// Ledger counts the URLs of dir's frontier, or of those of all workers, running or not. A dir without one
// has none.
func Ledger(dir string) (Counts, error) {
	var all Counts
	if err := inspectAll(dir, all.add); err != nil {
		return Counts{}, err
	}
	return all, nil
}

// add adds the ledger of a frontier.
func (c *Counts) add(f *frontier) error {
	frozen, unfollowed := f.yields.counts()
	c.Discovered += f.counts.Discovered
	c.Fetched += f.counts.Fetched
	c.Refused += f.counts.Refused
	c.Failed += f.counts.Failed
	c.Waiting += f.counts.Waiting
	c.Frozen += frozen
	c.Unfollowed += unfollowed
	return nil
}

// inspectAll lets look see dir's frontier, or those of all workers, one after the other.
func inspectAll(dir string, look func(*frontier) error) error {
	folders, err := frontierDirs(dir)
	for _, folder := range folders {
		if err == nil {
			err = inspect(folder, look)
		}
	}
	if err != nil {
		return fmt.Errorf("read frontier: %w", err)
	}
	return nil
}

// inspect lets look see the frontier of a folder, without its queues.
func inspect(folder string, look func(*frontier) error) error {
	file, err := durable.OpenToRead(filepath.Join(folder, logName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	l, err := newLog(nil, folder, file)
	if err != nil {
		return err
	}
	f, err := loadSnapshot(l)
	if err != nil {
		return err
	}
	f.log = l
	if _, err = f.catchUp(); err != nil {
		return err
	}
	return look(f)
}

// apply moves the state by one event of its URL.
func (s *URLState) apply(e *event) {
	if e.url != "" {
		if a, err := parseAddress(e.url, nil); err == nil {
			*s = URLState{URL: a.fetch, Host: a.host, State: "waiting"}
		}
	}
	switch e.kind {
	case evDiscovered:
		if s.Rule = ""; e.flags&flagHeld != 0 {
			s.Rule = "held back until other pages of its shape prove worth it: " + e.text
		}
	case evFetched:
		s.State, s.Status = "fetched", int(e.status)
	case evRefused:
		s.State, s.Reason, s.Rule, s.Line = "refused", millrace.Reason(e.reason), e.rule, int(e.line)
	case evFailed:
		s.State, s.Reason, s.Err, s.Attempts = "failed", millrace.FailedFetch, e.text, int(e.attempts)
	}
}

// ForEach calls f with every URL of dir's frontier, in the order of discovery, and then with the frozen shapes.
// io.EOF from f ends it early.
func ForEach(dir string, f func(URLState) error) error {
	var all []*URLState
	at := map[urlID]*URLState{}
	frozen := map[string]int64{}
	err := readLogs(dir, func(e *event) error {
		if e.kind == evFrozen {
			frozen[e.url] = max(frozen[e.url], int64(e.attempts))
		}
		if e.kind > evFailed {
			return nil
		}
		s := at[e.id]
		if s == nil {
			s = &URLState{}
			at[e.id] = s
			all = append(all, s)
		}
		s.apply(e)
		return nil
	})
	if err != nil {
		return err
	}
	for _, shape := range slices.Sorted(maps.Keys(frozen)) {
		all = append(all, &URLState{URL: shape, State: "frozen", Reason: millrace.CrawlTrap, Links: frozen[shape]})
	}
	for _, s := range all {
		if err := f(*s); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}
