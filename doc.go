// Package millrace holds the words that every part of millrace speaks: a Page comes in,
// becomes a Document, passes Stages that measure it and may give it a Verdict, and ends as
// one row of a corpus. The package imports only the standard library and does nothing itself.
//
// Read in this order: id.go, page.go, document.go, verdict.go, position.go, stage.go, tally.go.
package millrace
