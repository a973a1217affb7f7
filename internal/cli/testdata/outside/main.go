// Command mine is millrace with a stage of one's own.
package main

import (
	"context"
	"strings"

	"millrace"
	"millrace/app"
)

type shout struct{}

func (shout) Name() string { return "shout" }

func (shout) Process(_ context.Context, d *millrace.Document) (millrace.Verdict, error) {
	if d.Text == strings.ToUpper(d.Text) {
		return millrace.Verdict{Reason: "shout.loud"}, nil
	}
	return millrace.Verdict{}, nil
}

func main() { app.Main(app.With(shout{})) }
