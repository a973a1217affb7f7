package fields

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// lines takes each word of a file of lines for a field, by its place in its line. Of lines with JSON in them, each
// value is one.
func lines(raw []byte) (list []Field) {
	at := 0
	for line := range bytes.Lines(raw) {
		word, n := -1, 0
		for i, c := range line {
			space := c == ' ' || c == '\n' || c == '\t' || c == 0
			switch {
			case !space && word < 0:
				word = i
			case space && word >= 0:
				list = append(list, Field{fmt.Sprint("word ", min(n, 9)), at + word, at + i})
				word, n = -1, n+1
			}
		}
		if word >= 0 {
			list = append(list, Field{fmt.Sprint("word ", min(n, 9)), at + word, at + len(line)})
		}
		at += len(line)
	}
	return list
}

// jsonLines takes keys and values for fields, each by its path. Strings in the values of a "stats" or "schemaString" are
// JSON again, and are taken as a whole.
func jsonLines(raw []byte) (list []Field, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var last int64
	var walk func(path string) error
	token := func() (json.Token, Field, error) {
		t, err := d.Token()
		end := d.InputOffset()
		from := last
		for from < end && strings.IndexByte(" \n\t\r,:", raw[from]) >= 0 {
			from++
		}
		last = end
		return t, Field{From: int(from), To: int(end)}, err
	}
	walk = func(path string) error {
		t, f, err := token()
		if err != nil {
			return err
		}
		open, isDelim := t.(json.Delim)
		if !isDelim {
			f.Name = path
			list = append(list, f)
			return nil
		}
		for d.More() {
			below := path + "[]"
			if open == '{' {
				key, f, err := token()
				if err != nil {
					return err
				}
				name := fmt.Sprint(key)
				if strings.ContainsAny(name, "/.0123456789") { // a place or a reason, not the name of a field
					name = "*"
				}
				below = path + "." + name
				f.Name = "key " + below
				list = append(list, f)
			}
			if err := walk(below); err != nil {
				return err
			}
		}
		_, _, err = token()
		return err
	}
	for {
		if err := walk(""); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			if len(list) > 0 && bytes.HasPrefix(bytes.TrimSpace(raw[last:]), []byte("crc32c ")) {
				return append(list, Field{"checksum", int(last), len(raw)}), nil // a sealed file
			}
			return nil, err
		}
	}
}
