package crawl

import (
	"bufio"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"millrace/internal/durable"
)

// The frontier's log is a head and a sequence of events, each framed by its length and CRC-32C. It is
// only ever appended to, and events are read back from where they stand: it is also where the URLs
// wait. Whatever is missing at its end can be made again, from the archive or by asking the sites, so
// a log is cut at the first frame that does not hold.
const (
	logName   = "log"
	logMagic  = "millrace frontier 3\n"
	logHead   = int64(len(logMagic) + len(logID{}))
	maxEvent  = 1 << 20
	frameHead = 8
	readAhead = 512     // most events are shorter
	maxBuffer = 1 << 18 // of events that are not written yet
)

// logID tells a log from one that was there before.
type logID [8]byte

var errOtherVersion = errors.New("written by another version of millrace")

// scanLog calls f with each event of r that begins at or behind from (0 is the first), and with where it
// stands. good is where the next event would: what lies behind does not hold.
func scanLog(r io.ReadSeeker, from int64, f func(*event, int64) error) (name logID, good int64, err error) {
	br := bufio.NewReaderSize(r, 1<<18)
	head := make([]byte, logHead)
	if _, err := io.ReadFull(br, head); err != nil {
		return name, 0, ended(err)
	}
	if magic := string(head[:len(logMagic)]); magic != logMagic {
		if strings.HasPrefix(magic, "millrace frontier ") {
			return name, 0, fmt.Errorf("its head says %q: %w", strings.TrimSpace(magic), errOtherVersion)
		}
		return name, 0, nil
	}
	name = logID(head[len(logMagic):])
	good = logHead
	if from > good {
		if _, err := r.Seek(from, io.SeekStart); err != nil {
			return name, 0, err
		}
		br.Reset(r)
		good = from
	}
	var frame, payload []byte = make([]byte, frameHead), nil
	for {
		if _, err := io.ReadFull(br, frame); err != nil {
			return name, good, ended(err)
		}
		n := binary.LittleEndian.Uint32(frame)
		if n == 0 || n > maxEvent { // a file that had grown when the power went may end in zeros
			return name, good, nil
		}
		if uint32(cap(payload)) < n {
			payload = make([]byte, n)
		}
		payload = payload[:n]
		if _, err := io.ReadFull(br, payload); err != nil {
			return name, good, ended(err)
		}
		if crc32.Checksum(payload, castagnoli()) != binary.LittleEndian.Uint32(frame[4:]) {
			return name, good, nil
		}
		var e event
		if err := e.decode(payload); err != nil {
			return name, good, fmt.Errorf("byte %d: %w", good, err)
		}
		if err := f(&e, good); err != nil {
			return name, good, err
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

// eventLog appends to the log, and reads events back.
type eventLog struct {
	disk    *durable.Disk
	folder  string
	name    logID
	f       *durable.File
	written int64  // bytes in the file
	buf     []byte // behind them
	dirty   bool   // since the last sync
	err     error  // of a write; there is none after it
}

// openLog opens the log of a frontier's folder, or makes it. It is to be mended before it is written to.
func openLog(disk *durable.Disk, folder string) (*eventLog, error) {
	if err := disk.Mkdir("frontier.folder", folder); err != nil {
		return nil, fmt.Errorf("open frontier: %w", err)
	}
	f, err := disk.Open("frontier.open", filepath.Join(folder, logName), os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open frontier: %w", err)
	}
	l, err := newLog(disk, folder, f)
	if err == nil {
		err = l.tidy()
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("open frontier: %w", err)
	}
	return l, nil
}

func newLog(disk *durable.Disk, folder string, f *durable.File) (*eventLog, error) {
	l := &eventLog{disk: disk, folder: folder, f: f}
	info, err := f.Stat()
	if err == nil {
		l.written = info.Size()
		_, err = io.ReadFull(io.NewSectionReader(f, int64(len(logMagic)), int64(len(l.name))), l.name[:])
	}
	return l, ended(err)
}

// tidy removes what a process that died while it wrote a snapshot has left.
func (l *eventLog) tidy() error {
	left, err := filepath.Glob(filepath.Join(l.folder, ".tmp-"+snapshotName+"-*"))
	for _, path := range left {
		err = errors.Join(err, l.disk.Remove("frontier.tidy", path))
	}
	return err
}

// scan calls f with each event that begins at or behind from, and with where it stands.
func (l *eventLog) scan(from int64, f func(*event, int64) error) (good int64, err error) {
	_, good, err = scanLog(io.NewSectionReader(l.f, 0, l.written), from, f)
	return good, err
}

// mend cuts off what does not hold. A log of which nothing holds begins anew.
func (l *eventLog) mend(good int64) error {
	if err := l.f.Truncate("frontier.cut", good); err != nil {
		return err
	}
	if l.written = good; good > 0 {
		return nil
	}
	rand.Read(l.name[:])
	l.buf = append(append(l.buf, logMagic...), l.name[:]...)
	return errors.Join(l.sync(), l.disk.SyncDir("frontier.begin", l.folder))
}

// readLog reads the log of a frontier's folder without touching it.
func readLog(folder string, f func(*event, int64) error) error {
	file, err := os.Open(filepath.Join(folder, logName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read frontier: %w", err)
	}
	defer file.Close()
	if _, _, err = scanLog(file, 0, f); err != nil {
		return fmt.Errorf("read frontier: %w", err)
	}
	return nil
}

// size is where the next event will stand.
func (l *eventLog) size() int64 { return l.written + int64(len(l.buf)) }

// add puts e behind the others and returns where it stands. flush writes it.
func (l *eventLog) add(e *event) (pos int64) {
	pos = l.size()
	l.buf = e.frame(l.buf)
	if len(l.buf) > maxBuffer && l.f != nil {
		l.flush() // keeps its error for the next one
	}
	return pos
}

// at reads the event that stands at pos.
func (l *eventLog) at(pos int64) (e event, err error) {
	if pos >= l.written {
		err = e.unframe(l.buf[min(pos-l.written, int64(len(l.buf))):])
	} else {
		b := make([]byte, readAhead)
		n, err2 := l.f.ReadAt(b, pos)
		if err = ended(err2); err == nil && frameSize(b[:n]) > int64(n) {
			b = make([]byte, frameSize(b))
			n, err2 = l.f.ReadAt(b, pos)
			err = ended(err2)
		}
		if err == nil {
			err = e.unframe(b[:n])
		}
	}
	if err != nil {
		err = fmt.Errorf("read frontier, byte %d: %w", pos, err)
	}
	return e, err
}

func (l *eventLog) flush() error {
	if len(l.buf) == 0 || l.err != nil {
		return l.err
	}
	l.dirty = true
	if _, err := l.f.WriteAt("frontier.write", l.buf, l.written); err != nil {
		l.err = fmt.Errorf("write frontier: %w", err)
		return l.err
	}
	l.written += int64(len(l.buf))
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
	if err := l.f.Sync("frontier.sync"); err != nil {
		l.err = fmt.Errorf("sync frontier: %w", err)
		return l.err
	}
	l.dirty = false
	return nil
}

func (l *eventLog) close() error { return errors.Join(l.sync(), l.f.Close()) }
