package stream

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"

	"millrace/internal/sim"
	"millrace/shards"
)

// RestartOptions say how restarts are measured.
type RestartOptions struct {
	Rows     int64 // that are committed before
	LogBytes int64 // that the log holds
	Restarts int   // of each process
}

// The limits. What the mill holds of every row that is committed comes on top of its memory.
const (
	mostRestartMS  = 1000
	mostRestartMB  = 64
	stateBytes     = 410 // of a row, in the duplicate index, if all are kept
	largeTopic     = "large"
	restartStock   = 1500 // messages that whoever reads a topic finds there
	restartWait    = time.Minute
	restartAhead   = 20_000               // documents that the feeder may be ahead of the rows before the restarts
	restartHurried = 2 * time.Millisecond // between two looks at whether something new is durable
)

// Docs are the documents that this takes: each life of the feeder fills two partitions, and before it may be late in being stopped.
func (o RestartOptions) Docs() int {
	return int(o.Rows) + 4*restartAhead + 2*restartStock*(o.Restarts+5)
}

// restarts is what was measured of one kind of process.
type restarts struct{ ms, cpu, mb []float64 }

// Restart brings a line to so many rows, fills its log, and then kills and starts each of its processes again and again,
// one at a time. It measures how long it takes from there to the first thing that is new and durable: of the log and
// of those that write to it an acknowledged message, of the mill a commit.
func (o *Options) Restart(ctx context.Context, w *World, ro RestartOptions, b *sim.Bar) error {
	l, err := w.newLine("restart", 2, 0, nil)
	if err != nil {
		return err
	}
	defer l.end()
	if err := l.start(ctx, l.belts()); err != nil {
		return err
	}
	if err := l.awaitRows(ctx, ro.Rows); err != nil {
		return err
	}
	for _, p := range l.belts() {
		p.kill()
	}
	size, err := l.fillLog(ctx, ro.LogBytes)
	if err != nil {
		return fmt.Errorf("fill the log: %w", err)
	}
	rows, err := sim.Inputs(l.corpus)
	if err != nil {
		return err
	}
	b.Figures["log_bytes"], b.Figures["rows"], b.Figures["restarts"] = size, rows, ro.Restarts
	all := map[string]*restarts{}
	for range ro.Restarts {
		if err := l.restartEach(ctx, all); err != nil {
			return err
		}
	}
	var errs []error
	for kind, r := range all {
		limit := float64(mostRestartMB)
		if kind == kindMill {
			if rows, err = sim.Inputs(l.corpus); err != nil {
				return err
			}
			limit += float64(rows) * stateBytes / 1e6
		}
		errs = append(errs, r.report(kind, limit, b))
	}
	return errors.Join(errs...)
}

// report notes the figures, and says what does not hold.
func (r *restarts) report(kind string, mostMB float64, b *sim.Bar) error {
	slices.Sort(r.ms)
	slices.Sort(r.cpu)
	p99, mb := r.ms[(len(r.ms)*99+99)/100-1], slices.Max(r.mb)
	b.Figures[kind] = map[string]any{"p50_ms": r.ms[len(r.ms)/2], "p99_ms": p99, "cpu_p50_ms": r.cpu[len(r.cpu)/2], "peak_mb": mb, "most_mb": mostMB}
	var errs []error
	if p99 > mostRestartMS {
		errs = append(errs, fmt.Errorf("%s: p99 from its start to something new is %.0f ms, it may be %d", kind, p99, mostRestartMS))
	}
	if mb > mostMB {
		errs = append(errs, fmt.Errorf("%s: it has held %.0f MB by then, it may be %.0f", kind, mb, mostMB))
	}
	return errors.Join(errs...)
}

// awaitRows waits until so many rows are committed. The feeder stops before it has worked far ahead: its lives to come need input.
func (l *line) awaitRows(ctx context.Context, want int64) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	pages := newReader(l.log.Addr(), "pages", 0)
	defer pages.reset()
	for {
		n, err := sim.Inputs(l.corpus)
		if err != nil || n >= want {
			return err
		}
		if fed, err := pages.end(ctx); err != nil { // the topic may not be there yet
			pages.reset()
		} else {
			l.feed.pause(int64(l.parts)*fed > want+restartAhead)
		}
		for _, p := range l.belts() {
			if err := p.fault(); err != nil {
				return err
			}
		}
		if l.mill.state().over {
			return fmt.Errorf("the input ends behind %d rows, %d are wanted", n, want)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// fillLog makes the log so large by a topic that nobody reads.
func (l *line) fillLog(ctx context.Context, size int64) (int64, error) {
	r := newReader(l.log.Addr(), largeTopic, 0)
	defer r.reset()
	a, err := r.client.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{Topic: largeTopic, NumPartitions: 1, ReplicationFactor: 1}}})
	if err == nil {
		err = a.Errors[largeTopic]
	}
	if err != nil {
		return 0, err
	}
	value := make([]byte, 4<<20-512)
	rand.Read(value)
	done := int64(0)
	for ; done < size; done += int64(len(value)) {
		if err := r.append(ctx, value); err != nil {
			return done, err
		}
	}
	return done, nil
}

// append writes one message and waits for its acknowledgement.
func (r *reader) append(ctx context.Context, value []byte) error {
	a, err := r.client.Produce(ctx, &kafka.ProduceRequest{Topic: r.topic, Partition: r.part, RequiredAcks: kafka.RequireAll,
		Records: kafka.NewRecordReader(kafka.Record{Value: kafka.NewBytes(value)})})
	if err == nil {
		err = a.Error
	}
	return err
}

// restartEach starts each process once more, alone with the log, and lets it go on until the next one has work.
func (l *line) restartEach(ctx context.Context, all map[string]*restarts) error {
	ctx, cancel := context.WithTimeout(ctx, 10*restartWait)
	defer cancel()
	one := func(kind string, p *process, begin func() error, done func() (bool, error)) error {
		began := time.Now()
		if err := begin(); err != nil {
			return err
		}
		if err := poll(ctx, done); err != nil {
			return fmt.Errorf("%s: nothing new: %w: %s", p.name, err, p.words())
		}
		ms := float64(time.Since(began).Microseconds()) / 1000
		cpu, mb, err := p.used()
		if err != nil {
			return err
		}
		if all[kind] == nil {
			all[kind] = &restarts{}
		}
		r := all[kind]
		r.ms, r.cpu, r.mb = append(r.ms, ms), append(r.cpu, cpu), append(r.mb, mb)
		return nil
	}
	writer := func(kind string, p *process, to *reader) error {
		defer to.reset()
		before, err := to.end(ctx)
		if err != nil {
			return err
		}
		grown := func(by int64) func() (bool, error) {
			return func() (bool, error) {
				end, err := to.end(ctx)
				return end >= before+by, errors.Join(err, p.fault())
			}
		}
		if err := one(kind, p, func() error { return p.start(ctx) }, grown(1)); err != nil {
			return err
		}
		err = poll(ctx, grown(restartStock))
		p.kill()
		return err
	}
	addr := l.log.Addr()
	if err := writer(kindFeed, l.feed, newReader(addr, "pages", 0)); err != nil {
		return err
	}
	if err := writer(kindClean, l.cleans[0], newReader(addr, "docs", 0)); err != nil {
		return err
	}
	before := l.commits()
	err := one(kindMill, l.mill, func() error { return l.mill.start(ctx) }, func() (bool, error) { return l.commits() > before, l.mill.fault() })
	if err == nil { // what waits for it does not grow from round to round
		err = l.awaitTaken(ctx, newReader(addr, "docs", 0))
	}
	l.mill.kill()
	if err != nil {
		return err
	}
	l.log.Kill()
	probe := newReader(addr, largeTopic, 0)
	defer probe.reset()
	return one(kindLog, l.log.(*embedded).p, func() error { return l.log.Start(ctx) }, func() (bool, error) { return true, probe.append(ctx, make([]byte, 1000)) })
}

// awaitTaken waits until the mill has committed most of what stands in docs: what fills no shard stays.
func (l *line) awaitTaken(ctx context.Context, docs *reader) error {
	defer docs.reset()
	end, err := docs.end(ctx)
	if err != nil {
		return err
	}
	return poll(ctx, func() (bool, error) {
		e, err := shards.NewestEntry(l.corpus)
		if err != nil || e == nil {
			return false, err
		}
		return e.To >= end-restartStock/2, l.mill.fault()
	})
}

// poll asks until it is so.
func poll(ctx context.Context, is func() (bool, error)) error {
	for {
		if ok, err := is(); ok || err != nil {
			return err
		}
		select {
		case <-time.After(restartHurried):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// spent is the processor time of all lives.
func (p *process) spent() time.Duration {
	s := p.state()
	p.mu.Lock()
	all, over := p.past, p.life == nil || p.life.over
	p.mu.Unlock()
	if ms, _, err := p.used(); err == nil && !over && !s.over {
		all += time.Duration(ms) * time.Millisecond
	}
	return all
}

// used is the processor time that the process has had so far, in milliseconds, and the most memory that it has held.
func (p *process) used() (ms, mb float64, err error) {
	p.mu.Lock()
	proc := filepath.Join("/proc", strconv.Itoa(p.life.cmd.Process.Pid))
	p.mu.Unlock()
	stat, err := os.ReadFile(filepath.Join(proc, "stat"))
	if err != nil {
		return 0, 0, err
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	if f := strings.Fields(rest); len(f) > 12 {
		for _, ticks := range f[11:13] {
			n, err := strconv.ParseFloat(ticks, 64)
			if err != nil {
				return 0, 0, err
			}
			ms += 10 * n
		}
	}
	status, err := os.ReadFile(filepath.Join(proc, "status"))
	if err != nil {
		return 0, 0, err
	}
	_, rest, _ = strings.Cut(string(status), "VmHWM:")
	if _, err := fmt.Sscan(rest, &mb); err != nil {
		return 0, 0, errors.New("the system does not say how much memory a process has held")
	}
	return ms, mb * 1024 / 1e6, nil
}
