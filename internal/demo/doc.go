// Package demo is the website that `millrace demo` serves to itself, and the traps on it.
//
// In comes the documentation of the Go code on this machine: GOROOT and the modules that this very
// binary was built from. Out go pages over HTTP on loopback, a list of what was planted among them
// (planted.json), and a log of every request (access.log). Package judge holds both against the
// corpus; this package knows nothing of millrace, so that the two cannot agree by sharing a mistake.
//
// Everything on the site is a function of the Go version, the module versions and the seed.
//
// Read in this order: site.go (what one asks for), source.go (where documentation lies), godoc.go
// and markup.go (documentation -> blocks), page.go (blocks -> HTML), measure.go (shingles, and
// would it pass), edit.go (near-duplicates), plant.go and odd.go (what is planted), layout.go
// (which host has which page), serve.go and log.go (HTTP), pipeline.go (the demo's recipe), folder.go
// (a website of somebody's own files).
package demo
