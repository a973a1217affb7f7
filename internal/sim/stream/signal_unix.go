//go:build unix

package stream

import (
	"os"
	"syscall"
)

// sleep stops a process as SIGSTOP does, for as long as it takes, or wakes it.
func sleep(p *os.Process, asleep bool) {
	s := syscall.SIGCONT
	if asleep {
		s = syscall.SIGSTOP
	}
	_ = p.Signal(s) // fails only when it is gone
}

func interrupt(p *os.Process) error { return p.Signal(syscall.SIGTERM) }
