package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"millrace/internal/sim"
	"millrace/internal/warc"
	"millrace/shards"
)

// sameCrawl wants one page for each URL of the undisturbed crawl, and one WARC response for each page.
func sameCrawl(ctx context.Context, quiet, killed string, figures map[string]any) error {
	want, err := pagesOf(ctx, quiet)
	if err != nil {
		return err
	}
	got, err := pagesOf(ctx, killed)
	if err != nil {
		return err
	}
	responses, err := countResponses(killed)
	if err != nil {
		return err
	}
	t, err := shards.Open(killed)
	if err != nil {
		return err
	}
	rows := int(t.Tally().In)
	var wrong []string
	for u, n := range got {
		if n != 1 {
			wrong = append(wrong, fmt.Sprintf("%s has %d pages", u, n))
		}
		if want[u] == 0 {
			wrong = append(wrong, u+" was not fetched by the undisturbed crawl")
		}
	}
	for u := range want {
		if got[u] == 0 {
			wrong = append(wrong, u+" has no page")
		}
	}
	figures["crawl_urls"], figures["crawl_rows"], figures["crawl_responses"] = len(want), rows, responses
	if responses != rows {
		wrong = append(wrong, fmt.Sprintf("%d WARC responses, %d rows", responses, rows))
	}
	if len(wrong) > 0 {
		sort.Strings(wrong)
		return fmt.Errorf("%d faults, the first: %s", len(wrong), wrong[0])
	}
	return sim.Check(ctx, killed)
}

// pagesOf counts the rows of each URL. An endless calendar is left out: how far a crawl gets into it before
// the trap closes depends on the order of fetching.
func pagesOf(ctx context.Context, dir string) (map[string]int, error) {
	t, err := shards.Open(dir)
	if err != nil {
		return nil, err
	}
	urls := map[string]int{}
	err = t.Rows(ctx, shards.Select{Kept: true, Rejects: true, Columns: []string{"url"}}, func(r *shards.Row) error {
		if strings.Contains(r.URL, "/calendar/") {
			return nil
		}
		urls[r.URL]++
		return nil
	})
	return urls, err
}

// countResponses counts the response records in the archive; a torn tail is not one.
func countResponses(dir string) (int, error) {
	files, err := filepath.Glob(filepath.Join(dir, "warc", "*.warc.gz"))
	if err != nil {
		return 0, err
	}
	n := 0
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return 0, err
		}
		r := warc.NewReader(f, 64<<20)
		for {
			rec, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				f.Close()
				return 0, fmt.Errorf("%s: %w", filepath.Base(name), err)
			}
			if rec.Type() == "response" {
				n++
			}
		}
		f.Close()
	}
	return n, nil
}
