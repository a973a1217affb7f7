package cli

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"millrace/shards"
)

// exhibit is the prefix of the names of new exhibits: `make museum NAME=v0.2`.
var exhibit = flag.String("museum", "", "write new exhibits of the museum, with names that begin so")

const (
	museumDir  = "../../testdata/museum"
	maxExhibit = 200 << 10 // of one, packed
)

// An exhibit is a folder with:
//
//	pipeline.yaml, recipe.yaml, texts/   what the corpus was made of, where it was made of files
//	corpus/                              killed in the middle of its work, or complete, if it was crawled
//	again/                               made from corpus's archive, killed in the middle of its work
//	expect.json                          what a run that nobody disturbed came to

// expected is what lies in expect.json.
type expected struct {
	Corpus  summedRows `json:"corpus"`
	Again   summedRows `json:"again,omitzero"`
	Version string     `json:"made_by"`
}

// summedRows are the rows of a corpus, and a digest of what a reader sees of them.
type summedRows struct {
	Rows    int64  `json:"rows"`
	Rejects int64  `json:"rejects"`
	Digest  string `json:"digest"`
}

// TestMuseum opens, checks, reads and resumes every corpus that a version of millrace has left there.
func TestMuseum(t *testing.T) {
	if *exhibit != "" {
		makeExhibits(t, *exhibit)
	}
	packed, err := filepath.Glob(filepath.Join(museumDir, "*.tar.gz"))
	if err != nil || len(packed) < 2 {
		t.Fatalf("%d exhibits in %s, %v", len(packed), museumDir, err)
	}
	for _, file := range packed {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".tar.gz"), func(t *testing.T) {
			dir := t.TempDir()
			if err := unpack(file, dir); err != nil {
				t.Fatal(err)
			}
			visit(t, dir)
		})
	}
}

func visit(t *testing.T, dir string) {
	t.Chdir(dir)
	b, err := os.ReadFile("expect.json")
	if err != nil {
		t.Fatal(err)
	}
	var want expected
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	corpora := []string{"corpus"}
	if _, err := os.Stat("again"); err == nil {
		corpora = append(corpora, "again")
	}
	for _, corpus := range corpora { // as it was left
		for _, verb := range []string{"check", "status", "sample"} {
			millraceIn(t, Done, verb, "--dir", corpus)
		}
	}
	if killed := corpora[len(corpora)-1]; digestOf(t, killed) == want.Corpus || digestOf(t, killed) == want.Again {
		t.Errorf("%s is complete: it cannot be resumed", killed)
	}
	changed := false
	resume := func(exit int, args ...string) { changed = resumed(t, exit, args...) || changed }
	if len(corpora) == 1 {
		resume(DeadLetters, "run", "pipeline.yaml")
		millraceIn(t, Done, "why", "--dir", "corpus", "copy.txt")
	} else {
		archive, err := filepath.Glob("corpus/warc/*.warc.gz")
		if err != nil || len(archive) == 0 {
			t.Fatalf("archive %v, %v", archive, err)
		}
		millraceIn(t, Done, append([]string{"warc", "verify"}, archive...)...)
		millraceIn(t, Done, "consent", "--dir", "corpus")
		resume(Done, "run", "pipeline.yaml")
		resume(Done, "run", "--archive", "corpus", "--dir", "again", "pipeline.yaml")
		if got := digestOf(t, "again"); !got.is(want.Again, changed) {
			t.Errorf("again: %+v, want %+v", got, want.Again)
		}
	}
	if got := digestOf(t, "corpus"); !got.is(want.Corpus, changed) {
		t.Errorf("corpus: %+v, want %+v", got, want.Corpus)
	}
	for _, corpus := range corpora {
		millraceIn(t, Done, "check", "--dir", corpus)
		b, err := os.ReadFile(filepath.Join(corpus, "format"))
		if err != nil || string(b) != fmt.Sprintln(shards.Format) {
			t.Errorf("%s: format %q, %v", corpus, b, err)
		}
	}
}

// is compares what came of a corpus with what was expected. A version whose steps make other texts may change these, and
// the places of rows, but none may be missing.
func (s summedRows) is(want summedRows, changed bool) bool {
	if changed {
		return s.Rows+s.Rejects == want.Rows+want.Rejects
	}
	return s == want
}

// resumed goes on with a corpus. Where this version's steps are not those that it was made by, that has to be said, and
// --from-here is the way on.
func resumed(t *testing.T, exit int, args ...string) (changed bool) {
	t.Helper()
	got, said := millraceRuns(t, args...)
	if got == Usage && strings.Contains(said, "--from-here") {
		millraceIn(t, exit, append(args[:len(args):len(args)], "--from-here")...)
		return true
	}
	if got != exit {
		t.Fatalf("millrace %s: exit %d, want %d\n%s", strings.Join(args, " "), got, exit, said)
	}
	return false
}

// millraceIn runs millrace in this process.
func millraceIn(t *testing.T, exit int, args ...string) {
	t.Helper()
	if got, said := millraceRuns(t, args...); got != exit {
		t.Fatalf("millrace %s: exit %d, want %d\n%s", strings.Join(args, " "), got, exit, said)
	}
}

func millraceRuns(t *testing.T, args ...string) (exit int, said string) {
	t.Helper()
	var out, words bytes.Buffer
	a := &App{Args: args, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &words}
	exit = a.Run(t.Context())
	return exit, out.String() + words.String()
}

// digestOf reads every row of a corpus.
func digestOf(t *testing.T, dir string) (s summedRows) {
	t.Helper()
	table, err := shards.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	err = table.Rows(t.Context(), shards.Select{Kept: true, Rejects: true}, func(r *shards.Row) error {
		if r.Kept() {
			s.Rows++
		} else {
			s.Rejects++
		}
		_, err := fmt.Fprintf(h, "%d %s %s %q %q %s %s\n", r.Offset, r.MID, r.ID, r.URL, r.Text, r.Verdict.Reason, r.Cluster)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Digest = hex.EncodeToString(h.Sum(nil)[:16])
	return s
}

const museumRecipe = "steps:\n  - {step: extract}\n"

// makeExhibits writes one from files and one from a crawl.
func makeExhibits(t *testing.T, name string) {
	for kind, fill := range map[string]func(*testing.T) expected{"files": fromFiles, "crawl": fromCrawl} {
		file, err := filepath.Abs(filepath.Join(museumDir, name+"-"+kind+".tar.gz"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(file); err == nil {
			t.Fatalf("%s is there: an exhibit is never replaced", file)
		}
		t.Run("make "+kind, func(t *testing.T) {
			dir := t.TempDir()
			t.Chdir(dir)
			write(t, "recipe.yaml", museumRecipe)
			e := fill(t)
			e.Version = codeVersion()
			b, err := json.MarshalIndent(e, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			write(t, "expect.json", string(b)+"\n")
			if err := pack(dir, file); err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(file); err != nil || info.Size() > maxExhibit {
				t.Fatalf("%s: %d bytes, limit %d, %v", file, info.Size(), maxExhibit, err)
			}
		})
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func fromFiles(t *testing.T) (e expected) {
	write(t, "pipeline.yaml", "dir: corpus\ningest: [{in: texts}]\nclean: {recipe: recipe.yaml}\nshards: {target_bytes: 8KiB}\n")
	for i := range 60 {
		words := ""
		for w := range 60 {
			words += fmt.Sprintf("word%d ", (i*31+w*w)%997)
		}
		write(t, fmt.Sprintf("texts/%02d.txt", i), words)
	}
	write(t, "texts/copy.txt", mustRead(t, "texts/07.txt"))
	write(t, "texts/lines.jsonl", `{"id":"a","text":"The first line of a list, which is in order, with a field of its own.","shelf":7}`+"\n{broken\n")
	millraceIn(t, DeadLetters, "run", "--dir", "undisturbed", "pipeline.yaml")
	e.Corpus = digestOf(t, "undisturbed")
	remove(t, "undisturbed")
	killed(t, "corpus", e.Corpus, "run", "--batch", "1", "pipeline.yaml")
	return e
}

func fromCrawl(t *testing.T) (e expected) {
	w := &towns{}
	site, err := w.open(2)
	if err != nil {
		t.Fatal(err)
	}
	defer site.Close()
	yaml := strings.Replace(w.yaml("corpus"), "flush_every: 1s", "target_bytes: 16KiB", 1)
	write(t, "pipeline.yaml", yaml+"clean: {recipe: recipe.yaml}\n")
	millraceIn(t, Done, "run", "pipeline.yaml")
	e.Corpus = digestOf(t, "corpus")
	archive := []string{"run", "--batch", "1", "--archive", "corpus", "--dir"}
	millraceIn(t, Done, append(archive, "undisturbed", "pipeline.yaml")...)
	e.Again = digestOf(t, "undisturbed")
	remove(t, "undisturbed")
	killed(t, "again", e.Again, append(archive, "again", "pipeline.yaml")...)
	return e
}

// killed runs millrace until a commit is made, and kills it. It tries until work was left.
func killed(t *testing.T, dir string, whole summedRows, args ...string) {
	for range 50 {
		remove(t, dir)
		cmd := exec.Command(os.Args[0], append(args, "--json")...)
		cmd.Env = append(os.Environ(), "MILLRACE_MUSEUM=1")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if strings.Contains(lines.Text(), `"type":"commit"`) {
				break
			}
		}
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		if r := digestOf(t, dir); r.Rows > 0 && r.Rows+r.Rejects < whole.Rows+whole.Rejects {
			return
		}
	}
	t.Fatal("it was never killed in the middle of its work")
}

func mustRead(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func remove(t *testing.T, dir string) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
}

// pack writes dir's regular files, with their times, which are part of what a row says.
func pack(dir, file string) error {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	w := tar.NewWriter(z)
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		h := &tar.Header{Name: filepath.ToSlash(name), Mode: 0o644, Size: int64(len(content)), ModTime: info.ModTime(), Format: tar.FormatPAX}
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		_, err = w.Write(content)
		return err
	})
	if err := errors.Join(err, w.Close(), z.Close()); err != nil {
		return err
	}
	return os.WriteFile(file, b.Bytes(), 0o644)
}

func unpack(file, dir string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return err
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		content, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content, 0o644), os.Chtimes(path, time.Time{}, h.ModTime)); err != nil {
			return err
		}
	}
}

// museumMain is millrace, in a process that is going to be killed.
func museumMain() {
	a := &App{Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	os.Exit(a.Run(context.Background()))
}
