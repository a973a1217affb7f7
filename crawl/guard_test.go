package crawl

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"millrace"
)

func TestGuardRanges(t *testing.T) {
	g, err := newGuard([]string{"127.0.0.2:18080", "127.1.0.0/16:18081", "[fd00::1]:8443"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		addr  string
		allow bool
	}{
		{"1.1.1.1:80", true}, {"1.1.1.1:443", true}, {"1.1.1.1:22", false}, {"1.1.1.1:8080", false},
		{"[2606:4700::1111]:443", true}, {"9.255.255.255:80", true}, {"11.0.0.0:80", true},
		{"0.0.0.0:80", false}, {"10.0.0.0:80", false}, {"10.255.255.255:80", false}, {"100.64.0.1:80", false}, {"100.128.0.1:80", true},
		{"127.0.0.1:80", false}, {"127.255.255.255:80", false}, {"169.254.169.254:80", false}, {"172.15.0.1:80", true}, {"172.16.0.1:80", false},
		{"172.31.255.255:80", false}, {"172.32.0.1:80", true}, {"192.0.0.192:80", false}, {"192.0.2.1:80", false}, {"192.88.99.1:80", false},
		{"192.168.1.1:80", false}, {"198.18.0.1:80", false}, {"198.19.255.255:80", false}, {"198.20.0.1:80", true}, {"198.51.100.7:80", false},
		{"203.0.113.9:80", false}, {"224.0.0.1:80", false}, {"239.1.1.1:80", false}, {"240.0.0.1:80", false}, {"255.255.255.255:80", false},
		{"[::]:80", false}, {"[::1]:80", false}, {"[::ffff:127.0.0.1]:80", false}, {"[::ffff:10.0.0.1]:80", false}, {"[::ffff:1.1.1.1]:80", true},
		{"[::7f00:1]:80", false}, {"[64:ff9b::7f00:1]:80", false}, {"[64:ff9b::101:101]:80", true}, {"[64:ff9b:1::1]:80", false},
		{"[2002:7f00:1::]:80", false}, {"[2002:101:101::1]:80", false}, {"[100::1]:80", false}, {"[2001::1]:80", false}, {"[2001:db8::1]:80", false},
		{"[3fff::1]:80", false}, {"[5f00::1]:80", false}, {"[fc00::1]:80", false}, {"[fd00:ec2::254]:80", false}, {"[fe80::1%lo]:80", false},
		{"[fec0::1]:80", false}, {"[ff02::1]:80", false}, {"[2001:0:4136:e378:8000:63bf:3fff:fdd2]:80", false}, {"[2001:200::1]:80", true}, {"[4000::1]:80", false},
		{"[100:0:0:1::1]:80", false}, {"[2620:4f:8000::1]:80", false}, {"192.31.196.1:80", false}, {"192.52.193.1:80", false}, {"192.175.48.1:80", false},
		{"[2606:4700::1111%eth0]:443", false}, {"[64:ff9b::a9fe:a9fe]:80", false}, {"[::ffff:169.254.169.254]:80", false}, {"[::ffff:0:7f00:1]:80", false},
		// What is allowed is an address and a port, not the one or the other.
		{"127.0.0.2:18080", true}, {"[::ffff:127.0.0.2]:18080", true}, {"127.0.0.2:80", false}, {"127.0.0.2:18081", false}, {"127.0.0.3:18080", false},
		{"[64:ff9b::7f00:2]:18080", false}, {"127.1.200.3:18081", true}, {"127.2.0.1:18081", false}, {"[fd00::1]:8443", true}, {"[fd00::2]:8443", false},
	} {
		err := g.check(netip.MustParseAddrPort(c.addr))
		if (err == nil) != c.allow || err != nil && !errors.Is(err, errAddress) {
			t.Errorf("%s: %v, want allowed %v", c.addr, err, c.allow)
		}
	}
	for _, bad := range []string{"", "127.0.0.1", "localhost:80", "127.0.0.1:0x50", "127.0.0.0/33:80", "127.0.0.1:70000", ":80"} {
		if _, err := newGuard([]string{bad}); err == nil {
			t.Errorf("allow_addr %q is taken", bad)
		}
	}
}

// literals are addresses inside, in the forms that URLs have for them. A browser takes each.
const literals = `
http://127.0.0.1/ http://127.1/ http://127.0.1/ http://2130706433/ http://0x7f000001/ http://0x7f.1/ http://0x7F.0x0.0x0.0x1/
http://017700000001/ http://0177.1/ http://0177.0.0.01/ http://127.0.0.1./ http://127.255.255.254/ http://0/ http://0.0.0.0/ http://0x0/
http://%31%32%37.0.0.1/ http://１２７.0.0.1/ http://127。0。0。1/ http://①②⑦.0.0.1/ http:127.0.0.1/ http:\\127.0.0.1\
http://user@127.0.0.1/ http://1.1.1.1@127.0.0.1/ http://1.1.1.1:80@127.0.0.1/ https://127.0.0.1/ http://127.0.0.1:443/ http://127.0.0.1:22/
http://10.0.0.1/ http://10.1/ http://167772161/ http://012.1/ http://172.16.0.1/ http://172.31.255.255/ http://192.168.0.1/ http://192.168.257/
http://3232235777/ http://169.254.169.254/latest/meta-data/ http://2852039166/ http://0xa9fea9fe/ http://0251.0376.0251.0376/
http://169.254.43518/ http://100.100.100.200/ http://192.0.0.192/ http://198.18.0.1/ http://224.0.0.1/ http://255.255.255.255/ http://0xffffffff/
http://[::]/ http://[::1]/ http://[0:0:0:0:0:0:0:1]/ http://[::ffff:127.0.0.1]/ http://[::ffff:7f00:1]/ http://[::127.0.0.1]/ http://[::ffff:a9fe:a9fe]/
http://[64:ff9b::127.0.0.1]/ http://[64:ff9b::a9fe:a9fe]/ http://[64:ff9b:1::a00:1]/ http://[2002:7f00:1::]/ http://[2002:a9fe:a9fe::1]/
http://[2001:0:7f00:1::]/ http://[fe80::1]/ http://[fec0::1]/ http://[fd00:ec2::254]/ http://[fc00::1]/ http://[ff02::1]/ http://[::ffff:0:127.0.0.1]/`

// watch records what f dials once the guard has agreed.
func watch(f *fetcher) func() []string {
	var mu sync.Mutex
	var dialled []string
	inner := f.dialer.ControlContext
	f.dialer.ControlContext = func(ctx context.Context, network, address string, c syscall.RawConn) error {
		err := inner(ctx, network, address, c)
		if err == nil {
			mu.Lock()
			defer mu.Unlock()
			dialled = append(dialled, address)
		}
		return err
	}
	return func() []string { mu.Lock(); defer mu.Unlock(); return slices.Clone(dialled) }
}

// TestLiterals gives addresses inside to the crawler in every form: as seeds, as links, and behind a redirect.
func TestLiterals(t *testing.T) {
	all := strings.Fields(literals)
	if len(all) < 40 {
		t.Fatalf("%d literals", len(all))
	}
	m := map[string]string{"/robots.txt": ""}
	for i, u := range all {
		m["/"] += fmt.Sprintf("<a href='%s'>x</a><a href=/go/%c%c>x</a>", u, 'a'+i/26, 'a'+i%26)
		m[fmt.Sprintf("/go/%c%c", 'a'+i/26, 'a'+i%26)] = "->" + u
	}
	s := newSite(t, 1, pages(m))
	o := options(t.TempDir(), s)
	o.Scope = "any"
	o.Seeds = append(o.Seeds, all...)
	c, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	dialled := watch(c.fetch)
	if err := c.Open(t.Context(), millrace.Checkpoint{}); err != nil {
		t.Fatal(err)
	}
	docs, err := readAll(t.Context(), c)
	c.Close()
	// As a link, "http:127.0.0.1/" is a path on the page's own host.
	if err != nil || len(docs) != 1+len(all)+2 {
		t.Errorf("%d documents, want the page, %d redirects and two paths; %v", len(docs), len(all), err)
	}
	for _, a := range dialled() {
		if a != s.addr {
			t.Errorf("dialled %s", a)
		}
	}
	for _, u := range all {
		fetch, _, err := Canonical(u)
		if err != nil {
			t.Errorf("%s: %v", u, err)
			continue
		}
		if f, err := Fate(o.Dir, fetch); err != nil || f.Reason != millrace.CrawlAddress {
			t.Errorf("%s is %s: %+v, %v", u, fetch, f, err)
		}
	}
}

// TestGuardHasTheLastWord dials addresses and names behind the scheduler's back.
func TestGuardHasTheLastWord(t *testing.T) {
	s := newSite(t, 1, pages(map[string]string{"/": "in"}))
	inside := newSite(t, 2, pages(map[string]string{"/": "secret"}))
	f := fetcherFor(t, s)
	dialled := watch(f)
	_, port, _ := net.SplitHostPort(inside.addr)
	for _, x := range []*exchange{
		{url: inside.url + "/"},
		{url: s.url + "/", addr: netip.MustParseAddr("127.0.0.2")}, // the name server has changed its mind
		{url: "http://localhost:" + port + "/"},
	} {
		x.limit = 1 << 10
		if f.do(t.Context(), x); !errors.Is(x.err, errAddress) {
			t.Errorf("%s at %v: %q, %v", x.url, x.addr, x.body, x.err)
		}
	}
	if n := len(inside.requests()); n > 0 || len(dialled()) > 0 {
		t.Errorf("%d requests, dialled %v", n, dialled())
	}
}

// TestLyingNames resolves names to addresses outside and inside, at once and one after the other.
func TestLyingNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{latency: time.Second, answer: func(url string) reply {
			if pathOf(url) == "/robots.txt" {
				return textPage("User-agent: *\nCrawl-delay: 60\n")
			}
			return htmlPage("<a href=/a>a</a><a href=/b>b</a><a href=/c>c</a><a href=/d>d</a><a href=/e>e</a><a href=/f>f</a><a href=/g>g</a>")
		}}
		o := optionsFor(t.TempDir(), "http://both.example/", "http://rebinds.example/", "http://inside.example/")
		c := w.start(t, t.Context(), o)
		defer c.Close()
		asked := 0
		c.work.resolve = func(_ context.Context, host string) ([]netip.Addr, error) {
			inside, outside := netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("1.1.1.1")
			switch host {
			case "both.example":
				return []netip.Addr{inside, netip.MustParseAddr("::ffff:10.0.0.1"), netip.MustParseAddr("1.1.1.2"), inside}, nil
			case "rebinds.example":
				if asked++; asked == 1 {
					return []netip.Addr{outside}, nil
				}
			}
			return []netip.Addr{inside}, nil
		}
		if _, err := readAll(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		by := map[string]int{}
		for _, h := range w.hits() {
			by[h.addr.String()+" "+h.authority()]++
		}
		if len(by) != 2 || by["1.1.1.2 http://both.example"] != 10 || by["1.1.1.1 http://rebinds.example"] < 2 || by["1.1.1.1 http://rebinds.example"] > 8 || asked < 2 {
			t.Errorf("requests by address and host: %v, after %d answers", by, asked)
		}
	})
}

// TestNoProxy sets everything in the environment that could lead requests elsewhere.
func TestNoProxy(t *testing.T) {
	l := listen(t, 3)
	var asked atomic.Int32
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			asked.Add(1)
			c.Close()
		}
	}()
	for _, v := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		t.Setenv(v, "http://"+l.Addr().String())
	}
	t.Setenv("NO_PROXY", "")
	// net/http lets requests to loopback pass its proxies, so the name has to be another.
	s := newSite(t, 1, pages(map[string]string{"/": "x"}))
	f := fetcherFor(t, s)
	x := &exchange{url: strings.Replace(s.url, "127.0.0.1", "h.example", 1) + "/", addr: netip.MustParseAddr("127.0.0.1"), limit: 1 << 10}
	if f.do(t.Context(), x); x.err != nil || string(x.body) != "x" {
		t.Errorf("%q, %v", x.body, x.err)
	}
	if f.transport.base.Proxy != nil || asked.Load() > 0 {
		t.Errorf("%d connections to the proxy", asked.Load())
	}
}

// TestTLS fetches over TLS with a certificate that holds, and with two that do not.
func TestTLS(t *testing.T) {
	good, pool := certificate(t, "h.example", time.Hour)
	other, _ := certificate(t, "h.example", time.Hour)
	old, oldPool := certificate(t, "h.example", -time.Hour)
	for _, c := range []struct {
		name string
		cert tls.Certificate
		pool *x509.CertPool
		host string
		ok   bool
	}{
		{"right", good, pool, "h.example", true},
		{"another name", good, pool, "g.example", false},
		{"an unknown issuer", other, pool, "h.example", false},
		{"run out", old, oldPool, "h.example", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := listen(t, 1)
			var dialled, asked atomic.Int32
			srv := &http.Server{ErrorLog: discard(), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				io.WriteString(w, "x")
			}), ConnState: func(_ net.Conn, s http.ConnState) {
				if s == http.StateNew {
					dialled.Add(1)
				}
			}}
			go srv.Serve(tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{c.cert}}))
			defer srv.Close()
			_, port, _ := net.SplitHostPort(l.Addr().String())
			o := options(t.TempDir(), &site{addr: l.Addr().String(), url: "https://" + c.host + ":" + port})
			cr, err := Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			defer cr.Close()
			cr.fetch.transport.base.TLSClientConfig = &tls.Config{RootCAs: c.pool}
			cr.work.resolve = func(context.Context, string) ([]netip.Addr, error) {
				return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
			}
			if err := cr.Open(t.Context(), millrace.Checkpoint{}); err != nil {
				t.Fatal(err)
			}
			docs, err := readAll(t.Context(), cr)
			if c.ok && (err != nil || len(docs) != 1 || docs[0].Page.Status != http.StatusOK || dialled.Load() != 1) {
				t.Errorf("%d documents, %v, %d connections", len(docs), err, dialled.Load())
			}
			if !c.ok && (!errors.Is(err, ErrSeedsUnreachable) || len(docs) > 0 || asked.Load() > 0 || cr.Counts().Fetched > 0) {
				t.Errorf("%d documents, %v, %d requests, counts %+v", len(docs), err, asked.Load(), cr.Counts())
			}
		})
	}
}

// certificate makes one for a name, that holds for a while or has held, and the pool that trusts it.
func certificate(t *testing.T, name string, holds time.Duration) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(holds),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(c)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func discard() *log.Logger { return log.New(io.Discard, "", 0) }
