package broker

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync/atomic"

	"millrace/internal/durable"
)

// indexEvery is the distance of index entries in bytes: a read passes over at most this much.
const indexEvery = 32 << 10

// entry says at which byte of a segment the frame with this base offset begins.
type entry struct{ offset, pos int64 }

// index is the sparse index of one segment. Of a closed segment it lies beside the log and can
// always be made anew from it.
type index []entry

const indexMagic = "mrINDEX1"

// add notes a frame, where the last entry is far enough away.
func (x *index) add(offset, pos int64) {
	if n := len(*x); n == 0 || pos-(*x)[n-1].pos >= indexEvery {
		*x = append(*x, entry{offset, pos})
	}
}

// find gives the last entry at or below offset.
func (x index) find(offset int64) (entry, bool) {
	i := sort.Search(len(x), func(i int) bool { return x[i].offset > offset })
	if i == 0 {
		return entry{}, false
	}
	return x[i-1], true
}

func (x index) encode() []byte {
	b := []byte(indexMagic)
	for _, e := range x {
		b = binary.BigEndian.AppendUint64(b, uint64(e.offset))
		b = binary.BigEndian.AppendUint64(b, uint64(e.pos))
	}
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func decodeIndex(b []byte) (index, bool) {
	const head, sum = len(indexMagic), 4
	if len(b) < head+sum || (len(b)-head-sum)%16 != 0 || string(b[:head]) != indexMagic {
		return nil, false
	}
	body := b[:len(b)-sum]
	if crc32.Checksum(body, castagnoli) != binary.BigEndian.Uint32(b[len(b)-sum:]) {
		return nil, false
	}
	x := make(index, 0, (len(body)-head)/16)
	for p := head; p < len(body); p += 16 {
		x = append(x, entry{int64(binary.BigEndian.Uint64(b[p:])), int64(binary.BigEndian.Uint64(b[p+8:]))})
	}
	return x, true
}

func segmentPath(dir string, base int64) string {
	return filepath.Join(dir, fmt.Sprintf("%020d.log", base))
}

func indexPath(dir string, base int64) string {
	return filepath.Join(dir, fmt.Sprintf("%020d.idx", base))
}

// listSegments gives the base offsets of the segments in dir, ascending.
func listSegments(dir string) ([]int64, error) {
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var bases []int64
	for _, n := range names {
		digits, ok := strings.CutSuffix(n.Name(), ".log")
		if !ok || len(digits) != 20 {
			continue
		}
		if base, err := strconv.ParseInt(digits, 10, 64); err == nil && base >= 0 {
			bases = append(bases, base) // ReadDir sorts by name, and names have equal length
		}
	}
	return bases, nil
}

// damage is a range of acknowledged offsets whose bytes are not what was stored. It is an error.
type damage struct {
	file     string
	from, to int64 // offsets, half-open
	pos      int64 // where reading can go on
	what     string
}

func (d *damage) Error() string {
	return fmt.Sprintf("%s: offsets %d to %d are damaged: %s", d.file, d.from, d.to-1, d.what)
}

// walker reads the frames of a segment one after the other and verifies each.
type walker struct {
	f    io.ReaderAt
	name string
	pos  int64 // of the next frame
	end  int64 // bytes that may be read
	next int64 // the offset that the next frame has to begin with
	stop int64 // the offset after the last one of the segment
	read *atomic.Int64
	in   *bufio.Reader
	buf  []byte
}

// Frames are read through a buffer of this size, whatever the size of the segment.
const walkBuffer = 256 << 10

// newWalker starts at a frame that begins with offset next at byte pos.
func newWalker(f io.ReaderAt, name string, pos, end, next, stop int64, read *atomic.Int64) *walker {
	w := &walker{f: f, name: name, end: end, stop: stop, read: read}
	w.seek(pos, next)
	return w
}

func (w *walker) seek(pos, next int64) {
	w.pos, w.next = pos, next
	section := io.NewSectionReader(w.f, pos, max(0, w.end-pos))
	if w.in == nil {
		w.in = bufio.NewReaderSize(section, walkBuffer)
	} else {
		w.in.Reset(section)
	}
}

// step returns the next batch; it is valid until the next call. At the end comes io.EOF, and where a
// frame is broken a *damage, behind which the next call goes on. Other errors are of the disk.
func (w *walker) step() (batch, error) {
	if w.pos >= w.end {
		if w.next < w.stop {
			d := &damage{w.name, w.next, w.stop, w.end, "the segment ends too early"}
			w.next = w.stop
			return nil, d
		}
		return nil, io.EOF
	}
	b, err := w.frame()
	var broken *brokenFrame
	switch {
	case errors.As(err, &broken):
		return nil, w.skip(broken.what)
	case err != nil:
		return nil, err
	case b.base() > w.next: // frames before it are gone
		d := &damage{w.name, w.next, b.base(), w.pos, "frames are missing"}
		w.seek(w.pos, b.base())
		return nil, d
	}
	w.pos += frameHeader + int64(len(b))
	w.next = b.end()
	return b, nil
}

// brokenFrame says why the bytes at some place are not a frame.
type brokenFrame struct{ what string }

func (e *brokenFrame) Error() string { return e.what }

// frame reads one frame at w.pos without moving on.
func (w *walker) frame() (batch, error) {
	if w.end-w.pos < frameHeader+batchHeader {
		return nil, &brokenFrame{"torn frame"}
	}
	var head [frameHeader]byte
	if err := w.fill(head[:]); err != nil {
		return nil, err
	}
	n, err := frameLength(head[:])
	if err != nil {
		return nil, &brokenFrame{err.Error()}
	}
	if n > w.end-w.pos {
		return nil, &brokenFrame{"torn frame"}
	}
	if int64(cap(w.buf)) < n {
		w.buf = make([]byte, n)
	}
	w.buf = w.buf[:n]
	copy(w.buf, head[:])
	if err := w.fill(w.buf[frameHeader:]); err != nil {
		return nil, err
	}
	b, err := openFrame(w.buf)
	if err != nil {
		return nil, &brokenFrame{err.Error()}
	}
	if b.base() < w.next || b.end() > w.stop {
		return nil, &brokenFrame{fmt.Sprintf("frame with offset %d", b.base())}
	}
	return b, nil
}

// fill reads all of b. A file that has become shorter is damaged, and the disk is not.
func (w *walker) fill(b []byte) error {
	n, err := io.ReadFull(w.in, b)
	w.read.Add(int64(n))
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &brokenFrame{"the file has lost its end"}
	case err != nil:
		return fmt.Errorf("read %s: %w", w.name, err)
	}
	return nil
}

// skip looks for the next sound frame behind a broken one, and reports what lies between.
func (w *walker) skip(what string) error {
	d := &damage{file: w.name, from: w.next, what: what}
	pos, b, err := w.search(w.pos + 1)
	if err != nil {
		return err
	}
	if b == nil {
		d.to, d.pos = w.stop, w.end
	} else {
		d.to, d.pos = b.base(), pos
	}
	w.seek(d.pos, d.to)
	return d
}

// search finds the first sound frame at or behind pos. A batch has its magic 24 bytes into the frame
// and an offset of this segment at 8, so hardly any other place has its checksum computed.
func (w *walker) search(pos int64) (int64, batch, error) {
	const window, probe = 64 << 10, frameHeader + batchHeader
	buf := make([]byte, window+probe)
	for ; pos+probe <= w.end; pos += window {
		n, err := w.f.ReadAt(buf[:min(int64(len(buf)), w.end-pos)], pos)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, nil, fmt.Errorf("read %s: %w", w.name, err)
		}
		w.read.Add(int64(n))
		for i := 0; i < window && i+probe <= n; i++ {
			j := bytes.IndexByte(buf[i+24:n], 2)
			if j < 0 {
				break
			}
			if i += j; i >= window || i+probe > n {
				break
			}
			base := int64(binary.BigEndian.Uint64(buf[i+8:]))
			if base <= w.next || base >= w.stop {
				continue
			}
			w.seek(pos+int64(i), w.next)
			b, err := w.frame()
			if err == nil {
				return pos + int64(i), b, nil
			}
			if !errors.As(err, new(*brokenFrame)) {
				return 0, nil, err
			}
		}
	}
	return 0, nil, nil
}

// loadIndex gives the index of the closed segment base..stop in dir. Where it is missing or broken, it
// is made again from the log and stored.
func loadIndex(disk *durable.Disk, dir string, base, stop int64, f *os.File, read *atomic.Int64) (index, error) {
	raw, err := os.ReadFile(indexPath(dir, base))
	if err == nil {
		read.Add(int64(len(raw)))
		if x, ok := decodeIndex(raw); ok {
			return x, nil
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	x, err := buildIndex(f, size, base, stop, read)
	if err == nil {
		_ = disk.Replace("broker.reindex", indexPath(dir, base), x.encode()) // a full disk must not stop a reader
	}
	return x, err
}

// buildIndex reads the first size bytes of the segment base..stop.
func buildIndex(f *os.File, size, base, stop int64, read *atomic.Int64) (index, error) {
	var x index
	w := newWalker(f, f.Name(), 0, size, base, stop, read)
	for {
		pos := w.pos
		b, err := w.step()
		switch {
		case errors.Is(err, io.EOF):
			return x, nil
		case errors.As(err, new(*damage)):
		case err != nil:
			return nil, err
		default:
			x.add(b.base(), pos)
		}
	}
}
