package crawl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"millrace"
	"millrace/internal/durable"
)

// Frontiers are those of one layout: Home/state/frontier, or a frontier for each of several workers.
type Frontiers struct {
	Home    string
	Workers int
}

// exist reports whether there is one of worker i.
func (f Frontiers) exist(i int) bool {
	_, err := os.Stat(share{i, f.Workers}.folder(f.Home))
	return err == nil
}

// Exist reports whether any worker of the layout has crawled.
func (f Frontiers) Exist() bool {
	for i := range f.Workers {
		if f.exist(i) {
			return true
		}
	}
	return false
}

// Resplit writes the frontiers of another number of workers, whose archives are those of the corpus dir. All from are to
// be at rest, and to know their archives to the end; they are only read. When it returns, the new ones are durable.
//
// Each event goes to the worker who owns its domain from now on, in the old order: what a frontier knows is a function
// of the events of each domain by itself. Links that were handed over become discoveries of their owners, in so far as
// those have not heard of them, so that nothing is on its way any more. Positions in the archive are those of one
// worker's, so only the end of his own is told to each. To visit a page again nothing of the archive is needed.
func Resplit(ctx context.Context, disk *durable.Disk, dir string, from, to Frontiers) (err error) {
	s := &resplit{dir: dir, from: from, to: to, next: make([]int64, max(from.Workers, to.Workers))}
	defer func() {
		for _, f := range s.fronts {
			err = errors.Join(err, f.log.f.Close())
		}
	}()
	for i := range to.Workers {
		l, err := openLog(disk, share{i, to.Workers}.folder(to.Home))
		if err != nil {
			return err
		}
		f := newFrontier()
		f.log, f.share = l, share{i, to.Workers}
		s.fronts = append(s.fronts, f)
		if err := l.mend(0); err != nil {
			return fmt.Errorf("write frontier: %w", err)
		}
	}
	for _, pass := range []func(int, *event) error{s.route, s.takeIn} {
		for i := range from.Workers {
			err := readLog(share{i, from.Workers}.folder(from.Home), func(e *event, _ int64) error {
				if err := ctx.Err(); err != nil {
					return err
				}
				return pass(i, e)
			})
			if err != nil {
				return err
			}
		}
	}
	return s.finish()
}

// resplit is under way. The new frontiers know where each URL stands, and keep no queues.
type resplit struct {
	dir      string
	from, to Frontiers
	fronts   []*frontier
	next     []int64 // by old worker: his archive is known up to there
}

// write puts an event behind those of a worker.
func (s *resplit) write(to int, e event) error {
	f := s.fronts[to]
	f.apply(&e, f.log.add(&e))
	return f.log.err
}

// route gives an event to whom it concerns. Links for others are for takeIn.
func (s *resplit) route(from int, e *event) error {
	switch e.kind {
	case evHanded, evSent, evReceived:
		return nil
	case evFetched, evArchived:
		s.next[from] = max(s.next[from], int64(e.next))
		if e.next = 0; e.kind == evArchived {
			return nil
		}
	}
	if e.url == "" { // of a URL that was discovered before
		for i, f := range s.fronts {
			if f.seen.get(e.id) != stateUnknown {
				return s.write(i, *e)
			}
		}
		return nil // it changes nothing
	}
	host, err := e.host()
	if err != nil {
		return fmt.Errorf("an event of kind %d about %q: %w: %w", e.kind, e.url, err, millrace.ErrIntegrity)
	}
	owner := s.owner(host)
	if old := (share{0, s.from.Workers}); old.owner(host) == from || !e.isShared() {
		return s.write(owner, *e)
	}
	// Of a host that this worker has asked for a document which speaks for pages of his own: whoever has
	// those now has to know it. The host's owner knows better.
	for i := range s.fronts {
		if i != owner {
			if err := s.write(i, *e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *resplit) owner(host string) int { return share{0, s.to.Workers}.owner(host) }

// isShared tells what a worker may know of hosts that are not his.
func (e *event) isShared() bool {
	return e.kind == evRobots || e.kind == evClosed || e.kind == evTrouble || e.kind == evFile
}

// host is whose domain an event is about.
func (e *event) host() (string, error) {
	of := e.url
	switch e.kind {
	case evRobots, evClosed, evTrouble:
		of += "/"
	case evFrozen, evProved: // a shape begins with words, or not, and has an authority or a domain then
		if domain, ok := strings.CutPrefix(of, hostsOf); ok {
			return domain, nil
		}
		for _, words := range []string{hostShape, noiseShape, yearWords} {
			of = strings.TrimPrefix(of, words)
		}
		of = originOf(of)
		of, _, _ = strings.Cut(of, "?")
		of, _, _ = strings.Cut(of, "&")
		of += "/"
	}
	a, err := parseAddress(of, nil)
	return a.host, err
}

// takeIn lets the owner of a link that was handed over discover it.
func (s *resplit) takeIn(_ int, e *event) error {
	if e.kind != evHanded {
		return nil
	}
	a, err := parseAddress(e.url, nil)
	if err != nil {
		return fmt.Errorf("a link to %q: %w: %w", e.url, err, millrace.ErrIntegrity)
	}
	owner := s.owner(a.host)
	f := s.fronts[owner]
	if e.flags&flagSitemap != 0 {
		_, read := f.sitemaps[idOf(e.url)]
		if _, known := f.nested[idOf(e.url)]; read || known {
			return nil
		}
		return s.write(owner, event{kind: evNested, url: e.url, depth: e.depth})
	}
	if f.seen.get(e.id) != stateUnknown || f.yields.stops(a, false) != "" {
		return nil
	}
	if why := f.traps.refuse(a, int(e.depth)); why != "" {
		return s.write(owner, event{kind: evRefused, id: e.id, url: e.url, reason: string(millrace.CrawlTrap), rule: why})
	}
	return s.write(owner, event{kind: evDiscovered, id: e.id, url: e.url, depth: e.depth, hops: e.hops})
}

// finish tells each worker how far his archive is known. It comes last: a log that has lost its end knows nothing of
// the archive, and its worker reads all of it.
func (s *resplit) finish() error {
	for i, f := range s.fronts {
		next := s.next[i]
		if i >= s.from.Workers { // an archive of an earlier layout, perhaps
			files, err := listWARC(s.dir, i)
			if err != nil {
				return err
			}
			if n := len(files); n > 0 {
				info, err := os.Stat(files[n-1].path)
				if err != nil {
					return err
				}
				next = files[n-1].position(info.Size())
			}
		}
		if next > 0 {
			if err := s.write(i, event{kind: evArchived, next: uint64(next)}); err != nil {
				return err
			}
		}
		if err := f.log.sync(); err != nil {
			return err
		}
	}
	return nil
}

// RemoveFrontiers removes the frontiers of earlier layouts: those of the first, and the homes whose names are given.
func RemoveFrontiers(disk *durable.Disk, dir string, homes []string) error {
	first, err := frontierDirs(dir)
	for _, folder := range append(first, homes...) {
		if err == nil {
			err = disk.RemoveAll("frontier.retire", folder)
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	if err == nil {
		err = disk.SyncDir("frontier.retire.folder", filepath.Join(dir, "state"))
	}
	return err
}
