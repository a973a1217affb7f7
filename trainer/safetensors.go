package trainer

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
)

func digest(ts []Tensor) string {
	h := sha256.New()
	var b [4096]byte
	for _, t := range ts {
		for d := t.Data; len(d) > 0; {
			n := min(len(d), len(b)/4)
			putFloats(b[:], d[:n])
			h.Write(b[:4*n])
			d = d[n:]
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

func putFloats(b []byte, v []float32) {
	for i, x := range v {
		binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(x))
	}
}
