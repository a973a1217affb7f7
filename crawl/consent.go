package crawl

import (
	"slices"
	"strings"

	"millrace"
	"millrace/crawl/robots"
)

// maxStatements and maxRaw bound what one page's publisher can make us keep.
const (
	maxStatements = 32
	maxRaw        = 1 << 10
)

// statements collects what the header and the head of a page say about training.
func statements(header []millrace.Field, head pageHead, token string) []millrace.Statement {
	var out []millrace.Statement
	add := func(source, raw string, v millrace.Consent) {
		if v != millrace.NotSaid && len(out) < maxStatements {
			out = append(out, millrace.Statement{Source: source, Raw: clip(raw), Value: v})
		}
	}
	for _, f := range header {
		switch f.Name {
		case "X-Robots-Tag":
			add("header:X-Robots-Tag", f.Value, robotsTag(f.Value, token))
		case "Content-Usage":
			add("header:Content-Usage", f.Value, usageValue(f.Value))
		case "Tdm-Reservation":
			add("header:TDM-Reservation", f.Value, tdmValue(f.Value))
		}
	}
	for _, s := range head.robots {
		add("meta:robots", s, robotsTag(s, token))
	}
	for _, s := range head.tdm {
		add("meta:tdm-reservation", s, tdmValue(s))
	}
	return out
}

// robotsStatements collects what robots.txt says about training on the page at url.
func robotsStatements(g *robots.Group, url string) []millrace.Statement {
	var out []millrace.Statement
	for _, u := range g.Usage(url) {
		v := usageValue(u.Value)
		if v == millrace.NotSaid || len(out) == maxStatements {
			continue
		}
		raw := u.Value
		if u.Path != "" {
			raw = u.Path + " " + raw
		}
		out = append(out, millrace.Statement{Source: "robots:" + u.Name, Raw: clip(raw), Value: v})
	}
	return out
}

// combine is the vocabulary's rule: any no is a no, else any yes is a yes. Not said is not yes.
func combine(by []millrace.Statement) millrace.Consent {
	out := millrace.NotSaid
	for _, s := range by {
		switch {
		case s.Value == millrace.No:
			return millrace.No
		case s.Value == millrace.Yes:
			out = millrace.Yes
		}
	}
	return out
}

// robotsTag reads a robots tag for what it says about training. noimageai speaks of images and is
// not about text.
func robotsTag(value, token string) millrace.Consent {
	if tagSays(value, token, "noai", "noml") {
		return millrace.No
	}
	return millrace.NotSaid
}

// tagSays looks for words in "[agent:] word, word, …". A word counts where no agent is named before
// it, or ours, or "*".
func tagSays(value, token string, words ...string) bool {
	ours := true
	for part := range strings.SplitSeq(value, ",") {
		part = strings.TrimSpace(part)
		if name, rest, ok := strings.Cut(part, ":"); ok && !isDirective(name) {
			name = strings.TrimSpace(name)
			ours = name == "*" || strings.EqualFold(name, token)
			part = strings.TrimSpace(rest)
		}
		if ours && slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(part, w) }) {
			return true
		}
	}
	return false
}

// isDirective reports whether a word before a colon is a directive with a value and not an agent.
func isDirective(s string) bool {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "max-snippet", "max-image-preview", "max-video-preview", "unavailable_after":
		return true
	}
	return false
}

// usageValue reads the dictionary of Content-Usage ("train-ai=n") and Content-Signal ("ai-train=no").
// The last of equal keys counts; other keys say nothing about training.
func usageValue(value string) millrace.Consent {
	last := map[string]millrace.Consent{}
	for part := range strings.SplitSeq(value, ",") {
		k, v, _ := strings.Cut(part, "=")
		k = strings.TrimSpace(k)
		if k != "train-ai" && k != "ai-train" {
			continue
		}
		v, _, _ = strings.Cut(v, ";")
		switch strings.TrimSpace(v) {
		case "n", "no":
			last[k] = millrace.No
		case "y", "yes":
			last[k] = millrace.Yes
		default:
			last[k] = millrace.NotSaid
		}
	}
	return combine([]millrace.Statement{{Value: last["train-ai"]}, {Value: last["ai-train"]}})
}

// tdmValue reads a TDM reservation: 1 reserves, 0 does not, anything else was not said.
func tdmValue(value string) millrace.Consent {
	switch strings.TrimSpace(value) {
	case "1":
		return millrace.No
	case "0":
		return millrace.Yes
	}
	return millrace.NotSaid
}

// linksForbidden reports whether the page asks not to follow its links.
func linksForbidden(header []millrace.Field, head pageHead, token string) bool {
	for _, f := range header {
		if f.Name == "X-Robots-Tag" && tagSays(f.Value, token, "nofollow", "none") {
			return true
		}
	}
	for _, s := range head.robots {
		if tagSays(s, token, "nofollow", "none") {
			return true
		}
	}
	return false
}

// clip makes a stranger's text fit to be kept: one line, valid, not too long.
func clip(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if len(s) > maxRaw {
		s = strings.ToValidUTF8(s[:maxRaw], "")
	}
	return s
}
