package broker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// A record batch of version 2 begins with a header of 61 bytes:
//
//	0 base offset      8   12 leader epoch  4   21 attributes   2   27 timestamps and producer 30
//	8 length after it  4   16 magic, CRC  1+4   23 last delta   4   57 number of records        4
//
// Its CRC-32C covers what follows the CRC. The 17 bytes before are the broker's, so a frame on disk
// is the length of the batch (4), a CRC-32C over that length and the whole batch (4), and the batch.
const (
	frameHeader = 8
	batchHeader = 61
	maxBatch    = 4 << 20 // message.max.bytes
	maxFrame    = frameHeader + maxBatch
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var (
	errTooLarge = errors.New("batch is larger than 4 MiB")
	errCRC      = errors.New("batch does not match its CRC")
	errBatch    = errors.New("not one whole, plain record batch of version 2")
)

// batch is one record batch as it travels. The records inside stay opaque.
type batch []byte

func (b batch) base() int64    { return int64(binary.BigEndian.Uint64(b)) }
func (b batch) length() int64  { return int64(binary.BigEndian.Uint32(b[8:])) + 12 }
func (b batch) records() int64 { return int64(binary.BigEndian.Uint32(b[57:])) }
func (b batch) end() int64     { return b.base() + b.records() }

// check says whether b, from a producer, can be stored: one whole batch, its records numbered
// without holes, neither control batch nor transaction, from no idempotent producer, since this
// broker could not keep what those promise.
func (b batch) check() error {
	if len(b) > maxBatch {
		return errTooLarge
	}
	if len(b) < batchHeader || b.length() != int64(len(b)) || b[16] != 2 {
		return errBatch
	}
	if crc32.Checksum(b[21:], castagnoli) != binary.BigEndian.Uint32(b[17:]) {
		return errCRC
	}
	const transactional, control = 0x10, 0x20
	n, last := int32(b.records()), int32(binary.BigEndian.Uint32(b[23:]))
	producer := int64(binary.BigEndian.Uint64(b[43:]))
	if n < 1 || last != n-1 || b[22]&(transactional|control) != 0 || producer >= 0 {
		return errBatch
	}
	return nil
}

// place gives b its base offset. The leader epoch of a single node is always 0.
func (b batch) place(base int64) {
	binary.BigEndian.PutUint64(b, uint64(base))
	binary.BigEndian.PutUint32(b[12:], 0)
}

// appendFrame appends the stored form of b to dst.
func appendFrame(dst []byte, b batch) []byte {
	at := len(dst)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(b)))
	dst = binary.BigEndian.AppendUint32(dst, 0)
	dst = append(dst, b...)
	binary.BigEndian.PutUint32(dst[at+4:], frameSum(dst[at:]))
	return dst
}

// frameSum is the checksum of a frame: over its length field and its batch.
func frameSum(frame []byte) uint32 {
	return crc32.Update(crc32.Checksum(frame[:4], castagnoli), castagnoli, frame[frameHeader:])
}

// frameLength reads the length of a whole frame from its first bytes.
func frameLength(head []byte) (int64, error) {
	n := int64(binary.BigEndian.Uint32(head))
	if n < batchHeader || n > maxBatch {
		return 0, fmt.Errorf("frame of %d bytes", n)
	}
	return frameHeader + n, nil
}

// openFrame verifies a whole frame and gives its batch.
func openFrame(frame []byte) (batch, error) {
	if frameSum(frame) != binary.BigEndian.Uint32(frame[4:]) {
		return nil, errors.New("frame does not match its checksum")
	}
	b := batch(frame[frameHeader:])
	if b.length() != int64(len(b)) || b.records() < 1 || b.base() < 0 {
		return nil, errBatch
	}
	return b, nil
}
