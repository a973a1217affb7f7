package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"millrace/internal/durable"
)

// Options say where the log lies and how it is served.
type Options struct {
	Dir          string // the folder of the log; one broker at a time
	Addr         string // a loopback address; "" is 127.0.0.1 with a free port from 20000 to 32000
	SegmentBytes int64  // 0 is 64 MiB
	FreeFloor    int64  // with less free disk, Produce is refused with an error that asks to try again; 0 is no floor
	Log          *slog.Logger
	Disk         *durable.Disk       // nil but in tests
	Synced       func(time.Duration) // hears how long each fsync took; may be nil

	sync func(*durable.File) error   // tests let it fail
	free func(string) (int64, error) // tests fill the disk
}

// Broker serves the log in one folder until Close.
type Broker struct {
	opts Options
	lock *os.File
	ln   net.Listener
	port int32
	done chan struct{}
	conn sync.WaitGroup
	read atomic.Int64 // bytes read from the log

	mu     sync.RWMutex
	topics map[string][]*partition
	conns  map[*session]struct{}
	closed bool

	large sync.Pool // of buffers that a large request was read into: *[]byte

	offsets offsets // of lag tools

	wakeMu sync.Mutex
	wake   chan struct{} // closed and replaced whenever a log has grown

	freeMu   sync.Mutex
	freeNow  int64
	freeTime time.Time
	full     bool // and it was said
}

const defaultSegment = 64 << 20

// Start opens the log and serves it. ctx bounds the start only; Close ends the broker.
func Start(ctx context.Context, o Options) (*Broker, error) {
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = defaultSegment
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.free == nil {
		o.free = freeBytes
	}
	b := &Broker{
		opts: o, done: make(chan struct{}), wake: make(chan struct{}),
		topics: map[string][]*partition{}, conns: map[*session]struct{}{},
	}
	if err := b.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start broker in %s: %w", o.Dir, err), b.Close())
	}
	return b, nil
}

func (b *Broker) start(ctx context.Context) error {
	if err := b.opts.Disk.Mkdir("broker.folder", filepath.Clean(b.opts.Dir)); err != nil {
		return err
	}
	lock, err := os.OpenFile(filepath.Join(b.opts.Dir, "lock"), os.O_RDWR|os.O_CREATE, 0o644) // nothing in it has to last
	if err != nil {
		return err
	}
	b.lock = lock
	if err := lockFile(lock); err != nil {
		return fmt.Errorf("the log is in use by another process: %w", err)
	}
	if err := b.loadTopics(ctx); err != nil {
		return err
	}
	if err := b.loadOffsets(); err != nil {
		return err
	}
	if b.ln, err = listen(ctx, b.opts.Addr); err != nil {
		return err
	}
	b.port = int32(b.ln.Addr().(*net.TCPAddr).Port)
	b.conn.Go(b.accept)
	return nil
}

// Ports from 32768 on are also given to outgoing connections, so the default is taken from below.
const firstPort, lastPort = 20000, 32000

func listen(ctx context.Context, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	if addr == "" {
		var err error
		for range 64 {
			var ln net.Listener
			port := firstPort + rand.IntN(lastPort-firstPort+1)
			if ln, err = lc.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
				return ln, nil
			}
		}
		return nil, err
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("listen on %s: the broker has no access control, so only loopback addresses are allowed", addr)
	}
	return lc.Listen(ctx, "tcp", addr)
}

// Addr is the host:port that clients connect to.
func (b *Broker) Addr() string { return b.ln.Addr().String() }

// Close stops serving, waits for what is being written, and closes the log. It may be called again.
func (b *Broker) Close() error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	close(b.done)
	var errs []error
	if b.ln != nil {
		errs = append(errs, b.ln.Close())
	}
	for c := range b.conns {
		c.Close()
	}
	b.mu.Unlock()
	b.conn.Wait()
	for _, parts := range b.topics {
		for _, p := range parts {
			errs = append(errs, p.close())
		}
	}
	if b.lock != nil {
		errs = append(errs, b.lock.Close()) // which unlocks it
	}
	return errors.Join(errs...)
}

// moved wakes the Fetch requests that wait for more.
func (b *Broker) moved() {
	b.wakeMu.Lock()
	defer b.wakeMu.Unlock()
	close(b.wake)
	b.wake = make(chan struct{})
}

func (b *Broker) waker() <-chan struct{} {
	b.wakeMu.Lock()
	defer b.wakeMu.Unlock()
	return b.wake
}

// The free space is asked for at most this often.
const freeEvery = 250 * time.Millisecond

// roomy reports whether n bytes more may be written, which are taken as written until the next look.
func (b *Broker) roomy(n int64) error {
	if b.opts.FreeFloor <= 0 {
		return nil
	}
	b.freeMu.Lock()
	defer b.freeMu.Unlock()
	if b.freeTime.IsZero() || time.Since(b.freeTime) > freeEvery {
		free, err := b.opts.free(b.opts.Dir)
		if err != nil {
			return fmt.Errorf("ask for free space: %w", err)
		}
		b.freeNow, b.freeTime = free, time.Now()
	}
	full := b.freeNow-n < b.opts.FreeFloor
	switch {
	case full && !b.full:
		b.full = true
		b.opts.Log.Warn("the disk is full: nothing is taken until there is room", "log", b.opts.Dir, "free", b.freeNow, "floor", b.opts.FreeFloor)
	case b.full && b.freeNow >= b.opts.FreeFloor+maxBatch: // not each time that a smaller batch would fit
		b.full = false
		b.opts.Log.Info("there is room on the disk again", "log", b.opts.Dir, "free", b.freeNow)
	}
	if full {
		return fmt.Errorf("%w: %d bytes are free, %d have to stay free", errFull, b.freeNow, b.opts.FreeFloor)
	}
	b.freeNow -= n
	return nil
}
