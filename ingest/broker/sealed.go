package broker

import (
	"bytes"
	"fmt"
	"hash/crc32"
)

// A small state file is JSON with a checksum in its last line, so that a flipped bit is seen: a name or a
// number that has changed may well still be JSON.
const sealMark = "crc32c "

const sealBytes = len(sealMark) + 8 + 1

// seal adds the last line to body, which ends with a newline.
func seal(body []byte) []byte {
	return fmt.Appendf(body, "%s%08x\n", sealMark, crc32.Checksum(body, castagnoli))
}

// unseal gives the body, and whether its checksum is there and right.
func unseal(raw []byte) (body []byte, ok bool) {
	if len(raw) < sealBytes {
		return nil, false
	}
	body = raw[:len(raw)-sealBytes]
	return body, bytes.Equal(seal(bytes.Clone(body)), raw)
}
