package trainer

import (
	"golang.org/x/sys/cpu"
	"gonum.org/v1/gonum/blas"
)

//go:noescape
func tile6x16(k int, a *float32, rowBytes, stepBytes int, b, c *float32, ldcBytes int, alpha float32, store bool)

// ownGemm32 is a matrix multiplication for one goroutine, or nil where the machine lacks AVX2 and
// FMA. gonum's takes about a tenth of such a machine's speed.
func ownGemm32() gemm[float32] {
	if !cpu.X86.HasAVX2 || !cpu.X86.HasFMA {
		return nil
	}
	s := new(scratch)
	return s.mul
}

// Sizes of the blocks: a packed panel of B stays in the first cache, a block of A in the second.
const (
	tileM  = 6
	tileN  = 16
	blockM = 384 // a multiple of tileM
	blockK = 256
)

// scratch holds what one multiplication packs.
type scratch struct {
	panel [blockK * tileN]float32 // columns of B
	edge  [blockK * tileM]float32 // the last rows of A
	tile  [tileM * tileN]float32  // a part of C that is no whole tile
}

// mul has the arguments and the meaning of gonum's Sgemm.
func (s *scratch) mul(tA, tB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	if m == 0 || n == 0 {
		return
	}
	// From one element of A to the next, down and to the right.
	down, right := lda, 1
	if tA == blas.Trans {
		down, right = 1, lda
	}
	// The assembly knows no bounds: these do.
	_ = c[(m-1)*ldc+n-1]
	if k > 0 {
		_ = a[(m-1)*down+(k-1)*right]
	}
	if beta != 0 && beta != 1 {
		for i := range m {
			row := c[i*ldc:][:n]
			for j := range row {
				row[j] *= beta
			}
		}
	}
	for i := 0; i < m; i += blockM {
		for p := 0; p == 0 || p < k; p += blockK {
			store := p == 0 && beta == 0
			for j := 0; j < n; j += tileN {
				kk := min(blockK, k-p)
				s.pack(tB, kk, min(tileN, n-j), b, ldb, p, j)
				at := i*down + p*right
				s.strip(min(blockM, m-i), min(tileN, n-j), kk, alpha, a, at, down, right, c[i*ldc+j:], ldc, store)
			}
		}
	}
}

// pack copies kk rows of up to 16 columns of op(B), from (p, j) on, side by side into panel.
func (s *scratch) pack(tB blas.Transpose, kk, cols int, b []float32, ldb, p, j int) {
	if cols < tileN {
		clear(s.panel[:kk*tileN])
	}
	if tB == blas.NoTrans {
		for r := range kk {
			copy(s.panel[r*tileN:][:cols], b[(p+r)*ldb+j:])
		}
		return
	}
	col := 0
	for ; col+4 <= cols; col += 4 { // four at a time: the writes share a cache line
		b0 := b[(j+col)*ldb+p:][:kk]
		b1 := b[(j+col+1)*ldb+p:][:kk]
		b2 := b[(j+col+2)*ldb+p:][:kk]
		b3 := b[(j+col+3)*ldb+p:][:kk]
		for r, v := range b0 {
			d := s.panel[r*tileN+col:][:4]
			d[0], d[1], d[2], d[3] = v, b1[r], b2[r], b3[r]
		}
	}
	for ; col < cols; col++ {
		for r, v := range b[(j+col)*ldb+p:][:kk] {
			s.panel[r*tileN+col] = v
		}
	}
}

// strip multiplies m rows of op(A), from at on, with the packed panel into cols columns of C.
func (s *scratch) strip(m, cols, kk int, alpha float32, a []float32, at, down, right int, c []float32, ldc int, store bool) {
	const size = 4 // bytes a number
	for i := 0; i < m; i += tileM {
		rows := min(tileM, m-i)
		var from *float32
		row, step := down, right
		switch {
		case kk == 0:
			from = &s.edge[0]
		case rows < tileM:
			s.packEdge(rows, kk, a, at+i*down, down, right)
			from, row, step = &s.edge[0], 1, tileM
		default:
			from = &a[at+i*down]
		}
		if rows == tileM && cols == tileN {
			tile6x16(kk, from, row*size, step*size, &s.panel[0], &c[i*ldc], ldc*size, alpha, store)
			continue
		}
		tile6x16(kk, from, row*size, step*size, &s.panel[0], &s.tile[0], tileN*size, alpha, true)
		for r := range rows {
			to, part := c[(i+r)*ldc:][:cols], s.tile[r*tileN:][:cols]
			if store {
				copy(to, part)
			} else {
				add(to, part)
			}
		}
	}
}

// packEdge copies the last rows of op(A); the rows that are missing are zero.
func (s *scratch) packEdge(rows, kk int, a []float32, at, down, right int) {
	clear(s.edge[:kk*tileM])
	for r := range rows {
		for p := range kk {
			s.edge[p*tileM+r] = a[at+r*down+p*right]
		}
	}
}
