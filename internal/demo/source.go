package demo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"unicode"
)

// ErrNoGo says that this machine has no Go source to make a website from.
var ErrNoGo = errors.New("no Go source code on this machine")

// tree is a folder of Go code with the import path of its root.
type tree struct {
	dir, importPath string
	std             bool
}

// findTrees locates GOROOT/src and the source of the modules in this binary.
// A module whose source is not in the module cache is left out.
func findTrees(ctx context.Context) (goroot string, trees []tree, err error) {
	goroot, modcache := goEnv(ctx)
	if _, err := os.Stat(filepath.Join(goroot, "src", "fmt")); goroot == "" || err != nil {
		return "", nil, fmt.Errorf("the demo serves the Go documentation to itself: %w (GOROOT is %q); install Go from https://go.dev/dl, or give the demo a folder of texts", ErrNoGo, goroot)
	}
	trees = append(trees, tree{dir: filepath.Join(goroot, "src"), std: true})
	info, ok := debug.ReadBuildInfo()
	if !ok || modcache == "" {
		return goroot, trees, nil
	}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		dir := filepath.Join(modcache, filepath.FromSlash(escape(m.Path)+"@"+escape(m.Version)))
		if st, err := os.Stat(dir); err == nil && st.IsDir() {
			trees = append(trees, tree{dir: dir, importPath: m.Path})
		}
	}
	return goroot, trees, nil
}

// goEnv asks the environment first and the go command second.
func goEnv(ctx context.Context) (goroot, modcache string) {
	goroot, modcache = os.Getenv("GOROOT"), os.Getenv("GOMODCACHE")
	if goroot != "" && modcache != "" {
		return goroot, modcache
	}
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT", "GOMODCACHE").Output()
	if err != nil {
		return goroot, modcache
	}
	lines := strings.Split(strings.ReplaceAll(string(out), "\r\n", "\n"), "\n")
	if goroot == "" {
		goroot = lines[0]
	}
	if modcache == "" && len(lines) > 1 {
		modcache = lines[1]
	}
	return goroot, modcache
}

// escape spells a module path as the module cache does: a capital is "!" and its small letter.
func escape(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsUpper(r) {
			b.WriteByte('!')
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// unit is what one worker turns into pages: a package folder, or one text file.
type unit struct {
	dir, importPath string
	file            string // a README, licence, changelog or article; "" for a package
	std             bool
}

// units lists what a tree has to say, in the order of file names.
func (t tree) units(ctx context.Context) ([]unit, error) {
	var out []unit
	err := filepath.WalkDir(t.dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		rel, _ := filepath.Rel(t.dir, p)
		imp := path.Join(t.importPath, filepath.ToSlash(rel))
		if d.IsDir() {
			if rel != "." && t.skip(filepath.ToSlash(rel), d.Name()) {
				return fs.SkipDir
			}
			if rel != "." || !t.std {
				out = append(out, unit{dir: p, importPath: imp, std: t.std})
			}
			return nil
		}
		if !t.std && isArticle(d.Name()) {
			out = append(out, unit{dir: filepath.Dir(p), importPath: imp, file: p})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the Go code under %s: %w", t.dir, err)
	}
	return out, nil
}

func (t tree) skip(rel, name string) bool {
	if slices.Contains([]string{"internal", "vendor", "testdata", "node_modules"}, name) || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
		return true
	}
	// Of the commands only their own folders have documentation for users.
	return t.std && strings.HasPrefix(rel, "cmd/") && strings.Count(rel, "/") > 1
}

// isArticle reports whether a file of a module is meant to be read.
func isArticle(name string) bool {
	up := strings.ToUpper(name)
	ext := filepath.Ext(up)
	if ext != "" && ext != ".MD" && ext != ".TXT" {
		return false
	}
	stem := strings.TrimSuffix(up, ext)
	return slices.Contains([]string{"README", "CHANGELOG", "CHANGES", "HISTORY", "LICENSE", "LICENCE", "COPYING", "CONTRIBUTING", "SECURITY"}, stem) || ext == ".MD"
}

// articles lists the readable files of GOROOT/doc.
func articles(goroot string) ([]unit, error) {
	var out []unit
	root := filepath.Join(goroot, "doc")
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if ext := filepath.Ext(p); ext == ".html" || ext == ".md" {
			rel, _ := filepath.Rel(goroot, p)
			out = append(out, unit{dir: filepath.Dir(p), importPath: filepath.ToSlash(rel), file: p, std: true})
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) { // some packagings of Go leave doc out
		return nil, nil
	}
	return out, err
}
