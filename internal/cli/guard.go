package cli

import (
	"os"
	"path/filepath"
	"time"

	"millrace/internal/run"
	"millrace/internal/term"
)

// guard protects a belt that has stages from single documents. name is that of its attempt journal.
func (l *line) guard(name string) run.Guard {
	return run.Guard{
		State: filepath.Join(l.c.dir, "state"), Name: name, Recipe: l.c.hashes.Full, Disk: l.c.disk,
		Hang: time.Duration(l.c.cfg.Limits.Hang), Memory: run.LimitMemory(int64(l.c.cfg.Limits.Memory)),
		Die: l.a.die, Paused: func(p *run.Pause) { l.pause(name, p) },
	}
}

// die ends the process at once, which is as safe as kill -9: a stage that hangs cannot be ended otherwise.
func (a *App) die(err error) {
	e := &Error{Exit: Failure, Err: err, Means: "everything committed is safe",
		Try: "the same command again; a document that ends the process again and again is set aside: millrace explain failed.crash_loop"}
	e.print(a.Stderr)
	a.sum(e.Exit, e.Err)
	os.Exit(e.Exit)
}

// pause shows that work waits for something outside, and that it goes on.
func (l *line) pause(name string, p *run.Pause) {
	l.paused.set(name, p)
	if p == nil {
		l.a.event(map[string]any{"type": "resumed"})
		return
	}
	l.a.log.Warn("paused, and trying again", "stage", p.Stage, "position", p.Position.String(), "error", p.Err)
	l.a.event(map[string]any{"type": "paused", "stage": p.Stage, "position": p.Position.String(), "error": message(p.Err)})
}

// pausedBy says in a line what the work waits for.
func pausedBy(p *run.Pause) string {
	where := p.Stage
	if !p.Position.IsZero() {
		where += " at " + p.Position.String()
	}
	return term.Safe(where + ": " + p.Err.Error())
}
