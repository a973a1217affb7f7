package main

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"

	"millrace/internal/sim"
)

// page is a page of the archive.
type page struct {
	url         string
	contentType string // what HTTP says
	body        []byte
	truth       *truth // nil where nothing is known of it
}

// pages makes those of the archive, in an order that has nothing to do with where they are from.
func pages(ctx context.Context, o options) ([]page, error) {
	r := rand.New(rand.NewPCG(o.seed, 0x72616365))
	web, err := webPages(ctx, r, o.web)
	if err != nil {
		return nil, err
	}
	manuals, err := manualPages(ctx, r, o.manuals)
	if err != nil {
		return nil, err
	}
	made, err := madePages(ctx, r, o)
	if err != nil {
		return nil, err
	}
	all := slices.Concat(web, manuals, made)
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all, nil
}

// carrier is a Go module with some thousand pages of newspapers, magazines, blogs and companies.
const carrier = "github.com/markusmobius/go-trafilatura@v1.12.2"

// webPages reads the module's pages, as they came over the net.
func webPages(ctx context.Context, r *rand.Rand, n int) (list []page, err error) {
	dir, err := sim.Module(ctx, carrier)
	if err != nil {
		return nil, err
	}
	for _, folder := range []string{"comparison", "mock"} {
		names, err := filepath.Glob(filepath.Join(dir, "test-files", folder, "*"))
		if err != nil {
			return nil, err
		}
		for _, i := range r.Perm(len(names)) {
			body, err := os.ReadFile(names[i])
			if err != nil {
				return nil, err
			}
			if len(list) < n && len(body) > 0 {
				list = append(list, page{url: "http://web.example/" + folder + "/" + url.PathEscape(filepath.Base(names[i])), contentType: "text/html", body: body})
			}
		}
	}
	return list, nil
}

// once says which encodings a language was written in before UTF-8.
func once() map[string][]string {
	return map[string][]string{
		"ru": {"windows-1251", "koi8-r"}, "ja": {"shift_jis", "euc-jp"}, "zh_CN": {"gb18030"}, "zh-CN": {"gb18030"}, "zh-TW": {"big5"}, "ko": {"euc-kr"},
		"cs": {"windows-1250", "iso-8859-2"}, "pl": {"windows-1250", "iso-8859-2"}, "ro": {"windows-1250"}, "hr": {"windows-1250"}, "el": {"windows-1253"},
		"tr": {"windows-1254"}, "de": {"windows-1252"}, "fr": {"windows-1252"}, "es": {"windows-1252"}, "it": {"windows-1252"}, "pt": {"windows-1252"},
		"sv": {"windows-1252"}, "da": {"windows-1252"}, "nl": {"windows-1252"}, "nb": {"windows-1252"}, "ca": {"windows-1252"}, "id": {"windows-1252"},
		"ar": {"windows-1256"}, "fa": {"windows-1256"},
	}
}

// manualPages reads those of Debian's manuals, in some 25 languages. Half of them get the encoding that their language once had.
func manualPages(ctx context.Context, r *rand.Rand, n int) (list []page, err error) {
	fits := regexp.MustCompile(`/(?:html|installation-guide-amd64)/(([a-z]{2})(?:[-_][A-Z]{2})?)/.*\.html?$`)
	type file struct{ path, lang string }
	var files []file
	for _, name := range []string{"debian-handbook", "installation-guide-amd64"} {
		dir, err := sim.Unpacked(ctx, "", name)
		if err != nil {
			return nil, err
		}
		err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if m := fits.FindStringSubmatch(filepath.ToSlash(path)); err == nil && m != nil && d.Type().IsRegular() {
				lang := m[2]
				if lang == "zh" {
					lang = m[1]
				}
				files = append(files, file{path, lang})
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	for _, i := range r.Perm(len(files)) {
		f := files[i]
		body, err := os.ReadFile(f.path)
		if err != nil {
			return nil, err
		}
		if len(body) < 2000 { // a frame
			continue
		}
		p := page{url: fmt.Sprintf("http://manual.example/%d/%s", len(list), filepath.Base(f.path))}
		name := "utf-8"
		if legacy := once()[f.lang]; legacy != nil && r.IntN(2) == 0 {
			name = legacy[r.IntN(len(legacy))]
		}
		if p.body, p.contentType, err = labelled(string(body), name, labels[r.IntN(len(labels))]); err != nil {
			return nil, fmt.Errorf("%s as %s: %w", f.path, name, err)
		}
		if list = append(list, p); len(list) == n {
			break
		}
	}
	return list, nil
}

// labels are the places where a page's encoding is named.
var labels = [...]string{"http", "meta", "none"}

// declared finds what a page in UTF-8 says of its encoding.
var declared = regexp.MustCompile(`(?i)(<\?xml[^>]*?)\s+encoding=["'][^"']*["']|<meta[^>]*charset\s*=[^>]*>`)

// labelled writes a page in an encoding, with a label in one place only. What the encoding has no sign for becomes a
// numeric reference.
func labelled(text, name, label string) (body []byte, contentType string, err error) {
	text = declared.ReplaceAllString(text, "$1")
	contentType = "text/html"
	switch label {
	case "http":
		contentType += "; charset=" + name
	case "meta":
		at := strings.Index(strings.ToLower(text), "<head>")
		if at < 0 {
			contentType += "; charset=" + name // it has no place for it
			break
		}
		at += len("<head>")
		text = text[:at] + `<meta http-equiv="Content-Type" content="text/html; charset=` + name + `">` + text[at:]
	}
	e, err := htmlindex.Get(name)
	if err != nil {
		return nil, "", err
	}
	body, err = encoding.HTMLEscapeUnsupported(e.NewEncoder()).Bytes([]byte(text))
	return body, contentType, err
}
