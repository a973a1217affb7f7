package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"millrace/internal/demo"
)

// goRoot is where the go command says that it lies; the scripts see no home folder that would tell.
func goRoot() string {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "" // the scripts that need it say so
	}
	return strings.TrimSpace(string(out))
}

func startSite(ts *testscript.TestScript, pages, file, corpus, recipe string) {
	n, err := strconv.Atoi(pages)
	ts.Check(err)
	ctx, cancel := context.WithCancel(context.Background())
	site, err := demo.NewSite(ctx, demo.SiteOptions{Pages: n, Seed: 1, Dir: ts.MkAbs("site")})
	ts.Check(err)
	done := make(chan error, 1)
	go func() { done <- site.Serve(ctx) }()
	ts.Defer(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			ts.Logf("site: %v", err)
		}
		site.Close()
	})
	yaml := strings.ReplaceAll(site.PipelineYAML(corpus), "delay: "+demo.Delay.String(), "delay: 20ms")
	yaml = strings.ReplaceAll(yaml, "recipe: default", "recipe: "+recipe)
	ts.Check(os.WriteFile(file, []byte(yaml), 0o644))
}

// wantExit runs a command and wants its exit code: exit CODE PROGRAM ARGS…
func wantExit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exit CODE PROGRAM ARGS...")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var status *exec.ExitError
	if errors.As(err, &status) {
		code = status.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("%s ended with exit %d, want %s", strings.Join(args[1:], " "), code, args[0])
	}
}

// requirements are those of the root's go.mod. A user's own go.mod gets them by go mod tidy, which asks the
// network about modules that no build needs.
func requirements(ts *testscript.TestScript) []byte {
	b, err := os.ReadFile("../../go.mod")
	ts.Check(err)
	i := bytes.Index(b, []byte("\nrequire"))
	if i < 0 {
		ts.Fatalf("go.mod requires nothing")
	}
	return b[i:]
}

// copyOutside copies the module of a user's own program, so that go build may complete its go.mod: outside DIR.
func copyOutside(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: outside DIR")
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	ts.Check(err)
	dir := ts.MkAbs(args[0])
	ts.Check(os.Mkdir(dir, 0o755))
	for name, from := range map[string]string{"main.go": "testdata/outside/main.go", "go.mod": "testdata/outside/go.mod", "go.sum": "../../go.sum"} {
		b, err := os.ReadFile(from)
		ts.Check(err)
		if name == "go.mod" {
			b = append([]byte(strings.ReplaceAll(string(b), "millrace => ../../../..", "millrace => "+root)), requirements(ts)...)
		}
		ts.Check(os.WriteFile(filepath.Join(dir, name), b, 0o644))
	}
	for _, v := range []string{"GOPATH", "GOMODCACHE", "GOCACHE"} {
		out, err := exec.Command("go", "env", v).Output()
		ts.Check(err)
		ts.Setenv(v, strings.TrimSpace(string(out)))
	}
}

// canMount says whether this process may mount a file system of its own.
func canMount() bool {
	dir, err := os.MkdirTemp("", "millrace-mount-")
	if err != nil {
		return false
	}
	defer os.Remove(dir)
	if exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", dir).Run() != nil {
		return false
	}
	return exec.Command("umount", dir).Run() == nil
}

// smallDisk mounts a file system of 100 MB, of which ballast takes 60, on a folder: smalldisk DIR.
func smallDisk(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: smalldisk DIR")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(exec.Command("mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", dir).Run())
	ts.Defer(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			ts.Logf("umount: %s", out)
		}
	})
	ts.Check(os.WriteFile(filepath.Join(dir, "ballast"), make([]byte, 60<<20), 0o600))
}
