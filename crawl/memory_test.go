package crawl

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"
)

// discoverMany lets f discover n URLs of 77 bytes in the mean, over so many hosts, in no order.
func discoverMany(f *frontier, n, hosts int) {
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		url := fmt.Sprintf("https://www.host-%04d.example/a-section-of-it/an-article-with-a-title-%d.html", rng.IntN(hosts), i)
		f.record(event{kind: evDiscovered, id: idOf(url), url: url, depth: uint64(rng.IntN(10))})
	}
}

// heapOf is how much the heap grows by what make returns.
func heapOf[T any](make func() T) (T, int64) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	v := make()
	runtime.GC()
	runtime.ReadMemStats(&after)
	return v, int64(after.HeapAlloc) - int64(before.HeapAlloc)
}

// measureFrontier lets a frontier discover n URLs that all wait, and loads it again, from its snapshot and
// from its log alone. It reports bytes of heap a URL; the log's buffer and the hosts are among them.
func measureFrontier(t testing.TB, n, hosts int) (live, loaded float64, withSnapshot, logAlone time.Duration) {
	dir := t.TempDir()
	f := reload(t, dir)
	empty := f.log.size()
	f, grown := heapOf(func() *frontier { discoverMany(f, n, hosts); return f })
	if f.counts.Waiting != int64(n) || len(f.hosts) != hosts || f.log.size() == empty {
		t.Fatalf("counts %+v, %d hosts", f.counts, len(f.hosts))
	}
	if err := f.log.close(); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	f, _ = heapOf(func() *frontier { return reload(t, dir) })
	logAlone = time.Since(start)
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	f = nil
	start = time.Now()
	f, again := heapOf(func() *frontier { return reload(t, dir) })
	withSnapshot = time.Since(start)
	if f.covered != f.log.size() || f.counts.Waiting != int64(n) {
		t.Errorf("the snapshot covers %d of %d bytes, counts %+v", f.covered, f.log.size(), f.counts)
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	return float64(grown) / float64(n), float64(again) / float64(n), withSnapshot, logAlone
}

// TestFrontierMemory holds a known URL that waits to 25 bytes of memory.
func TestFrontierMemory(t *testing.T) {
	live, loaded, _, _ := measureFrontier(t, 200_000, 200)
	t.Logf("%.1f B a URL, %.1f after a restart", live, loaded)
	if live > 25 || loaded > 25 {
		t.Errorf("%.1f B a URL, %.1f after a restart; want at most 25", live, loaded)
	}
}

// BenchmarkFrontier prints what a million URLs of a thousand hosts cost.
func BenchmarkFrontier(b *testing.B) {
	for range b.N {
		live, loaded, withSnapshot, logAlone := measureFrontier(b, 1_000_000, 1000)
		b.ReportMetric(live, "B/URL")
		b.ReportMetric(loaded, "B/URL-restarted")
		b.ReportMetric(withSnapshot.Seconds(), "s-snapshot")
		b.ReportMetric(logAlone.Seconds(), "s-log-alone")
	}
}
