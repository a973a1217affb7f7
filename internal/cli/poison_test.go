package cli

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"millrace"
)

// poisoned is millrace with a stage that does what no stage should, where the text says so. MENDED names
// what is harmless meanwhile.
func poisoned() {
	a := &App{Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Stages: []millrace.Stage{new(venom)}}
	os.Exit(a.Main())
}

type venom struct{ outage atomic.Int32 }

func (*venom) Name() string { return "venom" }

func (v *venom) Process(_ context.Context, d *millrace.Document) (millrace.Verdict, error) {
	word, _, _ := strings.Cut(d.Text, " ")
	if strings.Contains(os.Getenv("MENDED"), word) {
		return millrace.Verdict{}, nil
	}
	switch word {
	case "EXIT":
		os.Exit(0)
	case "HANG":
		select {}
	case "LEAK":
		for kept := [][]byte{}; ; kept = append(kept, bytes.Repeat([]byte{1}, 8<<20)) {
			time.Sleep(time.Duration(len(kept)&1) * time.Millisecond)
		}
	case "DEEP":
		return millrace.Verdict{}, fmt.Errorf("%d deep", deep(1))
	case "PANIC":
		panic("a bug")
	case "OUTAGE":
		if v.outage.Add(1) < 8 { // a second and more behind the sixth, with which the pause begins
			return millrace.Verdict{}, fmt.Errorf("the service is away: %w", millrace.ErrTransient)
		}
	}
	return millrace.Verdict{}, nil
}

// deep calls itself without end, from 1.
func deep(n int) int {
	if n == 0 {
		return 0
	}
	return deep(n+1) + n
}

// lives runs a program until it ends with exit 3, as an operator or a supervisor would, at most so often: lives
// MOST PROGRAM ARGS... It may end in any way before, but not well.
func lives(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: lives MOST PROGRAM ARGS...")
	}
	most, err := strconv.Atoi(args[0])
	ts.Check(err)
	for range most {
		err := ts.Exec(args[1], args[2:]...)
		var status *exec.ExitError
		if errors.As(err, &status) && status.ExitCode() == DeadLetters {
			return
		}
	}
	ts.Fatalf("%d lives did not come to the end", most)
}

// poisonFiles writes what is too large, too deep, or grows when it is unpacked, each with a neighbour: poisonfiles DIR.
func poisonFiles(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: poisonfiles DIR")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	write := func(name string, b []byte) { ts.Check(os.WriteFile(filepath.Join(dir, name), b, 0o644)) }
	var lines bytes.Buffer
	fmt.Fprintf(&lines, "{\"id\":\"words\",\"text\":\"%s\"}\n", strings.Repeat("word ", 2<<20))
	fmt.Fprintf(&lines, "{\"id\":\"broken\",\"text\":\"%s\n", strings.Repeat("x", 10<<20))
	fmt.Fprintf(&lines, "{\"id\":\"vast\",\"text\":\"%s\"}\n", strings.Repeat("x", 17<<20))
	fmt.Fprintln(&lines, `{"id":"neighbour","text":"A short note about the garden behind our house."}`)
	write("a.jsonl", lines.Bytes())
	const million = 1_000_000
	write("deep.html", []byte("<html><body>"+strings.Repeat("<div>", million)+"The bottom of it."+strings.Repeat("</div>", million)))
	write("open.html", []byte(strings.Repeat("<b><table><td><a>", million/4)+"Nothing here is ever closed."))
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	for range 100 {
		_, err := z.Write(make([]byte, 1<<20))
		ts.Check(err)
	}
	ts.Check(z.Close())
	write("bomb.warc", append(response("http://bomb.test/", bomb.Bytes(), "gzip"), response("http://neighbour.test/", []byte("A note about the garden."), "identity")...))
}

// response is a WARC record, uncompressed.
func response(url string, body []byte, encoding string) []byte {
	http := fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n", encoding, len(body))
	http = append(http, body...)
	b := fmt.Appendf(nil, "WARC/1.1\r\nWARC-Type: response\r\nWARC-Target-URI: %s\r\nWARC-Date: 2024-01-01T00:00:00Z\r\nWARC-Record-ID: <urn:uuid:%08x-0000-4000-8000-000000000000>\r\nContent-Type: application/http;msgtype=response\r\nContent-Length: %d\r\n\r\n", url, len(body), len(http))
	return append(append(b, http...), "\r\n\r\n"...)
}
