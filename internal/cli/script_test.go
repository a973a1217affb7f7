package cli

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the scripts call this binary as millrace.
func TestMain(m *testing.M) {
	if os.Getenv("MILLRACE_MUSEUM") != "" {
		museumMain()
	}
	// Much of a script is waiting. With as many at once as there are cores, the cores would be idle for half of the time.
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){
		"millrace": func() {
			a := &App{Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
			os.Exit(a.Main())
		},
		"poisoned":    poisoned,
		"holdingmill": holdingMill,
	})
}

// TestScripts runs the commands as users type them. Each script has a folder of its own.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"towns":       ofScript((*towns).serve),
			"wanttowns":   ofScript((*towns).want),
			"waitasked":   ofScript((*towns).waitAsked),
			"site":        serveSite,
			"exit":        wantExit,
			"visited":     visited,
			"outside":     copyOutside,
			"planted":     planted,
			"urls":        ownURLs,
			"closed":      closedSite,
			"row":         row,
			"smalldisk":   smallDisk,
			"seeds":       seeds,
			"sameshards":  sameShards,
			"waitfor":     waitFor,
			"until":       until,
			"lives":       lives,
			"poisonfiles": poisonFiles,
			"freeport":    freePort,
			"ask":         ask,
			"fromfile":    fromFile,
			"store":       serveStore,
		},
		Condition: func(cond string) (bool, error) {
			if cond == "tmpfs" {
				return canMount(), nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Values[townsKey{}] = &towns{}
			e.Setenv("NO_COLOR", "1")
			e.Setenv("GOROOT", goRoot())
			return nil
		},
	})
}

// serveSite starts the demo's website for the rest of the script and writes its pipeline.yaml:
// site PAGES FILE CORPUS [RECIPE]. The crawl's delay is shortened, for these tests are about other things.
func serveSite(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 && len(args) != 4 {
		ts.Fatalf("usage: site PAGES FILE CORPUS [RECIPE]")
	}
	startSite(ts, args[0], ts.MkAbs(args[1]), args[2], append(args, "default")[3])
}
