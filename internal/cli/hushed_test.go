package cli

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"testing"
)

// TestHushed meets a server that sends more than it has announced.
func TestHushed(t *testing.T) {
	var out bytes.Buffer
	before := log.Writer()
	log.SetOutput(hushed{&out})
	defer log.SetOutput(before)
	client, server := net.Pipe()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		if _, err := http.ReadRequest(bufio.NewReader(server)); err == nil {
			io.WriteString(server, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n\x1b[31mand more")
			io.Copy(io.Discard, server) // until the client hangs up, which it does behind its line
		}
	}()
	c := http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return client, nil }}}
	r, err := c.Get("http://h.example/")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	<-gone
	log.Print("something else")
	if n := bytes.Count(out.Bytes(), []byte("\n")); n != 1 || !bytes.Contains(out.Bytes(), []byte("something else")) {
		t.Errorf("the log says %q", out.String())
	}
}
