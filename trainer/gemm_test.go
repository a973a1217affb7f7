package trainer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
	"pgregory.net/rapid"
)

// kernels are the multiplications that this machine can run.
func kernels() map[string]gemm[float32] {
	ks := map[string]gemm[float32]{"gonum, in tiles": tiled(gonum.Implementation{}.Sgemm)}
	if own := ownGemm32(); own != nil {
		ks["own"] = own
	}
	return ks
}

// TestGemm compares with sums in float64, at odd sizes, in place inside larger arrays.
func TestGemm(t *testing.T) {
	for name, mul := range kernels() {
		rapid.Check(t, func(t *rapid.T) {
			tA := rapid.SampledFrom([]blas.Transpose{blas.NoTrans, blas.Trans}).Draw(t, "tA")
			tB := rapid.SampledFrom([]blas.Transpose{blas.NoTrans, blas.Trans}).Draw(t, "tB")
			if tA == blas.Trans {
				tB = blas.NoTrans // the fourth form is not used, and gonum's reads beyond its argument
			}
			m, n := rapid.IntRange(0, 80).Draw(t, "m"), rapid.IntRange(0, 150).Draw(t, "n")
			k := rapid.OneOf(rapid.IntRange(0, 40), rapid.IntRange(250, 520)).Draw(t, "k")
			if name != "own" {
				k = max(k, 1) // the tiles of an empty matrix have nowhere to start
			}
			if m > 70 {
				m += 320 // more than one block
			}
			alpha := rapid.SampledFrom([]float32{1, 0.125, -2}).Draw(t, "alpha")
			beta := rapid.SampledFrom([]float32{0, 1, 0.5}).Draw(t, "beta")
			r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "numbers"), 0))
			array := func(rows, cols int) ([]float32, int) {
				ld := cols + r.IntN(3) + 1
				x := make([]float32, max(0, (rows-1)*ld+cols))
				for i := range x {
					x[i] = float32(r.NormFloat64())
				}
				return x, ld
			}
			ar, ac, br, bc := m, k, k, n
			if tA == blas.Trans {
				ar, ac = k, m
			}
			if tB == blas.Trans {
				br, bc = n, k
			}
			a, lda := array(ar, ac)
			b, ldb := array(br, bc)
			c, ldc := array(m, n)
			got := append([]float32(nil), c...)
			mul(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, got, ldc)
			for i := range c {
				row, col := i/ldc, i%ldc
				want, size := float64(c[i]), 0.0
				if col < n {
					want *= float64(beta)
					size = math.Abs(want)
					for p := range k {
						x, y := row*lda+p, p*ldb+col
						if tA == blas.Trans {
							x = p*lda + row
						}
						if tB == blas.Trans {
							y = col*ldb + p
						}
						product := float64(alpha) * float64(a[x]) * float64(b[y])
						want += product
						size += math.Abs(product)
					}
				}
				if math.Abs(float64(got[i])-want) > 1e-6*size {
					t.Fatalf("%s: C[%d][%d] of %d×%d is %v, want %v", name, row, col, m, n, got[i], want)
				}
			}
		})
	}
}

// TestGemmNaN: a number that is none must reach the loss, even through a zero.
func TestGemmNaN(t *testing.T) {
	own := ownGemm32()
	if own == nil {
		t.Skip("no kernel of our own on this machine; gonum's skips zeros")
	}
	c := make([]float32, 1)
	own(blas.NoTrans, blas.NoTrans, 1, 1, 2, 1, []float32{0, 1}, 2, []float32{float32(math.NaN()), 1}, 1, 0, c, 1)
	if c[0] == c[0] {
		t.Errorf("0·NaN + 1 is %v", c[0])
	}
}

func BenchmarkGemm(b *testing.B) {
	for name, mul := range kernels() {
		for _, s := range []struct {
			m, n, k int
			tA, tB  blas.Transpose
		}{
			{512, 512, 512, blas.NoTrans, blas.NoTrans}, {192, 512, 128, blas.NoTrans, blas.Trans},
			{192, 128, 512, blas.NoTrans, blas.NoTrans}, {512, 128, 192, blas.Trans, blas.NoTrans}, {64, 64, 32, blas.NoTrans, blas.Trans},
		} {
			b.Run(fmt.Sprintf("%s/%dx%dx%d%c%c", name, s.m, s.n, s.k, s.tA, s.tB), func(b *testing.B) {
				x, y, z := make([]float32, s.m*s.k), make([]float32, s.k*s.n), make([]float32, s.m*s.n)
				lda, ldb := s.k, s.n
				if s.tA == blas.Trans {
					lda = s.m
				}
				if s.tB == blas.Trans {
					ldb = s.k
				}
				for i := range x {
					x[i] = 1
				}
				for b.Loop() {
					mul(s.tA, s.tB, s.m, s.n, s.k, 1, x, lda, y, ldb, 0, z, s.n)
				}
				b.ReportMetric(2*float64(s.m*s.n*s.k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOPS")
			})
		}
	}
}
