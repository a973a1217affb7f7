package clean

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"millrace"
	"millrace/clean/process"
	"millrace/internal/quote"
)

// processHang is how long a program may take for one document. It decides about no document that comes back.
const processHang = 30 * time.Second

// maxProgram bounds a file of a program, in bytes.
const maxProgram = 64 << 20

// asked is what a step "process" does: a program of the user's is asked about each document.
type asked struct {
	args  []string
	dir   string
	files []string // names and digests of those of args that are files
}

// newAsked looks which arguments are files, seen from dir, and takes their digests: they are part of the recipe.
func newAsked(args []string, dir string) (*asked, error) {
	a := &asked{args: args, dir: dir}
	for _, arg := range args {
		path := arg
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		if info.Size() > maxProgram {
			return nil, fmt.Errorf("%s is larger than %d bytes", arg, maxProgram)
		}
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		h := sha256.New()
		_, err = io.Copy(h, f)
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, fmt.Errorf("read %s: %w", arg, err)
		}
		a.files = append(a.files, filepath.Base(arg)+" "+hex.EncodeToString(h.Sum(nil)))
	}
	return a, nil
}

// IsStepName reports whether a step of the user's may be called so: small letters, digits and hyphens.
func IsStepName(s string) bool { return regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`).MatchString(s) }

// askedStage is the stage of a step "process". It belongs to one run, which closes it.
type askedStage struct {
	name    string
	signals []string
	pool    *process.Pool
}

func newAskedStage(s step, signals []string) *askedStage {
	return &askedStage{name: s.name, signals: signals, pool: process.New(process.Program{Args: s.asked.args, Dir: s.asked.dir, Hang: processHang})}
}

// Name implements millrace.Stage.
func (s *askedStage) Name() string { return s.name }

// question appends the line that a program gets, without its end.
func (s *askedStage) question(to []byte, id string, d *millrace.Document) []byte {
	to = quote.Append(append(to, `{"id":`...), id)
	for _, f := range [...]struct{ name, value string }{{`,"url":`, d.Page.URL}, {`,"title":`, d.Title}, {`,"lang":`, d.Lang}} {
		if f.value != "" {
			to = quote.Append(append(to, f.name...), f.value)
		}
	}
	open := `,"signals":{`
	for i, name := range s.signals {
		if i >= len(d.Signals) || math.IsNaN(float64(d.Signals[i])) || math.IsInf(float64(d.Signals[i]), 0) {
			continue
		}
		to = append(quote.Append(append(to, open...), name), ':')
		to = strconv.AppendFloat(to, float64(d.Signals[i]), 'g', -1, 64)
		open = ","
	}
	if open == "," {
		to = append(to, '}')
	}
	return append(quote.Append(append(to, `,"text":`...), d.Text), '}')
}

// answer is the line that it gives back.
type answer struct {
	ID     *string  `json:"id"` // where it says it, it has to be the question's
	Keep   *bool    `json:"keep"`
	Reason string   `json:"reason"` // its own word for why not
	Value  *float64 `json:"value"`
	Limit  *float64 `json:"limit"`
	Text   *string  `json:"text"` // what the text becomes
	Error  string   `json:"error"`
}

// Process asks the program about d. What it does not answer as it should is an error: a dead letter.
func (s *askedStage) Process(ctx context.Context, d *millrace.Document) (millrace.Verdict, error) {
	id := d.DisplayID()
	line := s.question(make([]byte, 0, 256+len(d.Page.URL)+len(d.Text)+len(d.Text)/16+32*len(d.Signals)), id, d)
	var a answer
	err := s.pool.Ask(ctx, line, func(reply []byte) error {
		a = answer{}
		if err := json.Unmarshal(reply, &a); err != nil {
			return fmt.Errorf("answer %.80q: %w", reply, err)
		}
		if a.ID != nil && *a.ID != id {
			return fmt.Errorf("an answer about %.80q, and not about %.80q", *a.ID, id)
		}
		return nil
	})
	switch {
	case errors.Is(err, process.ErrStep):
		return millrace.Verdict{}, fmt.Errorf("%s: %w: %w", s.name, millrace.ErrStop, err)
	case err != nil:
		return millrace.Verdict{}, fmt.Errorf("%s: %w", s.name, err)
	}
	return s.apply(d, &a)
}

func (s *askedStage) apply(d *millrace.Document, a *answer) (v millrace.Verdict, err error) {
	switch {
	case a.Error != "":
		return v, fmt.Errorf("%s: %s", s.name, a.Error)
	case a.Keep == nil:
		return v, fmt.Errorf("%s: an answer without \"keep\"", s.name)
	case a.Text != nil && !utf8.ValidString(*a.Text):
		return v, fmt.Errorf("%s: its text is not UTF-8", s.name)
	}
	if a.Text != nil && *a.Text != d.Text {
		d.Text, d.Code = *a.Text, nil
		d.AddEdit("process."+s.name, 1)
	}
	if *a.Keep {
		return v, nil
	}
	const most = 100 // bytes of its word
	v = millrace.Verdict{Reason: millrace.RuleProcess, Stage: s.name, Signal: strings.ToValidUTF8(a.Reason[:min(len(a.Reason), most)], "")}
	for _, n := range [...]struct {
		from *float64
		to   *float64
	}{{a.Value, &v.Value}, {a.Limit, &v.Limit}} {
		if n.from != nil {
			*n.to = *n.from
		}
	}
	return v, nil
}

// SignalNames implements millrace.Describer.
func (s *askedStage) SignalNames() []string { return nil }

// Reasons implements millrace.Describer.
func (s *askedStage) Reasons() []millrace.Reason { return []millrace.Reason{millrace.RuleProcess} }

// Begin says that there may be so many copies of each program that stages of a recipe start, and gives how many documents have
// to be worked on at once for that: each copy reads the next ones while we take its answers, and neither wakes the other for each. A
// document may have to wait for all that are in the same hands. Without programs these are as many as copies.
func Begin(stages []millrace.Stage, copies, each int) (atOnce int) {
	atOnce = copies
	for _, s := range stages {
		if a, ok := s.(*askedStage); ok {
			a.pool.Limit(copies)
			atOnce = copies * each
		}
	}
	return atOnce
}

// End ends the programs that stages of a recipe have started.
func End(stages []millrace.Stage) {
	for _, s := range stages {
		if a, ok := s.(*askedStage); ok {
			a.pool.Close()
		}
	}
}
