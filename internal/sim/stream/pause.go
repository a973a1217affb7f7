package stream

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"millrace/internal/sim"
)

// Stopped is how it went when one owner slept and another took over.
type Stopped struct {
	Part   string  `json:"part"`
	Seen   float64 `json:"seen_s"`
	Took   float64 `json:"second_took_s"` // until the second owner handed something on; 0 where there can be none
	Work   float64 `json:"second_docs"`   // that it handed on while the first one slept
	Resume float64 `json:"resume_s"`      // until the first one handed something on again, after it woke up
}

// Pause stops each owner for a while, as SIGSTOP does, lets a second one take over, and wakes the first one up while
// the second still works.
func (o *FaultOptions) Pause(ctx context.Context, w *World, b *sim.Bar) error {
	r, err := w.newRig(ctx, rigOptions{name: "pause", seed: o.Seed + 1, docs: o.Docs, memory: beltMemory})
	if err != nil {
		return err
	}
	defer r.end()
	if err := r.up(ctx); err != nil {
		return err
	}
	var all []Stopped
	for _, pt := range r.parts {
		s, err := r.stopped(ctx, pt, o.Nap)
		all = append(all, s)
		if err != nil {
			return fmt.Errorf("%s stopped for %v: %w", pt.name, o.Nap, err)
		}
		fmt.Fprintf(os.Stderr, "pause: %s slept for %v, the second owner worked after %.1f s, the first again after %.1f s\n", pt.name, o.Nap, s.Took, s.Resume)
	}
	s, err := r.stoppedLog(ctx, o.Nap)
	all = append(all, s)
	if err != nil {
		return fmt.Errorf("the log stopped for %v: %w", o.Nap, err)
	}
	if err := r.down(ctx); err != nil {
		return err
	}
	return r.conclude(ctx, "pause", b, map[string]any{"owners": all, "nap_s": o.Nap.Seconds()})
}

// together is how long both owners are awake.
const together = 6 * time.Second

// stopped lets the owner of a part sleep while a second one works.
func (r *rig) stopped(ctx context.Context, pt *part, nap time.Duration) (s Stopped, err error) {
	s.Part = pt.name
	pt.pause(true)
	defer pt.pause(false)
	began := time.Now()
	if s.Seen, err = r.silent(ctx, pt); err != nil {
		return s, err
	}
	if err := pt.second.start(ctx); err != nil {
		return s, err
	}
	defer pt.second.kill()
	second, err := r.works(ctx, pt.second, pt.sight, 0, resumeWithin+nap)
	if err != nil {
		return s, fmt.Errorf("the second owner: %w", err)
	}
	s.Took = second.Seconds()
	if err := rest1(ctx, nap-time.Since(began)); err != nil {
		return s, err
	}
	s.Work = pt.sight.read(ctx).docs
	pt.pause(false)
	if err := rest1(ctx, together); err != nil {
		return s, err
	}
	if err := r.broken(); err != nil {
		return s, err
	}
	pt.second.kill()
	first, err := r.works(ctx, pt.process, pt.probe, pt.probe.read(ctx).docs, resumeWithin)
	s.Resume = first.Seconds()
	return s, err
}

// silent wants whoever looks to see that a part does not answer.
func (r *rig) silent(ctx context.Context, pt *part) (float64, error) {
	for began := time.Now(); ; {
		if !pt.probe.read(ctx).up {
			return time.Since(began).Seconds(), nil
		}
		if time.Since(began) > seenWithin {
			return 0, fmt.Errorf("it answers, and sleeps")
		}
		if err := rest1(ctx, 100*time.Millisecond); err != nil {
			return 0, err
		}
	}
}

// works waits until a process has handed on more than so many documents.
func (r *rig) works(ctx context.Context, p *process, look probe, docs float64, within time.Duration) (time.Duration, error) {
	for began := time.Now(); ; {
		now := look.read(ctx)
		if now.docs > docs {
			return time.Since(began), nil
		}
		if time.Since(began) > within {
			return 0, fmt.Errorf("%s hands nothing on within %v: %s\n%s", p.name, within, now.problems, p.words())
		}
		if err := errors.Join(r.broken(), rest1(ctx, 100*time.Millisecond)); err != nil {
			return 0, err
		}
	}
}

// stoppedLog stops the embedded broker, of which there can be no second one.
func (r *rig) stoppedLog(ctx context.Context, nap time.Duration) (s Stopped, err error) {
	s.Part = "log"
	log := r.log.(*embedded)
	log.p.pause(true)
	defer log.p.pause(false)
	began := time.Now()
	second := &process{name: "second log", kind: kindLog, path: log.p.path, args: log.p.args}
	if err := second.start(ctx); err != nil {
		return s, err
	}
	defer second.kill()
	for !second.state().over {
		if time.Since(began) > seenWithin {
			return s, errors.New("a second process serves the same log, or hangs")
		}
		if err := rest1(ctx, 50*time.Millisecond); err != nil {
			return s, err
		}
	}
	if got := second.state().exit; got != exitLocked {
		return s, fmt.Errorf("a second process that is to serve the log ends with %d, want %d: %s", got, exitLocked, second.words())
	}
	before := r.parts[3].probe.read(ctx)
	for s.Seen == 0 {
		if by := r.parts[3].probe.read(ctx).tells(before); by != "" {
			s.Seen = time.Since(began).Seconds()
		}
		if time.Since(began) > seenWithin {
			return s, errors.New("the mill does not tell that the log is gone")
		}
		if err := rest1(ctx, 100*time.Millisecond); err != nil {
			return s, err
		}
	}
	if err := rest1(ctx, nap-time.Since(began)); err != nil {
		return s, err
	}
	log.p.pause(false)
	awake := time.Now()
	err = r.goOn(ctx, "after the log woke up")
	s.Resume = time.Since(awake).Seconds()
	return s, err
}
