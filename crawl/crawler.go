package crawl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"

	"millrace"
	"millrace/internal/durable"
	"millrace/internal/warc"
)

// Crawler is the Source of pages fetched from the web.
type Crawler struct {
	opts  Options
	seeds []address
	scope *scope
	guard *guard
	fetch *fetcher
	work  *worker
	shown atomic.Pointer[Counts]
	turns atomic.Pointer[[]HostTime]

	verdicts verdicts

	mu     sync.Mutex // Open and Close against each other
	front  *frontier  // the engine's while it runs
	replay *Archive
	stop   context.CancelFunc
	out    chan *millrace.Document
	ended  chan error // the engine's error, once
	err    error      // what Read goes on to return
	ran    bool
}

// Open loads the frontier of opts.Dir, mends the archive's tail, and takes in what the archive knows
// and the frontier does not. Nothing is fetched yet.
func Open(ctx context.Context, opts Options) (*Crawler, error) {
	if err := opts.fill(); err != nil {
		return nil, err
	}
	c := &Crawler{opts: opts}
	for _, s := range opts.Seeds {
		a, err := parseAddress(s, nil)
		if err != nil {
			return nil, fmt.Errorf("seed: %w", err)
		}
		c.seeds = append(c.seeds, a)
	}
	c.scope = newScope(opts.Scope, c.seeds)
	var err error
	if c.guard, err = newGuard(opts.AllowAddr); err != nil {
		return nil, err
	}
	c.fetch = newFetcher(c.guard, opts.Agent)
	c.work = &worker{fetch: c.fetch.do, resolve: resolveName, guard: c.guard, token: opts.Agent.Token, maxBody: opts.MaxBody}
	if err := c.load(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// load reads the frontier and brings it up to the archive.
func (c *Crawler) load(ctx context.Context) (err error) {
	if err := c.opts.Disk.Mkdir("crawl.folder", filepath.Join(c.opts.Dir, "warc")); err != nil {
		return fmt.Errorf("open archive: %w", err)
	}
	if c.front, err = loadFrontier(c.opts.Disk, c.opts.Home, share{c.opts.Worker, c.opts.Workers}, c.opts.Recrawl); err != nil {
		return err
	}
	for _, a := range c.seeds {
		c.front.admit(c.scope, a, origin{seed: true})
	}
	if err = c.recover(ctx); err == nil {
		c.front.loaded()
		err = c.front.sync()
	}
	if err != nil {
		c.front.log.f.Close()
		return err
	}
	counts := c.front.counts
	c.shown.Store(&counts)
	return nil
}

// recover reads the archive behind the position up to which the frontier knows it. A file may end
// within a member, which was being written when the process died: nobody has seen it, and it is cut off.
func (c *Crawler) recover(ctx context.Context) error {
	files, err := listWARC(c.opts.Dir, c.opts.Worker)
	if err != nil {
		return err
	}
	known := c.front.next
	c.front.resumed = c.front.resumed || len(files) > 0
	if n := len(files); known > 0 && (n == 0 || files[n-1].seq < known>>seqShift) {
		return fmt.Errorf("archive %s: file %d is missing: %w", filepath.Join(c.opts.Dir, "warc"), known>>seqShift, millrace.ErrIntegrity)
	}
	for i, file := range files {
		if file.seq < known>>seqShift {
			continue
		}
		from := int64(0)
		if file.seq == known>>seqShift {
			from = known & (1<<seqShift - 1)
		}
		// A process that was killed may have written to it and not have synced it, and the frontier is not to be ahead.
		if err := cut(c.opts.Disk, "crawl.mend", file.path, -1); err != nil {
			return fmt.Errorf("mend archive: %w", err)
		}
		err := readMembers(ctx, file, from, func(rec *warc.Record) error {
			if rec.Type() != "response" && rec.Type() != "revisit" {
				return nil
			}
			cp, err := recovered(rec, c.opts.Agent.Token)
			if err != nil {
				return fmt.Errorf("archive file %s, byte %d: %w", file.path, rec.Offset, err)
			}
			if next := file.seq<<seqShift | (rec.Offset + rec.Length); c.front.share.mine(cp.task.addr) {
				c.front.conclude(c.scope, cp, next)
			} else { // of somebody who has not heard of the layout in force: the page's owner fetches it himself
				c.front.record(event{kind: evArchived, next: uint64(next)})
			}
			return c.front.log.flush()
		})
		if i == len(files)-1 {
			err = tornByHole(err)
		}
		if torn := (*tornError)(nil); errors.As(err, &torn) {
			c.opts.Log.Info("archive file ended within a record, which was cut off", "file", file.name, "at", torn.at)
			err = cut(c.opts.Disk, "crawl.mend", file.path, torn.at)
		}
		if err != nil {
			return fmt.Errorf("mend archive: %w", err)
		}
	}
	return nil
}

// tornByHole takes a hole that the loss of power has left for the end of the file. Nobody was told of what stands
// behind it, for whoever tells syncs first; if somebody was, Open finds the archive too short.
func tornByHole(err error) error {
	hole := (*holeError)(nil)
	if !errors.As(err, &hole) {
		return err
	}
	unwritten, look := hole.unwritten()
	switch {
	case look != nil:
		return look
	case unwritten:
		return &tornError{hole.from}
	}
	return err
}

// cut cuts a file at size, unless that is negative, and makes the rest durable: it may be what a process has written
// that was killed before it synced.
func cut(disk *durable.Disk, at, path string, size int64) error {
	f, err := disk.Open(at+".open", path, 0, 0)
	if err != nil {
		return err
	}
	if size >= 0 {
		err = f.Truncate(at, size)
	}
	if err == nil {
		err = f.Sync(at + ".sync")
	}
	return errors.Join(err, f.Close())
}

// Open begins at c: first comes what the archive holds beyond it, then what is fetched.
func (c *Crawler) Open(ctx context.Context, at millrace.Checkpoint) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ran {
		if err := c.halt(); err != nil {
			return err
		}
		if err := c.load(ctx); err != nil {
			return err
		}
	}
	if next := at.Next[Partition(c.opts.Worker)]; next > c.front.next {
		return fmt.Errorf("the corpus holds pages up to %d of the archive, which ends at %d: %w", next, c.front.next, millrace.ErrIntegrity)
	}
	c.err = nil
	c.replay = OpenArchive(c.opts.Dir, c.opts.ConsentPolicy)
	c.replay.worker = c.opts.Worker
	if err := c.replay.Open(ctx, at); err != nil {
		return err
	}
	c.replay.until = c.front.next
	return nil
}

// Read returns the next Documents, in the order of the archive. The crawl itself begins when
// everything that the archive held has been read; it lasts until ctx of that Read ends.
func (c *Crawler) Read(ctx context.Context, max int) (millrace.Batch, error) {
	if c.err != nil {
		return millrace.Batch{}, c.err
	}
	if c.replay != nil {
		b, err := c.replay.Read(ctx, max)
		if err != io.EOF {
			return b, err
		}
		c.replay = nil
		if c.opts.Drain {
			c.err = io.EOF
			return b, c.err
		}
		if err := c.start(ctx); err != nil {
			return millrace.Batch{}, err
		}
	}
	if c.out == nil {
		return millrace.Batch{}, errors.New("crawl: Read before Open")
	}
	var b millrace.Batch
	select {
	case d, ok := <-c.out:
		if !ok {
			c.err = c.end()
			return millrace.Batch{}, c.err
		}
		b.Docs = append(b.Docs, d)
	case <-ctx.Done():
		return millrace.Batch{}, context.Cause(ctx)
	}
	for len(b.Docs) < max {
		select {
		case d, ok := <-c.out:
			if !ok {
				return b, nil // the next Read finds the end
			}
			b.Docs = append(b.Docs, d)
		default:
			return b, nil
		}
	}
	return b, nil
}

// start sets the engine going.
func (c *Crawler) start(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	files, err := listWARC(c.opts.Dir, c.opts.Worker)
	if err != nil {
		return err
	}
	seq := int64(0)
	if n := len(files); n > 0 {
		seq = files[n-1].seq + 1
	}
	a := newArchiver(&c.opts, seq)
	ctx, c.stop = context.WithCancel(ctx)
	c.out = make(chan *millrace.Document, 64)
	c.ended = make(chan error, 1)
	c.ran = true
	e := &engine{opts: &c.opts, log: c.opts.Log, scope: c.scope, front: c.front, work: c.work, guard: c.guard, shown: &c.shown, turns: &c.turns, verdicts: &c.verdicts, out: c.out}
	ended := c.ended
	go func() {
		err := e.run(ctx, a)
		if err == nil {
			err = e.outcome()
		}
		ended <- err
	}()
	return nil
}

// end is what Read returns when the engine has ended.
func (c *Crawler) end() error {
	err := <-c.ended
	c.ended <- err // for halt
	switch {
	case err == nil:
		return io.EOF
	case errors.Is(err, ErrNothingAllowed), errors.Is(err, ErrSeedsUnreachable):
		return describe(err, c.opts.Home, c.seeds)
	}
	return fmt.Errorf("crawl: %w", err)
}

// halt stops the engine, waits for it, and closes the frontier's log.
func (c *Crawler) halt() error {
	if c.ran {
		c.stop()
		for range c.out {
			// What nobody reads is in the archive and comes again at the next Open.
		}
		<-c.ended
		c.fetch.close()
		c.ran = false
	}
	c.out = nil
	if c.replay != nil {
		c.replay.Close()
		c.replay = nil
	}
	if c.front == nil {
		return nil
	}
	err := c.front.close()
	c.front = nil
	return err
}

// Ended is what this worker has to report once Read has given io.EOF and all of it is handed on.
func (c *Crawler) Ended() Standing {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Standing{Worker: c.opts.Worker, Idle: true, Next: c.front.received, Ended: true}
}

// Counts is the ledger of the frontier, at most a quarter of a second old.
func (c *Crawler) Counts() Counts { return *c.shown.Load() }

// Next names the hosts whose turns come first, of those that wait, as of the same moment.
func (c *Crawler) Next() []HostTime {
	if turns := c.turns.Load(); turns != nil {
		return *turns
	}
	return nil
}

// Close stops the crawl and waits for its goroutines. What is archived and not read comes again at the next Open.
func (c *Crawler) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.halt()
	if c.err == nil {
		c.err = errors.New("crawl: closed")
	}
	return err
}
