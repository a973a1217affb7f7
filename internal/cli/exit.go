package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"

	"millrace"
	"millrace/clean/process"
	"millrace/ingest"
	"millrace/internal/config"
	"millrace/internal/lock"
	"millrace/internal/term"
	"millrace/shards"
)

// The exit codes. 2 is never used: a Go panic ends with it.
const (
	Done        = 0
	Failure     = 1
	DeadLetters = 3   // finished, but something failed: see the dead letters
	Usage       = 4   // bad usage or configuration, nothing started
	Gate        = 5   // a gate was not met
	Locked      = 6   // another run holds the lock
	Integrity   = 7   // damage, a gap, or a file that changed
	Refused     = 8   // robots or policy refused every seed
	Interrupted = 130 // interrupted, state saved
)

// exitHelp stands in the help of every command that can end in more than one way.
const exitHelp = `
Exit codes: 0 done · 1 failed · 3 finished with dead letters · 4 bad usage or configuration, nothing
started · 5 a gate was not met · 6 another run holds the lock · 7 integrity · 8 nothing allowed ·
130 interrupted, state saved`

// Error is what a user sees: what happened, what it means for the data, and what to try next.
type Error struct {
	Exit  int
	Err   error // nil: exit without a word, everything was said
	Means string
	Try   string
}

func (e *Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit %d", e.Exit)
	}
	return e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

func (e *Error) print(w io.Writer) {
	fmt.Fprintf(w, "Error: %s\n", term.SafeText(e.Err.Error()))
	if e.Means != "" {
		fmt.Fprintf(w, "Data:  %s\n", e.Means)
	}
	if e.Try != "" {
		fmt.Fprintf(w, "Try:   %s\n", e.Try)
	}
}

// classify finds the exit code and the hint for an error from below.
func classify(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	var conf *config.Error
	if errors.As(err, &conf) {
		return &Error{Exit: Usage, Err: err, Means: "nothing was started", Try: "mend the marked place; `millrace init --print` shows every key"}
	}
	var held *lock.HeldError
	if errors.As(err, &held) {
		return &Error{Exit: Locked, Err: err, Means: "nothing was started", Try: fmt.Sprintf("wait for it, or stop it: kill %d", held.PID)}
	}
	var set *ingest.SettingError
	if errors.As(err, &set) {
		return &Error{Exit: Usage, Err: err, Means: "nothing was started; with such a setting the log may lose documents", Try: set.Mend}
	}
	if e := storeError(err); e != nil {
		return e
	}
	switch {
	case errors.Is(err, shards.ErrFormat):
		return &Error{Exit: Usage, Err: err, Means: "nothing was started, and the folder is as it was", Try: "the millrace that wrote it, or a newer one; `millrace version` says which format this one knows"}
	case errors.Is(err, millrace.ErrIntegrity):
		return &Error{Exit: Integrity, Err: err, Means: "nothing was written from here on; what was committed before stands", Try: "millrace check"}
	case errors.Is(err, process.ErrStep):
		return &Error{Exit: Failure, Err: err, Means: "its verdicts since it was started cannot be trusted, and no others were asked for", Try: "mend the program: one line for each that it reads, and nothing else on standard output; an answer that repeats \"id\" is checked"}
	case errors.Is(err, syscall.ENOSPC):
		return &Error{Exit: Failure, Err: err, Means: "the disk is full; everything committed is safe", Try: "make room, then the same command again: it resumes"}
	case errors.Is(err, fs.ErrPermission):
		return &Error{Exit: Failure, Err: err, Means: "nothing was changed there", Try: "a folder that you may write to: --dir DIR"}
	case strings.HasPrefix(err.Error(), "unknown command"):
		return &Error{Exit: Usage, Err: err, Try: "millrace --help"}
	}
	return &Error{Exit: Failure, Err: err, Means: "everything committed is safe", Try: "the same command again; it resumes. `millrace check` recomputes the corpus"}
}
