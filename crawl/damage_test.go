package crawl

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"millrace"
	"millrace/internal/sim/crashfs"
	filefields "millrace/internal/sim/fields"
	"millrace/internal/warc"
)

// TestOneBitOfEachField flips a bit in each field of each kind of file that a crawl leaves: pages and site files of the
// archive, their indexes, the frontier's log and its snapshot. Damage to the archive and its indexes is found by warc verify, which
// goes on to read the neighbours. The frontier is made again from the archive and by asking the sites, so that a crawl
// goes on to the same pages.
func TestOneBitOfEachField(t *testing.T) {
	t.Parallel()
	w, want := mapped()
	crawl := func(dir string) (docs []*millrace.Document, err error) {
		synctest.Test(t, func(t *testing.T) {
			c, err2 := Open(t.Context(), optionsFor(dir, "http://1.1.1.1/"))
			if err = err2; err != nil {
				return
			}
			defer c.Close()
			c.work.fetch, c.work.resolve = w.do, w.resolve
			if err = c.Open(t.Context(), millrace.Checkpoint{}); err == nil {
				docs, err = readAll(t.Context(), c)
			}
		})
		return docs, err
	}
	whole := t.TempDir()
	if docs, err := crawl(whole); err != nil || !slices.Equal(pageURLs(docs), want) {
		t.Fatal(err, pageURLs(docs))
	}
	_, sound, err := verifyAll(whole)
	if err != nil {
		t.Fatal(err)
	}
	found, same, kinds, met := 0, 0, map[string]int{}, map[string]bool{}
	look := func(name, what, dir string) error {
		damages, records, err := verifyAll(dir)
		if err != nil {
			return err
		}
		// The time and the system in the head of a gzip member say nothing about what is in it.
		if damages == 0 && strings.HasPrefix(name, "warc") && (filepath.Ext(name) != ".gz" || records != sound) {
			t.Errorf("%s: nobody saw it", what)
		}
		if records == 0 {
			t.Errorf("%s: no record is read any more", what)
		}
		docs, err := crawl(dir)
		switch {
		case damages > 0, errors.Is(err, millrace.ErrIntegrity), errors.Is(err, errOtherVersion):
			found++
		case err != nil || !slices.Equal(pageURLs(docs), want):
			t.Errorf("%s: %v, pages %q", what, err, pageURLs(docs))
		default:
			same++
		}
		return nil
	}
	err = filepath.WalkDir(whole, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(whole, path)
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		list, err := filefields.Of(filepath.ToSlash(name), raw)
		if err != nil {
			return err
		}
		for _, i := range places(list, met, filepath.Dir(name)+filefields.Kind(filepath.ToSlash(name)), len(raw)) {
			kinds[filepath.Base(filepath.Dir(name))+"/"+filepath.Ext(name)]++
			dir := t.TempDir()
			bit := byte(1) << (i % 8)
			b := bytes.Clone(raw)
			b[i] ^= bit
			if err := errors.Join(os.CopyFS(dir, os.DirFS(whole)), os.WriteFile(filepath.Join(dir, name), b, 0o644)); err != nil {
				return err
			}
			what := fmt.Sprintf("%s, bit %#x of byte %d (%.30q)", name, bit, i, raw[max(0, i-10):])
			if err := errors.Join(look(name, what, dir), os.RemoveAll(dir)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range filesOf(t, whole, ".cdxj") { // an index is made again from its file
		index, err := os.ReadFile(name)
		if err != nil || os.Remove(name) != nil {
			t.Fatal(err)
		}
		archive := strings.TrimSuffix(name, ".cdxj") + ".warc.gz"
		if err := indexFile(t.Context(), nil, warcFile{name: filepath.Base(archive), path: archive}); err != nil {
			t.Fatal(err)
		}
		if again, err := os.ReadFile(name); err != nil || !bytes.Equal(index, again) {
			t.Errorf("%s is not made again as it was: %v", name, err)
		}
	}
	t.Logf("bits flipped in %v: %d found, %d made good", kinds, found, same)
	if !crashfs.Nightly() {
		t.Log("one field of a name in a kind of file; a bit of each byte of all: MILLRACE_NIGHTLY=1, for it takes minutes")
	}
	for _, k := range []string{"warc/.gz", "warc/.cdxj", "site/.gz", "frontier/"} {
		if kinds[k] == 0 {
			t.Errorf("no bit was flipped in %s: %v", k, kinds)
		}
	}
}

func filesOf(t *testing.T, dir, ext string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if filepath.Ext(path) == ext {
			names = append(names, path)
		}
		return err
	})
	if err != nil || len(names) == 0 {
		t.Fatal(err, len(names))
	}
	return names
}

// places are the bytes of a file to damage: one of each field that had none yet, nightly all.
func places(list []filefields.Field, met map[string]bool, kind string, size int) (at []int) {
	if crashfs.Nightly() {
		for i := range size {
			at = append(at, i)
		}
		return at
	}
	for _, f := range list {
		if id := kind + f.Name; !met[id] {
			met[id] = true
			at = append(at, (f.From+f.To)/2)
		}
	}
	return at
}

// verifyAll does what millrace warc verify does for all files of a corpus. records are the sound ones.
func verifyAll(dir string) (damages int, records int64, err error) {
	v := warc.Verifier{Report: func(string, warc.DamageError) { damages++ }}
	for _, pattern := range []string{"*.warc.gz", filepath.Join("site", "*.warc.gz")} {
		files, err := filepath.Glob(filepath.Join(dir, "warc", pattern))
		if err != nil {
			return 0, 0, err
		}
		for _, name := range files {
			b, err := os.ReadFile(name)
			if err != nil {
				return 0, 0, err
			}
			lines, err := os.ReadFile(warc.IndexPath(name))
			if err != nil {
				return 0, 0, err
			}
			index, err := warc.OpenIndex(bytes.NewReader(lines), name, func(warc.DamageError) { damages++ })
			if err != nil {
				return 0, 0, fmt.Errorf("index of %s: %w", name, err)
			}
			n, err := v.File(name, bytes.NewReader(b), index)
			if err != nil {
				return 0, 0, fmt.Errorf("verify %s: %w", name, err)
			}
			records += n
		}
	}
	v.End()
	return damages, records, nil
}
