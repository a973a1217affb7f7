package simlog

import (
	"context"
	"errors"
	"fmt"
	"os"

	"millrace"
	"millrace/internal/durable"
)

// incarnation is one life of a role: a process, as far as the others can tell.
type incarnation struct {
	w      *world
	id     int
	role   *role
	recipe recipe
	frozen bool // dead, or a zombie that sleeps
	ended  bool
	err    error
	cancel context.CancelFunc
	answer error                        // of the step on the disk that it has just been allowed
	floor  map[millrace.Partition]int64 // what was committed when it began: it may read nothing below
	lost   map[millrace.Partition]bool  // was told that what it reads is trimmed, and has not started again
}

func (i *incarnation) String() string { return fmt.Sprintf("%s#%d", i.role.name, i.id) }

// until says whether the part before it has come to its end.
func (i *incarnation) until() bool { return i.w.phase >= i.role.endsIn }

// role is somebody's work; its owner is whoever does it by right.
type role struct {
	name   string
	run    func(context.Context, *incarnation) error
	endsIn int // the phase in which nothing more comes
	owner  *incarnation
	once   bool // an errand: it has no successor
}

// disk is what an incarnation changes files with.
func (i *incarnation) disk() *durable.Disk { return durable.Watched(i) }

// Before lets no step pass without the scheduler. A process that is killed loses nothing that it wrote: what fsync is
// for is tried elsewhere, and so no step stands before it but nightly.
func (i *incarnation) Before(s *durable.Step) error {
	unseen := s.Op == durable.OpSync || s.Op == durable.OpSyncDir
	if unseen && !nightly() {
		return durable.ErrSkip
	}
	if s.Op == durable.OpWrite && !nightly() {
		i.w.mu.Lock()
		defer i.w.mu.Unlock()
		if i.w.dead {
			return errDead
		}
		return nil
	}
	if err := i.w.ask(&gate{inc: i, what: s.Point}); err != nil && !errors.Is(err, errCut) {
		return err
	} else {
		i.answer = err
	}
	if err := i.w.h.mutant.disk(i.w, s); err != nil {
		return err
	}
	if unseen {
		return durable.ErrSkip
	}
	return nil
}

// After loses the answer where the scheduler says so.
func (i *incarnation) After(s *durable.Step, result error) error {
	if result == nil {
		result = i.answer
	}
	i.answer = nil
	return i.w.h.mutant.answered(i.w, s, result)
}

func nightly() bool { return os.Getenv("MILLRACE_NIGHTLY") != "" }
