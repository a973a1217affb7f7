package run

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestCause(t *testing.T) {
	for _, c := range []struct{ said, want string }{
		{"", unheard},
		{"\n", unheard},
		{"the process holds 2 MB\n", "the process holds 2 MB"},
		{"panic: a bug\n\ngoroutine 21 [running]:\nmain.work(...)\n\t/x/main.go:3\n", "panic: a bug"},
		{"\nruntime stack:\nruntime.throw({0x4adc74?, 0x31?})\n\t/go/panic.go:1229 +0x48\nruntime.newstack()\n\t/go/stack.go:1207\n\ngoroutine 19 gp=0x3 m=3 [running]:\nmain.(*T).deep(0x555504)\n\t/x/main.go:3\n",
			"fatal error: stack overflow in main.(*T).deep"},
		{"\nruntime stack:\nruntime.throw({0x4af64c?})\nruntime.sysMapOS(0x93dba800000)\n\ngoroutine 7 [running]:\nruntime.systemstack_switch()\nruntime.makeslice(0x1)\nmain.work()\n", "fatal error: out of memory in main.work"},
		{"\ngoroutine 8 [running]:\ninternal/runtime/maps.fatal({0x4af801?, 0x0?})\n\t/go/panic.go:1181\nmain.work.func1()\n", "fatal error: concurrent use of a map in main.work.func1"},
		{"\ngoroutine 8 [running]:\n", "fatal error"},
	} {
		if got := cause(c.said); got != c.want {
			t.Errorf("%q:\n got %q\nwant %q", c.said, got, c.want)
		}
	}
}

// What one process leaves, the next one reads, once.
func TestLastWords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "crash")
	for _, want := range []string{unheard, "a hang", unheard} {
		l, said, err := openLastWords(path)
		if err != nil || said != want {
			t.Fatalf("%q, want %q: %v", said, want, err)
		}
		if want == unheard {
			l.say(errors.New("a hang"))
			l.file.Close()
			continue
		}
		l.close()
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("an empty file is left: %v", err)
		}
	}
}
