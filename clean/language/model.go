package language

import (
	"bytes"
	_ "embed" // the model
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
)

// Model tells languages apart. It is a linear classifier over the mean of the rows of a text's n-grams.
type Model struct {
	names   []string // "sr-Latn", by class
	langs   []string // "sr"
	classes [maxScripts][]int
	mixed   [maxScripts]bool // whether a script has several languages
	heads   []float32        // dims numbers and a bias for each class
	table   []byte           // dims bytes for each row; 128 is 0
	scale   float32          // what 1 of a byte stands for
	shift   uint
	warmth  []float32 // by the number of n-grams: see warmthAt
	scripts int
}

// header is the model file's first line. Behind it stand the heads, as float32, and the table.
type header struct {
	Format  int       `json:"format"`
	RowBits uint      `json:"row_bits"`
	Scale   float32   `json:"scale"`
	Warmth  []float32 `json:"temperatures"`
	Classes []string  `json:"classes"`
}

// NoLanguage is the language of a class of things that are no language: noise.
const NoLanguage = "zxx"

//go:embed model.bin
var file []byte

// embedded is the model that comes with the program. TestModel opens it, so that it can be opened.
var embedded = sync.OnceValue(func() *Model {
	m, err := Open(file)
	if err != nil {
		panic(fmt.Sprintf("language: the embedded model: %v", err))
	}
	return m
})

// Open reads a model file, which has to stay as it is: the table is not copied.
func Open(b []byte) (*Model, error) {
	line, rest, ok := bytes.Cut(b, []byte("\n"))
	var h header
	if !ok || json.Unmarshal(line, &h) != nil || h.Format != 1 {
		return nil, errors.New("language: no model of format 1")
	}
	if h.RowBits < 1 || h.RowBits > 24 || len(h.Classes) == 0 || len(h.Warmth) == 0 {
		return nil, errors.New("language: a model without rows or classes")
	}
	heads := len(h.Classes) * (dims + 1)
	if want := 4*heads + dims<<h.RowBits; len(rest) != want {
		return nil, fmt.Errorf("language: a model with %d bytes behind its header, not %d", len(rest), want)
	}
	m := &Model{names: h.Classes, heads: make([]float32, heads), table: rest[4*heads:], scale: h.Scale, shift: 64 - h.RowBits,
		warmth: h.Warmth, scripts: len(writings())}
	for i := range m.heads {
		m.heads[i] = math.Float32frombits(binary.LittleEndian.Uint32(rest[4*i:]))
	}
	for i, name := range h.Classes {
		lang, code, _ := strings.Cut(name, "-")
		s, ok := scriptNamed(code)
		if !ok {
			return nil, fmt.Errorf("language: a model with the class %q", name)
		}
		m.langs = append(m.langs, lang)
		m.classes[s] = append(m.classes[s], i)
		m.mixed[s] = len(m.classes[s]) > 1
	}
	return m, nil
}

// Build makes a model file: the opposite of Open. Heads holds dims numbers and a bias for each class, rows dims numbers for each row.
func Build(classes []string, rowBits uint, warmth, heads, rows []float32) ([]byte, error) {
	if len(heads) != len(classes)*(dims+1) || len(rows) != dims<<rowBits {
		return nil, errors.New("language: numbers that fit no model")
	}
	top := float32(0)
	for _, x := range rows {
		top = max(top, x, -x)
	}
	h := header{Format: 1, RowBits: rowBits, Scale: max(top, 1e-9) / 127, Warmth: warmth, Classes: classes}
	b, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	b = append(b, '\n')
	for _, x := range heads {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	for _, x := range rows {
		b = append(b, byte(128+int(math.Round(float64(x/h.Scale)))))
	}
	return b, nil
}

// Dims is how many numbers a row has.
const Dims = dims

// Rows gives the rows of a text's n-grams in one script: what a model is trained on.
func Rows(text, code string, rowBits uint) []uint32 {
	s, _ := scriptNamed(code)
	r := reader{abc: letters(), t: &tally{}, shift: 64 - rowBits, want: s, keeps: true}
	r.read(normal(text))
	return r.keep
}

// Warmths is how many temperatures a model has.
const Warmths = 6

// WarmthAt is the number of the temperature for so many n-grams: short texts tell less.
func WarmthAt(grams int) int {
	i := 0
	for n := 64; i < Warmths-1 && grams >= n; n *= 2 {
		i++
	}
	return i
}

// weigh gives the probability of each class of a script.
func (m *Model) weigh(t *tally, s script, p []float64) []float64 {
	n := t.grams[s]
	var mean [dims]float32
	for d := range dims {
		mean[d] = m.scale * float32(t.sums[s][d]-128*n) / float32(max(n, 1))
	}
	warmth := m.warmth[min(WarmthAt(int(n)), len(m.warmth)-1)]
	p = p[:0]
	top := math.Inf(-1)
	for _, k := range m.classes[s] {
		head := m.heads[k*(dims+1):][: dims+1 : dims+1]
		z := head[dims]
		for d := range dims {
			z += head[d] * mean[d]
		}
		x := float64(z / warmth)
		p = append(p, x)
		top = max(top, x)
	}
	sum := 0.0
	for i := range p {
		p[i] = math.Exp(p[i] - top)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// Languages lists what Identify can name: languages with their scripts, such as sr-Latn.
func Languages() []string { return embedded().Languages() }

// Languages lists what the model can name: what it tells apart, and what a script alone tells.
func (m *Model) Languages() []string {
	var list []string
	for s, w := range writings() {
		if w.lang != "" && !m.mixed[s] {
			list = append(list, w.lang+"-"+w.code)
		}
	}
	for i, name := range m.names {
		if m.langs[i] != NoLanguage {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Weigh gives the probability of each class that has the script of most of the text's letters, and the number of n-grams
// that it follows from.
func (m *Model) Weigh(text string) (classes []string, p []float64, grams int) {
	t := &tally{}
	m.pieces(text, func(piece *tally, _ int) { t.add(piece, m.scripts) })
	s, _, _ := t.script()
	if !m.mixed[s] {
		return nil, nil, 0
	}
	for _, k := range m.classes[s] {
		classes = append(classes, m.names[k])
	}
	return classes, m.weigh(t, s, nil), int(t.grams[s])
}
