package extract

import "strings"

// image is a picture with a description.
type image struct {
	src, alt string
	node     int32
}

// image takes in an img element that says what it shows.
func (r *reader) image() {
	alt := strings.TrimSpace(attribute(r.attrs, "alt"))
	if alt == "" || len(r.images) >= maxImages {
		return
	}
	src := attribute(r.attrs, "src")
	for _, key := range [...]string{"data-src", "data-original", "data-lazy-src"} {
		if v := attribute(r.attrs, key); v != "" && (src == "" || strings.HasPrefix(src, "data:")) {
			src = v
		}
	}
	if src != "" && !strings.HasPrefix(src, "data:") {
		r.images = append(r.images, image{src, alt, r.top().node})
	}
}

// codeLanguage is the language that class names give highlighted code.
func codeLanguage(class string) string {
	for name := range strings.FieldsSeq(class) {
		for _, p := range [...]string{"language-", "lang-", "highlight-source-"} {
			if lang, ok := strings.CutPrefix(name, p); ok && plainName(lang) {
				return lang
			}
		}
	}
	return ""
}

// plainName reports whether a language's name can stand behind a fence.
func plainName(s string) bool {
	const longest = 20
	for i := range len(s) {
		if c := s[i]; !letter(c) && (c < '0' || c > '9') && c != '+' && c != '#' && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= longest
}
