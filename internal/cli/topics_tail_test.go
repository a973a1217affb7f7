package cli

import (
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// fromFile sets a variable to what a file says: fromfile VAR FILE.
func fromFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: fromfile VAR FILE")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
}
