package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"millrace/clean/pii"
)

// Longest line of JSONL, and what is read of the text in all.
const (
	maxLine = 64 << 20
	maxText = 100e6
)

// load reads the text of the race: JSONL, a folder of text files, or the comments of Go's own source.
func load(input string) ([]string, error) {
	if input == "" {
		out, err := exec.Command("go", "env", "GOROOT").Output()
		if err != nil {
			return nil, fmt.Errorf("go env GOROOT: %w", err)
		}
		return folder(filepath.Join(strings.TrimSpace(string(out)), "src"), comments)
	}
	info, err := os.Stat(input)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return folder(input, func(_, s string) string { return s })
	}
	return readTexts(input)
}

// folder reads the files below a folder that are text. text says what of a file is taken.
func folder(dir string, text func(name, content string) string) ([]string, error) {
	var texts []string
	size := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !d.Type().IsRegular() || size > maxText {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if s := string(b); utf8.ValidString(s) && !strings.Contains(s, "\x00") {
			if t := text(path, s); t != "" {
				texts = append(texts, t)
				size += len(t)
			}
		}
		return nil
	})
	return texts, err
}

// comments takes the lines of comments out of Go source: prose about programs, with all its numbers. A book that Go compresses in
// its tests is taken whole.
func comments(name, source string) string {
	switch filepath.Ext(name) {
	case ".txt":
		return source
	case ".go":
	default:
		return ""
	}
	var b strings.Builder
	for line := range strings.Lines(source) {
		if c, ok := strings.CutPrefix(strings.TrimSpace(line), "//"); ok {
			b.WriteString(strings.TrimPrefix(c, " "))
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// readTexts reads the field text of each line.
func readTexts(name string) ([]string, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	var texts []string
	in := bufio.NewScanner(f)
	in.Buffer(nil, maxLine)
	for size := 0; in.Scan() && size < maxText; {
		var d struct {
			Text *string `json:"text"`
		}
		if err := json.Unmarshal(in.Bytes(), &d); err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", name, len(texts)+1, err)
		}
		if d.Text == nil {
			return nil, fmt.Errorf("%s, line %d: no field text", name, len(texts)+1)
		}
		texts = append(texts, *d.Text)
		size += len(*d.Text)
	}
	if len(texts) == 0 {
		return nil, errors.Join(in.Err(), fmt.Errorf("%s has no lines", name))
	}
	return texts, in.Err()
}

// found is what was masked in text in which nothing was planted.
type found struct {
	counts  map[string]int
	samples map[string][]string
}

// split leaves out the documents in which something is masked, and says what that was.
func split(texts []string) ([]string, found) {
	const most = 5 // samples of a kind
	f := found{map[string]int{}, map[string][]string{}}
	var clean []string
	for _, t := range texts {
		masked, _, counts := pii.Mask(t, nil)
		if !counts.Any() {
			clean = append(clean, t)
			continue
		}
		for k, n := range counts {
			if n > 0 {
				f.counts[pii.Kind(k).String()] += n
			}
		}
		for _, m := range placeholder.FindAllStringSubmatchIndex(masked, -1) {
			tag := masked[m[2]:m[3]]
			if len(f.samples[tag]) < most {
				f.samples[tag] = append(f.samples[tag], around(masked, m[0], m[1]))
			}
		}
	}
	return clean, f
}

// around is the text near a placeholder.
func around(text string, from, to int) string {
	from, to = max(0, from-30), min(len(text), to+20)
	return strings.ToValidUTF8(strings.ReplaceAll(text[from:to], "\n", " "), "")
}
