package config

import (
	"strings"
	"testing"
)

func TestAddress(t *testing.T) {
	for in, want := range map[string]Address{
		"":               "",
		":9464":          "127.0.0.1:9464",
		"127.0.0.1:0":    "127.0.0.1:0",
		"0.0.0.0:9464":   "0.0.0.0:9464",
		"[::]:9464":      "[::]:9464",
		"localhost:9464": "localhost:9464",
	} {
		c, err := Parse("p.yaml", []byte("metrics: '"+in+"'\ndrain: 1m\n"))
		if err != nil || c.Metrics != want {
			t.Errorf("%q: %q, %v; want %q", in, c.Metrics, err, want)
		}
	}
	for _, in := range []string{"9464", "127.0.0.1", ":http", ":65536", ":-1", "a:b:1"} {
		if _, err := Parse("p.yaml", []byte("dir: x\nmetrics: '"+in+"'\n")); err == nil || !strings.Contains(err.Error(), "is no address") || !strings.Contains(err.Error(), ">  2 |") {
			t.Errorf("%q: %v", in, err)
		}
	}
	if _, err := Parse("p.yaml", []byte("drain: -1s\n")); err == nil {
		t.Error("a negative drain is taken")
	}
}
