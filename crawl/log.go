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

	"millrace/internal/atomicfile"
)

// The frontier's log is a sequence of events, each framed by its length and CRC-32C. It is only ever
// appended to. Whatever is missing at its end can be made again, from the archive or by asking the
// sites, so a damaged log is cut at the first frame that does not hold.
const (
	logName   = "log-2"
	logMagic  = "millrace frontier 2\n"
	maxEvent  = 1 << 20
	frameHead = 8
)

// kind says what an event is about.
type kind uint8

const (
	evDiscovered kind = iota + 1 // id, url, depth, hops, flags; text: the quotas that it counts against
	evFetched                    // id, status, next
	evRefused                    // id, reason, rule, line
	evFailed                     // id, attempts, text
	evRobots                     // url: the authority; status, when, until, body; text: what is odd
	evSitemap                    // url; text: why it failed
	evClosed                     // url: the authority; when: it wants no request before
	evNested                     // url: of a sitemap that another one names; depth: how many are above it
	evTrouble                    // url: the authority; when: since, attempts, text: why it is left alone, "" where that is over
)

// Flags of evDiscovered.
const (
	flagSeed    = 1 << iota // named by the user
	flagSitemap             // named by a sitemap
	flagAlias               // the key belongs to another URL, which leads here: known by "=" and its fetch form
)

// event is one record of the log. Each kind uses some of the fields; the others cost a byte each.
type event struct {
	kind     kind
	id       urlID
	depth    uint64
	hops     uint64
	flags    uint64
	line     uint64
	attempts uint64
	status   uint64
	next     uint64 // the archive is known up to this position
	when     uint64 // Unix seconds
	until    uint64 // Unix seconds
	url      string
	reason   string
	rule     string
	text     string
	body     string
}

func (e *event) numbers() []*uint64 {
	return []*uint64{&e.depth, &e.hops, &e.flags, &e.line, &e.attempts, &e.status, &e.next, &e.when, &e.until}
}

func (e *event) texts() []*string {
	return []*string{&e.url, &e.reason, &e.rule, &e.text, &e.body}
}

// encode appends the payload of e to b.
func (e *event) encode(b []byte) []byte {
	b = append(b, byte(e.kind))
	b = append(b, e.id[:]...)
	for _, n := range e.numbers() {
		b = binary.AppendUvarint(b, *n)
	}
	for _, s := range e.texts() {
		b = binary.AppendUvarint(b, uint64(len(*s)))
		b = append(b, *s...)
	}
	return b
}

var errEvent = errors.New("not an event")

// decode reads a payload.
func (e *event) decode(b []byte) error {
	if len(b) < 1+len(e.id) {
		return errEvent
	}
	e.kind = kind(b[0])
	if e.kind < evDiscovered || e.kind > evTrouble {
		return errEvent
	}
	b = b[1+copy(e.id[:], b[1:]):]
	for _, p := range e.numbers() {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			return errEvent
		}
		*p, b = n, b[size:]
	}
	for _, p := range e.texts() {
		n, size := binary.Uvarint(b)
		if size <= 0 || n > uint64(len(b)-size) {
			return errEvent
		}
		*p, b = string(b[size:size+int(n)]), b[size+int(n):]
	}
	if len(b) > 0 {
		return errEvent
	}
	return nil
}

// readEvents calls f with each event of r and returns how many bytes hold.
func readEvents(r io.Reader, f func(*event) error) (good int64, err error) {
	br := bufio.NewReaderSize(r, 1<<16)
	magic := make([]byte, len(logMagic))
	if _, err := io.ReadFull(br, magic); err != nil || string(magic) != logMagic {
		return 0, nil
	}
	good = int64(len(magic))
	var head [frameHead]byte
	var payload []byte
	for {
		if _, err := io.ReadFull(br, head[:]); err != nil {
			return good, ended(err)
		}
		n := binary.LittleEndian.Uint32(head[:])
		if n > maxEvent {
			return good, nil
		}
		if uint32(cap(payload)) < n {
			payload = make([]byte, n)
		}
		payload = payload[:n]
		if _, err := io.ReadFull(br, payload); err != nil {
			return good, ended(err)
		}
		var e event
		if crc32.Checksum(payload, castagnoli()) != binary.LittleEndian.Uint32(head[4:]) || e.decode(payload) != nil {
			return good, nil
		}
		if err := f(&e); err != nil {
			return good, err
		}
		good += frameHead + int64(n)
	}
}

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) } // computed once by the package

// ended keeps an error of the file apart from its end.
func ended(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil
	}
	return err
}

// eventLog appends to the log.
type eventLog struct {
	f     *os.File
	buf   []byte
	dirty bool // since the last sync
}

// openLog reads the log of dir through f, cuts off what does not hold, and opens it for appending.
func openLog(dir string, f func(*event) error) (*eventLog, error) {
	folder := filepath.Join(dir, "state", "frontier")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("open frontier: %w", err)
	}
	path := filepath.Join(folder, logName)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open frontier: %w", err)
	}
	l := &eventLog{f: file}
	good, err := readEvents(file, f)
	if err == nil {
		err = file.Truncate(good)
	}
	if err == nil {
		_, err = file.Seek(good, io.SeekStart)
	}
	if err == nil && good == 0 {
		l.buf = append(l.buf, logMagic...)
		err = errors.Join(l.flush(), atomicfile.SyncDir(folder))
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("open frontier %s: %w", path, err)
	}
	return l, nil
}

// readLog reads the log of dir without touching it.
func readLog(dir string, f func(*event) error) error {
	file, err := os.Open(filepath.Join(dir, "state", "frontier", logName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read frontier: %w", err)
	}
	defer file.Close()
	_, err = readEvents(file, f)
	return err
}

// add puts e behind the others; flush writes them.
func (l *eventLog) add(e *event) {
	at := len(l.buf)
	l.buf = append(l.buf, make([]byte, frameHead)...)
	l.buf = e.encode(l.buf)
	payload := l.buf[at+frameHead:]
	binary.LittleEndian.PutUint32(l.buf[at:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(l.buf[at+4:], crc32.Checksum(payload, castagnoli()))
}

func (l *eventLog) flush() error {
	if len(l.buf) == 0 {
		return nil
	}
	l.dirty = true
	if _, err := l.f.Write(l.buf); err != nil {
		return fmt.Errorf("write frontier: %w", err)
	}
	l.buf = l.buf[:0]
	return nil
}

// sync makes the log durable. It follows the archive by up to a second, because what it lacks is
// made again from the archive.
func (l *eventLog) sync() error {
	if err := l.flush(); err != nil {
		return err
	}
	if !l.dirty {
		return nil
	}
	if err := l.f.Sync(); err != nil {
		return fmt.Errorf("sync frontier: %w", err)
	}
	l.dirty = false
	return nil
}

func (l *eventLog) close() error { return errors.Join(l.sync(), l.f.Close()) }
