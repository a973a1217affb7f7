package broker

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"millrace"
	"millrace/internal/durable"
)

// newBatch makes a batch of n records whose bytes are body: the broker does not look inside.
func newBatch(n int, body []byte) batch {
	b := make(batch, batchHeader, batchHeader+len(body))
	b = append(b, body...)
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-12))
	b[16] = 2
	binary.BigEndian.PutUint32(b[23:], uint32(n-1))
	binary.BigEndian.PutUint64(b[43:], ^uint64(0))
	binary.BigEndian.PutUint32(b[57:], uint32(n))
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], castagnoli))
	return b
}

func options(segment int64) *Options {
	return &Options{SegmentBytes: segment, Log: slog.New(slog.DiscardHandler)}
}

func reopen(t testing.TB, dir string, segment int64) *partition {
	t.Helper()
	p, err := openPartition(dir, options(segment), new(atomic.Int64), func() {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.close() })
	return p
}

// body number i, of a size that varies.
func body(i int) []byte { return bytes.Repeat(fmt.Appendf(nil, "batch %d;", i), 1+i%50) }

// everything reads a partition batch by batch. Where it is damaged it notes the offset and goes on with
// the next one.
func everything(t testing.TB, p *partition) (got map[int64][]byte, damaged []int64) {
	t.Helper()
	got = map[int64][]byte{}
	start, end := p.bounds()
	for at := start; at < end; {
		raw, err := p.batches(nil, at, 1<<20)
		var d *damage
		if errors.As(err, &d) {
			damaged = append(damaged, at)
			at++
			continue
		}
		if err != nil || len(raw) == 0 {
			t.Fatalf("offset %d of %d to %d: %d bytes, %v", at, start, end, len(raw), err)
		}
		for len(raw) > 0 {
			b := batch(raw[:batch(raw).length()])
			if b.base() > at || b.end() <= at {
				t.Fatalf("asked for offset %d, got %d to %d", at, b.base(), b.end())
			}
			got[b.base()] = bytes.Clone(b[batchHeader:])
			at, raw = b.end(), raw[len(b):]
		}
	}
	return got, damaged
}

// fill appends batches first..n-1 with 1 to 3 records each and returns their base offsets.
func fill(t testing.TB, p *partition, first, n int) map[int64][]byte {
	t.Helper()
	want := map[int64][]byte{}
	for i := first; i < n; i++ {
		base, err := p.append(newBatch(1+i%3, body(i)))
		if err != nil {
			t.Fatal(err)
		}
		want[base] = body(i)
	}
	return want
}

func equal(a, b map[int64][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if !bytes.Equal(v, b[k]) {
			return false
		}
	}
	return true
}

// snapshot copies a folder while it is written, as a crash would leave it for the next process: bytes
// that were written stay, whether synced or not.
func snapshot(t testing.TB, from, to string) {
	t.Helper()
	// A segment never changes below what was acknowledged, so the state is taken first and the end of
	// the log last: the copy is at least as long as the state says.
	if err := os.MkdirAll(to, 0o755); err != nil {
		t.Fatal(err)
	}
	copyFile := func(name string) {
		b, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	copyFile("acked")
	bases, err := listSegments(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bases {
		copyFile(filepath.Base(segmentPath(from, b)))
	}
}

// A crash at any moment, while several producers write, loses nothing that was acknowledged, keeps the
// order of each producer, and gives no offset out twice.
func TestCrashKeepsWhatWasAcknowledged(t *testing.T) {
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(7, 8))
	acked := map[int64]string{}
	next := [3]int{}
	for life := range 12 {
		p, err := openPartition(filepath.Join(dir, fmt.Sprint(life)), options(6<<10), new(atomic.Int64), func() {})
		if err != nil {
			t.Fatal(err)
		}
		got, damaged := everything(t, p)
		if len(damaged) > 0 {
			t.Fatalf("life %d: damage at %v", life, damaged)
		}
		for base, what := range acked {
			if string(got[base]) != what {
				t.Fatalf("life %d: offset %d holds %q, %q was acknowledged", life, base, got[base], what)
			}
		}
		last := [3]int{-1, -1, -1}
		for _, base := range slices.Sorted(func(yield func(int64) bool) {
			for b := range got {
				if !yield(b) {
					return
				}
			}
		}) {
			var w, i int
			if _, err := fmt.Sscanf(string(got[base]), "%d/%d/", &w, &i); err != nil || i <= last[w] {
				t.Fatalf("life %d: %q at %d follows number %d", life, got[base], base, last[w])
			}
			last[w] = i
			acked[base] = string(got[base]) // what was read once stays, too
		}
		for w := range next {
			next[w] = max(next[w], last[w]+1)
		}
		var mu sync.Mutex
		var wg sync.WaitGroup
		stop := make(chan struct{})
		for w := range 3 {
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					mu.Lock()
					i := next[w]
					next[w]++
					mu.Unlock()
					what := fmt.Sprintf("%d/%d/%s", w, i, body(i))
					base, err := p.append(newBatch(1+i%3, []byte(what)))
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					acked[base] = what
					mu.Unlock()
				}
			})
		}
		for enough := len(got) + 5 + r.IntN(30); ; time.Sleep(time.Millisecond) {
			mu.Lock()
			n := len(acked)
			mu.Unlock()
			if n >= enough || t.Failed() {
				break
			}
		}
		mu.Lock()
		before := make(map[int64]string, len(acked))
		for k, v := range acked {
			before[k] = v
		}
		mu.Unlock()
		to := filepath.Join(dir, fmt.Sprint(life+1))
		snapshot(t, filepath.Join(dir, fmt.Sprint(life)), to)
		close(stop)
		wg.Wait()
		p.close()
		acked = before // the crash came at the copy: later answers never arrived
		tear(t, to, r)
	}
	if len(acked) < 100 {
		t.Fatalf("only %d batches in all lives", len(acked))
	}
}

// tear appends the beginning of a frame to the last segment: a write that the crash cut.
func tear(t testing.TB, dir string, r *rand.Rand) {
	t.Helper()
	bases, err := listSegments(dir)
	if err != nil {
		t.Fatal(err)
	}
	frame := appendFrame(nil, newBatch(2, body(7)))
	f, err := os.OpenFile(segmentPath(dir, bases[len(bases)-1]), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(frame[:r.IntN(len(frame))]); err != nil {
		t.Fatal(err)
	}
}

// A damaged index is made again from the log.
func TestDamagedIndex(t *testing.T) {
	dir := t.TempDir()
	p := reopen(t, dir, 8<<10)
	want := fill(t, p, 0, 60)
	path := indexPath(dir, 0)
	sound, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range sound {
		raw := bytes.Clone(sound)
		raw[i] ^= 0x40
		if err := os.WriteFile(path, raw[:len(raw)-i%2], 0o644); err != nil {
			t.Fatal(err)
		}
		if got, damaged := everything(t, p); !equal(got, want) || len(damaged) > 0 {
			t.Fatalf("byte %d: %d batches of %d, damage at %v", i, len(got), len(want), damaged)
		}
		if mended, err := os.ReadFile(path); err != nil || !bytes.Equal(mended, sound) {
			t.Fatalf("byte %d: the index was not mended: %v", i, err)
		}
	}
}

// Bytes that are cut off or lost below what was acknowledged leave a hole, not a shorter log.
func TestLostEnd(t *testing.T) {
	for _, cut := range []int64{1, 500, 1 << 20} {
		dir := t.TempDir()
		p := reopen(t, dir, 1<<20)
		want := fill(t, p, 0, 20)
		_, end := p.bounds()
		p.close()
		path := segmentPath(dir, 0)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, max(0, info.Size()-cut)); err != nil {
			t.Fatal(err)
		}
		for range 2 { // and again
			p = reopen(t, dir, 1<<20)
			if _, e := p.bounds(); e != end {
				t.Fatalf("cut %d: the end is %d, it was %d", cut, e, end)
			}
			got, damaged := everything(t, p)
			if len(damaged) == 0 || len(got) >= len(want) {
				t.Fatalf("cut %d: %d batches, damage at %v", cut, len(got), damaged)
			}
			p.close()
		}
		p = reopen(t, dir, 1<<20)
		if at, err := p.append(newBatch(1, body(3))); err != nil || at != end {
			t.Fatalf("cut %d: the next offset is %d, %v; want %d", cut, at, err, end)
		}
		p.close()
		p = reopen(t, dir, 1<<20)
		if raw, err := p.batches(nil, end, 1); err != nil || !bytes.Equal(raw[batchHeader:], body(3)) {
			t.Fatalf("cut %d: reading behind the hole: %v", cut, err)
		}
	}
}

// A closed segment that lost its end, or all of it, is an error for its range.
func TestLostSegment(t *testing.T) {
	dir := t.TempDir()
	p := reopen(t, dir, 2<<10)
	want := fill(t, p, 0, 60)
	_, end := p.bounds()
	p.close()
	bases, _ := listSegments(dir)
	if err := os.Remove(segmentPath(dir, bases[1])); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(segmentPath(dir, bases[3]), 100); err != nil {
		t.Fatal(err)
	}
	p = reopen(t, dir, 2<<10)
	got, damaged := everything(t, p)
	for base, b := range want {
		lost := base >= bases[1] && base < bases[2] || base >= bases[3] && base < bases[4]
		if !lost && !bytes.Equal(got[base], b) {
			t.Errorf("batch %d is gone", base)
		}
	}
	if _, e := p.bounds(); e != end || int64(len(damaged)) < bases[2]-bases[1] {
		t.Errorf("end %d of %d, damage at %v", e, end, damaged)
	}
	p.close()
	if err := os.Remove(segmentPath(dir, bases[len(bases)-1])); err != nil {
		t.Fatal(err)
	}
	if _, err := openPartition(dir, options(2<<10), new(atomic.Int64), func() {}); !errors.Is(err, millrace.ErrIntegrity) {
		t.Fatalf("the active segment is gone: %v", err)
	}
}

// The record of what was acknowledged survives one damaged slot. Without both, nothing is cut.
func TestLostSlots(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(raw []byte)
		torn   bool
		opens  bool
	}{
		{"first", func(raw []byte) { raw[20] ^= 1 }, true, true},
		{"second", func(raw []byte) { raw[slotStride+20] ^= 1 }, true, true},
		{"both", func(raw []byte) { raw[20] ^= 1; raw[slotStride+20] ^= 1 }, false, true},
		{"both and a torn tail", func(raw []byte) { raw[20] ^= 1; raw[slotStride+20] ^= 1 }, true, false},
	} {
		dir := t.TempDir()
		p := reopen(t, dir, 1<<20)
		want := fill(t, p, 0, 20)
		p.close()
		path := filepath.Join(dir, "acked")
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		c.damage(raw)
		if err := os.WriteFile(path, raw, 0o644); err != nil {
			t.Fatal(err)
		}
		if c.torn {
			tear(t, dir, rand.New(rand.NewPCG(1, 1)))
		}
		p, err = openPartition(dir, options(1<<20), new(atomic.Int64), func() {})
		if !c.opens {
			if !errors.Is(err, millrace.ErrIntegrity) {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got, damaged := everything(t, p); !equal(got, want) || len(damaged) > 0 {
			t.Errorf("%s: %d batches of %d, damage at %v", c.name, len(got), len(want), damaged)
		}
		p.close()
	}
}

// A start reads nothing of what was acknowledged, however much there is. What it left out is indexed by the
// first who reads it, and the segments that come after are as they should be.
func TestStartReadsNothing(t *testing.T) {
	const segment = 8 << 10
	dir := t.TempDir()
	p := reopen(t, dir, segment)
	want := fill(t, p, 0, 400)
	p.close()
	bases, _ := listSegments(dir)
	var read atomic.Int64
	p, err := openPartition(dir, options(segment), &read, func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	if len(bases) < 10 || read.Load() > 0 {
		t.Fatalf("read %d bytes at start, a segment has %d and there are %d", read.Load(), segment, len(bases))
	}
	if cap(p.active) > 64 {
		t.Fatalf("%d index entries are in memory", cap(p.active))
	}
	for base, b := range fill(t, p, 400, 402) {
		want[base] = b
	}
	if got, damaged := everything(t, p); !equal(got, want) || len(damaged) > 0 {
		t.Fatalf("%d batches of %d, damage at %v", len(got), len(want), damaged)
	}
	if p.bare > 0 {
		t.Fatalf("%d bytes have no index after they were read", p.bare)
	}
	p.close()
	q := reopen(t, dir, segment) // and closed before anybody reads it
	for base, b := range fill(t, q, 402, 500) {
		want[base] = b
	}
	if got, damaged := everything(t, q); !equal(got, want) || len(damaged) > 0 {
		t.Fatalf("%d batches of %d, damage at %v", len(got), len(want), damaged)
	}
}

// A disk that is full in the middle of a write leaves no garbage in the log.
func TestWriteErrorLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	p := reopen(t, dir, 1<<20)
	want := fill(t, p, 0, 5)
	sound := p.file
	readOnly, err := durable.OpenToRead(sound.Name())
	if err != nil {
		t.Fatal(err)
	}
	p.file = readOnly // writes fail, and so does cutting: the partition has to end
	if _, err := p.append(newBatch(1, body(1))); err == nil || errors.Is(err, errFull) {
		t.Fatalf("got %v", err)
	}
	readOnly.Close()
	p.file = sound
	p.close()
	p = reopen(t, dir, 1<<20)
	if got, damaged := everything(t, p); !equal(got, want) || len(damaged) > 0 {
		t.Fatalf("%d batches, damage at %v", len(got), damaged)
	}
}

func FuzzWalk(f *testing.F) {
	var log []byte
	for i, base := 0, int64(0); i < 5; i++ {
		b := newBatch(1+i%3, body(i))
		b.place(base)
		base = b.end()
		log = appendFrame(log, b)
	}
	f.Add(log, int64(10))
	f.Add(log[:len(log)-3], int64(10))
	f.Add(slices.Concat(log[:70], []byte("garbage"), log[70:]), int64(10))
	f.Fuzz(func(t *testing.T, raw []byte, stop int64) {
		if stop < 0 {
			return
		}
		var read atomic.Int64
		w := newWalker(bytes.NewReader(raw), "x", 0, int64(len(raw)), 0, stop, &read)
		var next int64
		for steps := 0; ; steps++ {
			b, err := w.step()
			var d *damage
			switch {
			case errors.Is(err, io.EOF):
				if next != stop {
					t.Fatalf("the walk ends at offset %d, want %d", next, stop)
				}
				return
			case errors.As(err, &d):
				if d.from != next || d.to < d.from || d.to > stop {
					t.Fatalf("damage from %d to %d, expected from %d", d.from, d.to, next)
				}
				next = d.to
			case err != nil:
				t.Fatal(err)
			default:
				if b.base() != next {
					t.Fatalf("batch %d, expected %d", b.base(), next)
				}
				next = b.end()
			}
			if steps > 2*len(raw)+4 {
				t.Fatal("the walk does not end")
			}
		}
	})
}

func FuzzBatch(f *testing.F) {
	f.Add([]byte(newBatch(3, body(3))))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		b := batch(raw)
		if b.check() != nil {
			return
		}
		b.place(77)
		back, err := openFrame(appendFrame(nil, b))
		if err != nil || !bytes.Equal(back, b) || back.base() != 77 {
			t.Fatalf("a batch that was accepted cannot be read again: %v", err)
		}
	})
}

func FuzzStateFiles(f *testing.F) {
	f.Add(acked{turn: 3, segment: 4, pos: 5, next: 6, start: 7}.encode())
	f.Add(index{{1, 2}, {3, 4}}.encode())
	f.Fuzz(func(t *testing.T, raw []byte) {
		if a, ok := decodeAcked(raw); ok && !bytes.Equal(a.encode(), raw) {
			t.Fatal("slot changes by a round trip")
		}
		if x, ok := decodeIndex(raw); ok && !bytes.Equal(x.encode(), raw) {
			t.Fatal("index changes by a round trip")
		}
	})
}

// Every frame of a closed segment was synced before it was acknowledged, however appends, syncs and rolls
// meet.
func TestNothingIsAcknowledgedUnsynced(t *testing.T) {
	var mu sync.Mutex
	synced := map[string]int64{}
	o := options(2 << 10)
	o.sync = func(f *durable.File) error {
		info, err := f.Stat()
		if err != nil {
			return err
		}
		time.Sleep(20 * time.Microsecond)
		mu.Lock()
		defer mu.Unlock()
		synced[f.Name()] = max(synced[f.Name()], info.Size())
		return nil
	}
	dir := t.TempDir()
	p, err := openPartition(dir, o, new(atomic.Int64), func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(9, uint64(w)))
			for range 250 {
				if _, err := p.append(newBatch(1, make([]byte, r.IntN(600)))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	bases, err := listSegments(dir)
	if err != nil || len(bases) < 20 {
		t.Fatalf("%d segments, %v", len(bases), err)
	}
	for _, base := range bases {
		info, err := os.Stat(segmentPath(dir, base))
		if err != nil {
			t.Fatal(err)
		}
		if synced[segmentPath(dir, base)] != info.Size() {
			t.Errorf("segment %d: %d of %d bytes were synced", base, synced[segmentPath(dir, base)], info.Size())
		}
	}
}
