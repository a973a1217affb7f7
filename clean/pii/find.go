package pii

import "strings"

// hit is a value that was found.
type hit struct {
	from, to int
	kind     Kind
	kept     bool   // it stays: nobody owns it, or the policy keeps its kind. What stands in it is still no value of another kind
	key      string // equal for equal values
}

// What a byte may be the sign of. Most bytes of most texts are the sign of nothing.
const (
	nothing = iota
	signAt
	signDigit
	signColon
	signPlus
	signHead // the end of what a secret key begins with
)

// signs gives a byte's meaning. Keys that begin with letters alone are seen at a letter of theirs that is rare.
var signs = [256]uint8{
	'@': signAt, ':': signColon, '+': signPlus, '-': signHead, '_': signHead, 'K': signHead, 'S': signHead, 'G': signHead, 'J': signHead, 'z': signHead,
	'0': signDigit, '1': signDigit, '2': signDigit, '3': signDigit, '4': signDigit, '5': signDigit, '6': signDigit, '7': signDigit, '8': signDigit, '9': signDigit,
}

// scan goes through one text.
type scan struct {
	text string
	fake bool // values of the ranges that replacements come from stay
	done int  // text[:done] is taken
	last Kind // of the hit that ends at done
	n    int  // hits so far
}

// find lists the values that are to be replaced, in the order of the text. They do not overlap.
func (p Policy) find(text string) []hit {
	var hits []hit
	s := scan{text: text, fake: len(p.Key) > 0}
	for i := 0; ; {
		for i+8 <= len(text) {
			w := text[i : i+8]
			if signs[w[0]]|signs[w[1]]|signs[w[2]]|signs[w[3]]|signs[w[4]]|signs[w[5]]|signs[w[6]]|signs[w[7]] != 0 {
				break
			}
			i += 8
		}
		for i < len(text) && signs[text[i]] == 0 {
			i++
		}
		if i >= len(text) {
			return hits
		}
		h, next, ok := s.look(i)
		i = next
		if !ok {
			continue
		}
		h.kept = h.kept || p.Do[h.kind] == KeepValue
		if h.kept || !beside(text, h.from, h.to) {
			if !h.kept {
				hits = append(hits, h)
			}
			s.done, s.last, i = h.to, h.kind, h.to
			s.n++
		}
	}
}

// look looks at what the sign at text[i] may belong to, and says where to go on if that is nothing.
func (s *scan) look(i int) (h hit, next int, ok bool) {
	switch signs[s.text[i]] {
	case signAt:
		h, ok = s.email(i)
	case signDigit:
		return s.number(i)
	case signColon:
		if i+1 < len(s.text) && (isHex(s.text[i+1]) || s.text[i+1] == ':') {
			h, ok = s.ipv6(i)
		}
	case signPlus:
		if i+1 < len(s.text) && isDigit(s.text[i+1]) {
			h, ok = s.international(i)
		}
	default:
		h, ok = s.secret(i)
	}
	return h, i + 1, ok
}

// beside reports whether a placeholder touches text[from:to], with or without a joint between them. What touches a value is not a value of its own,
// and must not become one when the value is masked.
func beside(text string, from, to int) bool {
	const joints = "._-:'%+"
	if tag, _ := tagOf(strings.TrimLeft(text[to:min(len(text), to+24)], joints)); tag != "" {
		return true
	}
	return closes(strings.TrimRight(text[max(0, from-maxPlaceholder-8):from], joints)) != ""
}
