package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"millrace/internal/sim"
)

// document is a line of the input.
type document struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

// beginning is what both proofs have then.
type beginning struct {
	bin     sim.Binary
	path    string // lines of id and text
	n, size int    // documents, and bytes of text
}

// prepare builds the program, and writes dir/docs.jsonl, whatever the input is. Pages become what the program extracts.
func prepare(ctx context.Context, o options, dir string) (s beginning, err error) {
	if s.bin, err = sim.Build(ctx, dir); err != nil {
		return s, err
	}
	source := o.input
	if source == "" {
		source = filepath.Join(dir, "made.jsonl")
		if err := makeDocuments(source, o.documents, o.seed); err != nil {
			return s, err
		}
	}
	out := filepath.Join(dir, "texts")
	cmd := s.bin.Program(ctx, "clean", "--in", source, "--recipe", "none", "--quiet", "--out", out)
	if text, err := cmd.CombinedOutput(); err != nil && cmd.ProcessState.ExitCode() != 3 {
		return s, fmt.Errorf("read the input: %w\n%s", err, text)
	}
	s.path = filepath.Join(dir, "docs.jsonl")
	s.n, s.size, err = number(filepath.Join(out, "kept.jsonl"), s.path)
	if err == nil && s.n == 0 {
		err = errors.New("the input holds no document")
	}
	return s, err
}

// number copies lines and gives each an id of its own: those of users may repeat.
func number(from, to string) (n, size int, err error) {
	f, err := os.Create(to)
	if err != nil {
		return 0, 0, err
	}
	w := bufio.NewWriter(f)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	err = eachLine(from, func(line []byte) error {
		var d document
		if err := json.Unmarshal(line, &d); err != nil {
			return err
		}
		if d.Text == "" {
			return nil // datatrove's readers leave such out
		}
		d.ID = fmt.Sprintf("%07d-%s", n, d.ID)
		n++
		size += len(d.Text)
		return enc.Encode(d)
	})
	return n, size, errors.Join(err, w.Flush(), f.Close())
}

// eachLine reads a file line by line.
func eachLine(path string, yield func([]byte) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, 64<<20)
	for s.Scan() {
		if err := yield(s.Bytes()); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return s.Err()
}

// makeDocuments writes prose with all that the rules look at in it, now more of it, now less.
func makeDocuments(path string, n int, seed uint64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	enc := json.NewEncoder(w)
	for i := range n {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		if err := enc.Encode(document{ID: fmt.Sprint(i), Text: (&maker{r}).text()}); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return errors.Join(w.Flush(), f.Close())
}

// maker makes one document.
type maker struct{ *rand.Rand }

const stock = `the of and to in is that for it as with was on be by at this from are have which or not but what all when we there can
an your one river valley stone bridge market farmer winter harvest barley wheat miller wheel water channel garden window letter
teacher pupil morning journey harbour captain island mountain forest meadow village council history record paper engine railway
platform ticket traveller language grammar sentence chapter library question answer measure number figure weather storm cloud
summer autumn bread butter cheese carpenter workshop hammer needle thread cloth merchant silver copper narrow gentle sudden honest`

func (m *maker) word() string {
	words := strings.Fields(stock)
	w := words[int(float64(len(words))*m.Float64()*m.Float64())]
	switch m.IntN(60) {
	case 0:
		return w + "'s"
	case 1:
		return strings.ToUpper(w)
	case 2:
		return w + "-" + words[m.IntN(len(words))]
	case 3:
		return fmt.Sprintf("%d.%d", m.IntN(400), m.IntN(90))
	case 4:
		return []string{"don't", "we'll", "e.g.", "U.S.", "http://example.org/a?b=c", "Müller", "naïve", "世界", "Москва", "10km", "$5", "a/b", "C++", ":)", "…", "x=y", "(so)", "\"quoted\"", "it’s", "№7", "a\u00a0b", "́", "end.Start"}[m.IntN(23)]
	}
	return w
}

func (m *maker) sentence() string {
	var b strings.Builder
	for i := range 3 + m.IntN(18) {
		if i > 0 {
			b.WriteString([]string{" ", " ", " ", " ", " ", " ", " ", " ", ", ", "  "}[m.IntN(10)])
		}
		b.WriteString(m.word())
	}
	return b.String() + []string{".", ".", ".", ".", "!", "?", "...", "…", "", ".)", ":", "。"}[m.IntN(12)]
}

// odd is a line that some rule is about.
func (m *maker) odd() string {
	switch m.IntN(12) {
	case 0:
		return "- " + m.sentence()
	case 1:
		return "• " + m.word()
	case 2:
		return m.sentence() + " ..."
	case 3:
		return "# " + m.word() + " # #"
	case 4:
		return "function() { return 1 }"
	case 5:
		return "Lorem ipsum dolor sit amet, " + m.sentence()
	case 6:
		return "Please enable JavaScript to read on. " + m.sentence()
	case 7:
		return "This site uses cookies, see our Privacy Policy. " + m.sentence()
	case 8:
		return m.sentence() + "[" + fmt.Sprint(m.IntN(40)) + "] " + m.sentence() + "[edit]"
	case 9:
		return strings.Repeat("| 12 ", 3+m.IntN(30))
	case 10:
		return strings.Repeat("x", 990+m.IntN(30)) + " and more words"
	}
	return m.word()
}

// text puts lines together; how odd and how repetitive it is differs from document to document.
func (m *maker) text() string {
	var lines []string
	oddness, again := m.Float64()*m.Float64(), m.Float64()*m.Float64()*0.7
	for range 1 + m.IntN(40) {
		switch {
		case len(lines) > 0 && m.Float64() < again:
			lines = append(lines, lines[m.IntN(len(lines))])
		case m.Float64() < oddness:
			lines = append(lines, m.odd())
		default:
			var s []string
			for range 1 + m.IntN(5) {
				s = append(s, m.sentence())
			}
			lines = append(lines, strings.Join(s, " "))
		}
		if m.IntN(5) == 0 {
			lines = append(lines, "")
		}
	}
	return strings.Join(lines, []string{"\n", "\n", "\n", "\r\n", "\n\n"}[m.IntN(5)])
}
