package sim

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Spent is what a program took: seconds on the clock, and of processors, by all of its processes.
type Spent struct {
	Wall float64 `json:"wall_s"`
	CPU  float64 `json:"cpu_s"`
}

// ticks is how many of /proc's units of time a second has.
const ticks = 100

// Measure runs a command to its end. Processes that the command does not wait for are counted too, by looks into /proc:
// what one of them does after the last look is missed.
func Measure(cmd *exec.Cmd) (s Spent, err error) {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return s, err
	}
	ended := make(chan struct{})
	seen := make(chan float64)
	go func() {
		below := map[string]float64{}
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				children(cmd.Process.Pid, below)
			case <-ended:
				sum := 0.0
				for _, cpu := range below {
					sum += cpu
				}
				seen <- sum
				return
			}
		}
	}()
	err = cmd.Wait()
	s.Wall = time.Since(began).Seconds()
	close(ended)
	// What was waited for is in the state of the process; what was not is in below. Some processes are in both.
	s.CPU = max((cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), <-seen)
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out.Bytes()[max(0, out.Len()-2000):])
	}
	return s, err
}

// children notes the processor seconds of a process and of all below it.
func children(root int, cpu map[string]float64) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return
	}
	type process struct {
		parent string
		cpu    float64
	}
	all := map[string]process{}
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		pid, rest, _ := strings.Cut(string(b), " ")
		if i := strings.LastIndexByte(rest, ')'); i >= 0 {
			rest = rest[i+1:]
		}
		f := strings.Fields(rest) // from field 3, the state, on
		if len(f) < 13 {
			continue
		}
		user, _ := strconv.ParseFloat(f[11], 64)
		system, _ := strconv.ParseFloat(f[12], 64)
		all[pid] = process{f[1], (user + system) / ticks}
	}
	top := strconv.Itoa(root)
	for pid, p := range all {
		at := pid
		for range 64 { // deeper than any of these goes
			if at == top {
				cpu[pid] = p.cpu
				break
			}
			at = all[at].parent
		}
	}
}
