package charset

import "bytes"

// around is how many ASCII characters beside one beyond ASCII belong to the sample: they tell its language.
const around = 32

// sample takes the parts of body that tell encodings apart: text outside tags, scripts and styles, from a little before
// each byte beyond ASCII to a little behind it. Where only the markup has such bytes, it is taken with it.
func sample(body []byte) []byte {
	s := &sampler{out: make([]byte, 0, sampleBytes)}
	for rest := body; len(rest) > 0 && len(s.out) < sampleBytes; {
		i := bytes.IndexByte(rest, '<')
		if i < 0 {
			s.text(rest)
			break
		}
		s.text(rest[:i])
		rest = behind(rest[i:])
	}
	if !s.found {
		s.out = s.out[:0]
		s.text(body)
	}
	if !s.found {
		return nil
	}
	return s.out[:min(len(s.out), sampleBytes)]
}

// behind gives what stands behind the tag, the comment, the script or the style that b begins with. A < that
// begins none of them is text.
func behind(b []byte) []byte {
	skip := func(n int, end string) []byte {
		if i := bytes.Index(b[n:], []byte(end)); i >= 0 {
			return b[n+i+len(end):]
		}
		return nil
	}
	switch {
	case bytes.HasPrefix(b, []byte("<!--")):
		return skip(4, "-->")
	case named(b, "<script"):
		return skip(7, "</")
	case named(b, "<style"):
		return skip(6, "</")
	case len(b) > 1 && (b[1] == '/' || b[1] == '!' || b[1] == '?' || 'a' <= b[1]|0x20 && b[1]|0x20 <= 'z'):
		return skip(1, ">")
	}
	return b[1:]
}

// named reports whether b begins with a tag of that name.
func named(b []byte, tag string) bool {
	return len(b) > len(tag) && bytes.EqualFold(b[:len(tag)], []byte(tag)) && (b[len(tag)] == '>' || b[len(tag)] <= ' ')
}

// sampler collects.
type sampler struct {
	out   []byte
	found bool // a byte beyond ASCII
}

// text takes what is near bytes beyond ASCII of one stretch of text.
func (s *sampler) text(b []byte) {
	start := 0 // of what is not yet taken
	for start < len(b) && len(s.out) < sampleBytes {
		i := bytes.IndexFunc(b[start:], beyondASCII)
		if i < 0 {
			return
		}
		s.found = true
		from := max(start, start+i-around)
		if from > start || start == 0 {
			s.out = append(s.out, ' ')
		}
		end := start + i + 1
		for quiet := 0; end < len(b) && quiet < around && end-from < sampleBytes; end++ {
			quiet++
			if b[end] >= 0x80 {
				quiet = 0
			}
		}
		s.out = append(s.out, b[from:end]...)
		start = end
	}
}

// beyondASCII is true of a rune that is not ASCII, and of a byte that is none.
func beyondASCII(r rune) bool { return r >= 0x80 }
