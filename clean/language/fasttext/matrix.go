package fasttext

import "errors"

// matrix is a table of numbers, plain or quantised.
type matrix interface {
	rows() int64
	cols() int
	add(to []float32, row int64)           // adds a row to a vector
	dot(with []float32, row int64) float32 // multiplies a row with a vector
}

// dense is a plain matrix.
type dense struct {
	n    int
	data []float32
}

func (d *dense) rows() int64 { return int64(len(d.data) / d.n) }
func (d *dense) cols() int   { return d.n }

func (d *dense) add(to []float32, row int64) {
	for i, x := range d.data[row*int64(d.n):][:d.n] {
		to[i] += x
	}
}

func (d *dense) dot(with []float32, row int64) float32 {
	sum := float32(0)
	for i, x := range d.data[row*int64(d.n):][:d.n] {
		sum += x * with[i]
	}
	return sum
}

// quantiser maps a byte for each part of a vector to that part.
type quantiser struct {
	parts, size, last int // so many parts of so many numbers, the last one of its own size
	centroids         []float32
}

// levels is how many values a byte has.
const levels = 256

// part is what a code stands for in a part.
func (q *quantiser) part(k int, code byte) []float32 {
	if k == q.parts-1 {
		return q.centroids[k*levels*q.size+int(code)*q.last:][:q.last]
	}
	return q.centroids[(k*levels+int(code))*q.size:][:q.size]
}

// product is a quantised matrix: a row is a code for each part, and one for its length where lengths are apart.
type product struct {
	m       int64
	n       int
	q       quantiser
	codes   []byte
	lengths *quantiser
	norms   []byte
}

func (p *product) rows() int64 { return p.m }
func (p *product) cols() int   { return p.n }

func (p *product) length(row int64) float32 {
	if p.lengths == nil {
		return 1
	}
	return p.lengths.part(0, p.norms[row])[0]
}

func (p *product) add(to []float32, row int64) {
	length := p.length(row)
	for k, code := range p.codes[row*int64(p.q.parts):][:p.q.parts] {
		for i, x := range p.q.part(k, code) {
			to[k*p.q.size+i] += length * x
		}
	}
}

func (p *product) dot(with []float32, row int64) float32 {
	sum := float32(0)
	for k, code := range p.codes[row*int64(p.q.parts):][:p.q.parts] {
		for i, x := range p.q.part(k, code) {
			sum += x * with[k*p.q.size+i]
		}
	}
	return sum * p.length(row)
}

// matrix reads a matrix. After an error it is empty.
func (r *reader) matrix(quantised bool) matrix {
	norms := quantised && r.bool()
	m, n := r.int64(), r.int64()
	if r.err == nil && (n < 1 || n > 1<<14 || m < 0 || m > r.left) {
		r.err = errors.New("a matrix of a size that cannot be")
	}
	if r.err != nil {
		return &dense{n: 1}
	}
	if !quantised {
		return &dense{int(n), r.floats(m * n)}
	}
	p := &product{m: m, n: int(n)}
	p.codes = r.codes(int64(r.int32()))
	p.q = r.quantiser(int(n))
	if norms {
		p.norms = r.codes(m)
		q := r.quantiser(1)
		p.lengths = &q
	}
	if r.err == nil && int64(len(p.codes)) != m*int64(p.q.parts) {
		r.err = errors.New("a matrix without all its codes")
	}
	return p
}

func (r *reader) quantiser(dim int) quantiser {
	n, parts, size, last := int(r.int32()), int(r.int32()), int(r.int32()), int(r.int32())
	if r.err == nil && (n != dim || parts < 1 || parts > dim || size < 1 || size > dim || last < 1 || last > size || (parts-1)*size+last != dim) {
		r.err = errors.New("a quantiser that does not fit its matrix")
	}
	if r.err != nil {
		return quantiser{}
	}
	return quantiser{parts, size, last, r.floats(int64(dim) * levels)}
}
