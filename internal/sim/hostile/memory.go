package main

import (
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// watched is what the process held before something that is watched.
type watched struct{ before int64 }

// watch forgets the peak of the memory that the process held so far. Where the system cannot say, the peak is 0.
func watch() watched {
	debug.FreeOSMemory()
	if os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) != nil {
		return watched{-1}
	}
	return watched{held("VmRSS:")}
}

// peak is how many megabytes more the process held since, at most.
func (w watched) peak() int64 {
	if w.before < 0 {
		return 0
	}
	return max(held("VmHWM:")-w.before, 0)
}

// held is a figure of the process, in megabytes.
func held(name string) int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), name)
	kb, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, err := strconv.ParseInt(kb, 10, 64)
	if err != nil {
		return 0
	}
	return n >> 10
}
