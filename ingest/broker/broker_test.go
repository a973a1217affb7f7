package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"millrace/internal/durable"
)

// start runs a broker for one test.
func start(t testing.TB, o Options) *Broker {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	b, err := Start(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// dial gives a client of its own, so that no test sees another's metadata.
func dial(t testing.TB, b *Broker) *kafka.Client {
	c, pool := dialAddr(b.Addr())
	t.Cleanup(pool.CloseIdleConnections)
	return c
}

func create(t testing.TB, c *kafka.Client, topic string, partitions int) {
	t.Helper()
	r, err := c.CreateTopics(t.Context(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{
		{Topic: topic, NumPartitions: partitions, ReplicationFactor: -1},
	}})
	if err == nil {
		err = r.Errors[topic]
	}
	if err != nil {
		t.Fatal(err)
	}
}

// produce sends values as one batch.
func produce(c *kafka.Client, topic string, partition int, values ...string) (int64, error) {
	var recs []kafka.Record
	for _, v := range values {
		recs = append(recs, kafka.Record{Value: kafka.NewBytes([]byte(v))})
	}
	r, err := c.Produce(context.Background(), &kafka.ProduceRequest{Topic: topic, Partition: partition,
		RequiredAcks: kafka.RequireAll, Compression: kafka.Zstd, Records: kafka.NewRecordReader(recs...)})
	if err != nil {
		return -1, err
	}
	return r.BaseOffset, r.Error
}

// fetch gives the values from an offset on, of one request.
func fetch(c *kafka.Client, topic string, partition int, offset int64) (values []string, first, high int64, err error) {
	r, err := c.Fetch(context.Background(), &kafka.FetchRequest{Topic: topic, Partition: partition, Offset: offset,
		MinBytes: 1, MaxBytes: 1 << 20, MaxWait: 50 * time.Millisecond})
	if err != nil {
		return nil, 0, 0, err
	}
	if r.Error != nil {
		return nil, 0, r.HighWatermark, r.Error
	}
	first = -1
	for {
		rec, err := r.Records.ReadRecord()
		if errors.Is(err, io.EOF) {
			return values, first, r.HighWatermark, nil
		}
		if err != nil {
			return nil, 0, 0, err
		}
		v, err := protocol.ReadAll(rec.Value)
		if err != nil {
			return nil, 0, 0, err
		}
		if rec.Offset < offset {
			continue
		}
		if first < 0 {
			first = rec.Offset
		}
		values = append(values, string(v))
	}
}

// readAll reads a partition to its end and checks that the offsets have no holes.
func readAll(t testing.TB, c *kafka.Client, topic string, partition int, from int64) (values []string) {
	t.Helper()
	for at := from; ; {
		v, first, high, err := fetch(c, topic, partition, at)
		if err != nil {
			t.Fatalf("fetch at %d: %v", at, err)
		}
		if len(v) > 0 && first != at {
			t.Fatalf("fetch at %d begins with %d", at, first)
		}
		values = append(values, v...)
		if at += int64(len(v)); at >= high {
			return values
		}
	}
}

func numbered(from, n int) (values []string) {
	for i := range n {
		values = append(values, fmt.Sprintf("message %d %s", from+i, strings.Repeat("x", (from+i)%97)))
	}
	return values
}

func TestProduceFetchRestart(t *testing.T) {
	dir := t.TempDir()
	var want []string
	for round := range 3 {
		b := start(t, Options{Dir: dir, SegmentBytes: 4 << 10})
		c := dial(t, b)
		if round == 0 {
			create(t, c, "pages", 2)
		}
		if got := readAll(t, c, "pages", 1, 0); strings.Join(got, "|") != strings.Join(want, "|") {
			t.Fatalf("round %d: %d values after the restart, want %d", round, len(got), len(want))
		}
		for range 40 {
			v := numbered(len(want), 1+len(want)%7)
			base, err := produce(c, "pages", 1, v...)
			if err != nil || base != int64(len(want)) {
				t.Fatalf("produce: base %d, %v; want %d", base, err, len(want))
			}
			want = append(want, v...)
		}
		for _, from := range []int{0, 1, len(want) / 2, len(want) - 1, len(want)} {
			if got := readAll(t, c, "pages", 1, int64(from)); strings.Join(got, "|") != strings.Join(want[from:], "|") {
				t.Fatalf("from %d: got %d values, want %d", from, len(got), len(want)-from)
			}
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	segs, _ := filepath.Glob(filepath.Join(dir, "pages-1", "*.log"))
	if len(segs) < 3 {
		t.Fatalf("%d segments: the test did not roll", len(segs))
	}
}

// Many producers at once share fsyncs, and each partition stays in order.
func TestGroupCommit(t *testing.T) {
	var syncs atomic.Int64
	b := start(t, Options{sync: func(f *durable.File) error {
		syncs.Add(1)
		time.Sleep(2 * time.Millisecond)
		return f.Sync("test")
	}})
	c := dial(t, b)
	create(t, c, "pages", 1)
	const producers, each = 8, 20
	var wg sync.WaitGroup
	for p := range producers {
		c := dial(t, b)
		wg.Go(func() {
			for i := range each {
				if _, err := produce(c, "pages", 0, fmt.Sprintf("%d/%d", p, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	next := map[string]int{}
	for _, v := range readAll(t, c, "pages", 0, 0) {
		p, i, _ := strings.Cut(v, "/")
		if i != fmt.Sprint(next[p]) {
			t.Fatalf("producer %s: got %s, want %d", p, i, next[p])
		}
		next[p]++
	}
	if len(next) != producers || syncs.Load() >= producers*each {
		t.Fatalf("%d producers, %d syncs for %d batches", len(next), syncs.Load(), producers*each)
	}
}

func TestTrimIsDurable(t *testing.T) {
	dir := t.TempDir()
	b := start(t, Options{Dir: dir, SegmentBytes: 2 << 10})
	c := dial(t, b)
	create(t, c, "pages", 1)
	for i := range 50 {
		if _, err := produce(c, "pages", 0, numbered(i*4, 4)...); err != nil {
			t.Fatal(err)
		}
	}
	p := b.partition("pages", 0)
	for _, before := range []int64{201, -2} {
		if start, err := p.trim(before); !errors.Is(err, errOutOfRange) || start != 0 {
			t.Fatalf("trim to %d: start %d, %v", before, start, err)
		}
	}
	if start, err := p.trim(101); err != nil || start != 101 {
		t.Fatalf("start %d, %v", start, err)
	}
	if start, err := p.trim(50); err != nil || start != 101 {
		t.Fatalf("a lower trim moved the start to %d, %v", start, err)
	}
	if _, _, _, err := fetch(c, "pages", 0, 100); !errors.Is(err, kafka.OffsetOutOfRange) {
		t.Fatalf("fetch below the start: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b = start2(t, dir)
	c = dial(t, b)
	if s, e := b.partition("pages", 0).bounds(); s != 101 || e != 200 {
		t.Fatalf("bounds %d to %d after the restart, want 101 to 200", s, e)
	}
	if got := readAll(t, c, "pages", 0, 101); got[0] != numbered(101, 1)[0] || len(got) != 99 {
		t.Fatalf("%d values, first %q", len(got), got[0])
	}
	if bases, _ := listSegments(filepath.Join(dir, "pages-0")); bases[0] == 0 || bases[0] > 101 {
		t.Fatalf("first segment is %d: nothing, or too much, was deleted", bases[0])
	}
}

func start2(t testing.TB, dir string) *Broker {
	return start(t, Options{Dir: dir, SegmentBytes: 2 << 10})
}

func TestSecondBrokerIsRefused(t *testing.T) {
	dir := t.TempDir()
	start(t, Options{Dir: dir})
	if b, err := Start(t.Context(), Options{Dir: dir}); err == nil {
		b.Close()
		t.Fatal("two brokers opened one log")
	}
}

func TestOnlyLoopback(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "[::]:0", "example.org:80", "nonsense"} {
		if b, err := Start(t.Context(), Options{Dir: t.TempDir(), Addr: addr}); err == nil {
			b.Close()
			t.Errorf("listens on %s", addr)
		}
	}
	b := start(t, Options{})
	var port int
	if _, err := fmt.Sscanf(b.Addr(), "127.0.0.1:%d", &port); err != nil || port < firstPort || port > lastPort {
		t.Errorf("address %s, %v", b.Addr(), err)
	}
}

// A failed fsync ends the partition, with an error that tells the producer not to try again, and what
// was acknowledged before can still be read.
func TestFsyncErrorEndsThePartition(t *testing.T) {
	var broken atomic.Bool
	b := start(t, Options{sync: func(f *durable.File) error {
		if broken.Load() {
			return errors.New("input/output error")
		}
		return f.Sync("test")
	}})
	c := dial(t, b)
	create(t, c, "pages", 2)
	if _, err := produce(c, "pages", 0, "a"); err != nil {
		t.Fatal(err)
	}
	broken.Store(true)
	if _, err := produce(c, "pages", 0, "b"); !errors.Is(err, kafka.Unknown) {
		t.Fatalf("got %v", err)
	}
	broken.Store(false) // a later fsync would succeed, and prove nothing
	if _, err := produce(c, "pages", 0, "c"); !errors.Is(err, kafka.Unknown) {
		t.Fatalf("got %v", err)
	}
	if _, err := produce(c, "pages", 1, "d"); err != nil {
		t.Fatalf("the other partition: %v", err)
	}
	if got := readAll(t, c, "pages", 0, 0); len(got) != 1 || got[0] != "a" {
		t.Fatalf("got %q", got)
	}
}

func TestFullDiskIsRetriable(t *testing.T) {
	var free atomic.Int64
	free.Store(1000)
	var said bytes.Buffer
	var mu sync.Mutex
	log := slog.New(slog.NewTextHandler(writerFunc(func(b []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return said.Write(b)
	}), nil))
	b := start(t, Options{FreeFloor: 500, Log: log, free: func(string) (int64, error) { return free.Load(), nil }})
	c := dial(t, b)
	create(t, c, "pages", 1)
	if _, err := produce(c, "pages", 0, "a"); err != nil {
		t.Fatal(err)
	}
	free.Store(499)
	time.Sleep(2 * freeEvery)
	_, err := produce(c, "pages", 0, "b")
	if k := kafka.Error(0); !errors.As(err, &k) || !k.Temporary() {
		t.Fatalf("got %v, want an error that asks to try again", err)
	}
	free.Store(1 << 30)
	time.Sleep(2 * freeEvery)
	if base, err := produce(c, "pages", 0, "b"); err != nil || base != 1 {
		t.Fatalf("base %d, %v", base, err)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, want := range []string{"the disk is full", "there is room on"} {
		if strings.Count(said.String(), want) != 1 {
			t.Errorf("%q is to be said once: %s", want, said.String())
		}
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestRefusals(t *testing.T) {
	b := start(t, Options{})
	c := dial(t, b)
	create(t, c, "pages", 1)
	for _, x := range []struct {
		topic   kafka.TopicConfig
		want    kafka.Error
		because string
	}{
		{kafka.TopicConfig{Topic: "pages", NumPartitions: 1, ReplicationFactor: 1}, kafka.TopicAlreadyExists, "exists"},
		{kafka.TopicConfig{Topic: "Pages", NumPartitions: 1, ReplicationFactor: 1}, kafka.InvalidTopic, "case"},
		{kafka.TopicConfig{Topic: "../x", NumPartitions: 1, ReplicationFactor: 1}, kafka.InvalidTopic, "path"},
		{kafka.TopicConfig{Topic: "a", NumPartitions: 1000, ReplicationFactor: 1}, kafka.InvalidPartitionNumber, "partitions"},
		{kafka.TopicConfig{Topic: "a", NumPartitions: 1, ReplicationFactor: 3}, kafka.InvalidReplicationFactor, "replicas"},
		{kafka.TopicConfig{Topic: "a", NumPartitions: 1, ReplicationFactor: 1, ConfigEntries: []kafka.ConfigEntry{
			{ConfigName: "retention.ms", ConfigValue: "1000"}}}, kafka.InvalidConfiguration, "setting"},
	} {
		r, err := c.CreateTopics(t.Context(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{x.topic}})
		if err != nil || !errors.Is(r.Errors[x.topic.Topic], x.want) {
			t.Errorf("%s: %v, %v; want %v", x.because, err, r.Errors, x.want)
		}
	}
	if names := b.topicNames(); len(names) != 1 {
		t.Errorf("topics %v", names)
	}
}

func TestFetchWaitsForMore(t *testing.T) {
	b := start(t, Options{Log: slog.New(slog.DiscardHandler)})
	c := dial(t, b)
	create(t, c, "pages", 1)
	got := make(chan []string)
	go func() {
		v, _, _, err := fetch(dial(t, b), "pages", 0, 0)
		if err != nil {
			t.Error(err)
		}
		got <- v
	}()
	time.Sleep(20 * time.Millisecond)
	if _, err := produce(c, "pages", 0, "a"); err != nil {
		t.Fatal(err)
	}
	if v := <-got; len(v) > 1 || (len(v) == 1 && v[0] != "a") {
		t.Fatalf("got %q", v)
	}
}
