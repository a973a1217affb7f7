package fasttext

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
)

// The kinds of loss, by their numbers in a file.
const (
	lossTree    = 1 // hierarchical softmax
	lossSoftmax = 3
	lossEach    = 4 // one versus all
)

// Model is a supervised model.
type Model struct {
	dim, loss     int
	minn, maxn    int // of n-grams of characters
	wordNgrams    int
	buckets       uint32
	words         map[string]int32
	wordCount     int32
	labels        []string
	counts        []int64         // of the labels, which decide the tree
	pruned        map[int32]int32 // nil where all n-grams have rows
	input, output matrix
	tree          []node
}

// Open reads a model file.
func Open(path string) (m *Model, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	m, err = Read(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("read fastText model %s: %w", path, err)
	}
	return m, nil
}

// Read reads a model of at most size bytes. What it allocates is bounded by a small multiple of size.
func Read(from io.Reader, size int64) (*Model, error) {
	r := &reader{r: bufio.NewReaderSize(io.LimitReader(from, size), 1<<16), left: size}
	m := &Model{}
	if err := m.readArgs(r); err != nil {
		return nil, err
	}
	if err := m.readWords(r); err != nil {
		return nil, err
	}
	quantised := r.bool()
	m.input = r.matrix(quantised)
	m.output = r.matrix(r.bool() && quantised)
	if r.err != nil {
		return nil, r.err
	}
	return m, m.check()
}

// readArgs reads what the model was trained with.
func (m *Model) readArgs(r *reader) error {
	const magic, newest = 793712314, 12
	if r.int32() != magic {
		return errors.New("no fastText model")
	}
	version := r.int32()
	var a [12]int32
	for i := range a {
		a[i] = r.int32()
	}
	r.int64() // a sampling threshold, of no use here
	m.dim, m.wordNgrams, m.loss = int(a[0]), int(a[5]), int(a[6])
	m.buckets, m.minn, m.maxn = uint32(a[8]), int(a[9]), int(a[10])
	if version == 11 {
		m.maxn = 0 // supervised models had none then, whatever they say
	}
	const supervised = 3
	switch {
	case r.err != nil:
		return r.err
	case version < 11 || version > newest:
		return fmt.Errorf("version %d, not 11 or 12", version)
	case a[7] != supervised:
		return errors.New("it holds word vectors, and no labels")
	case m.loss != lossTree && m.loss != lossSoftmax && m.loss != lossEach:
		return fmt.Errorf("loss %d is none that a classifier has", m.loss)
	case m.dim < 1 || m.dim > 1<<14 || a[8] < 0 || m.minn < 0 || m.maxn > 64 || m.wordNgrams > 16:
		return errors.New("its settings are out of range")
	}
	return nil
}

// readWords reads the dictionary.
func (m *Model) readWords(r *reader) error {
	size, words, labels := r.int32(), r.int32(), r.int32()
	r.int64() // the number of tokens
	pruned := r.int64()
	const perWord, perPruned = 10, 8 // bytes in the file
	if r.err == nil && (size < 0 || words < 0 || labels < 1 || int64(words)+int64(labels) != int64(size) || int64(size)*perWord > r.left ||
		pruned < -1 || pruned > r.left/perPruned) {
		return errors.New("its dictionary is not as long as it says")
	}
	if r.err != nil {
		return r.err
	}
	m.words, m.wordCount = make(map[string]int32, words), words
	for i := range size {
		word, count, label := r.string(), r.int64(), r.bool()
		if r.err != nil {
			return r.err
		}
		if label != (i >= words) {
			return errors.New("its dictionary has a label among its words")
		}
		if count < 0 || count >= unbuilt {
			return errors.New("a count that cannot be")
		}
		if label {
			m.labels = append(m.labels, word)
			m.counts = append(m.counts, count)
		} else {
			m.words[word] = i
		}
	}
	if pruned >= 0 {
		m.pruned = make(map[int32]int32, pruned)
		for range pruned {
			from, to := r.int32(), r.int32()
			m.pruned[from] = to
		}
	}
	return r.err
}

// check holds the parts against each other, so that no row is asked for that is not there.
func (m *Model) check() error {
	rows := int64(m.wordCount) + int64(m.buckets)
	if m.pruned != nil {
		rows = int64(m.wordCount) + int64(len(m.pruned))
		for _, to := range m.pruned {
			if to < 0 || int(to) >= len(m.pruned) {
				return errors.New("it names a row that it does not have")
			}
		}
	}
	if m.input.rows() < rows || m.input.cols() != m.dim {
		return fmt.Errorf("%d rows of %d numbers for %d of %d", m.input.rows(), m.input.cols(), rows, m.dim)
	}
	if m.output.rows() != int64(len(m.labels)) || m.output.cols() != m.dim {
		return fmt.Errorf("%d rows of %d numbers for %d labels", m.output.rows(), m.output.cols(), len(m.labels))
	}
	if m.loss == lossTree {
		m.tree = huffman(m.counts)
	}
	return nil
}

// reader reads numbers, and keeps the first error. left is how many bytes there can still be.
type reader struct {
	r    *bufio.Reader
	left int64
	err  error
	buf  [8]byte
}

func (r *reader) bytes(n int) []byte {
	if r.err == nil {
		_, r.err = io.ReadFull(r.r, r.buf[:n])
		r.left -= int64(n)
	}
	if r.err != nil {
		clear(r.buf[:])
	}
	return r.buf[:n]
}

func (r *reader) bool() bool   { return r.bytes(1)[0] != 0 }
func (r *reader) int32() int32 { return int32(binary.LittleEndian.Uint32(r.bytes(4))) }
func (r *reader) int64() int64 { return int64(binary.LittleEndian.Uint64(r.bytes(8))) }

// string reads up to a NUL. A word longer than a kilobyte is none.
func (r *reader) string() string {
	var b []byte
	for r.err == nil {
		c := r.bytes(1)[0]
		if c == 0 {
			break
		}
		if b = append(b, c); len(b) > 1<<10 {
			r.err = errors.New("a word without an end")
		}
	}
	return string(b)
}

// codes reads n bytes.
func (r *reader) codes(n int64) []byte {
	if !r.room(n, 1) {
		return nil
	}
	b := make([]byte, n)
	_, r.err = io.ReadFull(r.r, b)
	r.left -= n
	return b
}

// floats reads n numbers.
func (r *reader) floats(n int64) []float32 {
	if !r.room(n, 4) {
		return nil
	}
	list := make([]float32, n)
	for i := range list {
		list[i] = math.Float32frombits(uint32(r.int32()))
	}
	return list
}

// room reports whether n things of so many bytes can still come.
func (r *reader) room(n, size int64) bool {
	if r.err == nil && (n < 0 || n > r.left/size) {
		r.err = fmt.Errorf("%d numbers of %d bytes where %d bytes are left", n, size, r.left)
	}
	return r.err == nil
}
