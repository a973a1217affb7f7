package consent

import (
	"slices"
	"strings"

	"millrace"
)

// tags reads X-Robots-Tag and meta robots. noai and noml refuse training; noindex is kept beside, for a
// policy to decide about. noimageai speaks of images and says nothing about text, but is kept too.
func tags(c *collector, in Input) {
	add := func(source, raw string) {
		words := tagWords(raw, in.Token)
		s := millrace.Statement{Source: source, Raw: raw, NoIndex: hasAny(words, "noindex", "none")}
		if hasAny(words, "noai", "noml") {
			s.Value = millrace.No
		}
		if s.Value == millrace.No || s.NoIndex || hasAny(words, "noimageai") {
			c.add(s)
		}
	}
	for _, v := range values(in.Header, "X-Robots-Tag") {
		add("header:X-Robots-Tag", v)
	}
	if in.Head != nil {
		for _, v := range in.Head.robots {
			add("meta:robots", v)
		}
	}
}

// NoFollow reports whether a page asks not to follow its links.
func NoFollow(in Input) bool {
	asks := func(v string) bool { return hasAny(tagWords(v, in.Token), "nofollow", "none") }
	return slices.ContainsFunc(values(in.Header, "X-Robots-Tag"), asks) ||
		in.Head != nil && slices.ContainsFunc(in.Head.robots, asks)
}

// tagWords lists the directives of "[agent:] word, word, …" that speak to us, in lower case: those
// before which no agent is named, or "*", or ours.
func tagWords(value, token string) (out []string) {
	ours := true
	for part := range strings.SplitSeq(value, ",") {
		name, rest, ok := strings.Cut(part, ":")
		if name = strings.TrimSpace(name); ok && isAgent(name) {
			ours = name == "*" || strings.EqualFold(name, token)
			part = rest
		} else if ok {
			continue // a directive with a value, or the time of one
		}
		if ours {
			for w := range strings.FieldsSeq(part) {
				out = append(out, strings.ToLower(w))
			}
		}
	}
	return out
}

// isAgent reports whether a word before a colon is an agent's name, and neither a directive with a value
// nor a piece of the date in "unavailable_after: Wed, 25 Jun 2025 15:00:00 GMT".
func isAgent(s string) bool {
	switch strings.ToLower(s) {
	case "", "max-snippet", "max-image-preview", "max-video-preview", "unavailable_after":
		return false
	}
	return isAlpha(s[0]) || s == "*"
}

func hasAny(list []string, words ...string) bool {
	return slices.ContainsFunc(list, func(w string) bool { return slices.Contains(words, w) })
}
