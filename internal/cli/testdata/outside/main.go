// Command mine is millrace with a stage of one's own.
package main

import (
	"context"
	"errors"
	"os"
	"strings"

	"millrace"
	"millrace/app"
)

type shout struct{}

func (shout) Name() string { return "shout" }

func (shout) Process(_ context.Context, d *millrace.Document) (millrace.Verdict, error) {
	if os.Getenv("FRAGILE") != "" {
		return millrace.Verdict{}, errors.New("not today")
	}
	if d.Text == strings.ToUpper(d.Text) {
		return millrace.Verdict{Reason: "shout.loud"}, nil
	}
	return millrace.Verdict{}, nil
}

func main() { app.Main(app.With(shout{})) }
