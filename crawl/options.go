package crawl

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"millrace"
	"millrace/crawl/consent"
	"millrace/internal/durable"
)

// Errors that end a crawl which brought nothing.
var (
	// ErrNothingAllowed says that robots.txt, the scope or the guard refused every seed.
	ErrNothingAllowed = errors.New("no seed may be fetched")
	// ErrSeedsUnreachable says that no seed answered.
	ErrSeedsUnreachable = errors.New("no seed could be reached")
)

// Agent is how the crawler presents itself.
type Agent struct {
	Token   string // product token, matched against robots.txt: letters, "-" and "_"
	Contact string // URL or mailto: address of the operator
	Purpose string
}

// UserAgent is the header of that name.
func (a Agent) UserAgent() string {
	s := a.Token + "/1.0"
	if about := strings.Trim(strings.Join([]string{plus(a.Contact), a.Purpose}, "; "), "; "); about != "" {
		s += " (" + about + ")"
	}
	return s
}

// From is the header of that name: the operator's address, where the contact is one.
func (a Agent) From() string {
	addr, ok := strings.CutPrefix(a.Contact, "mailto:")
	if !ok {
		return ""
	}
	addr, _, _ = strings.Cut(addr, "?")
	return addr
}

func plus(s string) string {
	if s == "" {
		return ""
	}
	return "+" + s
}

func (a Agent) check() error {
	if a.Token == "" {
		return errors.New("agent.token is empty: give the crawler a name of letters, - and _")
	}
	for _, c := range []byte(a.Token) {
		if l := c | 0x20; (l < 'a' || l > 'z') && c != '-' && c != '_' {
			return fmt.Errorf("agent.token %q: RFC 9309 allows only letters, - and _", a.Token)
		}
	}
	if s := a.Contact + a.Purpose; strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return fmt.Errorf("agent.contact and agent.purpose %q: only printable ASCII can stand in a header", s)
	}
	return nil
}

// Options say what to crawl and how.
type Options struct {
	Dir   string // the corpus: uses DIR/warc and DIR/state/frontier
	Home  string // with the frontier below its state/, where that is not Dir: see Resplit
	Agent Agent
	Seeds []string
	// Scope is "host" (the hosts of the seeds, "www." aside), "domain" (their registrable domains) or "any".
	Scope string
	// AllowAddr lists exceptions from the ban on private addresses and on ports other than 80 and
	// 443: "127.0.0.2:18080" or "127.0.0.0/8:18080".
	AllowAddr []string
	// Delay is the pause between the end of one answer and the next request to the same host; 0 is 1 s.
	// A longer Crawl-delay, up to 60 s, replaces it.
	Delay time.Duration
	// PerIPDelay is the same for hosts that share an address; 0 is Delay, negative is off.
	PerIPDelay  time.Duration
	Concurrency int // requests at once over all hosts; 0 is 64
	MaxPages    int // stop after so many pages; 0 is no limit
	// MaxPagesPerHost and MaxPagesPerDomain are what a host, or a registrable domain with all its hosts,
	// may take in one round: then it comes behind all that have taken less. Nothing is dropped for it. 0 is no limit.
	MaxPagesPerHost, MaxPagesPerDomain int

	MaxBody int64 // bytes of a decoded body; 0 is 8 MiB

	// Worker is the number of this crawl worker, from 0, among Workers; 0 Workers is 1. Each owns the
	// registrable domains that fall to it, and sends links to others through the Exchange.
	Worker, Workers int
	Exchange        Exchange

	// Drain reads what the archive holds beyond the checkpoint, and fetches nothing.
	Drain bool

	// Recrawl lets the crawl go on for ever; nil is off: it ends when every URL has been fetched once.
	Recrawl       *Recrawl
	ConsentPolicy consent.Policy
	AITxt         bool // ask each host for ai.txt, too
	// Judged says that Judge will be called for each page: the crawl waits for what it may learn.
	Judged   bool
	Log      *slog.Logger  // nil: silent
	Disk     *durable.Disk // nil but in tests
	Progress func(Counts)  // called from the scheduler, at most four times a second; must not block
}

// Counts are the ledger of the frontier: Discovered = Fetched + Refused + Failed + Waiting.
type Counts struct {
	Discovered, Fetched, Refused, Failed, Waiting int64
	Requests, Bytes                               int64      // of this process: on the wire, robots.txt and sitemaps included
	Frozen, Unfollowed                            int64      // shapes of URLs that yield nothing new, and links into them
	Hosts                                         HostCounts `json:",omitzero"` // of a running crawl
}

// Check tells whether the ledger is broken.
func (c Counts) Check() error {
	if c.Discovered != c.Fetched+c.Refused+c.Failed+c.Waiting {
		return fmt.Errorf("frontier: discovered %d is not fetched %d + refused %d + failed %d + waiting %d: %w",
			c.Discovered, c.Fetched, c.Refused, c.Failed, c.Waiting, millrace.ErrIntegrity)
	}
	return nil
}

// Limits that are not worth a setting.
const (
	defaultDelay       = time.Second
	defaultConcurrency = 64
	defaultMaxBody     = 8 << 20
	maxAttempts        = 4  // of a request that failed or was answered with 5xx
	maxPostponed       = 10 // of a request that was answered with "later"
	maxHops            = 5  // redirects in a chain
	requestTimeout     = 2 * time.Minute
)

// fill sets the defaults and refuses what cannot be meant.
func (o *Options) fill() error {
	if err := o.Agent.check(); err != nil {
		return err
	}
	if o.Delay < 0 {
		return fmt.Errorf("crawl.delay %v is negative", o.Delay)
	}
	o.Delay = orDefault(o.Delay, defaultDelay)
	o.PerIPDelay = orDefault(o.PerIPDelay, o.Delay)
	o.Concurrency = orDefault(o.Concurrency, defaultConcurrency)
	o.MaxBody = orDefault(o.MaxBody, defaultMaxBody)
	o.Scope = orDefault(o.Scope, "host")
	if o.Scope != "host" && o.Scope != "domain" && o.Scope != "any" {
		return fmt.Errorf("crawl.scope %q: want host, domain or any", o.Scope)
	}
	if min(o.Concurrency, o.MaxPages, o.MaxPagesPerHost, o.MaxPagesPerDomain) < 0 || o.MaxBody < 0 {
		return errors.New("crawl: concurrency, max_body, max_pages, max_pages_per_host and max_pages_per_domain cannot be negative")
	}
	if o.Recrawl != nil {
		r := *o.Recrawl
		if err := r.fill(); err != nil {
			return err
		}
		o.Recrawl = &r
	}
	o.Workers = orDefault(o.Workers, 1)
	if o.Worker < 0 || o.Worker >= o.Workers {
		return fmt.Errorf("crawl worker %d of %d: the first is 0", o.Worker, o.Workers)
	}
	o.Home = orDefault(o.Home, o.Dir)
	if o.Workers > 1 && o.Exchange == nil && !o.Drain {
		return errors.New("several crawl workers need an Exchange")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

func orDefault[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// parseAllow reads one entry of AllowAddr.
func parseAllow(s string) (netip.Prefix, uint16, error) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		a := ap.Addr().Unmap()
		return netip.PrefixFrom(a, a.BitLen()), ap.Port(), nil
	}
	i := strings.LastIndexByte(s, ':')
	if i > 0 {
		p, err := netip.ParsePrefix(strings.Trim(s[:i], "[]"))
		ap, err2 := netip.ParseAddrPort("0.0.0.0" + s[i:])
		if err == nil && err2 == nil {
			return p.Masked(), ap.Port(), nil
		}
	}
	return netip.Prefix{}, 0, fmt.Errorf("crawl.allow_addr %q: want ADDRESS:PORT or PREFIX/BITS:PORT", s)
}
