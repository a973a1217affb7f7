package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"millrace"
	"millrace/ingest/broker"
)

var (
	warc0  = millrace.Partition{Topic: "warc"}
	files0 = millrace.Partition{Topic: "files"}
)

// newTopic is a topic in a broker of its own, or a new one in the Apache Kafka that MILLRACE_KAFKA names
// as host:port.
func newTopic(t testing.TB) Topic {
	t.Helper()
	if addr := os.Getenv("MILLRACE_KAFKA"); addr != "" {
		topic := Topic{Addr: addr, Name: fmt.Sprintf("%s-%x", t.Name(), rand.Uint64()), Recipe: "r1"}
		if err := topic.Ensure(t.Context()); err != nil {
			t.Fatal(err)
		}
		return topic
	}
	b, err := broker.Start(t.Context(), broker.Options{Dir: t.TempDir(), SegmentBytes: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	topic := Topic{Addr: b.Addr(), Name: "pages", Recipe: "r1", fetchWait: 30 * time.Millisecond, pause: time.Millisecond}
	if err := topic.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	return topic
}

// at is a commit that has seen nothing yet, unless told.
func at(c millrace.Checkpoint) func(context.Context) (millrace.Checkpoint, error) {
	return func(context.Context) (millrace.Checkpoint, error) { return c.Clone(), nil }
}

// doc number n of a partition; offsets have holes, as real ones do.
func doc(p millrace.Partition, n int) *millrace.Document {
	d := sample()
	d.UserID = fmt.Sprintf("%s-%d", p.Topic, n)
	d.Position = millrace.Position{Partition: p, Offset: int64(n) * 3}
	return d
}

func docs(p millrace.Partition, from, to int) (ds []*millrace.Document) {
	for n := from; n < to; n++ {
		ds = append(ds, doc(p, n))
	}
	return ds
}

// resumed opens a sink and resumes it.
func resumed(t testing.TB, topic Topic, c millrace.Checkpoint) (*TopicSink, millrace.Checkpoint) {
	t.Helper()
	s := topic.Sink(at(c))
	t.Cleanup(func() { s.Close() })
	next, err := s.Resume(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s, next
}

func ended() bool { return true }

// drain reads a topic to its end.
func drain(t testing.TB, topic Topic, c millrace.Checkpoint) (ds []*millrace.Document, marks []int64, counts Counts) {
	t.Helper()
	s := topic.Source(SourceOptions{Until: ended})
	defer s.Close()
	if err := s.Open(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	for {
		b, err := s.Read(t.Context(), 7)
		if errors.Is(err, io.EOF) {
			return ds, marks, s.Counts()
		}
		if err != nil {
			t.Fatal(err)
		}
		ds = append(ds, b.Docs...)
		if !b.Flush.IsZero() {
			marks = append(marks, b.Flush.Offset)
		}
	}
}

// wantOrder checks that ds are documents 0..n of p, once each, in order.
func wantOrder(t testing.TB, ds []*millrace.Document, p millrace.Partition, n int) {
	t.Helper()
	i := 0
	for _, d := range ds {
		if d.Via.Partition != p {
			continue
		}
		if want := fmt.Sprintf("%s-%d", p.Topic, i); d.UserID != want {
			t.Fatalf("document %d of %s is %s, want %s", i, p, d.UserID, want)
		}
		i++
	}
	if i != n {
		t.Fatalf("%d documents of %s, want %d", i, p, n)
	}
}

func TestTwoBeltsOneTopic(t *testing.T) {
	topic := newTopic(t)
	crawl, _ := resumed(t, topic, millrace.Checkpoint{})
	files, _ := resumed(t, topic, millrace.Checkpoint{})
	for i := range 10 {
		if err := crawl.Write(t.Context(), docs(warc0, i*5, i*5+5)); err != nil {
			t.Fatal(err)
		}
		if err := files.Write(t.Context(), docs(files0, i*2, i*2+2)); err != nil {
			t.Fatal(err)
		}
	}
	m, err := topic.Mark(t.Context())
	if err != nil || m.Offset != 70 {
		t.Fatalf("mark at %v, %v", m, err)
	}
	ds, marks, counts := drain(t, topic, millrace.Checkpoint{})
	wantOrder(t, ds, warc0, 50)
	wantOrder(t, ds, files0, 20)
	if len(marks) != 1 || marks[0] != 70 || counts != (Counts{Taken: 70, Marks: 1}) {
		t.Fatalf("marks %v, counts %+v", marks, counts)
	}
	for i, d := range ds {
		if d.Position != (millrace.Position{Partition: topic.At(), Offset: int64(i)}) {
			t.Fatalf("document %d stands at %s", i, d.Position)
		}
	}
	// A new owner finds where both stand.
	_, next := resumed(t, topic, millrace.Checkpoint{})
	if want := map[millrace.Partition]int64{warc0: 49*3 + 1, files0: 19*3 + 1}; !maps.Equal(next.Next, want) {
		t.Fatalf("resume at %v, want %v", next.Next, want)
	}
}

// Whatever a sink writes again, the receiver takes once.
func TestRedeliveryIsIgnored(t *testing.T) {
	topic := newTopic(t)
	a, _ := resumed(t, topic, millrace.Checkpoint{})
	zombie, _ := resumed(t, topic, millrace.Checkpoint{})
	for _, step := range []struct {
		s        *TopicSink
		from, to int
	}{{a, 0, 10}, {zombie, 0, 4}, {a, 10, 12}, {zombie, 4, 14}, {a, 12, 20}} {
		if err := step.s.Write(t.Context(), docs(warc0, step.from, step.to)); err != nil {
			t.Fatal(err)
		}
	}
	ds, _, counts := drain(t, topic, millrace.Checkpoint{})
	wantOrder(t, ds, warc0, 20)
	if counts.Redelivered != 14 {
		t.Fatalf("counts %+v", counts)
	}
}

func TestGapIsAnIntegrityError(t *testing.T) {
	topic := newTopic(t)
	s, _ := resumed(t, topic, millrace.Checkpoint{})
	if err := s.Write(t.Context(), docs(warc0, 0, 3)); err != nil {
		t.Fatal(err)
	}
	// Somebody who believes that more was taken than was.
	liar, _ := resumed(t, topic, millrace.Checkpoint{Marks: map[millrace.Partition]int64{warc0: 15}})
	if err := liar.Write(t.Context(), docs(warc0, 6, 8)); err != nil {
		t.Fatal(err)
	}
	src := topic.Source(SourceOptions{Until: ended})
	defer src.Close()
	if err := src.Open(t.Context(), millrace.Checkpoint{}); err != nil {
		t.Fatal(err)
	}
	b, err := src.Read(t.Context(), 100)
	if !errors.Is(err, millrace.ErrIntegrity) || len(b.Docs) != 3 {
		t.Fatalf("%d documents, %v", len(b.Docs), err)
	}
	if _, err := topic.Sink(at(millrace.Checkpoint{})).Resume(t.Context()); !errors.Is(err, millrace.ErrIntegrity) {
		t.Fatalf("resume: %v", err)
	}
}

func TestAnotherRecipeIsIgnored(t *testing.T) {
	topic := newTopic(t)
	old, _ := resumed(t, topic, millrace.Checkpoint{})
	if err := old.Write(t.Context(), docs(warc0, 0, 5)); err != nil {
		t.Fatal(err)
	}
	if _, err := topic.Mark(t.Context()); err != nil {
		t.Fatal(err)
	}
	topic.Recipe = "r2"
	s, next := resumed(t, topic, millrace.Checkpoint{})
	if len(next.Next) != 0 {
		t.Fatalf("another recipe's messages count for resuming: %v", next.Next)
	}
	if err := s.Write(t.Context(), docs(warc0, 0, 3)); err != nil {
		t.Fatal(err)
	}
	if err := old.Write(t.Context(), docs(warc0, 5, 9)); err != nil { // a zombie
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), docs(warc0, 3, 6)); err != nil {
		t.Fatal(err)
	}
	ds, marks, counts := drain(t, topic, millrace.Checkpoint{})
	wantOrder(t, ds, warc0, 6)
	if len(marks) != 0 || counts.Foreign != 10 {
		t.Fatalf("marks %v, counts %+v", marks, counts)
	}
}

func TestUndecodableIsADeadLetter(t *testing.T) {
	topic := newTopic(t)
	c := topic.open()
	defer c.close()
	junk := []byte("\xff\xffjunk")
	var recs []kafka.Record
	src := millrace.Position{Partition: warc0, Offset: 4}
	recs = append(recs,
		kafka.Record{Headers: headers(&millrace.Document{Position: src}, -1, "r1", junk)},
		kafka.Record{Headers: headers(&millrace.Document{}, -1, "r1", junk)}, // no source
		kafka.Record{}) // of nobody's recipe
	if _, err := c.produce(t.Context(), recs, [][]byte{junk, junk, junk}); err != nil {
		t.Fatal(err)
	}
	ds, _, counts := drain(t, topic, millrace.Checkpoint{})
	if len(ds) != 2 || counts != (Counts{Taken: 2, Foreign: 1}) {
		t.Fatalf("%d documents, %+v", len(ds), counts)
	}
	for i, d := range ds {
		if d.Verdict.Reason != millrace.FailedDecode || string(d.Page.Body) != string(junk) || d.Position.Offset != int64(i) || d.ID.IsZero() {
			t.Errorf("document %d: %+v", i, d)
		}
	}
	if ds[0].Via != src || !ds[1].Via.IsZero() {
		t.Errorf("sources %v and %v", ds[0].Via, ds[1].Via)
	}
}

func TestDigestIsChecked(t *testing.T) {
	topic := newTopic(t)
	c := topic.open()
	defer c.close()
	value := Encode(sample())
	h := headers(&millrace.Document{Position: millrace.Position{Partition: warc0}}, -1, "r1", append([]byte("x"), value...))
	if _, err := c.produce(t.Context(), []kafka.Record{{Headers: h}}, [][]byte{value}); err != nil {
		t.Fatal(err)
	}
	s := topic.Source(SourceOptions{Until: ended})
	defer s.Close()
	if err := s.Open(t.Context(), millrace.Checkpoint{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(t.Context(), 1); !errors.Is(err, millrace.ErrIntegrity) {
		t.Fatalf("got %v", err)
	}
}

// Trimmed past the position: start again from the newest commit; the same position again is a loss.
func TestTrimmed(t *testing.T) {
	topic := newTopic(t)
	s, _ := resumed(t, topic, millrace.Checkpoint{})
	for i := range 10 {
		if err := s.Write(t.Context(), docs(warc0, i*10, i*10+10)); err != nil {
			t.Fatal(err)
		}
	}
	behind := topic.Source(SourceOptions{})
	defer behind.Close()
	if err := behind.Open(t.Context(), millrace.Checkpoint{}); err != nil {
		t.Fatal(err)
	}
	if err := topic.Trim(t.Context(), 40); err != nil {
		t.Fatal(err)
	}
	if begin, end, err := topic.Ends(t.Context()); begin != 40 || end != 100 || err != nil {
		t.Fatalf("ends %d and %d, %v", begin, end, err)
	}
	if _, err := behind.Read(t.Context(), 1); !errors.Is(err, millrace.ErrMoved) {
		t.Fatalf("read below the start: %v", err)
	}
	if err := behind.Open(t.Context(), millrace.Checkpoint{}); !errors.Is(err, millrace.ErrMoved) {
		t.Fatalf("open below the start: %v", err)
	}
	if err := behind.Open(t.Context(), millrace.Checkpoint{}); !errors.Is(err, millrace.ErrIntegrity) {
		t.Fatalf("open below the start again: %v", err)
	}
	commit := millrace.Checkpoint{Next: map[millrace.Partition]int64{topic.At(): 40}, Marks: map[millrace.Partition]int64{warc0: 39 * 3}}
	ds, _, _ := drain(t, topic, commit)
	if len(ds) != 60 || ds[0].UserID != "warc-40" {
		t.Fatalf("%d documents", len(ds))
	}
	// A sink whose first look at the commit is stale looks again.
	looks := 0
	sink := topic.Sink(func(context.Context) (millrace.Checkpoint, error) {
		if looks++; looks == 1 {
			return millrace.Checkpoint{}, nil
		}
		return commit.Clone(), nil
	})
	defer sink.Close()
	next, err := sink.Resume(t.Context())
	if err != nil || next.Next[warc0] != 99*3+1 {
		t.Fatalf("resume at %v, %v", next.Next, err)
	}
	if err := topic.Trim(t.Context(), 101); !errors.Is(err, kafka.OffsetOutOfRange) {
		t.Fatalf("trim behind the end: %v", err)
	}
}

// What is not taken yet is measured where all of it is read, and told by a few places where that is too much.
func TestBacklog(t *testing.T) {
	topic := newTopic(t)
	s, _ := resumed(t, topic, millrace.Checkpoint{})
	before := time.Now().Add(-time.Second)
	for n := range 12 {
		d := doc(warc0, n)
		d.Text = strings.Repeat(string(rune('a'+n)), MaxText)
		if err := s.Write(t.Context(), []*millrace.Document{d}); err != nil {
			t.Fatal(err)
		}
	}
	for _, from := range []int64{0, 5, 11, 12} {
		b, err := topic.Backlog(t.Context(), from, 12)
		if err != nil {
			t.Fatal(err)
		}
		n := 12 - from
		if b.Records != n || b.Bytes < n*MaxText || b.Bytes > n*(MaxText+1000) || n > 0 == b.Since.Before(before) {
			t.Errorf("from %d: %+v", from, b)
		}
	}
}

// A commit that has read further than the log reaches belongs to another log.
func TestShorterLog(t *testing.T) {
	topic := newTopic(t)
	c := millrace.Checkpoint{Next: map[millrace.Partition]int64{topic.At(): 5}}
	if err := topic.Source(SourceOptions{}).Open(t.Context(), c); !errors.Is(err, millrace.ErrIntegrity) {
		t.Errorf("source: %v", err)
	}
	if _, err := topic.Sink(at(c)).Resume(t.Context()); !errors.Is(err, millrace.ErrIntegrity) {
		t.Errorf("sink: %v", err)
	}
}

func TestSinkWantsOrder(t *testing.T) {
	topic := newTopic(t)
	s := topic.Sink(at(millrace.Checkpoint{}))
	defer s.Close()
	if err := s.Write(t.Context(), docs(warc0, 0, 1)); !errors.Is(err, millrace.ErrStop) {
		t.Errorf("write before resume: %v", err)
	}
	if _, err := s.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), docs(warc0, 2, 4)); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), docs(warc0, 3, 4)); !errors.Is(err, millrace.ErrIntegrity) {
		t.Errorf("the same document twice: %v", err)
	}
	if err := s.Write(t.Context(), docs(warc0, 4, 5)); !errors.Is(err, millrace.ErrStop) {
		t.Errorf("write after a failure: %v", err)
	}
}

func TestLargeDocuments(t *testing.T) {
	topic := newTopic(t)
	s, _ := resumed(t, topic, millrace.Checkpoint{})
	r := rand.New(rand.NewPCG(1, 2))
	var ds []*millrace.Document
	for n := range 6 {
		d := doc(warc0, n)
		raw := make([]byte, MaxText)
		for i := range raw {
			raw[i] = byte('a' + r.IntN(26))
		}
		d.Text = string(raw)
		ds = append(ds, d)
	}
	if err := s.Write(t.Context(), ds); err != nil {
		t.Fatal(err)
	}
	got, _, _ := drain(t, topic, millrace.Checkpoint{})
	wantOrder(t, got, warc0, 6)
	for i := range got {
		if got[i].Text != ds[i].Text {
			t.Fatalf("text %d differs", i)
		}
	}
}

func TestUnknownTopicIsPermanent(t *testing.T) {
	topic := newTopic(t)
	name := topic.Name
	topic.Name = "nowhere"
	_, _, err := topic.Ends(t.Context())
	if err == nil || !strings.Contains(err.Error(), "no such topic") {
		t.Fatalf("got %v", err)
	}
	topic.Name, topic.Partitions = name, 3
	if err := topic.Ensure(t.Context()); !errors.Is(err, millrace.ErrStop) {
		t.Fatalf("another number of partitions: %v", err)
	}
}

// faults makes connections that break: before a request is through, or after it, when its answer is
// lost. At most budget of them do.
type faults struct {
	mu     sync.Mutex
	r      *rand.Rand
	budget int
	hits   int
}

func (f *faults) strike(odds int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hits >= f.budget || f.r.IntN(odds) > 0 {
		return false
	}
	f.hits++
	return true
}

func (f *faults) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if f.strike(6) {
		return nil, errors.New("connection refused, says the test")
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &faultyConn{Conn: c, f: f}, nil
}

type faultyConn struct {
	net.Conn
	f *faults
}

func (c *faultyConn) Write(b []byte) (int, error) {
	if c.f.strike(8) {
		n, _ := c.Conn.Write(b[:len(b)/2])
		c.Close()
		return n, net.ErrClosed
	}
	return c.Conn.Write(b)
}

func (c *faultyConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err == nil && c.f.strike(8) { // the request was served, the answer is lost
		c.Close()
		return 0, net.ErrClosed
	}
	return n, err
}

// Through broken connections, lost answers, crashes of the writer and zombies that write on, the reader
// gets each document once and in order, and from wherever it restarts.
func TestExactlyOnceThroughFaults(t *testing.T) {
	topic := newTopic(t)
	clean := topic
	f := &faults{r: rand.New(rand.NewPCG(3, 4)), budget: 60}
	topic.dial = f.dial
	const n = 120
	r := rand.New(rand.NewPCG(5, 6))
	var zombie *TopicSink
	zombieAt := 0
	s := topic.Sink(at(millrace.Checkpoint{}))
	next := 0
	start := func() {
		c, err := s.Resume(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		next = int((c.Next[warc0] + 2) / 3)
	}
	start()
	for next < n {
		to := min(n, next+1+r.IntN(9))
		if err := s.Write(t.Context(), docs(warc0, next, to)); err != nil {
			t.Fatal(err)
		}
		next = to
		switch r.IntN(4) {
		case 0: // crash: a new owner, and the old one may go on for a while
			if zombie != nil {
				zombie.Close()
			}
			zombie, zombieAt = s, next
			s = topic.Sink(at(millrace.Checkpoint{}))
			start()
		case 1:
			if zombie != nil && zombieAt < n {
				to := min(n, zombieAt+1+r.IntN(3))
				if err := zombie.Write(t.Context(), docs(warc0, zombieAt, to)); err != nil {
					t.Fatal(err)
				}
				zombieAt = to
			}
		}
	}
	s.Close()
	if zombie != nil {
		zombie.Close()
	}
	if f.hits < 20 {
		t.Fatalf("only %d faults", f.hits)
	}
	ds, _, counts := drain(t, clean, millrace.Checkpoint{})
	wantOrder(t, ds, warc0, n)
	if counts.Redelivered == 0 {
		t.Fatal("no redelivery: the test tested nothing")
	}
	for range 10 { // from any commit, the rest follows
		i := r.IntN(len(ds))
		var c millrace.Checkpoint
		for _, d := range ds[:i] {
			c.Take(d)
		}
		rest, _, _ := drain(t, clean, c)
		if len(rest) != len(ds)-i || i < len(ds) && rest[0].ID != ds[i].ID {
			t.Fatalf("after %d: %d documents, want %d", i, len(rest), len(ds)-i)
		}
	}
}

// The sink outlives an outage of the broker, and goes on where it stood.
func TestBrokerRestarts(t *testing.T) {
	dir := t.TempDir()
	b, err := broker.Start(t.Context(), broker.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	topic := Topic{Addr: b.Addr(), Name: "pages", Recipe: "r1", fetchWait: 30 * time.Millisecond, pause: time.Millisecond}
	if err := topic.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, _ := resumed(t, topic, millrace.Checkpoint{})
	if err := s.Write(t.Context(), docs(warc0, 0, 5)); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	written := make(chan error, 1)
	go func() { written <- s.Write(t.Context(), docs(warc0, 5, 9)) }()
	select {
	case err := <-written:
		t.Fatalf("write without a broker: %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	if b, err = broker.Start(t.Context(), broker.Options{Dir: dir, Addr: topic.Addr}); err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	ds, _, _ := drain(t, topic, millrace.Checkpoint{})
	wantOrder(t, ds, warc0, 9)
}

func TestContextEndsWaiting(t *testing.T) {
	topic := newTopic(t)
	s := topic.Source(SourceOptions{})
	defer s.Close()
	if err := s.Open(t.Context(), millrace.Checkpoint{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Read(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
}
