package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// Duration is written "200ms", "2s", "1h", or in days: "90d".
type Duration time.Duration

// UnmarshalText reads a duration; a bare 0 is one too.
func (d *Duration) UnmarshalText(b []byte) error {
	if string(b) == "0" {
		*d = 0
		return nil
	}
	if days, ok := strings.CutSuffix(string(b), "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n <= 10_000 {
			*d = Duration(n) * Duration(24*time.Hour)
			return nil
		}
	}
	v, err := time.ParseDuration(string(b))
	if err != nil {
		return fmt.Errorf("%q is no duration: write 200ms, 2s, 1h or 90d", b)
	}
	*d = Duration(v)
	return nil
}

// UnmarshalYAML reads a duration and knows where it stands.
func (d *Duration) UnmarshalYAML(n ast.Node) error { return scalar(n, d.UnmarshalText) }

// MarshalText writes what UnmarshalText reads.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// Size is a number of bytes, written "8MiB" (2^20) or "500MB" (10^6).
type Size int64

var units = [...]struct {
	suffix string
	factor float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
}

// UnmarshalText reads a size; a bare number is bytes.
func (s *Size) UnmarshalText(b []byte) error {
	text, factor := strings.TrimSpace(string(b)), 1.0
	for _, u := range units {
		if rest, ok := strings.CutSuffix(text, u.suffix); ok {
			text, factor = strings.TrimSpace(rest), u.factor
			break
		}
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v >= 0 && v*factor < 1<<62) {
		return fmt.Errorf("%q is no size: write 8MiB, 500MB or a number of bytes", b)
	}
	*s = Size(v * factor)
	return nil
}

// UnmarshalYAML reads a size and knows where it stands.
func (s *Size) UnmarshalYAML(n ast.Node) error { return scalar(n, s.UnmarshalText) }

// MarshalText writes the bytes.
func (s Size) MarshalText() ([]byte, error) { return strconv.AppendInt(nil, int64(s), 10), nil }

// scalar reads the node's text; an error carries the place.
func scalar(n ast.Node, read func([]byte) error) error {
	if err := read([]byte(n.GetToken().Value)); err != nil {
		return &yaml.SyntaxError{Message: err.Error(), Token: n.GetToken()}
	}
	return nil
}
