package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// judgeInputs wants one row for each line that is not blank, made of that line.
func (r *report) judgeInputs(files []string) error {
	byURL := make(map[string][]*row, len(r.rows))
	kept := make(map[string]*row, r.Rows)
	for _, x := range r.rows {
		byURL[x.url] = append(byURL[x.url], x)
		if !x.kept {
			continue
		}
		if y := kept[x.mid]; y != nil {
			r.fault(idTwice, "ID %s stands in data at %s and at %s", x.mid, y.position, x.position)
		}
		kept[x.mid] = x
	}
	for _, name := range files {
		path, err := filepath.Abs(name)
		if err != nil {
			return err
		}
		err = eachLine(path, func(number int, line []byte) {
			r.Inputs++
			url := fmt.Sprintf("file:%s#%d", filepath.ToSlash(path), number)
			rows := byURL[url]
			delete(byURL, url)
			switch {
			case len(rows) == 0:
				r.fault(lost, "%s has no row", url)
			case len(rows) > 1:
				r.fault(doubled, "%s has %d rows, the first at %s and %s", url, len(rows), rows[0].position, rows[1].position)
			default:
				r.judgeLine(rows[0], url, line)
			}
		})
		if err != nil {
			return err
		}
	}
	for url, rows := range byURL {
		r.fault(invented, "the row at %s is made of %q, which is no input", rows[0].position, url)
	}
	return nil
}

// judgeLine holds a row against its input line.
func (r *report) judgeLine(x *row, url string, line []byte) {
	digest := sha256.Sum256(line)
	h := sha256.Sum256(slices.Concat([]byte("millrace/1\x00"), []byte(url), []byte{0}, digest[:]))
	if x.sha != hex.EncodeToString(digest[:]) || x.mid != hex.EncodeToString(h[:16]) {
		r.fault(content, "%s: the row at %s has the ID %s and is made of other bytes", url, x.position, x.mid)
	}
	var in struct {
		ID   string  `json:"id"`
		Text *string `json:"text"`
	}
	if err := json.Unmarshal(line, &in); err != nil || in.Text == nil {
		if !x.failed() {
			r.fault(content, "%s is broken, and the row at %s is no dead letter: %q", url, x.position, x.reason)
		}
		return
	}
	if x.failed() {
		r.fault(content, "%s is not broken, and the row at %s is a dead letter: %s", url, x.position, x.err)
	}
	if in.ID != "" && x.id != in.ID {
		r.fault(content, "%s: its id is %q, that of the row at %s is %q", url, in.ID, x.position, x.id)
	}
}

// eachLine calls do with each line that is not blank, and its number from 0.
func eachLine(path string, do func(number int, line []byte)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 1<<20)
	for n := 0; ; n++ {
		line, err := in.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		last := err != nil
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		if len(bytes.TrimSpace(line)) > 0 {
			do(n, line)
		}
		if last {
			return nil
		}
	}
}

// idSet is a set of IDs, whatever their order.
type idSet []string

func (s *idSet) add(id string) { *s = append(*s, id) }

func (s *idSet) digest() string {
	slices.Sort(*s)
	h := sha256.New()
	for _, id := range *s {
		h.Write([]byte(id))
	}
	return sum(h)
}
