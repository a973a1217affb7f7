package crawl

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"

	"millrace"
	"millrace/crawl/consent"
)

// TestPolicyDecidesAgainWithoutFetching: what was said is in the archive, so that another policy needs no
// request and gives each page the verdict that a crawl under it would have given.
func TestPolicyDecidesAgainWithoutFetching(t *testing.T) {
	tagged := htmlPage("<p>x")
	tagged.header.Set("X-Robots-Tag", "otherbot: noai, millbot: noml")
	answers := map[string]reply{
		"http://a.test/robots.txt": textPage("User-agent: GPTBot\nDisallow: /told\n\nUser-agent: *\nContent-Signal: /yes ai-train=yes\nContent-Usage: /no train-ai=n\nAllow: /\n"),
		"http://a.test/":           htmlPage("<a href=/yes><a href=/no><a href=/told><a href=/index><a href=/cc><a href=/tagged><a href=/gone>"),
		"http://a.test/yes":        htmlPage("<p>x"),
		"http://a.test/no":         htmlPage("<p>x"),
		"http://a.test/told":       htmlPage("<p>x"),
		"http://a.test/index":      htmlPage("<meta name=robots content=noindex>"),
		"http://a.test/cc":         htmlPage("<a rel=license href=https://creativecommons.org/licenses/by-nc/4.0/>"),
		"http://a.test/tagged":     tagged,
	}
	w := &world{names: map[string]string{"a.test": "192.0.9.1"}, answer: fixed(answers)}
	dir := t.TempDir()
	got := map[string]millrace.Reason{}
	synctest.Test(t, func(t *testing.T) {
		docs, _, err := w.crawl(t, t.Context(), optionsFor(dir, "http://a.test/"))
		if err != nil {
			t.Error(err)
		}
		for _, d := range docs {
			got[d.Page.URL] = d.Verdict.Reason
		}
	})
	check := func(name string, got, want map[string]millrace.Reason) {
		t.Helper()
		for url := range answers {
			if url == "http://a.test/robots.txt" {
				continue
			}
			if r, ok := got[url]; !ok || r != want[url] {
				t.Errorf("%s: %s: read %v, %q; want %q", name, url, ok, r, want[url])
			}
		}
		if got["http://a.test/gone"] != millrace.FetchStatus {
			t.Errorf("%s: a missing page: %q", name, got["http://a.test/gone"])
		}
	}
	check("training", got, map[string]millrace.Reason{"http://a.test/no": millrace.ConsentNoTrain, "http://a.test/index": millrace.ConsentNoIndex, "http://a.test/tagged": millrace.ConsentNoTrain})
	asked := len(w.hits())
	check("strict", again(t, dir, "inferred: count\nnot_said: drop\nlicences: [CC-BY-NC-4.0]"), map[string]millrace.Reason{
		"http://a.test/": millrace.ConsentNotSaid, "http://a.test/no": millrace.ConsentNoTrain, "http://a.test/told": millrace.ConsentNoTrain,
		"http://a.test/index": millrace.ConsentNoIndex, "http://a.test/tagged": millrace.ConsentNoTrain})
	check("header only", again(t, dir, "sources: [header]\nnoindex: keep"), map[string]millrace.Reason{"http://a.test/tagged": millrace.ConsentNoTrain})
	check("record", again(t, dir, "no: keep\nnoindex: keep"), nil)
	if n := len(w.hits()); n != asked {
		t.Errorf("%d requests to decide again", n-asked)
	}
}

// TestAITxtIsAskedForWhereWanted: one request more, which many sites do not expect, and only where it was chosen.
func TestAITxtIsAskedForWhereWanted(t *testing.T) {
	for _, wanted := range []bool{false, true} {
		w := &world{names: map[string]string{"a.test": "192.0.9.1"}, answer: fixed(map[string]reply{
			"http://a.test/":       htmlPage("<p>x"),
			"http://a.test/ai.txt": textPage("User-Agent: *\nDisallow: *.html\n"),
		})}
		synctest.Test(t, func(t *testing.T) {
			o := optionsFor(t.TempDir(), "http://a.test/")
			o.AITxt = wanted
			docs, _, err := w.crawl(t, t.Context(), o)
			if err != nil || len(docs) != 1 {
				t.Fatalf("%d documents, %v", len(docs), err)
			}
			if refused := docs[0].Verdict.Reason == millrace.ConsentNoTrain; refused != wanted || (w.times("http://a.test/ai.txt") == 1) != wanted {
				t.Errorf("wanted %v: %v, asked for %d times", wanted, docs[0].Verdict, w.times("http://a.test/ai.txt"))
			}
		})
	}
}

// again reads the archive under another policy.
func again(t *testing.T, dir, policy string) map[string]millrace.Reason {
	t.Helper()
	p, err := consent.ParsePolicy("p.yaml", []byte(policy))
	if err != nil {
		t.Fatal(err)
	}
	a := OpenArchive(dir, p)
	defer a.Close()
	if err := a.Open(t.Context(), millrace.Checkpoint{}); err != nil {
		t.Fatal(err)
	}
	out := map[string]millrace.Reason{}
	for {
		b, err := a.Read(t.Context(), 3)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range b.Docs {
			out[d.Page.URL] = d.Verdict.Reason
		}
	}
}

// TestStatementsOfEarlierVersions: records have held a source, a value and a raw text at least.
func TestStatementsOfEarlierVersions(t *testing.T) {
	s, ok := parseStatement(`{"source":"meta:robots","value":"no","raw":"noai"}`)
	if want := (millrace.Statement{Source: "meta:robots", Raw: "noai", Value: millrace.No}); !ok || s != want {
		t.Errorf("read %+v, %v", s, ok)
	}
	if s, ok := parseStatement(`{"source":"x","value":"perhaps"}`); !ok || s.Value != millrace.NotSaid {
		t.Errorf("a value of a later version: %+v, %v", s, ok)
	}
	if _, ok := parseStatement("no JSON"); ok {
		t.Error("read what is no statement")
	}
	in := sayings("http://h.example/", []millrace.Field{{Name: "Content-Type", Value: "text/plain"}}, []byte("<meta name=robots content=noai>"), "millbot")
	if by := consent.Statements(in); len(by) > 0 {
		t.Errorf("a text was read as HTML: %+v", by)
	}
}
