// Command release builds what is given to users: a binary for each target, its bill of materials, and checksums. What
// comes in is the repository as it stands, what goes out is a folder. Everything is built twice, the second time from a
// copy in another folder and with an empty build cache, and the bytes have to be equal. Read main.go, then sbom.go.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// target is a system that a binary is for.
type target struct{ os, arch string }

func targets() []target {
	return []target{{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}, {"windows", "amd64"}}
}

// file is the name of a target's binary.
func (t target) file(version string) string {
	name := fmt.Sprintf("millrace_%s_%s_%s", version, t.os, t.arch)
	if t.os == "windows" {
		name += ".exe"
	}
	return name
}

func main() {
	repo := flag.String("repo", ".", "the repository")
	out := flag.String("out", "dist", "where the files go; it is emptied first")
	only := flag.String("only", "", "only this target, as linux/amd64")
	once := flag.Bool("once", false, "build once, and do not show that it can be repeated")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *repo, *out, *only, *once); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, repo, out, only string, once bool) error {
	version, when, err := describe(ctx, repo)
	if err != nil {
		return err
	}
	fmt.Printf("millrace %s, of %s\n", version, when.Format(time.RFC3339))
	if strings.HasSuffix(version, "-dirty") {
		fmt.Println("the working tree has changes that are in no commit: this is no release to give away")
	}
	if out, err = filepath.Abs(out); err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(out), os.MkdirAll(out, 0o755)); err != nil {
		return err
	}
	again, err := os.MkdirTemp("", "millrace-again-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(again)
	if !once {
		if err := copyTree(ctx, repo, filepath.Join(again, "source")); err != nil {
			return err
		}
	}
	var sums bytes.Buffer
	built := 0
	for _, t := range targets() {
		if only != "" && only != t.os+"/"+t.arch {
			continue
		}
		built++
		name := t.file(version)
		sum, err := build(ctx, repo, filepath.Join(out, name), version, t, "")
		if err != nil {
			return err
		}
		if !once {
			second, err := build(ctx, filepath.Join(again, "source"), filepath.Join(again, name), version, t, filepath.Join(again, "cache"))
			if err != nil {
				return err
			}
			if second != sum {
				return fmt.Errorf("%s: two builds in two folders differ: %s and %s", name, sum, second)
			}
		}
		bill, err := billOf(filepath.Join(out, name), version, sum, when)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(out, name+".cdx.json"), bill, 0o644); err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%s  %s\n%x  %s.cdx.json\n", sum, name, sha256.Sum256(bill), name)
		fmt.Printf("%s  %s%s\n", sum, name, map[bool]string{false: ", the same in another folder"}[once])
	}
	if built == 0 {
		return fmt.Errorf("no target is called %q", only)
	}
	return os.WriteFile(filepath.Join(out, "SHA256SUMS"), sums.Bytes(), 0o644)
}

// describe names the commit, and says when it was made: the only time in what is released.
func describe(ctx context.Context, repo string) (version string, when time.Time, err error) {
	if version, err = git(ctx, repo, "describe", "--tags", "--always", "--dirty"); err != nil {
		return "", time.Time{}, err
	}
	stamp, err := git(ctx, repo, "log", "-1", "--format=%cI")
	if err != nil {
		return "", time.Time{}, err
	}
	when, err = time.Parse(time.RFC3339, stamp)
	return strings.ReplaceAll(version, "/", "-"), when.UTC(), err
}

func git(ctx context.Context, repo string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = repo
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

// copyTree copies the files that git knows, as they stand.
func copyTree(ctx context.Context, repo, to string) error {
	names, err := git(ctx, repo, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if err != nil {
		return err
	}
	for _, name := range strings.Split(strings.Trim(names, "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join(repo, name))
		if errors.Is(err, os.ErrNotExist) {
			continue // removed, and not yet committed
		}
		path := filepath.Join(to, name)
		if err := errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content, 0o644)); err != nil {
			return err
		}
	}
	return nil
}

// build makes the binary and gives its SHA-256. cache is the build cache; "" is the user's.
func build(ctx context.Context, repo, out, version string, t target, cache string) (string, error) {
	// Nothing of the machine gets in: no paths, no C compiler, no state of a checkout but version.
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-mod=readonly",
		"-ldflags=-s -w -X millrace/internal/cli.release="+version, "-o", out, "./cmd/millrace")
	cmd.Dir = repo
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains([]string{"GOFLAGS", "GOOS", "GOARCH", "GOAMD64", "GOARM64", "GOEXPERIMENT", "CGO_ENABLED", "GOWORK"}, name)
	})
	cmd.Env = append(env, "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=", "GOOS="+t.os, "GOARCH="+t.arch)
	if cache != "" {
		cmd.Env = append(cmd.Env, "GOCACHE="+cache)
	}
	if words, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build for %s/%s in %s: %w\n%s", t.os, t.arch, repo, err, words)
	}
	return sumOf(out)
}

func sumOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
