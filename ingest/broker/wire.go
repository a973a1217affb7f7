package broker

import "encoding/binary"

// reader takes Kafka's primitive types from one request. After the first wrong byte it is bad and
// gives zeroes, so that a parser checks once, at its end.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.bad, r.b = true, nil
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) int8() int8 {
	if b := r.take(1); b != nil {
		return int8(b[0])
	}
	return 0
}

func (r *reader) int16() int16 {
	if b := r.take(2); b != nil {
		return int16(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (r *reader) int32() int32 {
	if b := r.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (r *reader) int64() int64 {
	if b := r.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

// string reads a nullable string; null is "".
func (r *reader) string() string {
	n := int(r.int16())
	if n < 0 {
		return ""
	}
	return string(r.take(n))
}

// bytes reads nullable bytes. They stay part of the request.
func (r *reader) bytes() []byte {
	n := int(r.int32())
	if n < 0 {
		return nil
	}
	return r.take(n)
}

// array reads the length of a nullable array whose elements take at least size bytes each, so that
// no length can ask for more than the request holds. Null is -1.
func (r *reader) array(size int) int {
	n := int(r.int32())
	if n < 0 {
		return -1
	}
	if n > len(r.b)/size {
		r.bad, r.b = true, nil
		return 0
	}
	return n
}

// writer builds one response.
type writer struct{ b []byte }

func (w *writer) bool(v bool) {
	if v {
		w.b = append(w.b, 1)
	} else {
		w.b = append(w.b, 0)
	}
}

func (w *writer) int8(v int8)   { w.b = append(w.b, byte(v)) }
func (w *writer) int16(v int16) { w.b = binary.BigEndian.AppendUint16(w.b, uint16(v)) }
func (w *writer) int32(v int32) { w.b = binary.BigEndian.AppendUint32(w.b, uint32(v)) }
func (w *writer) int64(v int64) { w.b = binary.BigEndian.AppendUint64(w.b, uint64(v)) }

func (w *writer) string(s string) {
	s = s[:min(len(s), 1<<15-1)]
	w.int16(int16(len(s)))
	w.b = append(w.b, s...)
}

// nullable writes "" as null.
func (w *writer) nullable(s string) {
	if s == "" {
		w.int16(-1)
		return
	}
	w.string(s)
}

func (w *writer) ints(vs ...int32) {
	w.int32(int32(len(vs)))
	for _, v := range vs {
		w.int32(v)
	}
}

// set overwrites the int32 at byte at, which was left free for a length.
func (w *writer) set(at int, v int32) { binary.BigEndian.PutUint32(w.b[at:], uint32(v)) }
