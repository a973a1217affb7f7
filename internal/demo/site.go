package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

// SiteOptions says which website to make.
type SiteOptions struct {
	Pages    int    // how many, planted ones included; 0 = 1500
	Seed     uint64 // which pages, on which hosts
	Port     int    // 0: a free one between 20000 and 32000
	Dir      string // where access.log and planted.json go
	Folder   string // serve this folder's text and HTML instead of the Go documentation
	MaxHosts int    // 0 = 40
	Progress func(units, pages int)
}

// Delay is the politeness that the demo asks of the crawler; slowDelay is what one host asks for.
const (
	Delay     = 200 * time.Millisecond
	slowDelay = 2 * time.Second
)

// Site is a website on many loopback hosts.
type Site struct {
	opt     SiteOptions
	hosts   []*host
	pages   []*page
	planted []Planted
	onePort bool // every host has an IP of its own and all have one port
	log     *accessLog
	start   time.Time
	total   int
	seen    atomic.Int64 // pages answered with 200 for the first time
}

// NewSite makes the pages, plants what is to be planted, takes the ports and writes planted.json.
// Nothing is answered before Serve.
func NewSite(ctx context.Context, opt SiteOptions) (*Site, error) {
	if opt.Pages == 0 {
		opt.Pages = 1500
	}
	if opt.MaxHosts == 0 {
		opt.MaxHosts = 40
	}
	if opt.Pages < 0 || opt.MaxHosts < 1 || opt.MaxHosts > 200 {
		return nil, fmt.Errorf("demo site: %d pages on %d hosts cannot be", opt.Pages, opt.MaxHosts)
	}
	if err := os.MkdirAll(opt.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("demo site: %w", err)
	}
	s := &Site{opt: opt, start: time.Now()}
	var err error
	if opt.Folder != "" {
		err = s.fromFolder(ctx)
	} else {
		err = s.fromDocumentation(ctx)
	}
	if err != nil {
		return nil, err
	}
	if err := s.listen(ctx); err != nil {
		return nil, err
	}
	for i := range s.planted {
		s.planted[i].URL, s.planted[i].Of = s.expand(s.planted[i].URL), s.expand(s.planted[i].Of)
	}
	if s.log, err = newAccessLog(opt.Dir, s.start); err != nil {
		s.closeListeners()
		return nil, err
	}
	if err := s.writePlanted(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Seeds are the front pages of all hosts.
func (s *Site) Seeds() []string {
	out := make([]string, len(s.hosts))
	for i, h := range s.hosts {
		out[i] = h.base + "/"
	}
	return out
}

// AllowAddr lists the addresses that a crawler which refuses private ones must be allowed.
func (s *Site) AllowAddr() []string {
	out := make([]string, len(s.hosts))
	for i, h := range s.hosts {
		out[i] = h.addr
	}
	return out
}

// Answered tells how many of the site's pages have been delivered at least once.
func (s *Site) Answered() (n, total int) { return int(s.seen.Load()), s.total }

// Summary says in one line what the site is.
func (s *Site) Summary() string {
	where := fmt.Sprintf("%d hosts", len(s.hosts))
	if len(s.hosts) > 0 {
		where += ", from " + s.hosts[0].base + "/ to " + s.hosts[len(s.hosts)-1].base + "/"
	}
	if s.opt.Folder != "" {
		return fmt.Sprintf("A website of %d pages made of %s, on %s.", s.total, s.opt.Folder, where)
	}
	return fmt.Sprintf("A website of %d pages of Go documentation on %s; %d things are planted on it.", s.total, where, len(s.planted))
}

// Planted lists what is on the site on purpose, as planted.json has it.
func (s *Site) Planted() []Planted { return s.planted }

// Digest is a hash over every page but its port: the same for the same Go, modules and seed.
func (s *Site) Digest() string {
	sum := sha256.New()
	for _, p := range s.pages {
		fmt.Fprintf(sum, "%d %s %v %v %s\n", p.host, p.path, p.header, p.flaw, p.charset.name)
		body, err := p.charset.bytes(p.html(func(ref string) string { return ref }))
		if err != nil {
			fmt.Fprintln(sum, err)
		}
		sum.Write(body)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// listen binds every host: one port on many loopback addresses, or, where only 127.0.0.1 exists
// (macOS), many ports on that.
func (s *Site) listen(ctx context.Context) error {
	s.onePort = true
	if probe, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.2:0"); err != nil {
		s.onePort = false
	} else {
		probe.Close()
	}
	first, tries := s.opt.Port, 1
	if first == 0 {
		// Below 32768, where Linux begins to hand out ports to outgoing connections.
		first, tries = 20000+int(time.Now().UnixNano()/1000%8000), 100
	}
	var err error
	for i := range tries {
		if err = s.listenAt(ctx, first+i*41); err == nil {
			return nil
		}
	}
	return fmt.Errorf("demo site: %w", err)
}

func (s *Site) listenAt(ctx context.Context, port int) error {
	for i, h := range s.hosts {
		h.ip = "127.0.0." + strconv.Itoa(i+2)
		at := port
		if !s.onePort {
			h.ip, at = "127.0.0.1", port+i
		}
		h.addr = net.JoinHostPort(h.ip, strconv.Itoa(at))
		h.base = "http://" + h.addr
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", h.addr)
		if err != nil {
			s.closeListeners()
			return err
		}
		h.listener = l
	}
	return nil
}

func (s *Site) closeListeners() {
	for _, h := range s.hosts {
		if h.listener != nil {
			h.listener.Close()
			h.listener = nil
		}
	}
}

// Close ends the site. Serve must have returned, or never been called.
func (s *Site) Close() error {
	s.closeListeners()
	return s.log.close()
}
