package s3

import (
	"os/exec"
	"syscall"
)

// dieWithParent lets the kernel kill the server when the test that started it is killed.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
