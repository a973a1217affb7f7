// Package app is millrace as a library: a program of ten lines adds a stage of its own.
//
//	func main() { app.Main(app.With(shout{})) }
//
// The stage runs behind the cleaning recipe and before the duplicates are looked for. Its name, and what
// its Version method says if it has one, are part of the recipe hash.
package app

import (
	"os"

	"millrace"
	"millrace/internal/cli"
)

// Option adds something to the program.
type Option func(*cli.App)

// With adds a stage.
func With(s millrace.Stage) Option {
	return func(a *cli.App) { a.Stages = append(a.Stages, s) }
}

// Main runs the millrace command line and ends the process.
func Main(opts ...Option) {
	a := &cli.App{Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	for _, o := range opts {
		o(a)
	}
	os.Exit(a.Main())
}
