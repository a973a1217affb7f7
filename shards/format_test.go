package shards

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// A folder is upgraded step by step; a step that fails is run again, and those before it are not.
func TestUpgrade(t *testing.T) {
	var ran []int
	broken := true
	steps := []func(string) error{
		func(string) error { ran = append(ran, 1); return nil },
		func(string) error {
			ran = append(ran, 2)
			if broken {
				return os.ErrInvalid
			}
			return nil
		},
	}
	tests := map[string]struct {
		format, part string // what lies there
		ran          int    // steps, with the one that fails once
	}{
		"new":                 {"", "", 0},
		"only a lock":         {"", "state/lock", 0},
		"before numbers":      {"", "warc/pages.warc.gz", 3},
		"a crawl without one": {"", "state/frontier/log", 3},
		"first":               {"1\n", "", 3},
		"second":              {"2\n", "", 2},
		"newest":              {"3\n", "", 0},
	}
	for name, tt := range tests {
		dir := t.TempDir()
		for file, content := range map[string]string{"format": tt.format, tt.part: "x"} {
			if file == "" || content == "" {
				continue
			}
			path := filepath.Join(dir, file)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		ran, broken = nil, true
		err := settleFormat(nil, dir, 3, steps)
		if (err != nil) != (tt.ran > 0) || err != nil && !errors.Is(err, os.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
		broken = false
		if err := settleFormat(nil, dir, 3, steps); err != nil {
			t.Errorf("%s, again: %v", name, err)
		}
		if n, err := readFormat(dir); n != 3 || err != nil {
			t.Errorf("%s: format %d, %v", name, n, err)
		}
		if len(ran) != tt.ran {
			t.Errorf("%s: ran steps %v, want %d", name, ran, tt.ran)
		}
		if _, err := CheckFormat(dir); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: this millrace takes format 3: %v", name, err)
		}
		if err := SettleFormat(nil, dir); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: this millrace would write into format 3: %v", name, err)
		}
	}
	if len(upgrades) != Format-1 {
		t.Errorf("%d steps lead to format %d", len(upgrades), Format)
	}
}

// A folder that was left before there was a number gets the first.
func TestFormatOfOldFolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "warc"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := SettleFormat(nil, dir); err != nil {
		t.Fatal(err)
	}
	if n, err := readFormat(dir); n != Format || err != nil {
		t.Errorf("format %d, %v", n, err)
	}
}
