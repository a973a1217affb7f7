package fields

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// part is a field of a fixed size.
type part struct {
	name string
	size int
}

var errShort = errors.New("it ends in the middle of a field")

// layout lays parts out from byte at on.
func layout(list []Field, at int, parts ...part) ([]Field, int) {
	for _, p := range parts {
		list = append(list, Field{p.name, at, at + p.size})
		at += p.size
	}
	return list, at
}

// segment is the log of the broker: frames of a length, a checksum and a record batch of Kafka's.
func segment(raw []byte) (list []Field, err error) {
	for at := 0; at < len(raw); {
		if len(raw)-at < 8 {
			return nil, errShort
		}
		end := at + 8 + int(binary.BigEndian.Uint32(raw[at:]))
		if end > len(raw) || end < at+69 {
			return nil, fmt.Errorf("a frame at %d ends at %d", at, end)
		}
		list, at = layout(list, at, part{"frame length", 4}, part{"frame checksum", 4}, part{"base offset", 8}, part{"batch length", 4},
			part{"leader epoch", 4}, part{"magic", 1}, part{"batch CRC", 4}, part{"attributes", 2}, part{"last offset delta", 4},
			part{"first timestamp", 8}, part{"last timestamp", 8}, part{"producer id", 8}, part{"producer epoch", 2}, part{"base sequence", 4},
			part{"number of records", 4})
		list, at = layout(list, at, part{"records", end - at})
	}
	return list, nil
}

// index is the sparse index beside a segment.
func index(raw []byte) (list []Field, err error) {
	list, at := layout(nil, 0, part{"magic", 8})
	for at+16 <= len(raw)-4 {
		list, at = layout(list, at, part{"offset", 8}, part{"place", 8})
	}
	list, at = layout(list, at, part{"checksum", 4})
	if at != len(raw) {
		return nil, errShort
	}
	return list, nil
}

// acked has two slots, on pages of their own.
func acked(raw []byte) (list []Field, err error) {
	for _, at := range []int{0, 4096} {
		if at+52 > len(raw) {
			break
		}
		if !bytes.HasPrefix(raw[at:], []byte("mrACKED1")) {
			continue // not written yet
		}
		list, _ = layout(list, at, part{"magic", 8}, part{"turn", 8}, part{"segment", 8}, part{"place", 8}, part{"next", 8}, part{"start", 8}, part{"checksum", 4})
	}
	if list == nil {
		return nil, errShort
	}
	return list, nil
}

// frontier is a head of one line and a number, and frames of a length, a checksum and an event; a snapshot is such a
// line, the log's number, and what it has of the state.
func frontier(raw []byte) (list []Field, err error) {
	head := bytes.IndexByte(raw, '\n') + 1
	if head == 0 {
		return nil, errShort
	}
	list, at := layout(nil, 0, part{"magic", head}, part{"name", 8})
	if bytes.Contains(raw[:head], []byte("snapshot")) {
		size := len(raw) - 4 - at
		list, at = layout(list, at, part{"place in the log", 8}, part{"counts", 32})
		list, _ = layout(list, at, part{"state", size - 40}, part{"checksum", 4})
		return list, nil
	}
	for at < len(raw) {
		if len(raw)-at < 9 {
			return nil, errShort
		}
		size := int(binary.LittleEndian.Uint32(raw[at:]))
		if at+8+size > len(raw) {
			return nil, errShort
		}
		list, at = layout(list, at, part{"length", 4}, part{"checksum", 4}, part{"kind", 1}, part{"event", size - 1})
	}
	return list, nil
}
