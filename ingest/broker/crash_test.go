package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"millrace/internal/sim/crashfs"
)

// TestCrashAtEachStep crashes a broker before and after each of its steps, again and again. What was acknowledged is
// there, byte for byte, what was trimmed does not come back, and offsets are given out once.
func TestCrashAtEachStep(t *testing.T) {
	const batches, trimAt, segment = 30, 24, 1 << 10
	life := func(ctx context.Context, p crashfs.Place) error {
		b, err := Start(ctx, Options{Dir: filepath.Join(p.Dir, "log"), SegmentBytes: segment, Disk: p.Disk})
		if err != nil {
			return err
		}
		defer b.Close()
		for i, topic := range []string{"pages", "requests"} {
			code, what := b.createTopic(topic, int32(1+i), false)
			if code != codeNone && code != codeTopicExists {
				return fmt.Errorf("create: %s", what)
			}
		}
		if code, what := b.createTopic("gone", 1, false); code != codeNone && code != codeTopicExists {
			return fmt.Errorf("create: %s", what)
		}
		if code := b.deleteTopic("gone"); code != codeNone {
			return fmt.Errorf("delete: code %d", code)
		}
		log := b.partition("pages", 0)
		start, end := log.bounds()
		if promised := max(p.Promised("broker.acknowledge"), p.Promised("broker.recovered")); end < promised {
			return fmt.Errorf("acknowledged up to %d, the log ends at %d", promised, end)
		}
		if promised := p.Promised("broker.trimmed"); start < promised {
			return fmt.Errorf("trimmed up to %d, the log begins at %d", promised, start)
		}
		if code := b.commitOffsets([]committed{{spot: spot{"lag", "pages", 0}, Offset: end}}); code != codeNone {
			return fmt.Errorf("commit of a lag tool: code %d", code)
		}
		for i := int(end); i < batches; i++ {
			if at, err := log.append(newBatch(1, body(i))); err != nil || at != int64(i) {
				return fmt.Errorf("batch %d went to offset %d: %w", i, at, err)
			}
			if i == trimAt {
				if _, err := log.trim(int64(trimAt - 3)); err != nil {
					return err
				}
			}
			if i%7 == 0 && i >= trimAt { // a reader of a closed segment, which may lack its index
				if _, err := log.batches(nil, int64(trimAt-3), 1); err != nil {
					return err
				}
			}
		}
		if start, _ := log.bounds(); start < trimAt-3 { // the crash came before the trim
			if _, err := log.trim(int64(trimAt - 3)); err != nil {
				return err
			}
		}
		return b.Close()
	}
	judge := func(dir string) error {
		b, err := Start(context.Background(), Options{Dir: filepath.Join(dir, "log"), SegmentBytes: segment})
		if err != nil {
			return err
		}
		defer b.Close()
		if left, err := filepath.Glob(filepath.Join(dir, "log", "gone-*")); b.partition("gone", 0) != nil || len(left) > 0 {
			return fmt.Errorf("the deleted topic is there, in %q: %w", left, err)
		}
		log := b.partition("pages", 0)
		start, end := log.bounds()
		if start != trimAt-3 || end != batches {
			return fmt.Errorf("the log goes from %d to %d", start, end)
		}
		if _, ok := b.committedOffset(spot{"lag", "pages", 0}); !ok {
			return errors.New("the offset of a lag tool is gone")
		}
		got, damaged := everything(t, log)
		if len(damaged) > 0 {
			return fmt.Errorf("offsets %v are damaged", damaged)
		}
		for i := start; i < end; i++ {
			if !bytes.Equal(got[i], body(int(i))) {
				return fmt.Errorf("offset %d has other bytes", i)
			}
		}
		return nil
	}
	x := &crashfs.Trial{Life: life, Judge: judge, Seed: 2, Each: 3, Pairs: 40}
	r, err := x.Run(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Log(r)
	if err := r.Passed(".", map[string]string{
		"broker.append.cut":    "behind a write that failed, not a crash: TestWriteErrorLeavesNothing",
		"broker.offsets.aside": "behind damage, not a crash: TestFlippedBitInStateFiles",
	}); err != nil {
		t.Error(err)
	}
	if r.Singles < 100 || r.Pairs < 40 {
		t.Fatal("too few")
	}
}
