package cli

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// vast is the size of files that nobody means.
const vast = 1 << 30

// hostileFiles writes what is too large, what is not what it is called, and what ends too soon: hostilefiles DIR.
func hostileFiles(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: hostilefiles DIR")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	write := func(name string, b []byte) { ts.Check(os.WriteFile(filepath.Join(dir, name), b, 0o644)) }
	// A gigabyte of which the disk has next to nothing.
	hole := func(name, front, behind string) {
		f, err := os.Create(filepath.Join(dir, name))
		ts.Check(err)
		_, err = f.WriteString(front)
		ts.Check(err)
		_, err = f.WriteAt([]byte(behind), int64(len(front))+vast)
		ts.Check(errors.Join(err, f.Truncate(int64(len(front))+vast+int64(len(behind))), f.Close()))
	}
	head := "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"
	hole("vast.html", "<p>", "")
	hole("vast.txt", "", "")
	hole("vast.jsonl", "", "\n"+`{"id":"behind","text":"A note about the garden."}`+"\n")
	hole("vast.warc", recordHead("http://vast.test/", len(head)+vast)+head, "\r\n\r\n"+string(typed("http://behind.test/", "text/html", "identity", garden())))
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	write("every.html", bytes.Repeat(every, 8))
	write("every.txt", bytes.Repeat(every, 8))
	write("torn.txt.gz", zipped(every)[:100])
	write("torn.warc.gz", zipped(typed("http://torn.test/", "text/html", "identity", bytes.Repeat(every, 8)))[:300])
	var types []byte
	for _, t := range []struct {
		name, media, encoding string
		body                  []byte
	}{
		{"picture", "text/html", "", append([]byte("\x89PNG\r\n\x1a\n"), every...)},
		{"document", "text/plain", "", append([]byte("%PDF-1.4\n"), every...)},
		{"packed", "text/html", "", zipped(garden())},
		{"called-a-picture", "image/png", "", garden()},
		{"called-text", "text/plain", "", garden()},
		{"called-nothing", ";;\x01=", "", garden()},
		{"called-latin1", "text/html; charset=latin1", "", []byte("<p>caf\xc3\xa9 and garden")},
		{"not-packed", "text/html", "gzip", garden()},
		{"cut", "text/html", "gzip", zipped(bytes.Repeat(every, 8))[:300]},
	} {
		types = append(types, typed("http://"+t.name+".test/", t.media, t.encoding, t.body)...)
	}
	write("types.warc", types)
}

func garden() []byte { return []byte("<html><body><main><p>A note about the garden.</main>") }

func zipped(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(b) // a buffer takes everything
	_ = z.Close()
	return out.Bytes()
}

// typed is a WARC record, uncompressed.
func typed(url, media, encoding string, body []byte) []byte {
	http := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: %s\r\n", media)
	if encoding != "" {
		http += "Content-Encoding: " + encoding + "\r\n"
	}
	http += "\r\n" + string(body)
	return []byte(recordHead(url, len(http)) + http + "\r\n\r\n")
}

func recordHead(url string, length int) string {
	return fmt.Sprintf("WARC/1.1\r\nWARC-Type: response\r\nWARC-Target-URI: %s\r\nWARC-Date: 2024-01-01T00:00:00Z\r\nWARC-Record-ID: <urn:uuid:%08x-0000-4000-8000-000000000000>\r\n"+
		"Content-Type: application/http;msgtype=response\r\nContent-Length: %d\r\n\r\n", url, length, length)
}

// modest runs a program, which has to end with a code and in so many megabytes of memory: modest MB CODE PROGRAM ARGS...
// What it prints goes into the files stdout and stderr.
func modest(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: modest MB CODE PROGRAM ARGS...")
	}
	most, err := strconv.ParseInt(args[0], 10, 64)
	ts.Check(err)
	cmd := exec.Command(filepath.Join(filepath.SplitList(ts.Getenv("PATH"))[0], args[2]), args[3:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); !strings.EqualFold(name, "PATH") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "PATH="+ts.Getenv("PATH"), "HOME="+ts.Getenv("HOME"), "NO_COLOR=1")
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.Writer(&out), io.Writer(&problems)
	err = cmd.Run()
	if code := strconv.Itoa(cmd.ProcessState.ExitCode()); code != args[1] {
		ts.Fatalf("exit %s, want %s: %v\n%s%s", code, args[1], err, &out, &problems)
	}
	ts.Check(os.WriteFile(ts.MkAbs("stdout"), out.Bytes(), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("stderr"), problems.Bytes(), 0o600))
	if runtime.GOOS != "linux" {
		return // others count in other units, or not at all
	}
	if used := reflect.ValueOf(cmd.ProcessState.SysUsage()).Elem().FieldByName("Maxrss").Int() >> 10; used > most {
		ts.Fatalf("it held %d MB of memory, at most %d are right", used, most)
	} else {
		ts.Logf("it held %d MB of memory", used)
	}
}
