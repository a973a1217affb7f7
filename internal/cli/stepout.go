package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"millrace"
	"millrace/internal/term"
	"millrace/shards"
)

// stepSink writes what a step over files makes: kept.jsonl, rejects.jsonl, samples.jsonl and signals.parquet in a folder, or kept and
// failed documents in one file. Files have their names once they are complete.
type stepSink struct {
	signals       []string
	kept, rejects *lineFile // rejects nil: all in one file
	numbers       *shards.SignalFile
	samples       samples[[]byte] // of the rejects
	line          []byte
}

// lineFile is a file of lines under a temporary name.
type lineFile struct {
	path string
	f    *os.File
	w    *bufio.Writer
}

func newLineFile(path string) (*lineFile, error) {
	f, err := os.Create(path + ".part")
	if err != nil {
		return nil, err
	}
	return &lineFile{path: path, f: f, w: bufio.NewWriterSize(f, 1<<20)}, nil
}

// done completes the file and gives it its name.
func (l *lineFile) done() error {
	err := l.w.Flush()
	if err := errors.Join(err, l.f.Close()); err != nil {
		return err
	}
	return os.Rename(l.f.Name(), l.path)
}

// abandon removes what was written.
func (l *lineFile) abandon() {
	l.f.Close()
	os.Remove(l.f.Name())
}

// newStepSink begins the files in dir. The summary of an earlier step goes first: where one stands, the folder is complete.
func newStepSink(dir string, signals []string) (s *stepSink, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.Remove(filepath.Join(dir, "summary.json")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	s = &stepSink{signals: signals, samples: samples[[]byte]{}}
	defer func() {
		if err != nil {
			s.abandon()
		}
	}()
	if s.kept, err = newLineFile(filepath.Join(dir, "kept.jsonl")); err != nil {
		return nil, err
	}
	if s.rejects, err = newLineFile(filepath.Join(dir, "rejects.jsonl")); err != nil {
		return nil, err
	}
	if len(signals) > 0 {
		s.numbers, err = shards.NewSignalFile(filepath.Join(dir, "signals.parquet"), signals)
	}
	return s, err
}

// newFileSink writes all documents to one file.
func newFileSink(path string) (*stepSink, error) {
	f, err := newLineFile(path)
	if err != nil {
		return nil, err
	}
	return &stepSink{kept: f}, nil
}

// Resume is millrace.Sink: a step over files begins anew.
func (s *stepSink) Resume(context.Context) (millrace.Checkpoint, error) {
	return millrace.Checkpoint{}, nil
}

// Write is millrace.Sink.
func (s *stepSink) Write(_ context.Context, docs []*millrace.Document) error {
	for _, d := range docs {
		to := s.kept
		if !d.Verdict.Kept() && s.rejects != nil {
			to = s.rejects
			if err := s.samples.offer(d.ID, d.Verdict.Reason, func() ([]byte, error) { return sampleLine(d, s.signals) }); err != nil {
				return err
			}
		}
		line, err := appendDocument(s.line[:0], d, s.signals)
		if err != nil {
			return err
		}
		if s.line = line; cap(line) > 1<<20 {
			s.line = nil
		}
		if _, err := to.w.Write(line); err != nil {
			return err
		}
		if s.numbers != nil {
			if err := s.numbers.Add(d); err != nil {
				return err
			}
		}
	}
	return nil
}

// Flush is millrace.Sink.
func (s *stepSink) Flush(context.Context, millrace.Position) error { return s.kept.w.Flush() }

// done completes the files.
func (s *stepSink) done() error {
	err := s.kept.done()
	if err == nil && s.rejects != nil {
		err = errors.Join(s.rejects.done(), os.WriteFile(filepath.Join(filepath.Dir(s.kept.path), samplesName), bytes.Join(s.samples.values(), nil), 0o644))
	}
	if err == nil && s.numbers != nil {
		err = s.numbers.Close()
	}
	return err
}

// written names the files.
func (s *stepSink) written() string {
	if s.rejects == nil {
		return term.Safe(s.kept.path)
	}
	names := []string{"kept.jsonl", "rejects.jsonl", samplesName}
	if s.numbers != nil {
		names = append(names, "signals.parquet")
	}
	return term.Safe(filepath.Dir(s.kept.path)) + ": " + strings.Join(append(names, "summary.json"), ", ")
}

// abandon leaves nothing behind.
func (s *stepSink) abandon() {
	for _, l := range []*lineFile{s.kept, s.rejects} {
		if l != nil {
			l.abandon()
		}
	}
	if s.numbers != nil {
		s.numbers.Abandon()
	}
}

// summary is what a step over files says at its end, and leaves in summary.json.
func (r *stepResult) summary(exit int, more map[string]any) map[string]any {
	in, kept, dropped, failed := r.tally.Totals()
	m := map[string]any{"type": "summary", "exit": exit, "in": in, "kept": kept, "dropped": dropped, "failed": failed,
		"stages": r.tally.Stages, "seconds": r.took.Seconds()}
	r.parts.put(m)
	for k, v := range more {
		m[k] = v
	}
	return m
}

// finishStep completes the files, writes summary.json, and says how it went.
func (a *App) finishStep(dir string, r *stepResult, more map[string]any) error {
	if err := r.sink.done(); err != nil {
		return err
	}
	exit := Done
	if _, _, _, failed := r.tally.Totals(); failed > 0 {
		exit = DeadLetters
	}
	m := r.summary(exit, more)
	if dir != "" {
		b, err := json.MarshalIndent(m, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "summary.json"), append(b, '\n'), 0o644); err != nil {
			return err
		}
	}
	if a.json {
		a.emitSummary(m)
	} else {
		printFunnel(a.Stdout, r.tally, 120)
		r.parts.print(a.Stdout, 120)
		fmt.Fprintf(a.Stdout, "  written: %s\n", r.sink.written())
	}
	if exit != Done {
		return &Error{Exit: exit}
	}
	return nil
}
