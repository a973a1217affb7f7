package main

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// page is a page with what people marked on it.
type page struct {
	id, url, want string
	html          []byte
}

type pageSet struct{ pages []page }

// readArticles reads a folder of marked pages, in the order of their IDs.
func readArticles(dir string) (*pageSet, error) {
	data, err := os.ReadFile(filepath.Join(dir, "ground-truth.json"))
	if err != nil {
		return nil, err
	}
	var truth map[string]struct {
		Body string `json:"articleBody"`
		URL  string `json:"url"`
	}
	if err := json.Unmarshal(data, &truth); err != nil {
		return nil, fmt.Errorf("ground-truth.json: %w", err)
	}
	set := &pageSet{}
	for id, t := range truth {
		html, err := gunzip(filepath.Join(dir, "html", id+".html.gz"))
		if err != nil {
			return nil, err
		}
		set.pages = append(set.pages, page{id, t.URL, t.Body, html})
	}
	slices.SortFunc(set.pages, func(a, b page) int { return strings.Compare(a.id, b.id) })
	if len(set.pages) == 0 {
		return nil, errors.New("ground-truth.json names no page")
	}
	return set, nil
}

func gunzip(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return io.ReadAll(z)
}

// half gives the pages to judge: those to tune on, or those to report.
func (s *pageSet) half(which string) []page {
	var out []page
	for _, p := range s.pages {
		sum := sha256.Sum256([]byte(p.id))
		if which == "all" || (sum[0]&1 == 0) == (which == "tune") {
			out = append(out, p)
		}
	}
	return out
}

// spread writes the pages into a folder that all entrants read.
func (s *pageSet) spread(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, p := range s.pages {
		if err := os.WriteFile(filepath.Join(dir, p.id+".html"), p.html, 0o644); err != nil {
			return err
		}
	}
	return nil
}
