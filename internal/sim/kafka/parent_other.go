//go:build !linux

package kafka

import "os/exec"

// dieWithParent does nothing: only Linux can do this. A killed test leaves its broker running.
func dieWithParent(*exec.Cmd) {}
