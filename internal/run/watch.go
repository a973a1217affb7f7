package run

import (
	"fmt"
	"runtime/metrics"
	"time"
)

const (
	look = 100 * time.Millisecond // between two looks of the watchdog
	// Above the limit the collector works as hard as it can. What is still there after so many looks stays.
	patience = 100
)

// watch starts the watchdog and gives what ends it. It counts its own looks, not the clock: a process that was
// stopped, or a machine that slept, has not hung.
func (g *guarded) watch() (stop func()) {
	if g.Hang <= 0 && g.Memory <= 0 {
		return func() {}
	}
	every := look
	if g.Hang > 0 {
		every = max(time.Millisecond, min(look, g.Hang/4))
	}
	tick := time.NewTicker(every)
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		over := 0
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
			}
			if g.Hang > 0 {
				g.lookForHung(every)
			}
			if g.Memory > 0 {
				over = g.lookAtMemory(over)
			}
		}
	}()
	return func() {
		tick.Stop()
		close(quit)
		<-done
	}
}

// lookForHung ends the process where a stage has had a document for too long: a goroutine cannot be ended
// otherwise. It is certain which document it was.
func (g *guarded) lookForHung(every time.Duration) {
	for _, h := range g.hands {
		if err := h.look(every); err != nil {
			g.die(err)
		}
	}
}

func (h *hand) look(every time.Duration) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ticks++
	if h.doc == nil || time.Duration(h.ticks)*every <= h.g.Hang {
		return nil
	}
	if h.g.journal != nil {
		h.buf = h.g.journal.put(h.slot, h.buf, hung, h.doc, h.stage)
	}
	return fmt.Errorf("stage %s has worked on the document at %s for %v and does not end", h.stage, h.doc.Position, h.g.Hang)
}

// lookAtMemory ends the process where memory stays above the limit, or goes far beyond. Whose it is nobody
// knows: the journal says who was in work.
func (g *guarded) lookAtMemory(over int) int {
	used := heldMemory()
	if used <= g.Memory {
		return 0
	}
	if over++; over > patience || used > g.Memory+g.Memory/4 {
		g.die(fmt.Errorf("the process holds %d MB of memory, its limit is %d MB", used>>20, g.Memory>>20))
	}
	return over
}

// heldMemory is what debug.SetMemoryLimit counts.
func heldMemory() int64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64() - s[1].Value.Uint64())
}
