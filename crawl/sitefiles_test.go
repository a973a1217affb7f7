package crawl

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millrace"
)

const reserved = `[{"location": "/closed/*", "tdm-reservation": 1}]`

// licence is an RSL document that prohibits training on what a pattern matches.
func licence(pattern string) string {
	return `<rsl xmlns="https://rslstandard.org/rsl"><content url="` + pattern + `"><license><prohibits type="usage">ai-train</prohibits></license></content></rsl>`
}

// consents lists what was found out about pages, by path.
func consents(docs []*millrace.Document) map[string]string {
	out := map[string]string{}
	for _, d := range docs {
		var from []string
		for _, s := range d.Page.ConsentBy {
			from = append(from, s.Source)
		}
		out[pathOf(d.Page.URL)] = d.Page.Consent.String() + " " + strings.Join(from, ",")
	}
	return out
}

// TestFilesComeBeforePages: tdmrep.json is asked for once, after robots.txt and before the first page,
// and a restart within the day asks for nothing again.
func TestFilesComeBeforePages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var links strings.Builder
		for i := range 30 {
			fmt.Fprintf(&links, "<a href=/open/%c>o</a><a href=/closed/%c>c</a>", 'a'+i, 'a'+i)
		}
		w := &world{latency: 100 * time.Millisecond}
		w.answer = func(url string) reply {
			switch pathOf(url) {
			case "/robots.txt":
				return textPage("")
			case "/.well-known/tdmrep.json":
				return textPage(reserved)
			case "/":
				return htmlPage(links.String())
			}
			return htmlPage("page")
		}
		o := optionsFor(t.TempDir(), "http://1.1.1.1/")
		w.crawlFor(t, o, 20*time.Second)
		docs, _, err := w.crawl(t, t.Context(), o)
		if err != nil || len(docs) != 61 {
			t.Fatalf("%d documents, %v", len(docs), err)
		}
		log := w.hits()
		if log[0].url != "http://1.1.1.1/robots.txt" || !strings.HasSuffix(log[1].url, "/.well-known/tdmrep.json") || log[2].url != "http://1.1.1.1/" {
			t.Errorf("the first requests are %s, %s, %s", log[0].url, log[1].url, log[2].url)
		}
		if len(log) != 63 {
			t.Errorf("%d requests, want each URL once", len(log))
		}
		for _, d := range docs {
			if no := strings.Contains(d.Page.URL, "/closed/"); no != (d.Verdict.Reason == millrace.ConsentNoTrain) {
				t.Errorf("%s: %v", d.Page.URL, d.Verdict)
			}
		}
		checkGaps(t, log, byHost, always(time.Second))
	})
}

// TestFilesHoldADay crawls for three days.
func TestFilesHoldADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rules, file = "http://1.1.1.1/robots.txt", "http://1.1.1.1/.well-known/tdmrep.json"
		began := time.Now()
		w := &world{}
		w.answer = func(url string) reply {
			switch {
			case url == rules:
				return textPage("")
			case url == file && time.Since(began) < 30*time.Hour:
				return textPage(`[{"location": "/", "tdm-reservation": 1}]`)
			case url == file:
				return reply{status: 500} // what was said before stays in force
			}
			return htmlPage("page")
		}
		o := optionsFor(t.TempDir())
		o.Delay = time.Hour
		for i := range 70 {
			o.Seeds = append(o.Seeds, fmt.Sprintf("http://1.1.1.1/p%d", i))
		}
		docs, _, err := w.crawl(t, t.Context(), o)
		if err != nil || len(docs) != 70 {
			t.Fatalf("%d documents, %v", len(docs), err)
		}
		for _, d := range docs {
			if d.Page.Consent != millrace.No {
				t.Errorf("%s: %v", d.Page.URL, d.Page.Consent)
			}
		}
		var asked []time.Duration
		for _, h := range w.hits() {
			if h.url == file && h.reply.status == 200 {
				asked = append(asked, h.begin.Sub(began))
			}
		}
		if len(asked) != 2 || asked[1]-asked[0] < filesTTL {
			t.Errorf("tdmrep.json was asked for at %v", asked)
		}
	})
}

// TestFilesObeyRobots: what robots.txt closes is not asked for, and a host of which no page may be
// fetched is asked for nothing but its rules.
func TestFilesObeyRobots(t *testing.T) {
	for robots, want := range map[string][]string{
		"User-agent: *\nDisallow: /\n":                                          {"/robots.txt"},
		"User-agent: *\nDisallow: /.well-known/\n":                              {"/robots.txt", "/"},
		"User-agent: *\nDisallow: /rsl\n\nLicense: /rsl.xml\n":                  {"/robots.txt", "/.well-known/tdmrep.json", "/"},
		"User-agent: *\nAllow: /\n\nLicense: /a.xml\nLicense: /b.xml\n":         {"/robots.txt", "/.well-known/tdmrep.json", "/a.xml", "/b.xml", "/"},
		"User-agent: *\nAllow: /\n\nLicense: http://1.1.1.2/rsl.xml\n":          {"/robots.txt", "/.well-known/tdmrep.json", "/", "/robots.txt", "/rsl.xml"},
		"License: http://10.0.0.1/rsl.xml\nLicense: http://nowhere.example/r\n": {"/robots.txt", "/.well-known/tdmrep.json", "/"},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := &world{answer: func(url string) reply {
				if url == "http://1.1.1.1/robots.txt" {
					return textPage(robots)
				}
				if pathOf(url) == "/robots.txt" {
					return reply{status: 404}
				}
				return htmlPage("page")
			}}
			w.crawl(t, t.Context(), optionsFor(t.TempDir(), "http://1.1.1.1/"))
			var paths, others []string
			for _, h := range w.hits() {
				if h.authority() == "http://1.1.1.1" {
					paths = append(paths, pathOf(h.url))
				} else {
					others = append(others, pathOf(h.url))
				}
			}
			paths = append(paths, others...)
			if !slices.Equal(paths, want) {
				t.Errorf("%q: requests for %v, want %v", robots, paths, want)
			}
		})
	}
}

// TestPageWaitsForItsLicence: a page that names an RSL document is archived with what it says, once; a
// document that cannot be had keeps nobody waiting for long.
func TestPageWaitsForItsLicence(t *testing.T) {
	const head = `<link rel=license type="application/rsl+xml" href="`
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		w := &world{latency: 100 * time.Millisecond, names: map[string]string{}}
		w.answer = func(url string) reply {
			switch strings.TrimPrefix(url, "http://1.1.1.1") {
			case "/":
				return htmlPage("<a href=/own>o</a><a href=/other>o</a><a href=/moved>m</a><a href=/gone>g</a><a href=/busy>b</a><a href=/silent>s</a><a href=/plain>p</a>")
			case "/own":
				return htmlPage(head + `/own.xml">`)
			case "/other":
				return htmlPage(head + `http://1.1.1.2/other.xml">`)
			case "/moved":
				return htmlPage(head + `http://1.1.1.2/moved.xml">`)
			case "/gone":
				return htmlPage(head + `http://1.1.1.3/gone.xml">`)
			case "/busy":
				return htmlPage(head + `http://1.1.1.4/busy.xml">`)
			case "/silent":
				return htmlPage(head + `http://1.1.1.5/silent.xml">`)
			case "/own.xml", "http://1.1.1.2/other.xml", "http://1.1.1.2/there.xml":
				return textPage(licence("/*"))
			case "http://1.1.1.2/moved.xml":
				return moved("/there.xml")
			case "http://1.1.1.4/busy.xml":
				return reply{status: 429, header: map[string][]string{"Retry-After": {"80000"}}}
			case "http://1.1.1.5/robots.txt":
				return reply{}
			case "/plain":
				return htmlPage("page")
			}
			return reply{status: 404}
		}
		o := optionsFor(t.TempDir(), "http://1.1.1.1/")
		docs, counts, err := w.crawl(t, t.Context(), o)
		if err != nil || counts.Fetched != 8 {
			t.Fatalf("%v, counts %+v", err, counts)
		}
		got := consents(docs)
		for path, want := range map[string]string{"/own": "no rsl:link", "/other": "no rsl:link", "/moved": "no rsl:link", "/gone": "not_said rsl:link",
			"/busy": "not_said rsl:link", "/silent": "not_said rsl:link", "/plain": "not_said "} {
			if path == "/busy" || path == "/silent" { // the host has named four documents by then
				want = "not_said rsl:link"
			}
			if got[path] != want {
				t.Errorf("%s: %q, want %q", path, got[path], want)
			}
			if n := w.times("http://1.1.1.1" + path); n != 1 {
				t.Errorf("%d requests for %s", n, path)
			}
		}
		if n := w.times("http://1.1.1.5/silent.xml") + w.times("http://1.1.1.4/busy.xml"); n > 1 {
			t.Errorf("%d requests for documents beyond the fourth", n)
		}
		if took := time.Since(began); took > 2*time.Minute {
			t.Errorf("took %v", took)
		}
		checkGaps(t, w.hits(), byHost, always(time.Second))
		site := siteRecords(t, o.Dir)
		for _, url := range []string{"http://1.1.1.1/robots.txt", "http://1.1.1.1:80/.well-known/tdmrep.json", "http://1.1.1.1/own.xml", "http://1.1.1.2/there.xml"} {
			if !strings.Contains(site, "WARC-Target-URI: "+strings.Replace(url, ":80", "", 1)+"\r\n") {
				t.Errorf("%s is not among the site files of the archive", url)
			}
		}
	})
}

// TestSharedLicence: many hosts name one document, which is asked for once.
func TestSharedLicence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const doc = "http://9.9.9.9/rsl.xml"
		w := &world{latency: 100 * time.Millisecond}
		w.answer = func(url string) reply {
			switch {
			case url == doc:
				return textPage(licence("/*"))
			case originOf(url) == "http://9.9.9.9":
				return reply{status: 404}
			case pathOf(url) == "/robots.txt":
				return textPage("License: " + doc + "\n")
			}
			return htmlPage("page")
		}
		o := optionsFor(t.TempDir())
		for i := range 40 {
			o.Seeds = append(o.Seeds, fmt.Sprintf("http://1.1.1.%d/", i+1))
		}
		docs, _, err := w.crawl(t, t.Context(), o)
		if err != nil || len(docs) != 40 {
			t.Fatalf("%d documents, %v", len(docs), err)
		}
		for _, d := range docs {
			if d.Page.Consent != millrace.No {
				t.Errorf("%s: %v", d.Page.URL, d.Page.ConsentBy)
			}
		}
		if n := w.times(doc); n != 1 {
			t.Errorf("the document was asked for %d times", n)
		}
	})
}

// TestFilesThatCannotBeHad: whatever becomes of tdmrep.json, the pages come.
func TestFilesThatCannotBeHad(t *testing.T) {
	for name, r := range map[string]reply{"500": {status: 500}, "silent": {}, "a loop": moved("/.well-known/tdmrep.json"),
		"a pause": {status: 503, header: map[string][]string{"Retry-After": {"7"}}}, "no JSON": htmlPage("<html>"),
		"too long": textPage(strings.Repeat(" ", 1<<20))} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				w := &world{answer: func(url string) reply {
					switch pathOf(url) {
					case "/robots.txt":
						return reply{status: 404}
					case "/.well-known/tdmrep.json":
						return r
					}
					return htmlPage("page")
				}}
				docs, _, err := w.crawl(t, t.Context(), optionsFor(t.TempDir(), "http://1.1.1.1/"))
				if err != nil || len(docs) != 1 || docs[0].Page.Consent != millrace.NotSaid {
					t.Fatalf("%d documents, %v", len(docs), err)
				}
				if n := w.times("http://1.1.1.1/.well-known/tdmrep.json"); n > maxHops+1 {
					t.Errorf("%d requests", n)
				}
				if took := time.Since(began); took > time.Minute {
					t.Errorf("took %v", took)
				}
				checkClosed(t, w.hits())
			})
		})
	}
}

// siteRecords is what the archive holds about sites.
func siteRecords(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "warc", "site", "*.warc.gz"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no site files: %v", err)
	}
	var all bytes.Buffer
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(f)
		if err == nil {
			_, err = io.Copy(&all, z)
		}
		if f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}
