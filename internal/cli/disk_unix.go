//go:build !windows

package cli

import "golang.org/x/sys/unix"

// freeDisk is how many bytes a user may still write in dir.
func freeDisk(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}
