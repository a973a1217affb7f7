package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Request is a line of access.log.
type Request struct {
	T         int64  `json:"t_ns"`    // arrival, in nanoseconds since 1970, by a clock that never steps
	Done      int64  `json:"done_ns"` // just before the last piece was handed over: the client cannot have it sooner
	Host      string `json:"host"`    // ip:port
	IP        string `json:"ip"`
	Port      int    `json:"port"`
	Path      string `json:"path"` // with the query
	Kind      string `json:"kind"` // page, robots, consent, sitemap
	Status    int    `json:"status"`
	Bytes     int64  `json:"bytes"`
	Agent     string `json:"agent"`
	Allowed   bool   `json:"robots_allowed"`
	DelayMS   int64  `json:"delay_ms"`                  // that the host asks for, or the recipe
	IPDelayMS int64  `json:"ip_delay_ms"`               // 0: all hosts share one address
	Closed    int64  `json:"closed_until_ns,omitempty"` // by Retry-After
	Cut       bool   `json:"cut,omitempty"`             // the client went away first
}

// accessLog appends one JSON line a request, when its answer ends: lines are not in the order of arrival.
type accessLog struct {
	mu    sync.Mutex
	f     *os.File
	err   error
	start time.Time
	wall  int64
}

func newAccessLog(dir string, start time.Time) (*accessLog, error) {
	f, err := os.OpenFile(filepath.Join(dir, "access.log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, fmt.Errorf("access log: %w", err)
	}
	return &accessLog{f: f, start: start, wall: start.UnixNano()}, nil
}

// now is the wall clock of the start plus what the monotonic clock has counted since.
func (l *accessLog) now() int64 { return l.wall + int64(time.Since(l.start)) }

func (l *accessLog) add(r Request) {
	line, err := json.Marshal(r)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		_, err = l.f.Write(append(line, '\n'))
	}
	if l.err == nil && err != nil {
		l.err = fmt.Errorf("access log: %w", err)
	}
}

func (l *accessLog) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.f.Close()
	if errors.Is(err, os.ErrClosed) {
		err = nil
	}
	return errors.Join(l.err, err)
}

// Planted is an entry of planted.json: what is on the site on purpose, and what should become of it.
type Planted struct {
	Kind     string  `json:"kind"`
	URL      string  `json:"url"`
	Of       string  `json:"of,omitempty"` // of a copy: its original
	J        float64 `json:"j,omitempty"`  // of a copy: Jaccard similarity of the main parts as made
	Encoding string  `json:"encoding,omitempty"`
	How      string  `json:"how,omitempty"` // who declares it: header, meta, bom, none
	Expect   Expect  `json:"expect"`
}

// Expect is what should become of a planted thing.
//
//	row        one row, kept or not, that was fetched without a fault
//	dropped    one row with one of the reasons
//	one_of     of URL and Of one is kept, and the other has one of the reasons
//	both       neither URL nor Of is called a duplicate of the other
//	unfetched  no request and no row
//	at_most    no more requests below the URL than Requests, and at least one
type Expect struct {
	Fate     string   `json:"fate"`
	Reasons  []string `json:"reasons,omitempty"` // whole, or a prefix that ends with a dot
	Contains []string `json:"contains,omitempty"`
	Absent   []string `json:"absent,omitempty"`
	Requests int      `json:"requests,omitempty"`
}

// writePlanted writes planted.json.
func (s *Site) writePlanted() error {
	hosts := make([]string, len(s.hosts))
	for i, h := range s.hosts {
		hosts[i] = h.base
	}
	out := struct {
		Version int       `json:"version"`
		Seed    uint64    `json:"seed"`
		Pages   int       `json:"pages"`
		Hosts   []string  `json:"hosts"`
		Items   []Planted `json:"items"`
	}{1, s.opt.Seed, len(s.pages), hosts, s.planted}
	data, err := json.MarshalIndent(out, "", " ")
	if err != nil {
		return fmt.Errorf("planted list: %w", err)
	}
	if err := os.WriteFile(filepath.Join(s.opt.Dir, "planted.json"), append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("planted list: %w", err)
	}
	return nil
}
