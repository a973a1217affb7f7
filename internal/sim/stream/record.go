package stream

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// reader looks at one partition from outside, by kafka-go alone.
type reader struct {
	client *kafka.Client
	topic  string
	part   int
}

func newReader(addr, topic string, part int) *reader {
	pool := &kafka.Transport{DialTimeout: time.Second, MetadataTTL: 2 * time.Second, ClientID: "recorder", MetadataTopics: []string{topic}}
	return &reader{&kafka.Client{Addr: kafka.TCP(strings.Split(addr, ",")...), Timeout: 10 * time.Second, Transport: pool}, topic, part}
}

// reset forgets the connections: a broker that was killed leaves dead ones.
func (r *reader) reset() { r.client.Transport.(*kafka.Transport).CloseIdleConnections() }

func (r *reader) end(ctx context.Context) (int64, error) {
	a, err := r.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{r.topic: {kafka.LastOffsetOf(r.part)}}})
	if err != nil {
		return 0, err
	}
	for _, o := range a.Topics[r.topic] {
		if o.Partition == r.part {
			return o.LastOffset, o.Error
		}
	}
	return 0, kafka.UnknownTopicOrPartition
}

// entryOf is one message as it came.
type entryOf struct {
	offset  int64
	headers []kafka.Header
	value   []byte
}

// fetch reads what stands from an offset on.
func (r *reader) fetch(ctx context.Context, from int64, wait time.Duration) (all []entryOf, err error) {
	a, err := r.client.Fetch(ctx, &kafka.FetchRequest{Topic: r.topic, Partition: r.part, Offset: from, MinBytes: 1, MaxBytes: 4 << 20, MaxWait: wait})
	if err != nil {
		return nil, err
	}
	if a.Error != nil {
		return nil, a.Error
	}
	for {
		rec, err := a.Records.ReadRecord()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		e := entryOf{offset: rec.Offset, headers: append([]kafka.Header(nil), rec.Headers...)}
		if rec.Value != nil {
			if e.value, err = protocol.ReadAll(rec.Value); err != nil {
				return nil, err
			}
		}
		if rec.Offset >= from { // the batch may begin before
			all = append(all, e)
		}
	}
}

// source is the Position that a message says it came from: its partition, and its offset there.
func (e *entryOf) source() (part string, offset int64, ok bool) {
	for _, h := range e.headers {
		if h.Key == "src" {
			i := strings.LastIndexByte(string(h.Value), '/')
			n, err := strconv.ParseInt(string(h.Value[i+1:]), 10, 64)
			return string(h.Value[:max(i, 0)]), n, err == nil && i > 0
		}
	}
	return "", 0, false
}

// recorder keeps every message of a topic in a file, in order, from the first one on, whatever happens to the broker.
type recorder struct {
	addr   string
	from   *reader
	file   string
	next   atomic.Int64 // what stands below is in the file
	cancel context.CancelFunc
	done   chan struct{}
	err    error // once done
}

// record begins to record. The topic need not exist yet.
func record(ctx context.Context, addr, topic, file string) *recorder {
	ctx, cancel := context.WithCancel(ctx)
	r := &recorder{addr: addr, from: newReader(addr, topic, 0), file: file, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.err = r.run(ctx)
	}()
	return r
}

// stop ends the recording when it has everything, and gives the number of messages. The broker has to be up.
func (r *recorder) stop(ctx context.Context) (int64, error) {
	defer r.cancel()
	end, err := newReader(r.addr, r.from.topic, 0).end(ctx)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for err == nil && r.next.Load() < end {
		select {
		case <-r.done:
			return 0, r.err
		case <-ctx.Done():
			err = ctx.Err()
		case <-tick.C:
		}
	}
	r.cancel()
	<-r.done
	return r.next.Load(), errors.Join(err, r.err)
}

// run fetches until ctx ends, which is no error.
func (r *recorder) run(ctx context.Context) error {
	f, err := os.Create(r.file)
	if err != nil {
		return err
	}
	defer f.Close()
	out := bufio.NewWriterSize(f, 1<<20)
	for ctx.Err() == nil {
		all, err := r.from.fetch(ctx, r.next.Load(), 500*time.Millisecond)
		if errors.Is(err, kafka.OffsetOutOfRange) {
			return fmt.Errorf("record topic %s: offset %d was trimmed before it was seen, or is not there any more: %w", r.from.topic, r.next.Load(), err)
		}
		if err != nil { // the broker is away, or has no such topic yet
			r.from.reset()
			select {
			case <-time.After(20 * time.Millisecond):
			case <-ctx.Done():
			}
			continue
		}
		for i := range all {
			if all[i].offset != r.next.Load() {
				return fmt.Errorf("record topic %s: offset %d follows %d", r.from.topic, all[i].offset, r.next.Load()-1)
			}
			if err := all[i].write(out); err != nil {
				return err
			}
			r.next.Add(1)
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// write appends the message: so many headers, each a key and a value; then the value.
func (e *entryOf) write(out *bufio.Writer) error {
	b := binary.AppendUvarint(nil, uint64(len(e.headers)))
	for _, h := range e.headers {
		b = append(binary.AppendUvarint(b, uint64(len(h.Key))), h.Key...)
		b = append(binary.AppendUvarint(b, uint64(len(h.Value))), h.Value...)
	}
	b = append(binary.AppendUvarint(b, uint64(len(e.value))), e.value...)
	_, err := out.Write(b)
	return err
}

// readEntry reads what write has written; io.EOF at the end.
func readEntry(in *bufio.Reader) (e entryOf, err error) {
	n, err := binary.ReadUvarint(in)
	if err != nil {
		return e, err
	}
	for range n {
		var h kafka.Header
		key, err := readBytes(in)
		if err != nil {
			return e, err
		}
		if h.Value, err = readBytes(in); err != nil {
			return e, err
		}
		h.Key = string(key)
		e.headers = append(e.headers, h)
	}
	e.value, err = readBytes(in)
	return e, err
}

// readBytes reads a length and as many bytes. A file that ends there is cut.
func readBytes(in *bufio.Reader) ([]byte, error) {
	n, err := binary.ReadUvarint(in)
	if err == nil && n > 16<<20 {
		err = fmt.Errorf("%d bytes in one message", n)
	}
	if err != nil {
		return nil, errors.Join(io.ErrUnexpectedEOF, err)
	}
	b := make([]byte, n)
	_, err = io.ReadFull(in, b)
	return b, err
}

// batchOfReplay is how many bytes go into a batch when a recording is played.
const batchOfReplay = 512 << 10

// play writes a recording into an empty topic, so that each message has the offset that it had.
func play(ctx context.Context, file, addr, topic string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	in, to := bufio.NewReaderSize(f, 1<<20), newReader(addr, topic, 0)
	defer to.reset()
	for next := int64(0); ; {
		var batch []kafka.Record
		size := 0
		for size < batchOfReplay {
			e, err := readEntry(in)
			if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				break
			}
			if err != nil {
				return fmt.Errorf("play %s: message %d: %w", file, next+int64(len(batch)), err)
			}
			rec := kafka.Record{Headers: e.headers}
			if len(e.value) > 0 {
				rec.Value = kafka.NewBytes(e.value)
			}
			batch, size = append(batch, rec), size+len(e.value)+100
		}
		if len(batch) == 0 {
			return nil
		}
		a, err := to.client.Produce(ctx, &kafka.ProduceRequest{Topic: topic, RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(batch...)})
		if err == nil {
			err = a.Error
		}
		if err == nil && a.BaseOffset != next {
			err = fmt.Errorf("message %d has got offset %d", next, a.BaseOffset)
		}
		if err != nil {
			return fmt.Errorf("play %s: %w", file, err)
		}
		next += int64(len(batch))
	}
}
