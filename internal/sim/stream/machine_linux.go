package stream

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// newMachine starts this program once more, in a network of its own (HoldNetwork).
func newMachine(ctx context.Context, dir string, ports []string) (*machine, error) {
	if _, err := exec.LookPath("nsenter"); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "-network", dir, "-ports", strings.Join(ports, ","))
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	word, err := bufio.NewReader(out).ReadString('\n')
	var closeDoors func()
	if err == nil {
		closeDoors, err = doors(ctx, dir, ports)
	}
	if err != nil {
		in.Close()
		return nil, fmt.Errorf("a network of its own: %q: %w: %s", word, errors.Join(err, cmd.Wait()), stderr.Bytes())
	}
	return &machine{pid: cmd.Process.Pid, stop: func() {
		in.Close()
		_ = cmd.Wait() // it only held the network
		closeDoors()
	}}, nil
}

// raiseLoopback brings the loopback device of a new network up.
func raiseLoopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	r, err := unix.NewIfreq("lo")
	if err == nil {
		err = unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, r)
	}
	if err == nil {
		r.SetUint16(r.Uint16() | unix.IFF_UP)
		err = unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, r)
	}
	return err
}
