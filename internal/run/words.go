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

// cause makes one line of what the runtime or we have said: addresses and stacks differ each time. Of its fatal
// errors the runtime gives the file no more than the stack.
func cause(said string) string {
	if strings.TrimSpace(said) == "" {
		return unheard
	}
	for line := range strings.Lines(said) {
		if strings.HasPrefix(line, "panic: ") {
			return clip(strings.TrimSpace(line))
		}
	}
	stack := strings.Index(said, "\ngoroutine ")
	if stack < 0 {
		first, _, _ := strings.Cut(said, "\n")
		return clip(first)
	}
	what := "fatal error"
	for call, meaning := range map[string]string{"runtime.newstack(": "stack overflow", "runtime.sysMapOS(": "out of memory", "maps.fatal(": "concurrent use of a map"} {
		if strings.Contains(said, "\n"+call) || strings.Contains(said, "/"+call) {
			what += ": " + meaning
		}
	}
	for line := range strings.Lines(said[stack+len("\ngoroutine "):]) {
		end := strings.LastIndexByte(line, '(')
		if end > 0 && line[0] != '\t' && !strings.HasPrefix(line, "runtime.") && !strings.HasPrefix(line, "internal/runtime") && !strings.HasPrefix(line, "created by") {
			return clip(what + " in " + line[:end])
		}
	}
	return what
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
