package crawl

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// kind says what an event is about.
type kind uint8

// To add a kind: put it last, and into sampleEvents of the test; say in frontier.apply what it changes;
// and what it changes must stand in frontier.code, or a snapshot forgets it. To add a field: put it last
// in numbers or texts. A millrace that does not know a kind or field refuses the log.
const (
	evDiscovered kind = iota + 1 // id, url, depth, hops, flags; text: the quota that it counts against
	evFetched                    // a visit. id, url, depth, hops, flags, status, next, when, since, digest, etag, modified; rule: the target of a redirect; text: consent; body: history
	evRefused                    // id, reason, rule, line; with url, where it is discovered and refused at once
	evFailed                     // id, attempts, text
	evRobots                     // url: the authority; status, when, until, body; text: what is odd
	evSitemap                    // url, when; text: why it failed
	evClosed                     // url: the authority; when: it wants no request before
	evNested                     // url: of a sitemap that another one names; depth: how many are above it
	evTrouble                    // url: the authority; when: since, attempts, text: why it is left alone, "" where that is over
	evFrozen                     // url: a shape that yields nothing new; attempts: links into it that were not followed
	evProved                     // url: a shape whose quota grows
	evHanded                     // id, url, depth, hops, flags, worker: a link of that worker's domain
	evSent                       // worker, next: it has what was handed over below this place in the log
	evReceived                   // next: what others sent to this worker below this offset is known
	evFile                       // url: tdmrep.json, ai.txt or an RSL document; status (0: no answer), when, until, body
	evArchived                   // next: the archive is known up to there
	evEnd                        // none: the kinds end here
)

// Flags of evDiscovered and evFetched.
const (
	flagSeed    = 1 << iota // named by the user
	flagSitemap             // named by a sitemap; of evHanded: it is one
	flagAlias               // the key belongs to another URL, which leads here: known by "=" and its fetch form
	flagHeld                // beyond the quota of its shape
	flagThere               // it has been a page
	flagGone                // it no longer is, and its rows have been withdrawn
	flagDated               // a date of the site's has brought the visit about
)

// event is one record of the log. Each kind uses some of the fields; the others cost nothing.
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
	since    uint64 // Unix microseconds
	worker   uint64
	url      string
	reason   string
	rule     string
	text     string
	body     string
	digest   string
	etag     string
	modified string
}

func (e *event) numbers() [11]*uint64 {
	return [...]*uint64{&e.depth, &e.hops, &e.flags, &e.line, &e.attempts, &e.status, &e.next, &e.when, &e.until, &e.since, &e.worker}
}

func (e *event) texts() [8]*string {
	return [...]*string{&e.url, &e.reason, &e.rule, &e.text, &e.body, &e.digest, &e.etag, &e.modified}
}

// Tags: a number's is its place, a text's firstText and its place.
const (
	firstText = 64
	tagID     = 128
)

var (
	errEvent   = fmt.Errorf("an event of a kind that this millrace does not know: %w", errOtherVersion)
	errDamaged = errors.New("damaged")
)

// encode appends the payload of e to b: its kind, then a tag and a value for each field that is not zero.
func (e *event) encode(b []byte) []byte {
	b = append(b, byte(e.kind))
	if e.id != (urlID{}) {
		b = append(append(b, tagID), e.id[:]...)
	}
	for i, n := range e.numbers() {
		if *n != 0 {
			b = binary.AppendUvarint(append(b, byte(i)), *n)
		}
	}
	for i, s := range e.texts() {
		if *s != "" {
			b = binary.AppendUvarint(append(b, byte(firstText+i)), uint64(len(*s)))
			b = append(b, *s...)
		}
	}
	return b
}

// decode reads a payload.
func (e *event) decode(b []byte) error {
	if len(b) == 0 || b[0] == 0 || kind(b[0]) >= evEnd {
		return errEvent
	}
	e.kind = kind(b[0])
	numbers, texts := e.numbers(), e.texts()
	for b = b[1:]; len(b) > 0; {
		tag := int(b[0])
		if b = b[1:]; tag == tagID {
			if len(b) < len(e.id) {
				return errEvent
			}
			b = b[copy(e.id[:], b):]
			continue
		}
		n, size := binary.Uvarint(b)
		if size <= 0 {
			return errEvent
		}
		b = b[size:]
		switch {
		case tag < len(numbers):
			*numbers[tag] = n
		case tag >= firstText && tag < firstText+len(texts) && n <= uint64(len(b)):
			*texts[tag-firstText], b = string(b[:n]), b[n:]
		default:
			return errEvent
		}
	}
	return nil
}

// frame appends e to b as the log holds it.
func (e *event) frame(b []byte) []byte {
	at := len(b)
	b = e.encode(append(b, make([]byte, frameHead)...))
	payload := b[at+frameHead:]
	binary.LittleEndian.PutUint32(b[at:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(b[at+4:], crc32.Checksum(payload, castagnoli()))
	return b
}

// frameSize is how long the frame that begins with b is, or says to be.
func frameSize(b []byte) int64 {
	if len(b) < frameHead {
		return frameHead
	}
	return frameHead + int64(min(binary.LittleEndian.Uint32(b), maxEvent))
}

// unframe reads the frame that b begins with.
func (e *event) unframe(b []byte) error {
	n := frameSize(b)
	if n > int64(len(b)) || crc32.Checksum(b[frameHead:n], castagnoli()) != binary.LittleEndian.Uint32(b[4:]) {
		return errDamaged
	}
	return e.decode(b[frameHead:n])
}
