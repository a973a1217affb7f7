package main

import (
	"context"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"html"
	"io"
	"io/fs"
	"math"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"millrace"
	"millrace/clean"
	"millrace/ingest"
	"millrace/ingest/broker"
	"millrace/internal/sim"
)

const (
	hopDocuments = 2000
	hopBytes     = 8000
	hopBatch     = 256
	hopTurns     = 3
)

// hop measures the CPU, broker included, of writing documents of 8 KB to a topic and reading them back, and the CPU
// of cleaning the same documents, in turns.
func hop(ctx context.Context, dir string, _ options, b *sim.Bar) error {
	texts, err := english()
	if err != nil {
		return err
	}
	log, err := broker.Start(ctx, broker.Options{Dir: filepath.Join(dir, "hop")})
	if err != nil {
		return err
	}
	defer log.Close()
	recipe, err := clean.Load("default")
	if err != nil {
		return err
	}
	var hops, cleans, shares []float64
	kept := 0
	for turn := range hopTurns {
		topic := ingest.Topic{Addr: log.Addr(), Name: fmt.Sprintf("docs-%d", turn), Recipe: "r"}
		if err := topic.Ensure(ctx); err != nil {
			return err
		}
		h, err := cpu(func() error { return carry(ctx, topic, texts) })
		if err != nil {
			return err
		}
		c, err := cpu(func() (err error) { kept, err = wash(ctx, recipe, texts); return err })
		if err != nil {
			return err
		}
		hops, cleans, shares = append(hops, h*1e6/hopDocuments), append(cleans, c*1e6/hopDocuments), append(shares, h/c)
	}
	b.Figures["hop_us_a_document"], b.Figures["clean_us_a_document"], b.Figures["hop_share"] = median(hops), median(cleans), median(shares)
	b.Figures["hop_documents_kept"] = float64(kept) / hopDocuments
	return most("CPU of a hop as a share of cleaning", median(shares), mostHop)
}

// cpu is how long do kept the processor busy, in seconds.
func cpu(do func() error) (float64, error) {
	used := func() float64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			return math.NaN()
		}
		return float64(u.Utime.Nano()+u.Stime.Nano()) / float64(time.Second)
	}
	runtime.GC() // what was there before is not on this account
	before := used()
	err := do()
	return used() - before, err
}

// english makes texts from the comments of Go's standard library.
func english() ([]string, error) {
	var texts []string
	var b strings.Builder
	root := filepath.Join(runtime.GOROOT(), "src")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.Contains(path, "testdata") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil // a file that is meant to be broken
		}
		for _, c := range f.Comments {
			if t := c.Text(); len(t) > 200 && !strings.Contains(t, "Copyright") {
				b.WriteString(strings.TrimSpace(t) + "\n\n")
			}
			if b.Len() >= hopBytes {
				texts = append(texts, b.String()[:hopBytes])
				b.Reset()
			}
			if len(texts) == hopDocuments {
				return fs.SkipAll
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(texts) == 0 {
		return nil, errors.New("no sources of Go on this machine: " + root)
	}
	for i := 0; len(texts) < hopDocuments; i++ { // cleaning costs the same the second time
		texts = append(texts, texts[i])
	}
	return texts, nil
}

// carry takes the documents through a topic.
func carry(ctx context.Context, topic ingest.Topic, texts []string) error {
	sink := topic.Sink(func(context.Context) (millrace.Checkpoint, error) { return millrace.Checkpoint{}, nil })
	defer sink.Close()
	if _, err := sink.Resume(ctx); err != nil {
		return err
	}
	var batch []*millrace.Document
	for i, t := range texts {
		d := page(i, t)
		d.Text, d.Title, d.Lang = strings.ToValidUTF8(t, " "), "A page", "en"
		batch = append(batch, d)
		if len(batch) == hopBatch || i == len(texts)-1 {
			if err := sink.Write(ctx, batch); err != nil {
				return err
			}
			batch = nil
		}
	}
	source := topic.Source(ingest.SourceOptions{Until: func() bool { return true }})
	defer source.Close()
	if err := source.Open(ctx, millrace.Checkpoint{}); err != nil {
		return err
	}
	n := 0
	for {
		b, err := source.Read(ctx, hopBatch)
		n += len(b.Docs)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if n != len(texts) {
		return fmt.Errorf("%d documents came of %d", n, len(texts))
	}
	return nil
}

// wash cleans the same documents as pages of HTML, and counts what is kept.
func wash(ctx context.Context, recipe *clean.Recipe, texts []string) (kept int, err error) {
	stages := recipe.Stages()
	for i, t := range texts {
		d := page(i, t)
		var b strings.Builder
		b.WriteString("<!DOCTYPE html><html lang=en><head><title>A page</title></head><body><nav><a href=/>Home</a> <a href=/list>List</a></nav><main>")
		for p := range strings.SplitSeq(t, "\n\n") {
			b.WriteString("<p>" + html.EscapeString(p) + "</p>\n")
		}
		b.WriteString("</main><footer>All of it</footer></body></html>")
		d.Page.Body = []byte(b.String())
		for _, s := range stages {
			v, err := s.Process(ctx, d)
			if err != nil {
				return 0, err
			}
			if d.Verdict = v; !v.Kept() {
				break
			}
		}
		if d.Verdict.Kept() {
			kept++
		}
	}
	return kept, nil
}

func page(i int, text string) *millrace.Document {
	url := fmt.Sprintf("https://www.example.org/docs/page-%d.html", i)
	d := &millrace.Document{Page: millrace.Page{URL: url, FetchedAt: time.Unix(1700000000, 0).UTC(), Status: 200, MediaType: "text/html; charset=utf-8", Source: millrace.SourceCrawl},
		URLKey: url, Position: millrace.Position{Partition: millrace.Partition{Topic: "warc"}, Offset: int64(i)}}
	d.ID = millrace.NewID(url, [32]byte{byte(i), byte(i >> 8), byte(len(text))})
	return d
}
