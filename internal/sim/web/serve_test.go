package web

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// serving runs a site and gives its port and a way to stop it, which gives its log.
func serving(t *testing.T, name string) (port int, stop func() []Request) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ports, ended := make(chan int, 1), make(chan error, 1)
	var log bytes.Buffer
	go func() { ended <- Serve(ctx, name, 1, &log, func(p int) { ports <- p }) }()
	select {
	case port = <-ports:
	case err := <-ended:
		t.Skipf("no addresses in 127.0.0.0/8 here: %v", err)
	}
	return port, func() []Request {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "access.log")
		if err := os.WriteFile(file, log.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := ReadLog(file)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// TestServeWhole follows every link that robots.txt leaves open: each page is found, and the log says so.
func TestServeWhole(t *testing.T) {
	port, stop := serving(t, "2x30")
	s, err := New("2x30", 1, port)
	if err != nil {
		t.Fatal(err)
	}
	href := regexp.MustCompile(`href="([^"]*)"`)
	for _, seed := range s.Seeds() {
		base := strings.TrimSuffix(seed, "/")
		if _, rules := get(t, base+robotsPath); !strings.Contains(rules, "Disallow: "+closedPath) {
			t.Errorf("robots.txt is %q", rules)
		}
		seen, queue := map[string]bool{"/": true}, []string{"/"}
		for ; len(queue) > 0; queue = queue[1:] {
			resp, body := get(t, base+queue[0])
			if resp.StatusCode != 200 || len(body) < pageBytes || len(body) > pageBytes*5/4 {
				t.Fatalf("%s: status %d, %d bytes", queue[0], resp.StatusCode, len(body))
			}
			links := href.FindAllStringSubmatch(body, -1)
			if len(links) != linksAPage+1 {
				t.Fatalf("%s has %d links", queue[0], len(links))
			}
			for _, m := range links {
				if !seen[m[1]] && !strings.HasPrefix(m[1], closedPath) {
					seen[m[1]] = true
					queue = append(queue, m[1])
				}
			}
		}
	}
	if v := s.Judge(stop(), 0); v.Fault() != "" || v.Again != 0 || v.Requests != 62 {
		t.Errorf("%s: %+v", v.Fault(), v)
	}
}

// TestServeFlaws: a flaw is shown once, its Retry-After and the log say the same, and nobody is let off early.
func TestServeFlaws(t *testing.T) {
	port, stop := serving(t, "polite")
	s, err := New("polite", 1, port)
	if err != nil {
		t.Fatal(err)
	}
	shown, until := map[string]bool{}, map[string]time.Time{}
	for _, h := range s.Hosts {
		for path, f := range h.Flaws {
			kind := fmt.Sprint(f.Status, f.Date)
			if shown[kind] {
				continue
			}
			shown[kind] = true
			resp, _ := get(t, "http://"+h.Addr+path)
			until[h.Addr+path] = after(t, resp.Header.Get("Retry-After"))
			if again, _ := get(t, "http://"+h.Addr+path); resp.StatusCode != f.Status || again.StatusCode != 200 {
				t.Errorf("%s%s: status %d and then %d", h.Addr, path, resp.StatusCode, again.StatusCode)
			}
			break // the next kind on another host
		}
	}
	if len(shown) != 4 {
		t.Errorf("the site has the flaws %v only", shown)
	}
	log := stop()
	for _, q := range log {
		if late := time.Until(until[q.Host+q.Path]) - time.Until(time.Unix(0, q.Closed)); q.Closed > 0 && (late < 0 || late > time.Second) {
			t.Errorf("%s%s is closed for %v less than its header says", q.Host, q.Path, late)
		}
	}
	if v := s.Judge(log, ConfiguredDelay); v.InClosed != 4 || v.ShortGaps != 4 {
		t.Errorf("four requests came at once into a pause: %+v", v)
	}
}

// after reads a Retry-After of either form.
func after(t *testing.T, header string) time.Time {
	t.Helper()
	if at, err := http.ParseTime(header); err == nil {
		return at
	}
	n, err := strconv.Atoi(header)
	if err != nil {
		t.Fatalf("Retry-After: %q", header)
	}
	return time.Now().Add(time.Duration(n) * time.Second)
}

func TestNewRefuses(t *testing.T) {
	for _, name := range []string{"", "x", "0x5", "5x0", "5", "99999x1"} {
		if _, err := New(name, 1, 1); err == nil {
			t.Errorf("site %q was taken", name)
		}
	}
}
