package trainer

import (
	"bytes"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"millrace"
)

// TestTrainCheck is `make train-check`: 3,000 steps of the char preset have to predict held-out
// text with 5 % fewer bits per byte than a counted byte model of order 2 with back-off.
func TestTrainCheck(t *testing.T) {
	if os.Getenv("MILLRACE_NIGHTLY") == "" {
		t.Skip("takes minutes: set MILLRACE_NIGHTLY=1 to run it, and INPUT to a file or folder to train on that")
	}
	c, err := Preset("char")
	if err != nil {
		t.Fatal(err)
	}
	c.Steps = 3000
	r := train(t, Options{
		Config: c, Docs: &list{docs: nightlyText(t)}, Out: t.TempDir(),
		OnEval: func(e Eval) { t.Logf("step %d: train %.3f, held out %.3f nats", e.Step, e.TrainLoss, e.ValLoss) },
	})
	t.Logf("%d documents, %d tokens; bits per byte on %d held out: model %.3f, order 0 %.3f, order 1 %.3f, order 2 %.3f; %.0f tokens/s; parameters %s",
		r.Docs, r.TrainTokens, r.ValTokens, r.ValBitsPerByte, r.Order0, r.Order1, r.Order2, r.TokensPerS, r.ParamSHA256)
	if r.ValBitsPerByte > 0.95*r.Order2 {
		t.Errorf("the model needs %.3f bits per byte, want at most %.3f", r.ValBitsPerByte, 0.95*r.Order2)
	}
}

// TestDemoPreset holds the demo's bar on a smaller text: 10 % below order 0 within its 400 steps.
func TestDemoPreset(t *testing.T) {
	if os.Getenv("MILLRACE_NIGHTLY") == "" {
		t.Skip("takes most of a minute: set MILLRACE_NIGHTLY=1 to run it")
	}
	c, err := Preset("demo")
	if err != nil {
		t.Fatal(err)
	}
	r := train(t, Options{Config: c, Docs: &list{docs: nightlyText(t)}, Out: t.TempDir()})
	t.Logf("bits per byte: model %.3f, order 0 %.3f, order 1 %.3f, order 2 %.3f; %.0f tokens/s", r.ValBitsPerByte, r.Order0, r.Order1, r.Order2, r.TokensPerS)
	t.Log("\n" + Curve(r.Evals, 78, 12))
	t.Logf("%q", r.Model.(*GPT).Generate("Package ", 120, 1))
	if r.ValBitsPerByte > 0.9*r.Order0 {
		t.Errorf("the model needs %.3f bits per byte, want at most %.3f", r.ValBitsPerByte, 0.9*r.Order0)
	}
}

// nightlyText is INPUT, else the comments of Go's own source: prose that is on every machine
// that runs the test.
func nightlyText(t *testing.T) []Doc {
	t.Helper()
	root, read := os.Getenv("INPUT"), func(b []byte) string { return string(b) }
	if root == "" {
		out, err := exec.Command("go", "env", "GOROOT").Output()
		if err != nil {
			t.Fatalf("find GOROOT: %v", err)
		}
		root, read = filepath.Join(strings.TrimSpace(string(out)), "src"), comments
	}
	var docs []Doc
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || (os.Getenv("INPUT") == "" && !strings.HasSuffix(path, ".go")) {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if text := read(b); len(text) > 200 {
			rel, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			docs = append(docs, Doc{ID: millrace.NewID("file:"+filepath.ToSlash(rel), [32]byte{}), Text: text})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return docs
}

// comments is the text of a Go file's comments, without licences and directives.
func comments(src []byte) string {
	var s scanner.Scanner
	files := token.NewFileSet()
	s.Init(files.AddFile("", files.Base(), len(src)), src, nil, scanner.ScanComments)
	var b bytes.Buffer
	for {
		_, tok, lit := s.Scan()
		if tok == token.EOF {
			return b.String()
		}
		text, ok := strings.CutPrefix(lit, "// ")
		if tok != token.COMMENT || !ok || strings.HasPrefix(text, "Copyright") || strings.Contains(text, "license") {
			continue
		}
		b.WriteString(text)
		b.WriteByte('\n')
	}
}
