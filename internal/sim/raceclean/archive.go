package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"millrace/internal/warc"
)

// archive is two WARC files with a half of the pages each, as datatrove needs them for two workers.
type archive struct {
	dir         string
	pages, html int // html: bytes of pages, without headers
	gzip        int64
}

// halves writes records by turns into two files.
type halves struct {
	files [2]*os.File
	n     int
}

func newHalves(dir string) (*halves, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	h := &halves{}
	for i := range h.files {
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%d.warc.gz", i)))
		if err != nil {
			return nil, err
		}
		h.files[i] = f
	}
	return h, nil
}

// add writes what belongs to one page.
func (h *halves) add(members []byte) error {
	_, err := h.files[h.n%2].Write(members)
	h.n++
	return err
}

// close ends the files and gives their size.
func (h *halves) close() (size int64, err error) {
	for _, f := range h.files {
		info, err2 := f.Stat()
		if err2 == nil {
			size += info.Size()
		}
		err = errors.Join(err, err2, f.Close())
	}
	return size, err
}

// writeArchive puts the pages into an archive of the form that Common Crawl's have: a gzip member a record, a request
// before each response.
func writeArchive(dir string, pages []page) (a archive, err error) {
	h, err := newHalves(dir)
	if err != nil {
		return a, err
	}
	at := time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)
	for i, p := range pages {
		date := at.Add(time.Duration(i) * time.Second).Format(time.RFC3339)
		request := member("request", p.url, date, "", []byte("GET / HTTP/1.1\r\nHost: example\r\nAccept: text/html\r\nUser-Agent: race\r\n\r\n"))
		head := fmt.Sprintf("HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: %s\r\nContent-Length: %d\r\nVary: Accept-Encoding\r\n\r\n", p.contentType, len(p.body))
		response := member("response", p.url, date, "WARC-Identified-Payload-Type: text/html\r\n", append([]byte(head), p.body...))
		if err := h.add(append(request, response...)); err != nil {
			return a, err
		}
		a.html += len(p.body)
	}
	a.dir, a.pages = dir, len(pages)
	a.gzip, err = h.close()
	return a, err
}

// member is one record, compressed by itself.
func member(kind, url, date, more string, block []byte) []byte {
	id := sha1.Sum([]byte(kind + " " + url)) //nolint:gosec // a name, no secret
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	fmt.Fprintf(z, "WARC/1.0\r\nWARC-Type: %s\r\nWARC-Target-URI: %s\r\nWARC-Date: %s\r\nWARC-Record-ID: <urn:uuid:%x-%x-%x-%x-%x>\r\n"+
		"Content-Type: application/http; msgtype=%s\r\n%sContent-Length: %d\r\n\r\n", kind, url, date, id[:4], id[4:6], id[6:8], id[8:10], id[10:16], kind, more, len(block))
	z.Write(block) // into memory: nothing can fail
	io.WriteString(z, "\r\n\r\n")
	z.Close()
	return b.Bytes()
}

// splitArchive makes two files of the user's one: its responses, by turns, as they are stored.
func splitArchive(dir, name string) (a archive, err error) {
	f, err := os.Open(name)
	if err != nil {
		return a, err
	}
	defer f.Close()
	h, err := newHalves(dir)
	if err != nil {
		return a, err
	}
	for in := warc.NewReader(f, 1<<30); ; {
		rec, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return a, fmt.Errorf("%s: %w", name, err)
		}
		if rec.Type() != "response" {
			continue
		}
		if rec.Shared {
			return a, fmt.Errorf("%s: its records are not compressed one by one", name)
		}
		_, _, body, err := warc.ParseHTTP(rec.Block)
		if err != nil {
			continue // nobody's page
		}
		stored := make([]byte, rec.Length)
		if _, err := f.ReadAt(stored, rec.Offset); err != nil {
			return a, err
		}
		if err := h.add(stored); err != nil {
			return a, err
		}
		a.html += len(body)
	}
	a.dir, a.pages = dir, h.n
	if a.gzip, err = h.close(); err == nil && a.pages < 2 {
		err = fmt.Errorf("%s holds %d pages", name, a.pages)
	}
	return a, err
}
