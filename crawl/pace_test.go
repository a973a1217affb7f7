package crawl

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// many is a page that leads to n others.
func many(n int) reply {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "<a href=/p%d>p</a>", i)
	}
	return htmlPage(b.String())
}

func TestPace(t *testing.T) {
	p := pace{least: time.Second}
	check := func(want time.Duration) {
		t.Helper()
		if got := p.delay(); got != want {
			t.Errorf("delay %v, want %v", got, want)
		}
	}
	check(time.Second)
	p.took(100 * time.Millisecond)
	check(time.Second)
	p.took(8100 * time.Millisecond) // an eighth of it
	check(2200 * time.Millisecond)
	for range 100 {
		p.took(time.Minute)
	}
	check(maxSlowDelay)
	p = pace{least: time.Second, wanted: 40 * time.Second}
	p.took(time.Hour)
	check(40 * time.Second)
	p = pace{least: time.Second}
	for i := range 20 { // doubled, up to a limit, and taken back step by step
		p.ease()
		check(min(2*time.Second<<i, maxEased))
	}
	for range 9 * cleanPages {
		p.well()
	}
	check(time.Second)
	p = pace{least: time.Hour}
	p.ease()
	check(time.Hour)
}

// TestSlowHostIsAskedSlowly: twice the time of an answer lies between requests.
func TestSlowHostIsAskedSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{latency: 4 * time.Second, answer: func(url string) reply {
			if pathOf(url) == "/" {
				return many(10)
			}
			return htmlPage("page")
		}}
		if _, _, err := w.crawl(t, t.Context(), optionsFor(t.TempDir(), "http://1.1.1.1/")); err != nil {
			t.Fatal(err)
		}
		checkGaps(t, w.hits(), byHost, always(8*time.Second))
	})
}

// TestLaterWithoutATime: a host that says "later" and not when gets half the requests, and after a while
// all of them again.
func TestLaterWithoutATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := map[string]bool{}
		w := &world{}
		w.answer = func(url string) reply {
			path := pathOf(url)
			if path == "/" {
				return many(80)
			}
			if again := first[path]; !again && (path == "/p9" || path == "/p10") {
				first[path] = true
				return reply{status: http.StatusTooManyRequests}
			}
			return htmlPage("page")
		}
		o := optionsFor(t.TempDir(), "http://1.1.1.1/")
		docs, _, err := w.crawl(t, t.Context(), o)
		if err != nil || len(docs) != 81 {
			t.Fatalf("%d documents, %v", len(docs), err)
		}
		log := w.hits()
		var gaps []int
		for i := 1; i < len(log); i++ {
			gaps = append(gaps, int(log[i].begin.Sub(log[i-1].end)/time.Second))
		}
		at := 0
		for i, h := range log {
			if h.reply.status == http.StatusTooManyRequests {
				at = i
			}
		}
		for i, want := range map[int]int{0: 1, at: 4, at + cleanPages - 2: 4, at + cleanPages + 2: 2, at + 2*cleanPages + 2: 1} {
			if gaps[i] != want {
				t.Errorf("gap %d is %d s, want %d; all: %v", i, gaps[i], want, gaps)
			}
		}
	})
}

// TestHostGoesDown: a host ceases to answer in mid-crawl. It is asked for robots.txt only, after 1, 2, 4 …
// minutes; no URL is lost, whether it comes back or not.
func TestHostGoesDown(t *testing.T) {
	for _, c := range []struct {
		silent  time.Duration
		waiting bool // when the run ends
	}{{30 * time.Second, false}, {5 * time.Minute, false}, {time.Hour, true}} {
		t.Run(c.silent.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				w := &world{latency: 100 * time.Millisecond}
				w.answer = func(url string) reply {
					since := time.Since(began)
					if since > 10*time.Second && since < 10*time.Second+c.silent {
						return reply{}
					}
					if pathOf(url) == "/" {
						return many(20)
					}
					return htmlPage("page")
				}
				o := optionsFor(t.TempDir(), "http://1.1.1.1/")
				_, counts, err := w.crawl(t, t.Context(), o)
				if err != nil || counts.Failed > 0 || (counts.Waiting > 0) != c.waiting {
					t.Fatalf("%v, counts %+v", err, counts)
				}
				pages, tries := 0, 0
				for _, h := range w.hits() {
					if h.reply.status == 0 {
						if tries++; pathOf(h.url) == "/robots.txt" {
							continue
						}
						pages++
					}
				}
				if pages > maxSilent || tries > maxSilent+patientTries {
					t.Errorf("%d requests without an answer, %d of them for pages", tries, pages)
				}
				if took := time.Since(began); took > 10*time.Minute {
					t.Errorf("the run took %v", took)
				}
				if c.waiting {
					time.Sleep(c.silent)
					if _, counts, err = w.crawl(t, t.Context(), o); err != nil {
						t.Fatal(err)
					}
				}
				if counts.Fetched != 21 || counts.Waiting > 0 {
					t.Errorf("counts %+v", counts)
				}
			})
		})
	}
}

// TestSilentPage: one page of a good host does not answer. It fails after its attempts, and nothing else does.
func TestSilentPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		w := &world{answer: func(url string) reply {
			switch pathOf(url) {
			case "/":
				return many(12)
			case "/p3", "/p4", "/p5", "/p11":
				return reply{}
			}
			return htmlPage("page")
		}}
		_, counts, err := w.crawl(t, t.Context(), optionsFor(t.TempDir(), "http://1.1.1.1/"))
		if err != nil || counts.Failed != 4 || counts.Fetched != 9 {
			t.Fatalf("%v, counts %+v", err, counts)
		}
		for _, path := range []string{"/p3", "/p4", "/p5", "/p11"} {
			if n := w.times("http://1.1.1.1" + path); n != maxAttempts {
				t.Errorf("%d requests for %s", n, path)
			}
		}
		if took := time.Since(began); took > 2*time.Minute {
			t.Errorf("took %v", took)
		}
	})
}

// TestPauseIsWaitedForUpToADay: with a longer one the run ends, and the URLs stay.
func TestPauseIsWaitedForUpToADay(t *testing.T) {
	for pause, waits := range map[time.Duration]bool{23 * time.Hour: true, 25 * time.Hour: false} {
		t.Run(pause.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				w := &world{}
				w.answer = func(url string) reply {
					if pathOf(url) == "/" {
						return many(3)
					}
					if pathOf(url) == "/p1" && time.Since(began) < time.Hour {
						return reply{status: 503, header: http.Header{"Retry-After": {fmt.Sprint(int(pause / time.Second))}}}
					}
					return htmlPage("page")
				}
				o := optionsFor(t.TempDir(), "http://1.1.1.1/")
				_, counts, err := w.crawl(t, t.Context(), o)
				if err != nil || (counts.Waiting == 0) != waits || counts.Failed > 0 {
					t.Fatalf("%v, counts %+v", err, counts)
				}
				if !waits {
					if _, counts, err = w.crawl(t, t.Context(), o); err != nil || counts.Waiting == 0 {
						t.Fatalf("in the pause: %v, counts %+v", err, counts)
					}
					time.Sleep(pause)
					_, counts, err = w.crawl(t, t.Context(), o)
				}
				if err != nil || counts.Fetched != 4 {
					t.Errorf("%v, counts %+v", err, counts)
				}
				checkClosed(t, w.hits())
			})
		})
	}
}

func TestRetryAfter(t *testing.T) {
	ended := time.Date(2026, 11, 24, 4, 0, 0, 500, time.UTC)
	date := func(d time.Duration) string { return ended.Add(d).Format(http.TimeFormat) }
	for _, c := range []struct {
		value, date string
		want        time.Duration
		said        bool
	}{
		{"", "", 0, false}, {"soon", "", 0, false}, {"-5", "", 0, false}, {"1.5", "", 0, false},
		{"0", "", 0, true}, {"120", "", 120 * time.Second, true}, {"99999999999", "", maxBelieved, true},
		{"9223372036854775807", "", maxBelieved, true}, {"9223372036854775808", "", 0, false},
		{date(time.Minute), date(0), time.Minute, true},
		{date(time.Minute), "", time.Minute - 500, true},
		{date(time.Hour + time.Minute), date(time.Hour), time.Minute, true}, // its clock is wrong by an hour
		{date(-time.Minute), date(0), 0, true},
		{date(100 * maxBelieved), date(0), maxBelieved, true},
		{"Tuesday, 24-Nov-26 04:01:00 GMT", "Tue, 24 Nov 2026 04:00:00 GMT", time.Minute, true},
	} {
		h := http.Header{}
		h.Set("Retry-After", c.value)
		h.Set("Date", c.date)
		if got, said := retryAfter(&answer{header: h, ended: ended}); got != c.want || said != c.said {
			t.Errorf("Retry-After %q, Date %q: %v %v, want %v %v", c.value, c.date, got, said, c.want, c.said)
		}
	}
}

// FuzzPauses: whatever a header holds, a pause and a lifetime keep to their limits.
func FuzzPauses(f *testing.F) {
	f.Add("120", "", "max-age=3600")
	f.Add("Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 GMT", "no-store, max-age=99999999999999999999")
	f.Add("-1", "x", `private, max-age="7"`)
	f.Fuzz(func(t *testing.T, after, date, control string) {
		h := http.Header{"Retry-After": {after}, "Date": {date}, "Cache-Control": {control}}
		if d, said := retryAfter(&answer{header: h, ended: time.Unix(1_700_000_000, 0)}); d < 0 || d > maxBelieved || d > 0 && !said {
			t.Errorf("a pause of %v, said %t", d, said)
		}
		if d := rulesTTL(h); d < minRulesTTL || d > maxRulesTTL {
			t.Errorf("a lifetime of %v", d)
		}
	})
}
