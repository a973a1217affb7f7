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

	"golang.org/x/text/unicode/norm"
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
	priors  []float32 // by class, logarithms: how much more of it there is than of its neighbours
	unsure  float32   // a probability below it names no language
	takes   uint64    // a bit for each script of mixed
}

// header is the model file's first line. Behind it stand the heads, as float32, and the table.
type header struct {
	Format  int       `json:"format"`
	RowBits uint      `json:"row_bits"`
	Scale   float32   `json:"scale"`
	Unsure  float32   `json:"unsure"`
	Warmth  []float32 `json:"temperatures"`
	Classes []string  `json:"classes"`
	Priors  []float32 `json:"priors"`
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
	if !ok || json.Unmarshal(line, &h) != nil || h.Format != 2 {
		return nil, errors.New("language: no model of format 2")
	}
	if h.RowBits < 1 || h.RowBits > 24 || len(h.Classes) == 0 || len(h.Warmth) == 0 || len(h.Priors) != len(h.Classes) {
		return nil, errors.New("language: a model without rows, classes or temperatures")
	}
	heads := len(h.Classes) * (dims + 1)
	if want := 4*heads + dims<<h.RowBits; len(rest) != want {
		return nil, fmt.Errorf("language: a model with %d bytes behind its header, not %d", len(rest), want)
	}
	m := &Model{names: h.Classes, heads: make([]float32, heads), table: rest[4*heads:], scale: h.Scale, shift: 64 - h.RowBits,
		warmth: h.Warmth, priors: h.Priors, unsure: h.Unsure}
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
		if len(m.classes[s]) > 1 {
			m.mixed[s] = true
			m.takes |= 1 << s
		}
	}
	return m, nil
}

// Parts is what a model is made of.
type Parts struct {
	Classes []string  // a language with its script, such as sr-Latn
	RowBits uint      // it has 1<<RowBits rows
	Warmth  []float32 // a temperature for each range of lengths
	Priors  []float32 // by class, logarithms
	Unsure  float32   // a probability below it names no language
	Heads   []float32 // Dims numbers and a bias for each class
	Rows    []float32 // Dims numbers for each row
}

// Build makes a model file: the opposite of Open.
func Build(parts Parts) ([]byte, error) {
	heads, rows := parts.Heads, parts.Rows
	if len(heads) != len(parts.Classes)*(dims+1) || len(rows) != dims<<parts.RowBits || len(parts.Priors) != len(parts.Classes) {
		return nil, errors.New("language: numbers that fit no model")
	}
	top := float32(0)
	for _, x := range rows {
		top = max(top, x, -x)
	}
	h := header{Format: 2, RowBits: parts.RowBits, Scale: max(top, 1e-9) / 127, Unsure: parts.Unsure, Warmth: parts.Warmth,
		Classes: parts.Classes, Priors: parts.Priors}
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
	r := reader{abc: letters(), shift: 64 - rowBits, takes: 1 << s}
	r.read(norm.NFC.String(text), &tally{})
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

// farBehind is the logarithm of a share that is none.
const farBehind = -20

// weigh gives the probability of each class of a script.
func (m *Model) weigh(t *tally, s script, p []float64) []float64 {
	n := t.grams[s]
	// A mean is divided by the temperature here, where it is dims times and not once for each class. Products are made floats before
	// they are added, which keeps processors that could do both at once from another sum.
	warmth := m.warmth[min(WarmthAt(int(n)), len(m.warmth)-1)]
	cool := 1 / warmth
	by := m.scale / float32(max(n, 1)) * cool
	var mean [dims]float32
	for d, x := range &t.sums[s] {
		mean[d] = by * float32(x-128*n)
	}
	p = p[:0]
	top := math.Inf(-1)
	for _, k := range m.classes[s] {
		head := (*[dims + 1]float32)(m.heads[k*(dims+1):])
		w, x, y, z := float32(head[dims]*cool)+float32(m.priors[k]*warmth), float32(0), float32(0), float32(0)
		for d := 0; d < dims; d += 4 {
			w += float32(head[d] * mean[d])
			x += float32(head[d+1] * mean[d+1])
			y += float32(head[d+2] * mean[d+2])
			z += float32(head[d+3] * mean[d+3])
		}
		p = append(p, float64((w+x)+(y+z)))
		top = max(top, p[len(p)-1])
	}
	sum := 0.0
	for i := range p {
		if p[i] -= top; p[i] < farBehind {
			p[i] = 0
			continue
		}
		p[i] = math.Exp(p[i])
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// Unsure is the probability below which the model names no language.
func (m *Model) Unsure() float32 { return m.unsure }

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
	var t tally
	var piece pieces
	for piece.begin(m, text); piece.next(); {
		t.add(&piece.t)
	}
	s, _, _ := t.script()
	if !m.mixed[s] {
		return nil, nil, 0
	}
	for _, k := range m.classes[s] {
		classes = append(classes, m.names[k])
	}
	return classes, m.weigh(&t, s, nil), int(t.grams[s])
}
