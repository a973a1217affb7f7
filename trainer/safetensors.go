package trainer

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// The safetensors format: the header's length (8 bytes, little-endian), the header in JSON, and
// the arrays one behind the other. Only float32 is read and written.

// maxHeader bounds the header; that of GPT-2 with 124 million parameters takes 20 kB.
const maxHeader = 1 << 20

// entry is a tensor in the header.
type entry struct {
	DType   string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// writeTensors writes equal tensors as equal bytes: the header has them in the order given.
func writeTensors(w io.Writer, ts []Tensor) error {
	var header bytes.Buffer
	var at int64
	for i, t := range ts {
		name, err := json.Marshal(t.Name)
		if err != nil {
			return err
		}
		end := at + 4*int64(len(t.Data))
		e, err := json.Marshal(entry{DType: "F32", Shape: t.Shape, Offsets: [2]int64{at, end}})
		if err != nil {
			return err
		}
		at = end
		header.WriteByte("{,"[min(i, 1)])
		header.Write(name)
		header.WriteByte(':')
		header.Write(e)
	}
	if len(ts) == 0 {
		header.WriteByte('{')
	}
	header.WriteByte('}')
	for header.Len()%8 != 0 {
		header.WriteByte(' ')
	}
	if header.Len() > maxHeader {
		return fmt.Errorf("a header of %d bytes is above the limit of %d", header.Len(), maxHeader)
	}
	if err := binary.Write(w, binary.LittleEndian, uint64(header.Len())); err != nil {
		return err
	}
	if _, err := w.Write(header.Bytes()); err != nil {
		return err
	}
	return writeFloats(w, ts)
}

// writeFloats writes the numbers of ts, little-endian.
func writeFloats(w io.Writer, ts []Tensor) error {
	var b [4096]byte
	for _, t := range ts {
		for d := t.Data; len(d) > 0; {
			n := min(len(d), len(b)/4)
			for i, x := range d[:n] {
				binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(x))
			}
			if _, err := w.Write(b[:4*n]); err != nil {
				return err
			}
			d = d[n:]
		}
	}
	return nil
}

// digest is the SHA-256 of the numbers of ts.
func digest(ts []Tensor) string {
	h := sha256.New()
	writeFloats(h, ts) // a hash returns no error
	return hex.EncodeToString(h.Sum(nil))
}

// readTensors reads a file of size bytes. Nothing is allocated that the file is too short for.
func readTensors(r io.Reader, size int64) ([]Tensor, error) {
	in := bufio.NewReader(r)
	var n uint64
	if err := binary.Read(in, binary.LittleEndian, &n); err != nil {
		return nil, fmt.Errorf("read the header's length: %w", err)
	}
	if n > maxHeader || int64(n) > size-8 {
		return nil, fmt.Errorf("a header of %d bytes in a file of %d (limit %d)", n, size, maxHeader)
	}
	header := make([]byte, n)
	if _, err := io.ReadFull(in, header); err != nil {
		return nil, fmt.Errorf("read the header: %w", err)
	}
	ts, err := parseHeader(header, size-8-int64(n))
	if err != nil {
		return nil, err
	}
	var b [4096]byte
	for _, t := range ts {
		for d := t.Data; len(d) > 0; {
			k := min(len(d), len(b)/4)
			if _, err := io.ReadFull(in, b[:4*k]); err != nil {
				return nil, fmt.Errorf("read tensor %q: %w", t.Name, err)
			}
			for i := range d[:k] {
				d[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
			}
			d = d[k:]
		}
	}
	return ts, nil
}

// parseHeader gives the tensors in the order of their data, which must fill the file's data bytes
// without a hole.
func parseHeader(header []byte, data int64) ([]Tensor, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(header, &raw); err != nil {
		return nil, fmt.Errorf("parse the header: %w", err)
	}
	delete(raw, "__metadata__")
	type named struct {
		name string
		entry
	}
	var all []named
	for name, m := range raw {
		e := named{name: name}
		if err := json.Unmarshal(m, &e.entry); err != nil {
			return nil, fmt.Errorf("parse tensor %q: %w", name, err)
		}
		if e.DType != "F32" {
			return nil, fmt.Errorf("tensor %q: type %q, want F32", name, e.DType)
		}
		if n, err := elements(e.Shape, data/4); err != nil || e.Offsets[0] < 0 || e.Offsets[0] > data || e.Offsets[1]-e.Offsets[0] != 4*n {
			return nil, fmt.Errorf("tensor %q: bytes %d to %d of %d do not hold the shape %v", name, e.Offsets[0], e.Offsets[1], data, e.Shape)
		}
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b named) int {
		if a.Offsets != b.Offsets {
			return slices.Compare(a.Offsets[:], b.Offsets[:])
		}
		return bytes.Compare([]byte(a.name), []byte(b.name))
	})
	var at int64
	for _, e := range all {
		if e.Offsets[0] != at {
			return nil, fmt.Errorf("tensor %q starts at byte %d, the one before ends at %d", e.name, e.Offsets[0], at)
		}
		at = e.Offsets[1]
	}
	if at != data {
		return nil, fmt.Errorf("the tensors take %d of %d bytes", at, data)
	}
	out := make([]Tensor, len(all))
	for i, e := range all {
		out[i] = Tensor{Name: e.name, Shape: e.Shape, Data: make([]float32, (e.Offsets[1]-e.Offsets[0])/4)}
	}
	return out, nil
}

// elements multiplies a shape; the product may not pass limit.
func elements(shape []int, limit int64) (int64, error) {
	n := int64(1)
	if slices.Contains(shape, 0) {
		n = 0
	}
	for _, d := range shape {
		if d < 0 || (n > 0 && n > limit/int64(d)) {
			return 0, errors.New("the shape does not fit")
		}
		n *= int64(d)
	}
	return n, nil
}

// restore copies the tensors in from into those of to, which must have the same names and shapes.
func restore(to, from []Tensor) error {
	have := make(map[string]Tensor, len(from))
	for _, t := range from {
		have[t.Name] = t
	}
	for _, t := range to {
		f, ok := have[t.Name]
		if !ok || !slices.Equal(f.Shape, t.Shape) || len(f.Data) != len(t.Data) {
			return fmt.Errorf("tensor %q has the shape %v, the model wants %v", t.Name, f.Shape, t.Shape)
		}
		copy(t.Data, f.Data)
	}
	if len(from) != len(to) {
		return fmt.Errorf("there are %d tensors, the model wants %d", len(from), len(to))
	}
	return nil
}
