//go:build unix

package run

import (
	"errors"
	"os"
	"syscall"
)

// mapFile shares the first size bytes of a file with it. Where it is shorter the error is errShorter.
func mapFile(path string, size int) (b []byte, err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if info, err := f.Stat(); err != nil || info.Size() < int64(size) {
		return nil, errors.Join(err, errShorter)
	}
	return syscall.Mmap(int(f.Fd()), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
}

func unmapFile(b []byte) error { return syscall.Munmap(b) }
