package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"millrace"
	"millrace/clean"
	"millrace/internal/sim/hostile/quadratic"
	"millrace/internal/sim/steps"
	"millrace/internal/sim/steps/overlay"
)

const (
	moreSteps = 2.2  // for twice the input, at most
	fixed     = 4000 // steps that a stage takes whatever the input is
	mostSteps = 1000 // for a byte
	fewest    = 16   // a step takes one for so many bytes, at least
)

// shorter is the bytes of the shorter input: a few in every run of the tests, and 5 MB at night.
func shorter() int {
	if os.Getenv("MILLRACE_NIGHTLY") != "" {
		return 5 << 20
	}
	return 16 << 10
}

// Every step on every family: for twice the input, it takes 2.2 times the steps at most. This test runs itself again, with a copy of
// the cleaning code that counts.
func TestSteps(t *testing.T) {
	if _, counts := steps.Taken(); !counts {
		counted(t, "TestSteps|TestStepsNoticed")
		return
	}
	half := shorter()
	for _, step := range clean.Steps() {
		most, where := 0, ""
		for _, f := range families() {
			if !meets(step, f) {
				continue
			}
			taken(t, step, f.document(100)) // what is made once
			one, two := taken(t, step, f.document(half)), taken(t, step, f.document(2*half))
			if quadratical(one, two) {
				t.Errorf("%s on %s: %d steps, and %d for twice the input: %.2f times as many", step, f.name, one, two, float64(two)/float64(one))
			}
			if !aside(step) && one < half/fewest {
				t.Errorf("%s on %s: %d steps for %d bytes: that cannot be all", step, f.name, one, half)
			}
			if two-one > most {
				most, where = two-one, f.name
			}
		}
		t.Logf("%-22s at most %d steps a byte, on %s", step, most/half, where)
		if most/half > mostSteps {
			t.Errorf("%s on %s: %d steps a byte", step, where, most/half)
		}
	}
}

// quadratical says of the steps for an input, and for twice as much, whether they grow too fast.
func quadratical(one, two int) bool { return float64(two) > moreSteps*float64(one)+fixed }

// The judge is right of stages that are quadratic, each in another way, and of one that is not.
func TestStepsNoticed(t *testing.T) {
	if _, counts := steps.Taken(); !counts {
		t.Skip("TestSteps runs it in a program that counts")
	}
	grows := func(way func(string) int) (bool, string) {
		text := strings.Repeat("a b ", 1024)
		before, _ := steps.Taken()
		way(text)
		middle, _ := steps.Taken()
		way(text + text)
		after, _ := steps.Taken()
		return quadratical(middle-before, after-middle), fmt.Sprintf("%d steps, then %d", middle-before, after-middle)
	}
	for name, way := range quadratic.Ways() {
		if noticed, figures := grows(way); !noticed {
			t.Errorf("a stage that %s: %s, and nobody noticed", name, figures)
		}
	}
	if noticed, figures := grows(quadratic.Linear); noticed {
		t.Errorf("a linear stage: %s, taken for a quadratic one", figures)
	}
}

// taken is the number of steps that a step takes for a document.
func taken(t *testing.T, step string, d *millrace.Document) int {
	t.Helper()
	r, err := clean.Single(step)
	if err != nil {
		t.Fatal(err)
	}
	before, _ := steps.Taken()
	_, _ = r.Stages()[0].Process(t.Context(), d) // a page of no known kind is an error
	after, _ := steps.Taken()
	return after - before
}

// counted runs tests of this package again, in a program that counts.
func counted(t *testing.T, tests string) {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go on the PATH to build a program that counts")
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	dir := t.TempDir()
	file, places, err := overlay.Make(ctx, dir, "millrace/clean/...", "millrace/internal/sim/hostile/quadratic")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, "go", "test", "-overlay="+file, "-count=1", "-v", "-run", "^("+tests+")$", ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	for name := range strings.SplitSeq(tests, "|") {
		if !strings.Contains(string(out), "--- PASS: "+name) {
			t.Errorf("%s did not run:\n%s", name, out)
		}
	}
	t.Logf("%d places count, in %s\n%s", places, filepath.Base(file), out)
}
