package trainer

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millrace"
)

// TestLoadRefuses: what is damaged is named, and never loaded.
func TestLoadRefuses(t *testing.T) {
	c := small()
	for name, x := range map[string]struct {
		file   string
		spoil  func(string) string
		want   error
		saying string
	}{
		"no model":         {latestName, nil, fs.ErrNotExist, ""},
		"a path":           {latestName, func(string) string { return "../../etc" }, millrace.ErrIntegrity, "no checkpoint"},
		"another step":     {latestName, func(string) string { return "ckpt-00000007" }, millrace.ErrIntegrity, "ckpt-00000007"},
		"half a manifest":  {manifestName, func(s string) string { return s[:len(s)/2] }, millrace.ErrIntegrity, ""},
		"a newer format":   {manifestName, func(s string) string { return strings.Replace(s, `"format": 1`, `"format": 2`, 1) }, nil, "a newer one is needed"},
		"no parameters":    {paramsName, nil, millrace.ErrIntegrity, paramsName},
		"cut short":        {momentsName, func(s string) string { return s[:len(s)-4] }, millrace.ErrIntegrity, momentsName},
		"another shape":    {manifestName, func(s string) string { return strings.Replace(s, `"layers": 2`, `"layers": 3`, 1) }, millrace.ErrIntegrity, "the model wants"},
		"no configuration": {manifestName, func(s string) string { return strings.Replace(s, `"layers": 2`, `"layers": 0`, 1) }, nil, "train.layers"},
	} {
		dir := t.TempDir()
		g := newTestGPT(t, c)
		if err := save(dir, manifest{Config: c}, g.State()); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, checkpointName(0), x.file)
		if x.file == latestName {
			path = filepath.Join(dir, latestName)
		}
		if x.spoil == nil {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		} else {
			old, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(x.spoil(string(old))), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		_, err := Load(dir)
		if err == nil || (x.want != nil && !errors.Is(err, x.want)) || !strings.Contains(err.Error(), x.saying) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// TestSaveKeepsTwo: a run leaves its two newest checkpoints and nothing of what broke.
func TestSaveKeepsTwo(t *testing.T) {
	dir := t.TempDir()
	g := newTestGPT(t, small())
	if err := os.Mkdir(filepath.Join(dir, tempPrefix+"1"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, step := range []int{0, 5, 9, 12} {
		if err := save(dir, manifest{Step: step}, g.State()); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got, want := strings.Join(names, " "), "LATEST ckpt-00000009 ckpt-00000012"; got != want {
		t.Errorf("left %s, want %s", got, want)
	}
}

// TestCurveIsBounded: a run without end keeps a curve of its whole way.
func TestCurveIsBounded(t *testing.T) {
	var evals []Eval
	for step := 1; step <= 5*maxEvals; step++ {
		evals = appendEval(evals, Eval{Step: step})
		evals = appendEval(evals, Eval{Step: step, ValTokens: 1})
	}
	if len(evals) > maxEvals || evals[0].Step != 1 || evals[len(evals)-1].Step != 5*maxEvals {
		t.Fatalf("%d points, from step %d to %d", len(evals), evals[0].Step, evals[len(evals)-1].Step)
	}
	for i, e := range evals {
		if e.ValTokens != 1 || (i > 0 && e.Step <= evals[i-1].Step) {
			t.Fatalf("point %d: %+v", i, e)
		}
	}
}
