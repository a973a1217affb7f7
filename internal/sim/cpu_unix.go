//go:build unix

package sim

import "syscall"

// CPU is how many seconds of a processor this process has used.
func CPU() float64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // cannot fail for oneself
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
