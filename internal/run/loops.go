package run

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"millrace"
	"millrace/internal/atomicfile"
)

// loop is one decision: a document that is not tried again. Position, ID and recipe name what it was made
// of, so a replay (which has a Position of its own) and another recipe try the document anew.
type loop struct {
	Position string `json:"position"`
	ID       string `json:"id"`
	Recipe   string `json:"recipe"`
	Stage    string `json:"stage"`
	Attempts int    `json:"attempts"`
	Err      string `json:"error"`
}

// mark makes d the dead letter that was decided.
func (l loop) mark(d *millrace.Document) {
	d.Attempts += l.Attempts
	d.Verdict = millrace.Verdict{Reason: millrace.FailedCrashLoop, Stage: l.Stage, Err: clip(l.Err)}
}

// loops are the decisions in DIR/state/crash-loops: a line each, with its CRC, in the order decided. They are
// part of what the rows are made of. A process that died said so only once: without them the next run over the
// same log would have to die again to decide alike.
type loops struct {
	path, recipe string
	known        map[millrace.Position]loop // of this recipe
}

func openLoops(path, recipe string) (*loops, error) {
	l := &loops{path: path, recipe: recipe, known: map[millrace.Position]loop{}}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return nil, err
	}
	rest, number := string(b), 0
	for rest != "" {
		line, after, ended := strings.Cut(rest, "\n")
		number++
		rest = after
		if !ended { // cut when the machine went down: nobody has acted on it
			break
		}
		var x loop
		text, ok := unseal(line + "\n")
		if !ok || json.Unmarshal([]byte(text), &x) != nil {
			return nil, fmt.Errorf("%s, line %d: damaged: %w", path, number, millrace.ErrIntegrity)
		}
		p, err := millrace.ParsePosition(x.Position)
		if err != nil {
			return nil, fmt.Errorf("%s, line %d: %w: %w", path, number, err, millrace.ErrIntegrity)
		}
		if x.Recipe == recipe {
			l.known[p] = x
		}
	}
	return l, nil
}

// find gives the decision on d, if there is one.
func (l *loops) find(d *millrace.Document) (loop, bool) {
	x, ok := l.known[d.Position]
	return x, ok && x.ID == d.ID.String()
}

// add makes a decision durable. Belts of other processes may add at the same time: it is one write.
func (l *loops) add(at millrace.Position, x loop) error {
	x.Recipe = l.recipe
	line, err := json.Marshal(x)
	if err != nil {
		return err
	}
	if err := appendLine(l.path, seal(nil, string(line))); err != nil {
		return fmt.Errorf("write a crash loop: %w", err)
	}
	l.known[at] = x
	return nil
}

// appendLine appends and syncs. Half a line from before goes: the machine went down, and nobody has acted on it.
func appendLine(path string, line []byte) (err error) {
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if whole := bytes.LastIndexByte(old, '\n') + 1; whole < len(old) {
		if err := os.Truncate(path, int64(whole)); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Write(line); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(path))
}
