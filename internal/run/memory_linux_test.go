package run

import (
	"slices"
	"testing"
)

func TestGroups(t *testing.T) {
	for in, want := range map[string][]string{
		"0::/\n":               {"/sys/fs/cgroup/"},
		"0::/a/b\n":            {"/sys/fs/cgroup/a/b", "/sys/fs/cgroup/a", "/sys/fs/cgroup/"},
		"5:cpu,memory:/x\n":    {"/sys/fs/cgroup/memory/x", "/sys/fs/cgroup/memory/"},
		"5:cpuset:/x\nnothing": nil,
		"0::/../../up\n":       {"/sys/fs/cgroup/up", "/sys/fs/cgroup/"},
	} {
		if got := groups(in); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", in, got, want)
		}
	}
}

func TestMemTotal(t *testing.T) {
	if n, ok := memTotal("MemFree: 1 kB\nMemTotal:       2048 kB\n"); !ok || n != 2<<20 {
		t.Errorf("%d, %v", n, ok)
	}
	if n := allMemory(); n < 64<<20 {
		t.Errorf("this machine is said to have %d bytes", n)
	}
}
