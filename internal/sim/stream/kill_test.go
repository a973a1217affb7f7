package stream

import (
	"bufio"
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestDeck wants each kind drawn as often as the proof asks for, and in the order of the seed.
func TestDeck(t *testing.T) {
	order := func(seed uint64) (kinds map[string]int, all []string) {
		w := &World{Dir: t.TempDir()}
		l, err := w.newLine("x", 2, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		o := Options{Kills: 400}
		k := &killer{l: l, o: KillOptions{Kills: o.Kills, Broker: o.brokers()}, rng: rand.New(rand.NewPCG(seed, 5))}
		kinds = map[string]int{}
		for _, c := range k.deck() {
			kinds[c.kind]++
			all = append(all, c.kind)
		}
		done := Kills{Kinds: kinds, MillLives: kinds[kindMill], Committed: kinds[kindMill]}
		if err := o.enough(&done, 0); err != nil {
			t.Error(err)
		}
		for kind := range kinds {
			less := Kills{Kinds: map[string]int{}, MillLives: 10, Committed: 8}
			for other, n := range kinds {
				if other != kind {
					less.Kinds[other] = n
				}
			}
			if o.enough(&less, 0) == nil {
				t.Errorf("no kill of %s is enough", kind)
			}
		}
		done.Committed = done.MillLives * 7 / 10
		if o.enough(&done, 0) == nil {
			t.Error("a mill that commits in seven lives of ten is enough")
		}
		return kinds, all
	}
	kinds, a := order(1)
	_, b := order(2)
	if len(a) != 400 || kinds[kindLog] < 25 || kinds[kindFeed] < 60 || kinds[kindMill] < 60 || kinds[kindClean] < 120 {
		t.Errorf("the deck holds %v", kinds)
	}
	same := 0
	for i := range a {
		if a[i] == b[i] {
			same++
		}
	}
	if same == len(a) {
		t.Error("two seeds give one order")
	}
}

// TestProcess: what a process says, how it ends, and that a kill counts only where it was ready.
func TestProcess(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	shell := func(script string) *process {
		p := &process{name: "shell", path: sh, args: []string{"-c", script}}
		if err := p.start(ctx); err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := shell(`echo '{"type":"ready"}'; echo '{"type":"commit"}'; echo '{"type":"commit"}'; exec sleep 100`)
	if err := p.awaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	for p.state().commits < 2 {
		time.Sleep(time.Millisecond)
	}
	if s, counts := p.kill(); !counts || s.over || s.commits != 2 || p.fault() != nil {
		t.Errorf("killed when it was ready: %+v, %v", s, p.fault())
	}
	if _, counts := p.kill(); counts {
		t.Error("a second kill counts")
	}
	p = shell(`exec sleep 100`)
	if _, counts := p.kill(); counts {
		t.Error("a kill counts before it was ready")
	}
	p = shell(`echo '{"type":"ready"}'; echo trouble >&2; exit 7`)
	if err := p.awaitEnd(ctx); err == nil || p.fault() == nil || p.words() != "trouble\n" {
		t.Errorf("it ended with exit 7, and said %q: %v", p.words(), err)
	}
	if _, counts := p.kill(); counts {
		t.Error("a kill counts after it has ended")
	}
	p = shell(`exit 3`)
	if err := p.awaitEnd(ctx); err != nil {
		t.Errorf("dead letters are no fault: %v", err)
	}
}

// TestSameShards tells what differs.
func TestSameShards(t *testing.T) {
	verdict := func(name, digest string) *Verdict {
		v := &Verdict{Content: digest}
		v.Parts = append(v.Parts, struct {
			Commit int64
			Name   string
			Rows   int
			Digest string
		}{1, name, 2, digest})
		return v
	}
	a := verdict("data/part-1-7-a", "x")
	if err := sameShards(a, verdict("data/part-1-8-b", "x")); err != nil {
		t.Error(err)
	}
	if sameFiles(a, verdict("data/part-1-8-b", "x")) == nil || sameFiles(&Verdict{}, &Verdict{}) == nil {
		t.Error("other names, or none, are the same files")
	}
	for _, b := range []*Verdict{verdict("rejects/part-1-7-a", "x"), verdict("data/part-1-7-a", "y"), {Content: "x"}} {
		if sameShards(a, b) == nil {
			t.Errorf("%+v is the same", b)
		}
	}
}

func FuzzReadEntry(f *testing.F) {
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	_ = (&entryOf{value: []byte("value")}).write(w)
	w.Flush()
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, raw []byte) {
		in := bufio.NewReader(bytes.NewReader(raw))
		for {
			e, err := readEntry(in)
			if err != nil {
				return
			}
			var out bytes.Buffer
			w := bufio.NewWriter(&out)
			if err := e.write(w); err != nil || w.Flush() != nil || out.Len() == 0 {
				t.Errorf("it cannot be written again: %v", err)
			}
		}
	})
}

// TestFindInput takes a file or a folder.
func TestFindInput(t *testing.T) {
	dir := t.TempDir()
	if _, err := FindInput(dir); err == nil {
		t.Error("an empty folder is input")
	}
	for _, name := range []string{"b.jsonl", "a.jsonl", "c.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := FindInput(dir); err != nil || len(all) != 2 || filepath.Base(all[0]) != "a.jsonl" {
		t.Errorf("%v, %v", all, err)
	}
	if all, err := FindInput(filepath.Join(dir, "b.jsonl")); err != nil || len(all) != 1 {
		t.Errorf("%v, %v", all, err)
	}
}
