package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"millrace/internal/sim"
)

// makeArchive crawls a website into the corpus o.corpus, and visits its pages again until there has been time for
// revisit records. It proves nothing: others read what it made.
func makeArchive(ctx context.Context, o options) error {
	if o.corpus == "" || o.site == "" {
		return errors.New("-dir and -site are needed")
	}
	work, err := os.MkdirTemp("", "race-archive-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	t := &track{options: o, dir: work}
	if t.bin, err = sim.Build(ctx, work); err != nil {
		return err
	}
	w, err := t.open(ctx, o.site)
	if err != nil {
		return err
	}
	err = t.crawlTwice(ctx, w)
	_, err2 := w.close()
	return errors.Join(err, err2)
}

// crawlTwice lets the real binary crawl w to its end, and visit known pages for a while.
func (t *track) crawlTwice(ctx context.Context, w *website) error {
	if err := os.MkdirAll(filepath.Dir(t.corpus), 0o755); err != nil {
		return err
	}
	const speed = "delay: 1ms\nper_ip_delay: 0\n"
	if err := t.bin.Run(ctx, t.corpus, pipeline(w.Site, speed)); err != nil {
		return err
	}
	cmd, stderr, err := t.bin.Command(ctx, t.corpus, pipeline(w.Site, speed+"recrawl: {min: 1s, max: 1s}\n"))
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	again := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Signal(os.Interrupt) })
	defer again.Stop()
	const interrupted = 130
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != interrupted {
		return fmt.Errorf("visit pages again: %w: %s", err, stderr)
	}
	return nil
}
