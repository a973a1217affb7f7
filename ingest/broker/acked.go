package broker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"millrace/internal/durable"
)

// acked is what a partition knows for certain: how far the log was acknowledged, and where it begins.
// It tells a torn tail, which may be cut, from damage to acknowledged bytes, which may not.
//
// It lives in a file of two slots, written in turn, so that a torn write costs one slot only. A slot is
// written after each fsync of the log and is not itself synced then: a crash of the process loses
// nothing, and a power cut leaves it too low. That is harmless, for bytes behind it that were synced
// are whole, and whatever is not whole was never acknowledged.
type acked struct {
	turn    uint64 // rises with each write; the higher valid slot counts
	segment int64  // base offset of the active segment
	pos     int64  // bytes of it that are acknowledged
	next    int64  // the offset after the last one acknowledged
	start   int64  // the log start offset
}

const (
	slotBytes  = 8 + 5*8 + 4
	slotStride = 4096 // slots never share a page
	slotMagic  = "mrACKED1"
)

var errNoAcked = errors.New("no valid slot")

func (a acked) encode() []byte {
	b := append(make([]byte, 0, slotBytes), slotMagic...)
	for _, v := range []uint64{a.turn, uint64(a.segment), uint64(a.pos), uint64(a.next), uint64(a.start)} {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func decodeAcked(b []byte) (acked, bool) {
	if len(b) != slotBytes || string(b[:8]) != slotMagic {
		return acked{}, false
	}
	body, sum := b[:slotBytes-4], binary.BigEndian.Uint32(b[slotBytes-4:])
	if crc32.Checksum(body, castagnoli) != sum {
		return acked{}, false
	}
	at := func(i int) int64 { return int64(binary.BigEndian.Uint64(b[8+8*i:])) }
	return acked{uint64(at(0)), at(1), at(2), at(3), at(4)}, true
}

// readAcked gives the newer of the two slots of f, or errNoAcked.
func readAcked(f io.ReaderAt) (acked, error) {
	var best acked
	found := false
	for slot := range int64(2) {
		b := make([]byte, slotBytes)
		if _, err := f.ReadAt(b, slot*slotStride); err != nil && !errors.Is(err, io.EOF) {
			return acked{}, err
		}
		if a, ok := decodeAcked(b); ok && (!found || a.turn > best.turn) {
			best, found = a, true
		}
	}
	if !found {
		return acked{}, errNoAcked
	}
	return best, nil
}

// write stores a in the slot whose turn it is; lasting says that it has to survive a power cut too.
func (a *acked) write(f *durable.File, lasting bool) error {
	a.turn++
	if _, err := f.WriteAt("broker.acked.write", a.encode(), int64(a.turn%2)*slotStride); err != nil {
		return fmt.Errorf("write %s: %w", f.Name(), err)
	}
	if !lasting {
		return nil
	}
	if err := f.Sync("broker.acked.sync"); err != nil {
		return fmt.Errorf("sync %s: %w", f.Name(), err)
	}
	return nil
}
