package run

import (
	"io"
	"os"
	"runtime/debug"
	"strings"
)

// unheard is the cause of a death that left no words.
const unheard = "it said nothing, as after os.Exit, kill -9, or when the kernel ran out of memory"

// lastWords is a file for what the Go runtime says when it ends the process: a stack overflow, a panic that
// nobody caught, memory that cannot be had.
type lastWords struct {
	path string
	file *os.File
}

// openLastWords gives what the last process said, and has the runtime write there from now on. A process has
// one such file: of several belts in it, the last one's.
func openLastWords(path string) (l *lastWords, said string, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, "", err
	}
	head, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err == nil {
		err = debug.SetCrashOutput(f, debug.CrashOptions{})
	}
	if err != nil {
		f.Close()
		return nil, "", err
	}
	return &lastWords{path: path, file: f}, cause(string(head)), nil
}

// cause is the line that says why; addresses and stacks differ each time.
func cause(said string) string {
	for line := range strings.Lines(said) {
		line = strings.TrimSpace(line)
		for _, start := range []string{"fatal error: ", "panic: ", "SIG"} {
			if strings.HasPrefix(line, start) {
				return clip(line)
			}
		}
	}
	if strings.TrimSpace(said) == "" {
		return unheard
	}
	first, _, _ := strings.Cut(said, "\n")
	return clip(first)
}

// say leaves words of ours.
func (l *lastWords) say(err error) {
	_, _ = l.file.WriteString(err.Error() + "\n") // the process is ending, and the note is there without them
}

func (l *lastWords) close() {
	_ = debug.SetCrashOutput(nil, debug.CrashOptions{})
	l.file.Close()
	_ = os.Remove(l.path) // it is empty
}
