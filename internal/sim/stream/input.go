package stream

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// inputFiles is how many files the documents are spread over, so that Positions cross their edges.
const inputFiles = 8

// WriteInput writes documents of less than 2 KB into JSONL files in dir. One in four is a copy of an earlier one or
// nearly so, one in eight fails a rule, and one in fifty is a line that cannot be read. Equal seeds give equal files.
func WriteInput(dir string, docs int, seed uint64) ([]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	w := newWriter(seed)
	var names []string
	for i := range inputFiles {
		name := filepath.Join(dir, fmt.Sprintf("in-%d.jsonl", i))
		if err := w.file(name, docs*i/inputFiles, docs*(i+1)/inputFiles); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

// writer makes documents.
type writer struct {
	rng   *rand.Rand
	words []string
	texts []string // earlier ones, to be copied
	stale bool     // once it remembers enough, hardly anything is new
}

func newWriter(seed uint64) *writer {
	w := &writer{rng: rand.New(rand.NewPCG(seed, 77))}
	w.words = vocabulary(w.rng)
	return w
}

const (
	vocabularySize = 6000
	remembered     = 4096
)

// stopWords are those that tell a recipe that this is a text.
var stopWords = [...]string{"the", "be", "to", "of", "and", "that", "have", "with"}

// vocabulary makes words that no language has.
func vocabulary(rng *rand.Rand) []string {
	const consonants, vowels = "bcdfghklmnprstvw", "aeiou"
	words := make([]string, vocabularySize)
	for i := range words {
		var b strings.Builder
		for range 2 + rng.IntN(3) {
			b.WriteByte(consonants[rng.IntN(len(consonants))])
			b.WriteByte(vowels[rng.IntN(len(vowels))])
		}
		words[i] = b.String()
	}
	return words
}

func (w *writer) file(name string, from, to int) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	out := bufio.NewWriterSize(f, 1<<20)
	for i := from; i < to; i++ {
		line, err := w.line(i)
		if err != nil {
			return err
		}
		if w.rng.IntN(500) == 0 {
			out.WriteByte('\n') // a blank line is no record, and has a number
		}
		out.Write(line)
		out.WriteByte('\n')
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// line makes the i-th document.
func (w *writer) line(i int) ([]byte, error) {
	id := fmt.Sprintf("r-%07d", i)
	switch n := w.rng.IntN(1000); {
	case n < 10:
		return fmt.Appendf(nil, `{"id":%q,"text":"%s`, id, w.text(20)), nil // cut
	case n < 20:
		return fmt.Appendf(nil, `{"id":%q,"text":%d}`, id, i), nil
	}
	return json.Marshal(struct {
		ID   string `json:"id"`
		Text string `json:"text"`
	}{id, w.document()})
}

// document makes a text: a new one, a copy, or one that a rule drops.
func (w *writer) document() string {
	n := w.rng.IntN(1000)
	if w.stale && len(w.texts) == remembered {
		n = w.worn(n)
	}
	switch {
	case n < 130 && len(w.texts) > 0:
		return w.earlier()
	case n < 260 && len(w.texts) > 0:
		words := strings.Fields(w.earlier())
		words[w.rng.IntN(len(words))] = w.word()
		return strings.Join(words, " ")
	case n < 320:
		return w.text(5 + w.rng.IntN(40)) // too few words
	case n < 350:
		return strings.Repeat(w.text(12)+"\n", 8) // one line again and again
	case n < 390:
		return strings.ReplaceAll(w.text(80), " ", " # ")
	}
	text := w.text(60 + w.rng.IntN(90))
	if len(w.texts) < remembered {
		w.texts = append(w.texts, text)
	} else if w.rng.IntN(4) > 0 { // the others stay for long
		w.texts[w.rng.IntN(remembered)] = text
	}
	return text
}

// worn draws anew where a document would be new, or a copy: of those, one in 3,000 and one in 50 stay what they are.
// An index of what was kept, and of its copies, hardly grows then, nor do the texts that are held for it.
func (w *writer) worn(n int) int {
	isNew, copied := n >= 390 || n >= 320 && n < 350, n < 260
	if isNew && w.rng.IntN(3000) > 0 || copied && w.rng.IntN(50) > 0 {
		return 260 + w.rng.IntN(60) // too few words
	}
	return n
}

func (w *writer) earlier() string { return w.texts[w.rng.IntN(len(w.texts))] }

func (w *writer) word() string {
	if w.rng.IntN(5) == 0 {
		return stopWords[w.rng.IntN(len(stopWords))]
	}
	return w.words[w.rng.IntN(len(w.words))]
}

func (w *writer) text(words int) string {
	all := make([]string, words)
	for i := range all {
		all[i] = w.word()
	}
	return strings.Join(all, " ") + "."
}

// FindInput lists the JSONL files of a file or folder of the user's.
func FindInput(path string) ([]string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	names, err := filepath.Glob(filepath.Join(path, "*.jsonl"))
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("no *.jsonl in %s", path)
	}
	slices.Sort(names)
	return names, err
}

// countLines counts the lines of each file.
func countLines(names []string) ([]int64, error) {
	counts := make([]int64, len(names))
	for i, name := range names {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		buf := make([]byte, 1<<20)
		for {
			n, err := f.Read(buf)
			counts[i] += int64(bytes.Count(buf[:n], []byte("\n")))
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				f.Close()
				return nil, err
			}
		}
		f.Close()
	}
	return counts, nil
}

// recordBits is how many bits of a Position count the records of one file.
const recordBits = 40

// share is how much of the input lies below a Position of the feeder.
func (w *World) share(offset int64) float64 {
	file, below, all := offset>>recordBits, int64(0), int64(0)
	for i, n := range w.lines {
		if int64(i) < file {
			below += n
		}
		all += n
	}
	return float64(below+offset&(1<<recordBits-1)) / float64(max(1, all))
}
