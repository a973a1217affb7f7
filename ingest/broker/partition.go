package broker

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sort"
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
	active   index
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

// recover reads the active segment to find its end. What was acknowledged stays, broken or not; of the
// rest, everything from the first broken byte on is cut. Where nothing says what was acknowledged, nothing
// is cut, and a broken log is not opened.
func (p *partition) recover(base int64, known bool) error {
	size, err := p.file.Size()
	if err != nil {
		return err
	}
	sure := size // bytes that are acknowledged
	if known {
		sure = p.acked.pos
		if p.acked.segment < base { // the crash came between a roll and its acknowledgement
			sure = 0
		}
	}
	p.pos, p.next = 0, base
	if end := min(sure, size); end > 0 {
		stop := p.acked.next
		if !known {
			stop = 1<<63 - 1
		}
		w := newWalker(p.file, p.file.Name(), 0, end, base, stop, p.read)
		if !known {
			return p.scanUnknown(w)
		}
		if err := p.scan(w, true); err != nil {
			return err
		}
		p.pos, p.next = end, p.acked.next
	} else if known && p.acked.next > base {
		p.log.Error("acknowledged bytes are gone", "from", base, "to", p.acked.next)
		p.next = p.acked.next
	}
	w := newWalker(p.file, p.file.Name(), p.pos, size, p.next, 1<<63-1, p.read)
	if err := p.scan(w, false); err != nil {
		return err
	}
	if p.pos < size {
		p.log.Info("cut a torn tail that was never acknowledged", "bytes", size-p.pos, "next", p.next)
		return p.file.Truncate("broker.recover.cut", p.pos)
	}
	return nil
}

// scan indexes the frames that w reads. Damage is reported and passed over, or ends the scan.
func (p *partition) scan(w *walker, pass bool) error {
	for {
		pos := w.pos
		b, err := w.step()
		var d *damage
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &d):
			if !pass {
				return nil
			}
			p.log.Error("damage in the log", "file", d.file, "from", d.from, "to", d.to, "what", d.what)
		case err != nil:
			return err
		default:
			p.active.add(b.base(), pos)
			p.pos, p.next = w.pos, w.next
		}
	}
}

// scanUnknown takes the segment as it is, if all of it is sound.
func (p *partition) scanUnknown(w *walker) error {
	w.stop = 1<<63 - 1
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
	if err := p.opts.Disk.Replace("broker.index", indexPath(p.dir, old), p.active.encode()); err != nil {
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
	p.file, p.pos, p.active = f, 0, nil
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
// durable before any file goes, so nothing deleted comes back. A negative before means the end.
func (p *partition) trim(before int64) (start int64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if before < 0 {
		before = p.acked.next
	}
	if before > p.acked.next {
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

// view is what a reader needs to know of the segment that holds an offset.
type view struct {
	base, stop int64 // offsets
	size       int64 // bytes; -1 is all of the file
	at         entry // where to begin, in the active segment
}

// locate finds the segment of offset from.
func (p *partition) locate(from int64) (v view, empty bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if from < p.acked.start || from > p.acked.next {
		return v, false, errOutOfRange
	}
	if from == p.acked.next {
		return v, true, nil
	}
	i := sort.Search(len(p.bases), func(i int) bool { return p.bases[i] > from }) - 1
	v = view{base: p.bases[i], stop: p.acked.next, size: -1, at: entry{offset: p.bases[i]}}
	if i+1 < len(p.bases) {
		v.stop = p.bases[i+1]
		return v, false, nil
	}
	v.size = p.acked.pos
	if e, ok := p.active.find(from); ok {
		v.at = e
	}
	return v, false, nil
}

// batches appends to dst whole batches, the first of which holds offset from: at least one, and more
// while they fit into limit bytes. At the end of the log it appends none. Damage at from is an error;
// damage behind it ends the answer.
func (p *partition) batches(dst []byte, from int64, limit int) ([]byte, error) {
	v, empty, err := p.locate(from)
	if err != nil || empty {
		return dst, err
	}
	f, err := os.Open(segmentPath(p.dir, v.base))
	if err != nil {
		if start, _ := p.bounds(); from < start {
			return dst, errOutOfRange // trimmed this moment
		}
		return dst, fmt.Errorf("%w: %w", err, millrace.ErrIntegrity)
	}
	defer f.Close()
	if v.size < 0 {
		if v.size, err = f.Seek(0, io.SeekEnd); err != nil {
			return dst, err
		}
		x, err := loadIndex(p.opts.Disk, p.dir, v.base, v.stop, f, p.read)
		if err != nil {
			return dst, err
		}
		if e, ok := x.find(from); ok {
			v.at = e
		}
	}
	w := newWalker(f, f.Name(), v.at.pos, v.size, v.at.offset, v.stop, p.read)
	for begin := len(dst); ; {
		b, err := w.step()
		var d *damage
		switch {
		case errors.As(err, &d):
			if len(dst) > begin {
				return dst, nil
			}
			if from < d.to {
				p.log.Error("damage in the log", "file", d.file, "from", d.from, "to", d.to, "what", d.what)
				return dst, d
			}
		case errors.Is(err, io.EOF):
			return dst, nil
		case err != nil:
			return dst, err
		case b.end() <= from:
		case len(dst) > begin && len(dst)-begin+len(b) > limit:
			return dst, nil
		default:
			dst = append(dst, b...)
		}
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
