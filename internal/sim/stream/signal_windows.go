package stream

import "os"

// sleep does nothing: Windows cannot do this.
func sleep(*os.Process, bool) {}

func interrupt(p *os.Process) error { return p.Kill() }
