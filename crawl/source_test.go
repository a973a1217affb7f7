package crawl

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"millrace"
	"millrace/crawl/consent"
)

// TestOpenAtCheckpoint opens a Source again behind each number of Documents that a sink may have stored.
func TestOpenAtCheckpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, want := mapped()
		o := optionsFor(t.TempDir(), "http://1.1.1.1/")
		c := w.start(t, t.Context(), o)
		defer c.Close()
		whole, err := readAll(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		asked := len(w.hits())
		var at millrace.Checkpoint
		for stored := range whole {
			if err := c.Open(t.Context(), at); err != nil {
				t.Fatal(err)
			}
			rest, err := readAll(t.Context(), c)
			if err != nil || !slices.Equal(pageURLs(append(slices.Clone(whole[:stored]), rest...)), want) {
				t.Errorf("behind %d documents: %v, %q", stored, err, pageURLs(rest))
			}
			at.Take(whole[stored])
		}
		if n := len(w.hits()); n != asked {
			t.Errorf("%d requests for what the archive holds", n-asked)
		}
	})
}

func TestArchiveThatLacksWhatIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := mapped()
		o := optionsFor(t.TempDir(), "http://1.1.1.1/")
		docs, _, err := w.crawl(t, t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		var at millrace.Checkpoint
		at.Take(docs[len(docs)-1])
		at.Next[Partition(0)] += 1 << 30
		c, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Open(t.Context(), at); !errors.Is(err, millrace.ErrIntegrity) {
			t.Errorf("a checkpoint behind the end of the archive: %v", err)
		}
		c.Close()
		files, err := listWARC(o.Dir, 0)
		if err != nil {
			t.Fatal(err)
		}
		name := files[0].path
		whole, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		damaged := slices.Clone(whole)
		damaged[len(damaged)/2] ^= 0xff
		if err := os.WriteFile(name, damaged, 0o644); err != nil {
			t.Fatal(err)
		}
		a := OpenArchive(o.Dir, consent.Policy{})
		if err := a.Open(t.Context(), millrace.Checkpoint{}); err != nil {
			t.Fatal(err)
		}
		if _, err := readAll(t.Context(), a); !errors.Is(err, millrace.ErrIntegrity) {
			t.Errorf("damage in the middle: %v", err)
		}
		for label, spoil := range map[string]func() error{
			"cut below what the frontier knows": func() error { return os.Truncate(name, int64(len(whole)/2)) },
			"gone":                              func() error { return os.Remove(name) },
		} {
			if err := os.WriteFile(name, whole, 0o644); err != nil {
				t.Fatal(err)
			}
			if err := spoil(); err != nil {
				t.Fatal(err)
			}
			if c, err := Open(t.Context(), o); !errors.Is(err, millrace.ErrIntegrity) {
				t.Errorf("a file that is %s: %v", label, err)
				if c != nil {
					c.Close()
				}
			}
		}
	})
}

// TestCloseWhileFetching: the bubble of synctest fails if a goroutine is left.
func TestCloseWhileFetching(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := mapped()
		w.latency = time.Hour
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		c := w.start(t, ctx, optionsFor(t.TempDir(), "http://1.1.1.1/"))
		if _, err := c.Read(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Read: %v", err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if n := c.Counts(); n.Waiting != 1 || n.Discovered != 1 {
			t.Errorf("counts %+v", n)
		}
		if _, err := c.Read(t.Context(), 1); err == nil {
			t.Error("a closed crawl is read")
		}
	})
}
