package run

import (
	"math"
	"os"
	"path"
	"strconv"
	"strings"
)

// allMemory is what the process can have: of the machine's memory, and of the limits of its control group and
// those above, the smallest. 0 is unknown.
func allMemory() int64 {
	least := int64(math.MaxInt64)
	take := func(n int64, ok bool) {
		if ok && n > 0 {
			least = min(least, n)
		}
	}
	take(memTotal(read("/proc/meminfo")))
	for _, dir := range groups(read("/proc/self/cgroup")) {
		for _, name := range []string{"memory.max", "memory.limit_in_bytes"} {
			n, err := strconv.ParseInt(strings.TrimSpace(read(path.Join(dir, name))), 10, 64)
			take(n, err == nil)
		}
	}
	if least == math.MaxInt64 {
		return 0
	}
	return least
}

// read gives a file of the kernel, or "".
func read(name string) string {
	b, _ := os.ReadFile(name) // what is not there limits nothing
	return string(b)
}

// memTotal reads /proc/meminfo.
func memTotal(s string) (int64, bool) {
	for line := range strings.Lines(s) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "MemTotal:" && f[2] == "kB" {
			n, err := strconv.ParseInt(f[1], 10, 64)
			return n << 10, err == nil
		}
	}
	return 0, false
}

// groups lists the folders of the control groups that a process is in, from /proc/self/cgroup: the second
// version's, and the first one's for memory. In a container the group's own folder is the root.
func groups(s string) []string {
	var out []string
	for line := range strings.Lines(s) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) != 3 {
			continue
		}
		root := "/sys/fs/cgroup"
		switch {
		case f[0] == "0" && f[1] == "":
		case strings.Contains(","+f[1]+",", ",memory,"):
			root += "/memory"
		default:
			continue
		}
		for p := path.Clean("/" + f[2]); ; p = path.Dir(p) {
			out = append(out, root+p)
			if p == "/" {
				break
			}
		}
	}
	return out
}
