package demo

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

const maxFolderFile = 8 << 20

// fromFolder makes the site of a folder's text and HTML files. Nothing is planted.
func (s *Site) fromFolder(ctx context.Context) error {
	var pages []*page
	err := filepath.WalkDir(s.opt.Folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if d.IsDir() && name != s.opt.Folder && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir
		}
		if !d.Type().IsRegular() {
			return nil
		}
		rel, err := filepath.Rel(s.opt.Folder, name)
		if err != nil {
			return err
		}
		p, err := filePage(name, filepath.ToSlash(rel))
		if err != nil {
			return err
		}
		if p != nil {
			pages = append(pages, p)
		}
		if len(pages) == s.opt.Pages {
			return fs.SkipAll
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("serve folder %s: %w", s.opt.Folder, err)
	}
	if len(pages) == 0 {
		return fmt.Errorf("serve folder %s: no .html, .htm, .txt or .md file in it", s.opt.Folder)
	}
	s.makeHosts(min(s.opt.MaxHosts, max(1, len(pages)/8)))
	rng := rand.New(rand.NewPCG(s.opt.Seed, 0x666f6c64))
	s.place(pages, nil, rng)
	s.relate(pages, nil, rng)
	s.pages = pages
	s.frontPages()
	s.total = len(s.pages)
	return nil
}

// filePage reads one file, or gives nil for what is neither text nor HTML or is too large.
func filePage(name, rel string) (*page, error) {
	ext := strings.ToLower(filepath.Ext(name))
	switch ext {
	case ".html", ".htm", ".txt", ".md":
	default:
		return nil, nil
	}
	st, err := os.Stat(name)
	if err != nil || st.Size() > maxFolderFile {
		return nil, err
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	p := &page{path: (&url.URL{Path: "/" + rel}).EscapedPath(), title: rel, charset: utf8Page()}
	if ext == ".html" || ext == ".htm" {
		p.raw = data
		p.charset = charset{} // the file speaks for itself
		return p, nil
	}
	p.blocks = blocksOf(name, strings.ToValidUTF8(string(data), "\uFFFD"))
	return p, nil
}
