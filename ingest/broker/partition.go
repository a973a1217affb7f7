package broker

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"millrace"
	"millrace/internal/durable"
)

var (
	errOutOfRange = errors.New("offset out of range")
	errClosed     = errors.New("the broker is closing")
	errFull       = errors.New("the disk is full")
)

// partition is one ordered log: closed segments, and an active one at the end that is written.
//
// Writers append under the lock, then wait in commit: one of them calls fsync for all that was written
// by then, the others wait for it (group commit). Readers see only what is acknowledged.
type partition struct {
	dir    string
	opts   *Options
	log    *slog.Logger
	read   *atomic.Int64
	notify func() // called when the end has moved

	mu       sync.Mutex
	synced   *sync.Cond
	bases    []int64 // of the segments, ascending; the last is active
	file     *durable.File
	active   index // but for the first bare bytes, up to offset bareNext, which a start did not read
	bare     int64
	bareNext int64
	pos      int64 // end of the active file
	next     int64 // the offset that the next record gets
	acked    acked // what is acknowledged; acked.next is the end that readers see
	slots    *durable.File
	syncing  bool
	failed   error // set once: no more writes
	frameBuf []byte
}

// openPartition opens the log in dir, or makes an empty one.
func openPartition(dir string, opts *Options, read *atomic.Int64, notify func()) (*partition, error) {
	p := &partition{dir: dir, opts: opts, log: opts.Log.With("log", filepath.Base(dir)), read: read, notify: notify}
	p.synced = sync.NewCond(&p.mu)
	if err := p.open(); err != nil {
		p.closeFiles()
		return nil, fmt.Errorf("open log %s: %w", dir, err)
	}
	return p, nil
}

func (p *partition) open() error {
	if err := p.opts.Disk.Mkdir("broker.partition", p.dir); err != nil {
		return err
	}
	slots, err := p.opts.Disk.Open("broker.acked.open", filepath.Join(p.dir, "acked"), os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	p.slots = slots
	known := true
	switch p.acked, err = readAcked(slots); {
	case errors.Is(err, errNoAcked):
		known = false
	case err != nil:
		return err
	}
	if p.bases, err = listSegments(p.dir); err != nil {
		return err
	}
	if err := p.agree(known); err != nil {
		return err
	}
	base := p.bases[len(p.bases)-1]
	if p.file, err = p.opts.Disk.Open("broker.segment.open", segmentPath(p.dir, base), os.O_CREATE, 0o644); err != nil {
		return err
	}
	if err := p.recover(base, known); err != nil {
		return err
	}
	if err := p.file.Sync("broker.recover.sync"); err != nil {
		return err
	}
	p.acked.segment, p.acked.pos, p.acked.next = base, p.pos, p.next
	p.acked.start = max(p.acked.start, p.bases[0])
	for range 2 { // both slots: no later write has to grow the file
		if err := p.acked.write(p.slots, true); err != nil {
			return err
		}
	}
	if err := p.opts.Disk.SyncDir("broker.open.folder", p.dir); err != nil {
		return err
	}
	p.dropSegments()
	return p.opts.Disk.Acknowledge("broker.recovered", p.dir, p.next) // readers see all of it from now on
}

// agree checks that the segments are those that were acknowledged.
func (p *partition) agree(known bool) error {
	if len(p.bases) == 0 {
		if known && p.acked.next > 0 {
			return fmt.Errorf("all segments are gone, %d offsets were acknowledged: %w", p.acked.next, millrace.ErrIntegrity)
		}
		p.bases = []int64{0}
		return nil
	}
	if last := p.bases[len(p.bases)-1]; known && p.acked.segment > last {
		return fmt.Errorf("segment %d is gone, the last one is %d: %w", p.acked.segment, last, millrace.ErrIntegrity)
	}
	return nil
}

// recover finds the end of the active segment. What was acknowledged stays, broken or not, and is not even
// read: it is verified when it is served. Of the rest, everything from the first broken byte on is cut. Where
// nothing says what was acknowledged, nothing is cut, and a broken log is not opened.
func (p *partition) recover(base int64, known bool) error {
	size, err := p.file.Size()
	if err != nil {
		return err
	}
	p.pos, p.next = 0, base
	if !known {
		if err := p.scanUnknown(newWalker(p.file, p.file.Name(), 0, size, base, 1<<63-1, p.read)); err != nil {
			return err
		}
		return p.rewrite(0, p.pos)
	}
	var sure int64 // bytes that are acknowledged
	if p.acked.segment == base {
		sure = p.acked.pos // else the crash came between a roll and its acknowledgement
	}
	p.pos, p.next = min(sure, size), max(base, p.acked.next)
	if p.pos < sure || p.pos == 0 && p.next > base {
		p.log.Error("acknowledged bytes are gone", "from", base, "to", p.next, "missing", sure-p.pos)
	}
	p.bare, p.bareNext = p.pos, p.next
	if err := p.scanTail(newWalker(p.file, p.file.Name(), p.pos, size, p.next, 1<<63-1, p.read)); err != nil {
		return err
	}
	if p.pos < size {
		p.log.Info("cut a torn tail that was never acknowledged", "bytes", size-p.pos, "next", p.next)
		if err := p.file.Truncate("broker.recover.cut", p.pos); err != nil {
			return err
		}
	}
	return p.rewrite(p.bare, p.pos)
}

// rewrite writes bytes again that an fsync may have failed on. The kernel takes such pages as clean, so
// that the next fsync would say yes without writing them.
func (p *partition) rewrite(from, to int64) error {
	buf := make([]byte, min(to-from, 1<<20))
	for ; from < to; from += int64(len(buf)) {
		buf = buf[:min(to-from, int64(len(buf)))]
		if _, err := p.file.ReadAt(buf, from); err != nil {
			return err
		}
		if _, err := p.file.WriteAt("broker.recover.rewrite", buf, from); err != nil {
			return err
		}
	}
	return nil
}

// scanTail indexes the frames that w reads, up to the first broken one.
func (p *partition) scanTail(w *walker) error {
	for {
		pos := w.pos
		b, err := w.step()
		switch {
		case errors.Is(err, io.EOF), errors.As(err, new(*damage)):
			return nil
		case err != nil:
			return err
		}
		p.active.add(b.base(), pos)
		p.pos, p.next = w.pos, w.next
	}
}

// scanUnknown takes the segment as it is, if all of it is sound.
func (p *partition) scanUnknown(w *walker) error {
	for w.pos < w.end {
		pos := w.pos
		b, err := w.step()
		if err != nil {
			return fmt.Errorf("the record of what was acknowledged is lost, and %w: %w", err, millrace.ErrIntegrity)
		}
		p.active.add(b.base(), pos)
		p.pos, p.next = w.pos, w.next
	}
	return nil
}

// append stores b, which check has passed, and returns its base offset once it is durable. It gives b
// that offset.
func (p *partition) append(b batch) (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.makeRoom(frameHeader + int64(len(b))); err != nil {
		return -1, err
	}
	base := p.next
	b.place(base)
	p.frameBuf = appendFrame(p.frameBuf[:0], b)
	if _, err := p.file.WriteAt("broker.append", p.frameBuf, p.pos); err != nil {
		// Nothing of it may stay, or the next frame would stand behind garbage.
		if cut := p.file.Truncate("broker.append.cut", p.pos); cut != nil {
			return -1, p.fail(fmt.Errorf("write failed (%w) and so did cutting it off: %w", err, cut))
		}
		return -1, fmt.Errorf("%w: %w", errFull, err)
	}
	p.active.add(base, p.pos)
	p.pos += int64(len(p.frameBuf))
	p.next = b.end()
	return base, p.commit(p.next)
}

// commit returns when everything below upto is durable. The lock is held, but not during fsync.
func (p *partition) commit(upto int64) error {
	for p.acked.next < upto {
		if p.failed != nil {
			return p.failed
		}
		if p.syncing {
			p.synced.Wait()
			continue
		}
		p.syncing = true
		file, pos, next := p.file, p.pos, p.next
		p.mu.Unlock()
		err := p.fsync(file)
		p.mu.Lock()
		p.syncing = false
		if err == nil {
			p.acked.segment, p.acked.pos, p.acked.next = p.bases[len(p.bases)-1], pos, next
			err = p.acked.write(p.slots, false)
		}
		if err == nil {
			err = p.opts.Disk.Acknowledge("broker.acknowledge", p.dir, next)
		}
		if err != nil {
			p.fail(err)
		} else {
			p.notify()
		}
		p.synced.Broadcast()
	}
	return nil
}

func (p *partition) fsync(f *durable.File) error {
	if tell := p.opts.Synced; tell != nil {
		defer func(began time.Time) { tell(time.Since(began)) }(time.Now())
	}
	if p.opts.sync != nil {
		return p.opts.sync(f)
	}
	return f.Sync("broker.sync")
}

// fail ends the partition: after a failed fsync nobody knows which bytes are on the disk.
func (p *partition) fail(err error) error {
	if p.failed == nil {
		p.failed = fmt.Errorf("log %s takes no more writes until the next start: %w", p.dir, err)
		p.log.Error("partition ended", "err", err)
	}
	return p.failed
}

// makeRoom begins another segment where a frame of n bytes does not fit into this one. The lock is held,
// but not while others are waited for: they may write on, or roll first.
func (p *partition) makeRoom(n int64) error {
	for p.failed == nil && p.pos > 0 && p.pos+n > p.opts.SegmentBytes {
		var err error
		switch {
		case p.syncing:
			p.synced.Wait()
		case p.acked.next < p.next:
			err = p.commit(p.next)
		default:
			err = p.roll()
		}
		if err != nil {
			return err
		}
	}
	return p.failed
}

// roll closes the active segment, all of which is acknowledged, and begins another. The lock is held.
func (p *partition) roll() error {
	old := p.bases[len(p.bases)-1]
	if p.bare > 0 { // a reader makes it
		_ = p.opts.Disk.Remove("broker.index.drop", indexPath(p.dir, old)) // of an earlier start; it would be right, too
	} else if err := p.opts.Disk.Replace("broker.index", indexPath(p.dir, old), p.active.encode()); err != nil {
		return fmt.Errorf("%w: %w", errFull, err)
	}
	f, err := p.opts.Disk.Open("broker.roll", segmentPath(p.dir, p.next), os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("%w: %w", errFull, err)
	}
	if err := p.opts.Disk.SyncDir("broker.roll.folder", p.dir); err != nil {
		f.Close()
		return p.fail(err)
	}
	closing := p.file
	p.file, p.pos, p.active, p.bare = f, 0, nil, 0
	p.bases = append(p.bases, p.next)
	p.acked.segment, p.acked.pos = p.next, 0
	if err := p.acked.write(p.slots, false); err != nil {
		return p.fail(err)
	}
	closing.Close() // all of it is synced
	return nil
}

// bounds gives the first offset and the one after the last that readers may see.
func (p *partition) bounds() (start, end int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.acked.start, p.acked.next
}

// trim makes before the log start offset; whole segments below it are deleted. The new start is
// durable before any file goes, so nothing deleted comes back. -1 means the end.
func (p *partition) trim(before int64) (start int64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if before == -1 {
		before = p.acked.next
	}
	if before < 0 || before > p.acked.next {
		return p.acked.start, errOutOfRange
	}
	if before > p.acked.start {
		next := p.acked
		next.start = before
		if err := next.write(p.slots, true); err != nil {
			return p.acked.start, p.fail(err)
		}
		p.acked = next
		if err := p.opts.Disk.Acknowledge("broker.trimmed", p.dir, before); err != nil {
			return p.acked.start, p.fail(err)
		}
	}
	p.dropSegments()
	return p.acked.start, nil
}

// dropSegments deletes the segments below the log start. One that cannot be deleted (Windows keeps
// open files) is tried again the next time.
func (p *partition) dropSegments() {
	for len(p.bases) > 1 && p.bases[1] <= p.acked.start {
		if err := p.opts.Disk.Remove("broker.drop", segmentPath(p.dir, p.bases[0])); err != nil && !errors.Is(err, os.ErrNotExist) {
			p.log.Warn("trimmed segment stays for now", "err", err)
			return
		}
		_ = p.opts.Disk.Remove("broker.drop.index", indexPath(p.dir, p.bases[0])) // hardly takes room
		p.bases = p.bases[1:]
	}
}

// close makes the state durable and closes the files. Later calls of append fail.
func (p *partition) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var err error
	for err == nil && p.failed == nil && p.acked.next < p.next {
		err = p.commit(p.next)
	}
	if p.failed == nil {
		err = errors.Join(err, p.acked.write(p.slots, true))
		p.failed = errClosed
	}
	for p.syncing {
		p.synced.Wait()
	}
	return errors.Join(err, p.closeFiles())
}

func (p *partition) closeFiles() error {
	var errs []error
	for _, f := range []*durable.File{p.file, p.slots} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}
