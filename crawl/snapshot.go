package crawl

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// A snapshot is the state that a part of the log makes, so that a start need not read that part again.
// It is only a cache: one that is damaged, of another version, or of another log is dropped, and the
// log is read from its beginning. Raise the number with every change of frontier.code.
const (
	snapshotName  = "snapshot"
	snapshotMagic = "millrace frontier snapshot 6\n"
)

// A snapshot is written when the log has grown by so many bytes, and by so many for each known URL: twice
// what it takes itself.
const (
	minTail = 32 << 20
	urlTail = 32
)

// code writes the frontier's state to c, or reads it from there: the one list of what a snapshot holds.
func (f *frontier) code(c *coder) {
	for _, n := range []*int64{&f.next, &f.counts.Discovered, &f.counts.Fetched, &f.counts.Refused, &f.counts.Failed, &f.counts.Waiting} {
		c.num(n)
	}
	f.seen.code(c)
	taken := f.takenByHost()
	for i := range c.count(len(f.hosts), 1) {
		if c.reading() {
			f.hosts = append(f.hosts, &hostState{})
		}
		h := f.hosts[i]
		c.text(&h.authority)
		c.num(&h.rules)
		c.num(&h.closed)
		c.num(&h.trouble)
		if c.reading() {
			h.waiting.code(c)
			f.byHost[h.authority] = h
			continue
		}
		q := h.waiting
		if out := taken[h]; len(out) > 0 { // they wait still: whoever took them may die
			q = offsets{}
			for _, pos := range out {
				q.push(pos)
			}
			for pos := range h.waiting.all() {
				q.push(pos)
			}
		}
		q.code(c)
	}
	f.codeDues(c)
	c.num(&f.received)
	for i := range c.count(len(f.outbox), 1) {
		f.post(uint64(i)).code(c)
	}
	codeMap(c, f.files, func(k *urlID) { c.raw(k[:]) }, c.num)
	codeMap(c, f.sitemaps, func(k *urlID) { c.raw(k[:]) }, c.num)
	codeMap(c, f.nested, func(k *urlID) { c.raw(k[:]) }, c.num)
	codeMap(c, f.traps.count, c.text, c.num)
	codeMap(c, f.traps.proved, c.text, c.num)
	codeMap(c, f.traps.held, c.text, func(q *offsets) { q.code(c) })
	codeMap(c, f.yields.frozen, c.text, c.num)
	for shape, links := range f.yields.frozen {
		f.yields.freeze(shape, links)
	}
}

// takenByHost lists what is with the scheduler, in the order of discovery.
func (f *frontier) takenByHost() map[*hostState][]int64 {
	m := map[*hostState][]int64{}
	for _, t := range f.taken {
		m[t.host] = append(m[t.host], t.pos)
	}
	for _, out := range m {
		slices.Sort(out)
	}
	return m
}

// saveSnapshot writes down the state that the whole log makes. The log must be synced.
func (f *frontier) saveSnapshot() error {
	err := f.log.disk.ReplaceFrom("frontier.snapshot", f.log.snapshotPath(), func(w io.Writer) error {
		sum := crc32.New(castagnoli())
		bw := bufio.NewWriterSize(io.MultiWriter(w, sum), 1<<16)
		c := &coder{w: bw}
		bw.WriteString(snapshotMagic)
		c.raw(f.log.name[:])
		covers := f.log.size()
		c.num(&covers)
		f.code(c)
		if err := bw.Flush(); err != nil {
			return err
		}
		_, err := w.Write(sum.Sum(nil))
		return err
	})
	if err != nil {
		return fmt.Errorf("write frontier snapshot: %w", err)
	}
	f.covered = f.log.size()
	return nil
}

// loadSnapshot gives the state of l's snapshot. Where none can be used that is nothing at all.
func loadSnapshot(l *eventLog) (*frontier, error) {
	file, err := os.Open(l.snapshotPath())
	if errors.Is(err, fs.ErrNotExist) {
		return newFrontier(), nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	f, err := readSnapshot(file, l)
	if err == nil && f == nil {
		f = newFrontier()
	}
	return f, err
}

func (l *eventLog) snapshotPath() string { return filepath.Join(l.folder, snapshotName) }

// dropSnapshot removes a snapshot that nothing can be done with, so that it never comes to cover another log.
func (l *eventLog) dropSnapshot() error {
	if err := l.disk.Remove("frontier.snapshot.drop", l.snapshotPath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// readSnapshot reads a snapshot of l, first to see whether it is whole. It returns nil where it is of no use.
func readSnapshot(r io.ReadSeeker, l *eventLog) (*frontier, error) {
	size, err := r.Seek(0, io.SeekEnd)
	if err != nil || size < int64(len(snapshotMagic))+crc32.Size {
		return nil, err
	}
	size -= crc32.Size
	sum := crc32.New(castagnoli())
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	if _, err := io.CopyN(sum, r, size); err != nil {
		return nil, err
	}
	stored := make([]byte, crc32.Size)
	if _, err := io.ReadFull(r, stored); err != nil || string(stored) != string(sum.Sum(nil)) {
		return nil, err
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	c := &coder{r: bufio.NewReaderSize(io.LimitReader(r, size), 1<<16), left: size}
	magic := make([]byte, len(snapshotMagic))
	c.raw(magic)
	var name logID
	c.raw(name[:])
	f := newFrontier()
	c.num(&f.covered)
	if string(magic) != snapshotMagic || name != l.name || f.covered < logHead || f.covered > l.size() {
		return nil, nil
	}
	if f.code(c); c.left > 0 {
		c.fail()
	}
	if c.err != nil {
		return nil, nil
	}
	return f, nil
}

// coder writes values, or reads them from where they were written, by the same calls in the same order.
type coder struct {
	w    *bufio.Writer // nil: it reads
	r    *bufio.Reader
	left int64 // bytes to read
	err  error // of reading; a bufio.Writer keeps its own
}

var errSnapshot = errors.New("not a snapshot")

func (c *coder) writing() bool { return c.w != nil }
func (c *coder) reading() bool { return c.w == nil }

// fail says that what was read cannot be.
func (c *coder) fail() {
	if c.err == nil {
		c.err = errSnapshot
	}
}

// raw codes bytes of a known number.
func (c *coder) raw(b []byte) {
	if c.writing() {
		c.w.Write(b)
		return
	}
	if int64(len(b)) > c.left || c.err != nil {
		c.fail()
		return
	}
	_, c.err = io.ReadFull(c.r, b)
	c.left -= int64(len(b))
}

// num codes a number, which is not negative.
func (c *coder) num(p *int64) {
	if c.writing() {
		c.w.Write(binary.AppendUvarint(nil, uint64(*p)))
		return
	}
	var v uint64
	for shift := 0; ; shift += 7 {
		var b [1]byte
		if c.raw(b[:]); c.err != nil || shift > 56 {
			c.fail()
			return
		}
		if v |= uint64(b[0]&0x7f) << shift; b[0] < 0x80 {
			break
		}
	}
	*p = int64(v)
}

// count codes how many things follow, of at least size bytes each.
func (c *coder) count(n int, size int64) int {
	v := int64(n)
	if c.num(&v); c.reading() && v > c.left/size {
		c.fail()
	}
	if c.err != nil {
		return 0
	}
	return int(v)
}

func (c *coder) bytes(p *[]byte) {
	n := c.count(len(*p), 1)
	if c.reading() {
		*p = make([]byte, n)
	}
	c.raw(*p)
}

func (c *coder) text(p *string) {
	b := []byte(*p)
	c.bytes(&b)
	*p = string(b)
}

// codeMap codes a map, by what codes a key and a value.
func codeMap[K comparable, V any](c *coder, m map[K]V, key func(*K), value func(*V)) {
	n := c.count(len(m), 1)
	if c.writing() {
		for k, v := range m {
			key(&k)
			value(&v)
		}
		return
	}
	for range n {
		var k K
		var v V
		key(&k)
		value(&v)
		m[k] = v
	}
}
