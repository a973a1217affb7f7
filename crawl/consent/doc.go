// Package consent reads what a publisher says about the use of a page for training: header, head of
// the page, robots.txt and the site's own files come in, and statements come out, each with its
// source, its words and one of three values (yes, no, not said). The package does no I/O and cannot
// fail: what cannot be read was not said.
//
// Read in this order: consent.go (all sources joined), usage.go (Content-Usage, Content-Signal),
// tags.go (X-Robots-Tag, meta robots), rules.go (robots.txt), head.go (an HTML page), site.go (files
// of a site), tdm.go, rsl.go, aitxt.go, licence.go, policy.go (what follows from it all).
package consent
