package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"millrace/internal/sim"
	"millrace/shards"
)

// planted names a page that the site has on purpose: planted KIND VAR sets VAR to its URL and VAR_OF to
// the page that it is a copy of.
func planted(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: planted KIND VAR")
	}
	raw, err := os.ReadFile(ts.MkAbs("site/planted.json"))
	ts.Check(err)
	var list struct {
		Items []struct{ Kind, URL, Of string }
	}
	ts.Check(json.Unmarshal(raw, &list))
	for _, item := range list.Items {
		if item.Kind == args[0] {
			ts.Setenv(args[1], item.URL)
			ts.Setenv(args[1]+"_OF", item.Of)
			return
		}
	}
	ts.Fatalf("nothing of kind %s is planted", args[0])
}

// row names a row of the corpus with a reason: row REASON VAR [STAGE] sets VAR to its ID and VAR_OF to its twin's. A reason
// may be the beginning of one.
func row(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 && len(args) != 3 {
		ts.Fatalf("usage: row REASON VAR [STAGE]")
	}
	t, err := shards.Open(ts.MkAbs("corpus"))
	ts.Check(err)
	found := false
	err = t.Rows(context.Background(), shards.Select{Rejects: true}, func(r *shards.Row) error {
		if v := r.Verdict; strings.HasPrefix(string(v.Reason), args[0]) && append(args, v.Stage)[2] == v.Stage && !found {
			found = true
			ts.Setenv(args[1], r.ID)
			ts.Setenv(args[1]+"_OF", r.Verdict.Of.String())
		}
		return nil
	})
	ts.Check(err)
	if !found {
		ts.Fatalf("no row has the reason %s", args)
	}
}

// seeds writes a pipeline.yaml for URLs on this machine: seeds FILE CORPUS URL.
func seeds(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: seeds FILE CORPUS URL")
	}
	addr := strings.Split(strings.TrimPrefix(args[2], "http://"), "/")[0]
	yaml := fmt.Sprintf("dir: %s\nagent: {token: millbot}\ncrawl: {seeds: ['%s'], allow_addr: ['%s'], delay: 20ms}\n", args[1], args[2], addr)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(yaml), 0o644))
}

// sameShards wants corpora to hold the same shard files, at least so many: sameshards N DIR DIR…
func sameShards(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: sameshards N DIR DIR...")
	}
	for _, other := range args[2:] {
		n, err := sim.SameFiles(context.Background(), ts.MkAbs(args[1]), ts.MkAbs(other))
		ts.Check(err)
		if want, err := strconv.Atoi(args[0]); err != nil || n < want {
			ts.Fatalf("%d files, want at least %s", n, args[0])
		}
	}
}

// waitFor waits until a file exists, for half a minute.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: waitfor FILE")
	}
	for range 300 {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	ts.Fatalf("%s did not come", filepath.Base(args[0]))
}

// until asks again until the answer is there, with every pattern in it: until PATTERN... -- PROGRAM ARGS...
func until(ts *testscript.TestScript, neg bool, args []string) {
	dash := slices.Index(args, "--")
	if neg || dash < 1 || dash+1 == len(args) {
		ts.Fatalf("usage: until PATTERN... -- PROGRAM ARGS...")
	}
	for range 300 {
		err := ts.Exec(args[dash+1], args[dash+2:]...)
		out := ts.ReadFile("stdout")
		if err == nil && !slices.ContainsFunc(args[:dash], func(p string) bool { return !regexp.MustCompile(p).MatchString(out) }) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	ts.Fatalf("%s did not come to say %q", strings.Join(args[dash+1:], " "), args[:dash])
}

// closedSite serves a robots.txt that refuses everything, and nothing else: closed VAR sets VAR to its address.
func closedSite(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: closed VAR")
	}
	var l net.Listener
	var err error
	for port := 30100; port < 30200; port++ {
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			break
		}
	}
	ts.Check(err)
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/robots.txt" {
			http.Error(w, "nobody was to ask for this", http.StatusTeapot)
			return
		}
		fmt.Fprint(w, "User-agent: *\nDisallow: /\n")
	})}
	go srv.Serve(l)
	ts.Defer(func() { srv.Close() })
	ts.Setenv(args[0], "http://"+l.Addr().String())
}

// ownURLs writes a list of one URL, of a page that only its site links to: urls FILE VAR sets VAR to its host's address.
func ownURLs(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: urls FILE VAR")
	}
	planted(ts, false, []string{"spam", "SPAM"})
	u, err := url.Parse(ts.Getenv("SPAM"))
	ts.Check(err)
	ts.Setenv(args[1], u.Host)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte("# my pages\n"+u.String()+"\n"), 0o644))
}
