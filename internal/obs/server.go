package obs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Whoever asks gets an answer soon and holds nothing open. More connections than that wait.
const (
	maxConnections = 64
	maxHeader      = 8 << 10
	patience       = 10 * time.Second
	farewell       = time.Second // for requests in work, when the run ends
)

// Problem is why an answer is no.
type Problem struct {
	What string `json:"what"` // belt, log, sink, disk
	Why  string `json:"why"`
}

// Options are what the listener answers with. Its functions are called by several goroutines at once.
type Options struct {
	Addr    string // HOST:PORT; port 0 is any
	Metrics *Metrics
	Refresh func()           // brings the gauges up to date, before each look at them
	Alive   func() []Problem // what hangs
	Ready   func() []Problem // what is not as it has to be
	Log     *slog.Logger
}

// Server answers /livez, /readyz and /metrics until Close.
type Server struct {
	o    Options
	ln   net.Listener
	http *http.Server
	done chan struct{}
}

// Start listens. ctx bounds the start only.
func Start(ctx context.Context, o Options) (*Server, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", o.Addr)
	if err != nil {
		return nil, fmt.Errorf("listen for health and metrics: %w", err)
	}
	s := &Server{o: o, ln: ln, done: make(chan struct{})}
	s.http = &http.Server{Handler: s.handler(), ReadTimeout: patience, WriteTimeout: patience, IdleTimeout: patience, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug)}
	go func() {
		defer close(s.done)
		if err := s.http.Serve(&bounded{Listener: ln, places: make(chan struct{}, maxConnections), closed: make(chan struct{})}); !errors.Is(err, http.ErrServerClosed) {
			o.Log.Warn("health and metrics are no longer served", "error", err)
		}
	}()
	return s, nil
}

// Addr is where it listens.
func (s *Server) Addr() string { return s.ln.Addr().String() }

// Close ends the listener, and returns when nothing of it is left.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = s.http.Close()
	}
	<-s.done
	return err
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { answer(w, s.o.Alive()) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { answer(w, s.o.Ready()) })
	numbers := promhttp.HandlerFor(s.o.Metrics.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: patience / 2})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		s.o.Refresh()
		s.o.Metrics.answers(len(s.o.Ready()) == 0, len(s.o.Alive()) == 0)
		numbers.ServeHTTP(w, r)
	})
	return mux
}

// answer is 200, or 503 with the reasons.
func answer(w http.ResponseWriter, problems []Problem) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	if len(problems) > 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
	} else {
		problems = []Problem{}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"ok": len(problems) == 0, "problems": problems}) // who has hung up needs no answer
}

// bounded is a listener with so many connections at once.
type bounded struct {
	net.Listener
	places chan struct{}
	once   sync.Once
	closed chan struct{}
}

// Accept waits for a place, then for a connection.
func (b *bounded) Accept() (net.Conn, error) {
	select {
	case b.places <- struct{}{}:
	case <-b.closed:
		return nil, net.ErrClosed
	}
	c, err := b.Listener.Accept()
	if err != nil {
		<-b.places
		return nil, err
	}
	return &placed{Conn: c, leave: func() { <-b.places }}, nil
}

// Close ends Accept too.
func (b *bounded) Close() error {
	b.once.Do(func() { close(b.closed) })
	return b.Listener.Close()
}

// placed is a connection that gives its place back.
type placed struct {
	net.Conn
	once  sync.Once
	leave func()
}

// Close gives the place back, once.
func (p *placed) Close() error {
	defer p.once.Do(p.leave)
	return p.Conn.Close()
}
