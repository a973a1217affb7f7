package stream

import (
	"os/exec"
	"syscall"
)

// dieWithParent lets the kernel kill the process when whoever started it is killed.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
