package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"millrace/internal/sim"
)

// volumeBytes is the size of each volume. The log leaves 64 MiB free.
const volumeBytes = 320 << 20

// Full is how it went when one volume was full.
type Full struct {
	Volume string   `json:"volume"`
	Seen   float64  `json:"seen_s"`
	By     string   `json:"by"`
	Ended  []string `json:"ended"` // with exit 1 and a hint
	Resume float64  `json:"resume_s"`
}

// volumes are what can lie on disks of their own. The archive is the crawl's (badweb.go).
func volumes() []string { return []string{"log", "state", "data", "rejects"} }

// mounted gives each of these folders of a corpus a small disk of its own. Where that is not allowed it says so.
func mounted(corpus string, folders ...string) (unmount func() error, err error) {
	var all []func() error
	unmount = func() error {
		var errs []error
		for _, u := range all {
			errs = append(errs, u())
		}
		all = nil
		return errors.Join(errs...)
	}
	for _, f := range folders {
		dir := filepath.Join(corpus, f)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, errors.Join(err, unmount())
		}
		u, err := mountSmall(dir, volumeBytes)
		if err != nil {
			return nil, errors.Join(err, unmount())
		}
		all = append(all, u)
	}
	return unmount, nil
}

// fill takes all the room that a disk has.
func fill(dir string) (ballast string, err error) {
	ballast = filepath.Join(dir, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		return "", err
	}
	defer f.Close()
	for _, step := range []int{1 << 20, 4 << 10, 1} {
		b := bytes.Repeat([]byte{1}, step)
		for err = nil; err == nil; {
			_, err = f.Write(b)
		}
		if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, io.ErrShortWrite) {
			return "", err
		}
	}
	return ballast, nil
}

// Disk fills each volume of a line, and makes room again.
func (o *FaultOptions) Disk(ctx context.Context, w *World, b *sim.Bar) error {
	corpus := filepath.Join(w.Dir, "disk")
	unmount, err := mounted(corpus, volumes()...)
	if errors.Is(err, syscall.EPERM) {
		fmt.Fprintf(os.Stderr, "disk: not done: %v\n", err)
		b.Figures["disk"] = "not done: " + err.Error()
		return nil
	}
	if err != nil {
		return err
	}
	defer unmount()
	r, err := w.newRig(ctx, rigOptions{name: "disk", corpus: corpus, seed: o.Seed + 2, docs: o.Docs, memory: beltMemory})
	if err != nil {
		return err
	}
	defer r.end()
	if err := r.up(ctx); err != nil {
		return err
	}
	var all []Full
	for _, v := range volumes() {
		f, err := r.full(ctx, v)
		all = append(all, f)
		if err != nil {
			b.Figures["disk"] = all
			return fmt.Errorf("%s is full: %w", v, err)
		}
		fmt.Fprintf(os.Stderr, "disk: %s full: seen after %.1f s by %s, ended: %v, went on %.1f s after there was room\n", v, f.Seen, f.By, f.Ended, f.Resume)
	}
	if err := r.down(ctx); err != nil {
		return err
	}
	if err := r.conclude(ctx, "disk", b, map[string]any{"volumes": all}); err != nil {
		return err
	}
	return unmount()
}

// fullFor is how long a disk stays full once somebody has told of it.
const fullFor = 4 * time.Second

// full fills one volume, wants it to be told, lets everybody try to start there, makes room, and wants all to go on.
func (r *rig) full(ctx context.Context, volume string) (Full, error) {
	f := Full{Volume: volume}
	before := make([]reading, len(r.parts))
	for i, pt := range r.parts {
		before[i] = pt.probe.read(ctx)
	}
	began := time.Now()
	ballast, err := fill(filepath.Join(r.corpus, volume))
	if err != nil {
		return f, err
	}
	defer os.Remove(ballast)
	for f.By == "" {
		if time.Since(began) > seenWithin {
			return f, fmt.Errorf("nothing tells of it within %v", seenWithin)
		}
		for i, pt := range r.parts {
			if by := pt.probe.read(ctx).tells(before[i]); by != "" {
				f.By, f.Seen = pt.name+": "+by, time.Since(began).Seconds()
			}
		}
		if err := rest1(ctx, 100*time.Millisecond); err != nil {
			return f, err
		}
	}
	if err := rest1(ctx, fullFor); err != nil {
		return f, err
	}
	for _, p := range r.processes() { // who is started on a full disk ends as well, or waits
		p.kill()
		if err := p.start(ctx); err != nil {
			return f, err
		}
	}
	if err := rest1(ctx, fullFor); err != nil {
		return f, err
	}
	ended, err := r.withHint()
	if err != nil {
		return f, err
	}
	if err := os.Remove(ballast); err != nil {
		return f, err
	}
	room := time.Now()
	for _, p := range ended {
		f.Ended = append(f.Ended, p.name)
		if err := p.start(ctx); err != nil {
			return f, err
		}
	}
	err = r.goOn(ctx, "after there was room")
	f.Resume = time.Since(room).Seconds()
	return f, err
}

// processes are the log and the belts.
func (r *rig) processes() (all []*process) {
	if e, ok := r.log.(*embedded); ok {
		all = append(all, e.p)
	}
	for _, pt := range r.parts {
		all = append(all, pt.process)
	}
	return all
}

// withHint gives the processes that have ended, which has to be with exit 1 and a word about what to do.
func (r *rig) withHint() (ended []*process, err error) {
	for _, p := range r.processes() {
		s := p.state()
		if !s.over {
			continue
		}
		if s.exit != exitFailed || !strings.Contains(p.words(), "Try:") {
			return nil, fmt.Errorf("%s ended with exit %d, want %d and a hint: %s", p.name, s.exit, exitFailed, p.words())
		}
		ended = append(ended, p)
	}
	return ended, nil
}
