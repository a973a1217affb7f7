package cli

import (
	"fmt"
	"os"

	"github.com/rogpeppe/go-internal/testscript"

	"millrace/internal/sim/s3"
)

// serveStore adds the lines to a pipeline.yaml that keep its corpus in an object store: store FILE PREFIX. The store
// runs for the rest of the script; the variables with its keys are A_KEY and A_SECRET.
func serveStore(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: store FILE PREFIX")
	}
	if ts.Getenv("STORE") == "" {
		endpoint, stop := s3.NewFake().Serve()
		ts.Defer(stop)
		ts.Setenv("STORE", endpoint)
	}
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_APPEND|os.O_WRONLY, 0o644)
	ts.Check(err)
	_, err = fmt.Fprintf(f, "store: s3://%s/%s\ns3: {endpoint: '%s', access_key_env: A_KEY, secret_key_env: A_SECRET}\n", s3.FakeBucket, args[1], ts.Getenv("STORE"))
	ts.Check(err)
	ts.Check(f.Close())
}
