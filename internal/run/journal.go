package run

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/zeebo/xxh3"

	"millrace"
	"millrace/internal/durable"
)

// The attempt journal says which documents were in the hands of stages when the process died. It is a file in
// shared memory, never synced: what the kernel has outlives the process, and when the machine goes down no
// document is to blame. It holds
//
//	a header, in headSize bytes: the number of slots, and a hash of the recipe
//	one note a hand, in slotSize bytes each
//	a line for each document that was in work at the last deaths
//
// and each of these a line with its CRC, so that it can be read with cat. What is damaged counts as not there.
const (
	headSize = 64
	slotSize = 512
	journal1 = "millrace-attempts/1" // first word of the header

	suspicious = 3 // deaths in a row with a document in work, after which it is taken alone
	guilty     = 3 // deaths in a row with nothing else in work, after which it is not tried again,
	silent     = 5 // and of those that may have come from outside: they left no words
)

// The kinds of a note.
const (
	inWork = "work"  // others were in work too
	alone  = "alone" // nothing else was
	hung   = "hung"  // the watchdog has ended the process because of this document
	ended  = "ended" // instead of a note: the belt has come to an end, and nobody has died
)

// death is what is known of one document that was in work at each of the last deaths.
type death struct {
	Position string `json:"position"`
	Deaths   int    `json:"deaths"`          // in all
	Alone    int    `json:"alone,omitempty"` // of them with nothing else to blame
	Words    int    `json:"words,omitempty"` // of those with words
	ID       string `json:"id,omitempty"`    // of those
	Stage    string `json:"stage,omitempty"`
	Err      string `json:"err,omitempty"`
}

func (d *death) guilty() bool { return d.Words >= guilty || d.Alone >= silent }

// suspect reports whether the document is to be taken alone.
func (d *death) suspect() bool { return d.Deaths >= suspicious || d.Alone > 0 }

// journal is the attempt journal of one belt, together with the crash loops that were decided from it.
type journal struct {
	path   string
	recipe string // its hash
	slots  []byte // shared with the file; nil until start
	deaths map[millrace.Position]*death
	last   *lastWords
	loops  *loops
}

// openJournal reads what the last process left, and counts its death. Nothing is written yet: a process that
// dies before start has counted nothing.
func openJournal(disk *durable.Disk, dir, name, recipe string) (_ *journal, err error) {
	j := &journal{path: filepath.Join(dir, "attempts-"+name), recipe: hashed(recipe), deaths: map[millrace.Position]*death{}}
	if j.loops, err = openLoops(disk, dir, name, recipe); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(j.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var said string
	if j.last, said, err = openLastWords(j.path + ".crash"); err != nil {
		return nil, err
	}
	j.tidy()
	j.read(string(b), said)
	return j, nil
}

// note is one slot as read.
type note struct {
	kind, id, stage string
	at              millrace.Position
}

// read takes the counts of a file, and adds the death of the process that wrote its notes.
func (j *journal) read(file, said string) {
	head, ok := unseal(file)
	f := strings.Fields(head)
	if !ok || len(f) != 3 || f[0] != journal1 || f[2] != j.recipe {
		return
	}
	slots, err := strconv.Atoi(f[1])
	if err != nil || slots < 0 || slots > len(file)/slotSize || len(file) < headSize+slots*slotSize {
		return
	}
	old := map[millrace.Position]*death{}
	for line := range strings.Lines(file[headSize+slots*slotSize:]) {
		text, ok := unseal(line)
		d := new(death)
		if !ok || json.Unmarshal([]byte(text), d) != nil {
			continue
		}
		if p, err := millrace.ParsePosition(d.Position); err == nil && !p.IsZero() {
			old[p] = d
		}
	}
	if text, ok := unseal(file[headSize:]); ok && slots > 0 && text == ended {
		j.deaths = old
		return
	}
	var notes []note
	one, known := false, false // it was one of them, and which
	for i := range slots {
		if n, ok := parseNote(file[headSize+i*slotSize:][:slotSize]); ok {
			notes = append(notes, n)
			one = one || n.kind != inWork
			known = known || n.kind == hung
		}
	}
	for p, d := range old { // a suspect who is not in a note has not had his turn; where one was alone, nobody else has
		if one || d.suspect() {
			j.deaths[p] = d
		}
	}
	for _, n := range notes {
		if !known || n.kind == hung {
			j.count(n, old[n.at], said)
		}
	}
}

// count adds a death to what was known. Whoever was not in work at this one has not killed each time, and is
// forgotten, unless he is suspected already, and waits to be taken alone: that tells a document that kills from kills
// from outside.
func (j *journal) count(n note, d *death, said string) {
	if d == nil {
		d = &death{Position: n.at.String()}
	}
	j.deaths[n.at] = d
	d.Deaths++
	if n.kind == inWork {
		return
	}
	if d.ID != "" && d.ID != n.id { // another log: another document stands there now
		*d = death{Position: d.Position, Deaths: 1}
	}
	d.Alone++
	if said != unheard {
		d.Words++
	}
	d.ID, d.Stage, d.Err = n.id, n.stage, said
}

// parseNote reads a slot; ok is false where it is empty or damaged.
func parseNote(slot string) (note, bool) {
	text, ok := unseal(slot)
	f := strings.SplitN(text, " ", 4)
	if !ok || len(f) != 4 {
		return note{}, false
	}
	at, err := millrace.ParsePosition(f[1])
	if err != nil || at.IsZero() || f[0] != inWork && f[0] != alone && f[0] != hung {
		return note{}, false
	}
	return note{kind: f[0], at: at, id: f[2], stage: f[3]}, true
}

// start begins a life with so many slots. What lies below next is stored: nobody asks for it again.
func (j *journal) start(next map[millrace.Partition]int64, slots int) error {
	for p := range j.deaths {
		if p.Offset < next[p.Partition] {
			delete(j.deaths, p)
		}
	}
	return j.write(slots)
}

// write makes the file anew, with empty slots. The old one counts until the new one is in its place.
func (j *journal) write(slots int) error {
	b := make([]byte, headSize+slots*slotSize)
	copy(b, seal(nil, fmt.Sprint(journal1, " ", slots, " ", j.recipe)))
	for _, d := range j.deaths {
		line, err := json.Marshal(d)
		if err != nil {
			return err
		}
		b = seal(b, string(line))
	}
	if err := j.release(); err != nil {
		return err
	}
	err := errShorter
	for try := 0; errors.Is(err, errShorter) && try < 10; try++ {
		if err = j.place(b); err == nil {
			j.slots, err = mapFile(j.path, headSize+slots*slotSize)
		}
	}
	if err != nil {
		return fmt.Errorf("write the attempt journal: %w", err)
	}
	return nil
}

// errShorter says that the file at the journal's path is not the one that was just put there: the belt has a
// second owner, one that was paused and woke up.
var errShorter = errors.New("another owner of the belt has put his journal there")

// place puts b in the place of the journal. The temporary file has a name of its own, for the same reason.
func (j *journal) place(b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(j.path), filepath.Base(j.path)+newSuffix+"*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), j.path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// newSuffix is of files that are about to become a journal.
const newSuffix = ".new-"

// tidy removes what a process has left that died at that moment.
func (j *journal) tidy() {
	left, _ := filepath.Glob(j.path + newSuffix + "*") // the pattern is sound, or nothing is found
	for _, name := range left {
		if info, err := os.Stat(name); err == nil && time.Since(info.ModTime()) > time.Minute {
			_ = os.Remove(name)
		}
	}
}

// release gives the shared memory back: Windows renames over no file that is in use.
func (j *journal) release() error {
	b := j.slots
	j.slots = nil
	if b == nil {
		return nil
	}
	return unmapFile(b)
}

// put writes a note into a slot. buf is the hand's own.
func (j *journal) put(slot int, buf []byte, kind string, d *millrace.Document, stage string) []byte {
	buf = append(buf[:0], "00000000 "...)
	buf = append(append(buf, kind...), ' ')
	buf = append(append(buf, d.Position.Topic...), '/')
	buf = append(strconv.AppendInt(buf, int64(d.Position.Index), 10), '/')
	buf = append(strconv.AppendInt(buf, d.Position.Offset, 10), ' ')
	buf = append(hex.AppendEncode(buf, d.ID[:]), ' ')
	buf = append(append(buf, stage...), '\n')
	if len(buf) > slotSize {
		return buf // names that no topic and no stage has
	}
	var sum [4]byte
	binary.BigEndian.PutUint32(sum[:], crc32.ChecksumIEEE(buf[9:len(buf)-1]))
	hex.Encode(buf, sum[:])
	copy(j.slots[headSize+slot*slotSize:], buf)
	return buf
}

// clear empties a slot.
func (j *journal) clear(slot int) { j.slots[headSize+slot*slotSize] = '\n' }

// suspect reports whether the document at p is to be taken alone.
func (j *journal) suspect(p millrace.Position) bool {
	d := j.deaths[p]
	return d != nil && d.suspect()
}

// acquit forgets the deaths at p: what was in work there has come through alone. Nothing else may be in work.
func (j *journal) acquit(p millrace.Position, slots int) error {
	delete(j.deaths, p)
	return j.write(slots)
}

// judge gives the verdict on a document that has taken the process down too often, or did so in an earlier
// run over the same log. A new one is durable before it is returned: whoever reads this log again decides alike.
func (j *journal) judge(d *millrace.Document) (bool, error) {
	if l, ok := j.loops.find(d); ok {
		l.mark(d)
		return true, nil
	}
	c := j.deaths[d.Position]
	if c == nil || !c.guilty() || c.ID != d.ID.String() {
		return false, nil
	}
	l := loop{Position: c.Position, ID: c.ID, Stage: c.Stage, Attempts: c.Deaths,
		Err: fmt.Sprintf("the process ended %d times with this document in work, %d of them with nothing else to blame: %s", c.Deaths, c.Alone, c.Err)}
	if err := j.loops.add(d.Position, l); err != nil {
		return false, err
	}
	delete(j.deaths, d.Position)
	l.mark(d)
	return true, nil
}

// close says that nobody has died, and gives the files back.
func (j *journal) close() {
	if len(j.slots) > headSize {
		copy(j.slots[headSize:], seal(nil, ended))
	}
	_ = j.release() // the process is done with it, one way or the other
	j.last.close()
}

// hashed is a hash of s, as a word.
func hashed(s string) string { return strconv.FormatUint(xxh3.HashString(s), 16) }

// seal appends a line with its CRC.
func seal(to []byte, text string) []byte {
	return fmt.Appendf(to, "%08x %s\n", crc32.ChecksumIEEE([]byte(text)), text)
}

// unseal reads the first line of s; ok is false where it is cut or damaged.
func unseal(s string) (text string, ok bool) {
	line, _, ended := strings.Cut(s, "\n")
	if len(line) < 9 || line[8] != ' ' || !ended {
		return "", false
	}
	sum, err := strconv.ParseUint(line[:8], 16, 32)
	return line[9:], err == nil && uint32(sum) == crc32.ChecksumIEEE([]byte(line[9:]))
}
