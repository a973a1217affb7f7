//go:build unix

package main

import (
	"syscall"
	"time"
)

// cpu is the CPU time that this process has used: another one beside it does not count.
func cpu() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, err
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}
