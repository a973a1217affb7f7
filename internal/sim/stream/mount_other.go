//go:build !linux

package stream

import (
	"fmt"
	"syscall"
)

// mountSmall is for Linux.
func mountSmall(dir string, _ int64) (unmount func() error, err error) {
	return nil, fmt.Errorf("mount a small file system on %s: %w", dir, syscall.EPERM)
}
