// Package robots reads robots.txt (RFC 9309): the bytes of a file and a product token come in, and
// whether a URL may be fetched comes out, with the line that decided. Parsing cannot fail: every
// readable line counts, every other line is passed over. The package knows no network.
//
// Read in this order: parse.go (lines to groups), match.go (patterns), allow.go (the answer).
package robots
