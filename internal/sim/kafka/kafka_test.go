package kafka

import (
	"context"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// fakeBroker answers every connection with the given bytes.
func fakeBroker(t *testing.T, answer []byte) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			io.ReadFull(c, make([]byte, 14))
			c.Write(answer)
			c.Close()
		}
	}()
	return l.Addr().String()
}

func TestAnswers(t *testing.T) {
	tests := []struct {
		name   string
		answer []byte
		ok     bool
	}{
		{"right", []byte{0, 0, 0, 6, 0, 0, 0, 7, 0, 0}, true},
		{"error code", []byte{0, 0, 0, 6, 0, 0, 0, 7, 0, 35}, false},
		{"other request", []byte{0, 0, 0, 6, 0, 0, 0, 8, 0, 0}, false},
		{"cut short", []byte{0, 0, 0, 6, 0, 0}, false},
		{"another protocol", []byte("HTTP/1.1 400 Bad Request\r\n"), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := answers(t.Context(), fakeBroker(t, tt.answer)); (err == nil) != tt.ok {
				t.Errorf("answers = %v, want ok %v", err, tt.ok)
			}
		})
	}
}

func TestPortTaken(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().(*net.TCPAddr).Port
	if _, _, err := ports(taken); err == nil {
		t.Errorf("ports(%d) took a port that is in use", taken)
	}
	p, c, err := ports(0)
	if err != nil {
		t.Fatal(err)
	}
	if p == c || p >= 32768 || c >= 32768 {
		t.Errorf("ports(0) = %d, %d: want two different ones below 32768", p, c)
	}
}

func TestConfigureRefusesComma(t *testing.T) {
	b := &Broker{dir: t.TempDir() + "/a,b"}
	if err := b.configure(1, 2, Options{}); err == nil {
		t.Error("a data folder with a comma was taken: Kafka would see two")
	}
}

func TestConfigureMorePropertiesWin(t *testing.T) {
	b := &Broker{dir: t.TempDir()}
	if err := b.configure(20001, 20002, Options{Props: []string{"message.max.bytes=1"}}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(b.path("server.properties"))
	if err != nil {
		t.Fatal(err)
	}
	if i, j := strings.Index(string(got), "message.max.bytes=4194304"), strings.Index(string(got), "message.max.bytes=1\n"); i < 0 || j < i {
		t.Errorf("the later line must be ours:\n%s", got)
	}
}

// TestRealKafka runs the broker through start, kill -9, start on the same port and data, and stop.
func TestRealKafka(t *testing.T) {
	if os.Getenv("MILLRACE_KAFKA") == "" {
		t.Skip("set MILLRACE_KAFKA=1 to run a real Apache Kafka (about 20 s; needs Java 17 and Maven)")
	}
	if why := Missing(t.Context()); why != "" {
		t.Skip(why)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	o := Options{Dir: t.TempDir()}
	b, err := Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(b.Addr())
	if o.Port, err = net.LookupPort("tcp", port); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(ctx, o); err == nil {
		t.Error("a second broker started on the same port")
	}
	b.Kill()
	if answers(ctx, b.Addr()) == nil {
		t.Error("the broker answers after Kill")
	}
	b, err = Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := answers(ctx, b.Addr()); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	if err := b.Stop(ctx); err != nil {
		t.Error(err)
	}
}
