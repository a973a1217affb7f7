package web

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// server answers for all hosts of a site. It speaks just enough HTTP/1.1: net/http would take from the
// crawlers, which share the machine with it, two or three times as much of the processor.
type server struct {
	site      *Site
	log       *accessLog
	listeners []net.Listener
	conns     sync.WaitGroup
	readers   sync.Pool

	mu   sync.Mutex
	seen map[string]bool // URLs whose flaw has been shown
}

// Serve listens on every address of the site of that name, calls listening with the port that it has found,
// and answers until ctx ends. The log is whole when it returns.
func Serve(ctx context.Context, name string, seed uint64, log io.Writer, listening func(port int)) error {
	s := &server{log: newAccessLog(log), seen: map[string]bool{}}
	s.readers.New = func() any { return bufio.NewReaderSize(nil, 8<<10) }
	port, err := s.listen(ctx, name, seed)
	if err != nil {
		return err
	}
	var accepting sync.WaitGroup
	for i, l := range s.listeners {
		accepting.Go(func() { s.accept(ctx, l, i) })
	}
	listening(port)
	<-ctx.Done()
	for _, l := range s.listeners {
		l.Close()
	}
	accepting.Wait()
	s.conns.Wait()
	return s.log.flush()
}

// listen finds a port that is free on every address, below those that the system gives to clients.
func (s *server) listen(ctx context.Context, name string, seed uint64) (port int, err error) {
	for range 20 {
		port = 20000 + rand.IntN(12000)
		if s.site, err = New(name, seed, port); err != nil {
			return 0, err
		}
		if err = s.listenAt(ctx); err == nil {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no port is free on all addresses of the site: %w", err)
}

func (s *server) listenAt(ctx context.Context) error {
	var lc net.ListenConfig
	for _, h := range s.site.Hosts {
		l, err := lc.Listen(ctx, "tcp", h.Addr)
		if err != nil {
			for _, l := range s.listeners {
				l.Close()
			}
			s.listeners = nil
			return err
		}
		s.listeners = append(s.listeners, l)
	}
	return nil
}

func (s *server) accept(ctx context.Context, l net.Listener, host int) {
	for {
		c, err := l.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			time.Sleep(time.Millisecond) // too many open files: some will be closed
			continue
		}
		s.conns.Go(func() {
			unhook := context.AfterFunc(ctx, func() { c.Close() })
			defer unhook()
			defer c.Close()
			s.answer(ctx, c, host)
		})
	}
}

// answer takes one request after the other from a connection.
func (s *server) answer(ctx context.Context, c net.Conn, host int) {
	r := s.readers.Get().(*bufio.Reader)
	defer s.readers.Put(r)
	r.Reset(c)
	var out []byte
	for {
		path, last, err := readRequest(r)
		if err != nil {
			return
		}
		q := Request{T: s.log.now(), Host: s.site.Hosts[host].Addr, Path: path}
		if s.site.Latency > 0 {
			select {
			case <-time.After(s.site.Latency):
			case <-ctx.Done():
				return
			}
		}
		out = s.respond(out[:0], host, &q, last)
		q.Done = s.log.now()
		_, err = c.Write(out)
		s.log.add(q)
		if err != nil || last {
			return
		}
	}
}

// readRequest reads a GET without a body. last: the client wants no more on this connection.
func readRequest(r *bufio.Reader) (path string, last bool, err error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return "", false, err
	}
	method, rest, _ := strings.Cut(string(bytes.TrimSpace(line)), " ")
	path, version, ok := strings.Cut(rest, " ")
	if !ok || method != http.MethodGet {
		return "", false, fmt.Errorf("not a GET: %q", line)
	}
	last = version == "HTTP/1.0"
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return "", false, err
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			return path, last, nil
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(name, []byte("Connection")) && bytes.EqualFold(bytes.TrimSpace(value), []byte("close")) {
			last = true
		}
	}
}

// respond appends the answer to q, and notes in q what it was.
func (s *server) respond(out []byte, host int, q *Request, last bool) []byte {
	h := s.site.Hosts[host]
	kind, after := "text/html; charset=utf-8", ""
	var body [pageBytes + 4<<10]byte
	text := body[:0]
	n, isPage := h.number(q.Path)
	switch flaw, flawed := s.flaw(h, q.Path); {
	case flawed:
		q.Status = flaw.Status
		after, q.Closed = flaw.say(s.log.now())
	case q.Path == robotsPath && h.Robots != "":
		q.Status, kind, text = http.StatusOK, "text/plain", append(text, h.Robots...)
	case isPage:
		q.Status, text = http.StatusOK, s.site.page(text, host, n)
	default:
		q.Status = http.StatusNotFound
	}
	out = append(out, "HTTP/1.1 "...)
	out = append(append(append(strconv.AppendInt(out, int64(q.Status), 10), ' '), http.StatusText(q.Status)...), "\r\nDate: "...)
	out = time.Now().UTC().AppendFormat(out, http.TimeFormat)
	out = append(append(out, "\r\nContent-Type: "...), kind...)
	out = strconv.AppendInt(append(out, "\r\nContent-Length: "...), int64(len(text)), 10)
	out = append(append(out, after...), "\r\n"...)
	if last {
		out = append(out, "Connection: close\r\n"...)
	}
	return append(append(out, "\r\n"...), text...)
}

// flaw gives the flaw of a path to the first who asks.
func (s *server) flaw(h *Host, path string) (Flaw, bool) {
	f, ok := h.Flaws[path]
	if !ok {
		return f, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	shown := s.seen[h.Addr+path]
	s.seen[h.Addr+path] = true
	return f, !shown
}

// say writes the header Retry-After, and tells until when the host is closed. A date has whole seconds: it
// is rounded up, so that it says no less.
func (f Flaw) say(now int64) (header string, until int64) {
	if !f.Date {
		return "\r\nRetry-After: " + strconv.Itoa(int(f.After.Seconds())), now + int64(f.After)
	}
	at := time.Unix(0, now).UTC().Add(f.After + time.Second - 1).Truncate(time.Second)
	return "\r\nRetry-After: " + at.Format(http.TimeFormat), at.UnixNano()
}
