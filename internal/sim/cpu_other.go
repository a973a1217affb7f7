//go:build !unix

package sim

import "time"

// CPU is the time in seconds: one goroutine works.
func CPU() float64 { return float64(time.Now().UnixNano()) / 1e9 }
