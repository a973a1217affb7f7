package house

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// block is one fenced block of a Markdown file.
type block struct {
	line int    // of the opening fence
	mark string // the word behind the fence
	text string
}

// blockLimit is how long one block may take.
const blockLimit = 10 * time.Minute

// TestBlocks runs every block marked sh of README.md and docs/ as a reader would: a file's blocks in
// their order, in one clean folder, with millrace on the PATH and the repository as $REPO.
// What needs Docker, the open web or a terminal is marked console and is not run.
func TestBlocks(t *testing.T) {
	if os.Getenv("MILLRACE_DOCS") == "" {
		t.Skip("set MILLRACE_DOCS=1 to run the sh blocks of README.md and docs/ (minutes)")
	}
	bin := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "./cmd/millrace")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build millrace: %v\n%s", err, out)
	}
	repo, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "MILLRACE_") })
	env = append(env, "REPO="+repo, "PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
	ran := 0
	for _, name := range pages(t) {
		folder := t.TempDir()
		for _, b := range mustBlocks(t, name) {
			if b.mark != "sh" {
				continue
			}
			ran++
			if !t.Run(fmt.Sprintf("%s:%d", name, b.line), func(t *testing.T) { runBlock(t, b, folder, env) }) {
				break // the blocks behind it build on it
			}
		}
	}
	if ran == 0 {
		t.Error("no block is marked sh: README.md has commands that nobody tries")
	}
}

// TestBlockMarks finds commands that would never be tried, because their block is marked in another way.
func TestBlockMarks(t *testing.T) {
	for _, name := range pages(t) {
		for _, b := range mustBlocks(t, name) {
			if slices.Contains([]string{"bash", "shell", "zsh", "terminal"}, b.mark) {
				t.Errorf("%s:%d: marked %q: sh is run, console is not; choose one", name, b.line, b.mark)
			}
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#\s]+)`)

// TestLinks finds links to files that are not there.
func TestLinks(t *testing.T) {
	for _, name := range append(pages(t), "CONTRIBUTING.md", "SECURITY.md") {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], ":") {
				continue // another site: tests do not ask the web
			}
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(name), m[1])); err != nil {
				t.Errorf("%s: the link to %s leads nowhere", name, m[1])
			}
		}
	}
}

func TestBlocksOf(t *testing.T) {
	text := "a\n```sh\necho 1\n```\n- list\n  ```console\n  $ x\n  ```\n````text\n```sh\nnot run\n```\n````\n~~~sh\necho 2\n~~~\n"
	want := []block{
		{2, "sh", "echo 1\n"},
		{6, "console", "$ x\n"},
		{9, "text", "```sh\nnot run\n```\n"},
		{14, "sh", "echo 2\n"},
	}
	got, err := blocks(text)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if _, err := blocks("```sh\necho\n"); err == nil {
		t.Error("a block without an end was taken")
	}
}

// runBlock runs one block with bash, which stops at the first command that fails.
func runBlock(t *testing.T, b block, folder string, env []string) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash on this machine")
	}
	ctx, cancel := context.WithTimeout(t.Context(), blockLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, bash, "-euo", "pipefail", "-c", b.text)
	cmd.Dir, cmd.Env = folder, env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s\nprinted:\n%s", err, b.text, out)
	}
}

// pages lists README.md and all Markdown below docs/, relative to the repository.
func pages(t *testing.T) []string {
	t.Helper()
	names := []string{"README.md"}
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if strings.HasSuffix(path, ".md") {
			rel, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			names = append(names, filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return names
}

func mustBlocks(t *testing.T, name string) []block {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	found, err := blocks(string(text))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return found
}

// blocks finds the fenced blocks of a Markdown text. A fence is closed by one of the same
// character, at least as long; a block in a list loses the fence's indent.
func blocks(text string) ([]block, error) {
	var out []block
	var open *block
	fence, indent := "", ""
	n := 0
	for line := range strings.Lines(text) {
		n++
		trimmed := strings.TrimLeft(line, " ")
		mark := fenceOf(trimmed)
		switch {
		case open == nil && mark != "":
			fence, indent = mark, line[:len(line)-len(trimmed)]
			word, _, _ := strings.Cut(strings.TrimSpace(trimmed[len(mark):]), " ")
			open = &block{line: n, mark: word}
		case open != nil && strings.HasPrefix(mark, fence) && strings.TrimSpace(trimmed) == mark:
			out = append(out, *open)
			open = nil
		case open != nil:
			open.text += strings.TrimPrefix(line, indent)
		}
	}
	if open != nil {
		return nil, fmt.Errorf("line %d: the block has no end", open.line)
	}
	return out, nil
}

// fenceOf is the run of backticks or tildes that a line starts with, if it is a fence.
func fenceOf(line string) string {
	for _, c := range []string{"`", "~"} {
		if rest := strings.TrimLeft(line, c); len(line)-len(rest) >= 3 {
			return line[:len(line)-len(rest)]
		}
	}
	return ""
}
