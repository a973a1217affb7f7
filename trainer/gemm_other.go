//go:build !amd64

package trainer

// ownGemm32 is nil: this machine has no kernel of ours yet.
func ownGemm32() gemm[float32] { return nil }
