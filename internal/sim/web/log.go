package web

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// Request is a line of the log.
type Request struct {
	T      int64  `json:"t_ns"`    // arrival, in nanoseconds since 1970, by a clock that never steps
	Done   int64  `json:"done_ns"` // just before the answer was handed over: the client cannot have it sooner
	Host   string `json:"host"`
	Path   string `json:"path"`
	Status int    `json:"status"`
	Closed int64  `json:"closed_until_ns,omitempty"` // by Retry-After
}

// accessLog writes one JSON line a request, when its answer ends: lines are not in the order of arrival.
type accessLog struct {
	start time.Time
	mu    sync.Mutex
	w     *bufio.Writer
	enc   *json.Encoder
	err   error
}

func newAccessLog(w io.Writer) *accessLog {
	l := &accessLog{start: time.Now(), w: bufio.NewWriterSize(w, 1<<16)}
	l.enc = json.NewEncoder(l.w)
	return l
}

// now is the wall clock of the start plus what the monotonic clock has counted since.
func (l *accessLog) now() int64 { return l.start.UnixNano() + int64(time.Since(l.start)) }

func (l *accessLog) add(r Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.enc.Encode(r); l.err == nil {
		l.err = err
	}
}

func (l *accessLog) flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.w.Flush(); l.err == nil {
		l.err = err
	}
	return l.err
}

// ReadLog reads a whole log.
func ReadLog(name string) ([]Request, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read access log: %w", err)
	}
	defer f.Close()
	var out []Request
	for dec := json.NewDecoder(bufio.NewReaderSize(f, 1<<16)); ; {
		var q Request
		if err := dec.Decode(&q); err == io.EOF {
			return out, nil
		} else if err != nil {
			return nil, fmt.Errorf("read access log %s, request %d: %w", name, len(out)+1, err)
		}
		out = append(out, q)
	}
}
