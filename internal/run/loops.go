package run

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"millrace"
	"millrace/internal/durable"
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

// loops are the decisions in DIR/state/crash-loops-NAME: a line each, with its CRC, in the order decided. They are
// part of what the rows are made of. A process that died said so only once: without them the next run over the
// same log would have to die again to decide alike. Those of other belts are read too, and only one's own are written.
type loops struct {
	disk         *durable.Disk
	path, recipe string
	lines        []byte                     // of path
	known        map[millrace.Position]loop // of this recipe
}

func openLoops(disk *durable.Disk, dir, name, recipe string) (*loops, error) {
	l := &loops{disk: disk, path: filepath.Join(dir, "crash-loops-"+name), recipe: recipe, known: map[millrace.Position]loop{}}
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if !strings.HasPrefix(f.Name(), "crash-loops-") {
			continue
		}
		path := filepath.Join(dir, f.Name())
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		if err := l.read(string(b)); err != nil {
			return nil, fmt.Errorf("%s: %w: %w", path, err, millrace.ErrIntegrity)
		}
		if path == l.path {
			l.lines = b
		}
	}
	return l, nil
}

// read takes the decisions of a file. All of it has to be there.
func (l *loops) read(file string) error {
	number := 0
	for line := range strings.Lines(file) {
		number++
		var x loop
		text, ok := unseal(line)
		if !ok || json.Unmarshal([]byte(text), &x) != nil {
			return fmt.Errorf("line %d is damaged", number)
		}
		p, err := millrace.ParsePosition(x.Position)
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		if x.Recipe == l.recipe {
			l.known[p] = x
		}
	}
	return nil
}

// find gives the decision on d, if there is one.
func (l *loops) find(d *millrace.Document) (loop, bool) {
	x, ok := l.known[d.Position]
	return x, ok && x.ID == d.ID.String()
}

// add makes a decision durable.
func (l *loops) add(at millrace.Position, x loop) error {
	x.Recipe = l.recipe
	line, err := json.Marshal(x)
	if err != nil {
		return err
	}
	lines := seal(bytes.Clone(l.lines), string(line))
	if err := l.disk.Replace("run.loops", l.path, lines); err != nil {
		return fmt.Errorf("write a crash loop: %w", err)
	}
	l.lines, l.known[at] = lines, x
	return l.disk.Acknowledge("run.decided", l.path, int64(len(lines)))
}
