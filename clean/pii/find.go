package pii

import "strings"

// hit is a value that was found.
type hit struct {
	from, to int
	kind     Kind
	kept     bool   // it stays: nobody owns it, or the policy keeps its kind. What stands in it is still no value of another kind
	key      string // equal for equal values
}

// What two bytes may be the sign of, as a set. Most pairs of bytes of most texts are the sign of nothing.
const (
	signAt    = 1 << iota // @ and a letter
	signDigit             // a digit, and one more or what stands between groups of them
	signColon             // : and a hexadecimal digit or a second one
	signPlus              // + and a digit
	signHead              // - or _ and a letter or digit: the end of what a secret key begins with
	signAK                // AK, AS, SG: keys that begin with capitals
	signEyJ               // Iz, yJ: others
)

// signs has the set of what a byte may be the first of, and eight bits above it, the set of what it may be the second of.
var signs = makeSigns()

func makeSigns() (table [256]uint32) {
	first := func(bytes string, sign uint32) {
		for i := range len(bytes) {
			table[bytes[i]] |= sign
		}
	}
	second := func(bytes string, sign uint32) { first(bytes, sign<<8) }
	const numerals, hex, letters = "0123456789", "0123456789abcdefABCDEF", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	first("@", signAt)
	second(letters+numerals, signAt)
	for c := 0x80; c < 0x100; c++ {
		second(string([]byte{byte(c)}), signAt)
	}
	first(numerals, signDigit)
	second(numerals+" -./()\xc2\xe2", signDigit)
	first(":", signColon)
	second(hex+":", signColon)
	first("+", signPlus)
	second(numerals, signPlus)
	first("-_", signHead)
	second(letters+numerals+"-_", signHead)
	first("AS", signAK)
	second("KSG", signAK)
	first("Iy", signEyJ)
	second("zJ", signEyJ)
	return table
}

// scan goes through one text.
type scan struct {
	text string
	fake bool // values of the ranges that replacements come from stay
	done int  // text[:done] is taken
	last Kind // of the hit that ends at done
	n    int  // hits so far
	hit  hit  // what look has found
	row  chain
}

// find lists the values that are to be replaced, in the order of the text. They do not overlap.
func (p Policy) find(text string) []hit {
	var hits []hit
	s := scan{text: text, fake: len(p.Key) > 0}
	for i := sign(text, 0); i < len(text); {
		next, ok := s.look(i)
		if ok {
			h := s.hit
			h.kept = h.kept || p.Do[h.kind] == KeepValue
			if h.kept || !beside(text, h.from, h.to) {
				if !h.kept {
					hits = append(hits, h)
				}
				s.done, s.last, next = h.to, h.kind, h.to
				s.n++
			}
		}
		i = sign(text, next)
	}
	return hits
}

// sign gives the place of the next sign in text, or its end. Almost all time is spent here: the loop has all registers for itself.
//
//go:noinline
func sign(text string, i int) int {
	if i >= len(text) {
		return len(text)
	}
	a := signs[text[i]]
	for ; i+4 < len(text); i += 4 { // four at once, since a step of one costs as much again
		b, c, d := signs[text[i+1]], signs[text[i+2]], signs[text[i+3]]
		if a&(b>>8) != 0 {
			return i
		}
		a = signs[text[i+4]]
		switch {
		case b&(c>>8) != 0:
			return i + 1
		case c&(d>>8) != 0:
			return i + 2
		case d&(a>>8) != 0:
			return i + 3
		}
	}
	for ; i+1 < len(text); i++ {
		if signs[text[i]]&(signs[text[i+1]]>>8) != 0 {
			return i
		}
	}
	return len(text)
}

// look looks at what the sign at text[i] may belong to, and says where to go on if that is nothing.
func (s *scan) look(i int) (next int, ok bool) {
	next = i + 1
	switch set := signs[s.text[i]] & (signs[s.text[i+1]] >> 8); {
	case set&signDigit != 0:
		end, maybe := s.digits(i)
		if !maybe {
			return end, false
		}
		s.hit, next, ok = s.number(i, end)
	case set&signHead != 0:
		if i > 1 && heads[pairOf(s.text[i-2], s.text[i-1])] {
			s.hit, ok = s.secret(i)
		}
	case set&signColon != 0:
		s.hit, ok = s.ipv6(i)
	case set&signAt != 0:
		s.hit, ok = s.email(i)
	case set&signPlus != 0:
		s.hit, ok = s.international(i)
	default:
		s.hit, ok = s.secret(i + 1)
	}
	return next, ok
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
