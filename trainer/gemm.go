package trainer

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/blas/gonum"
)

// float is the type of the numbers: float32 to train, float64 to check the gradients.
type float interface{ float32 | float64 }

// gemm computes C = alpha·op(A)·op(B) + beta·C, with the arguments of gonum's Sgemm and Dgemm.
type gemm[T float] func(tA, tB blas.Transpose, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int)

// gemm32 is our own kernel where the machine has one, else gonum's, unless the program has set
// another BLAS. What it returns is for one goroutine.
func gemm32() gemm[float32] {
	_, plain := blas32.Implementation().(gonum.Implementation)
	if own := ownGemm32(); own != nil && plain {
		return own
	}
	return tiled(blas32.Implementation().Sgemm)
}

// gemm64 is for checks.
func gemm64() gemm[float64] { return tiled(blas64.Implementation().Dgemm) }

// gonum works in blocks of 64 by 64 and starts goroutines from 4 blocks on. Threads belong to
// the shards of a batch, so C is cut into tiles of 2 blocks: no goroutine, no allocation.
const (
	tileRows = 64
	tileCols = 128
)

func tiled[T float](mul gemm[T]) gemm[T] {
	return func(tA, tB blas.Transpose, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
		for i := 0; i < m; i += tileRows {
			ai := i * lda
			if tA == blas.Trans {
				ai = i
			}
			for j := 0; j < n; j += tileCols {
				bj := j
				if tB == blas.Trans {
					bj = j * ldb
				}
				mul(tA, tB, min(tileRows, m-i), min(tileCols, n-j), k, alpha, a[ai:], lda, b[bj:], ldb, beta, c[i*ldc+j:], ldc)
			}
		}
	}
}
