package millrace_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// layer is a place in the house. Arrows go down only.
type layer struct {
	prefixes []string // packages, relative to the module; each with all below it
	may      []string // the layers that it may import, besides itself
	why      string
}

// house lists the layers. A package that fits none is an error: a new folder says here where it stands.
// The longest prefix wins.
var house = map[string]layer{
	"root": {nil, nil,
		"everybody imports the words, so that they may bring nothing along"},
	"leaf": {[]string{"internal/warc", "internal/atomicfile", "internal/durable", "internal/objects", "internal/lock", "internal/config", "internal/obs", "internal/web", "internal/term", "internal/quote"}, []string{"root"},
		"formats and plumbing know no folder, so that any folder may use them"},
	"crawl":  {[]string{"crawl"}, []string{"root", "leaf"}, blind},
	"ingest": {[]string{"ingest"}, []string{"root", "leaf"}, blind},
	"clean":  {[]string{"clean"}, []string{"root", "leaf"}, blind},
	"dedup":  {[]string{"dedup"}, []string{"root", "leaf"}, blind},
	"shards": {[]string{"shards"}, []string{"root", "leaf"}, blind},
	"trainer": {[]string{"trainer"}, []string{"root", "leaf", "shards"},
		blind + "; the trainer alone may read shards, because rows are all that it eats"},
	"run": {[]string{"internal/run"}, []string{"root", "leaf"},
		"the runner knows sources, stages and sinks by their interfaces only"},
	"judge": {[]string{"internal/demo/judge", "internal/sim/streamjudge", "internal/sim/piiplant"}, nil,
		"a judge that shared code with the judged would share its mistakes"},
	"demo": {[]string{"internal/demo"}, []string{"root", "leaf", "judge"},
		"the demo's website is the outside world: it must not know how it is crawled"},
	"cli": {[]string{"internal/cli", "app", "cmd/millrace"}, []string{"root", "leaf", "crawl", "ingest", "clean", "dedup", "shards", "trainer", "run", "demo", "judge", "docs"},
		"the only place that knows every folder; the test world stays out of the product"},
	"sim": {[]string{"internal/sim"}, []string{"root", "leaf", "crawl", "ingest", "clean", "dedup", "shards", "trainer", "run", "demo", "judge", "docs", "cli"},
		"the test world may look at everything"},
	"docs": {[]string{"docs"}, nil,
		"pages for people, and their test; explain prints them"},
	"house": {[]string{"internal/house"}, nil,
		"tests of the repository's text need none of its code"},
}

const blind = "the six folders do not import each other: each can be read, tested and replaced alone"

// module says who may import a module. test means: so may test files, anywhere.
type module struct {
	owners []string
	test   bool
	why    string
}

// anywhere is the owner of a module that brings nothing along: every package but the root may use it.
var anywhere = []string{"*"}

// modules lists every module outside the standard library, by the start of its import paths.
var modules = map[string]module{
	"github.com/gocolly/colly/v2":         {[]string{"crawl", "internal/sim/collypeer"}, false, "colly fetches, for crawl; and, in the test world, on its own"},
	"github.com/temoto/robotstxt":         {[]string{"crawl"}, false, "robots.txt is crawl's business"},
	"github.com/segmentio/kafka-go":       {[]string{"ingest", "internal/sim/stream", "internal/sim/simlog"}, false, "topics are ingest's business; the test world looks at them from outside, or is one"},
	"github.com/apache/arrow/go/v17":      {[]string{"shards"}, false, "28 MB of binary for one folder; v18 beside it does not link"},
	"github.com/minio/minio-go/v7":        {[]string{"internal/objects"}, false, "an object store is a Store to everybody else"},
	"gonum.org/v1/gonum":                  {[]string{"trainer"}, false, "numbers are the trainer's business"},
	"github.com/spf13/cobra":              {[]string{"internal/cli", "app"}, false, "the command line"},
	"github.com/goccy/go-yaml":            {[]string{"internal/config", "clean", "crawl/consent"}, true, "pipeline.yaml, recipes and policies as data; tests read cards with it"},
	"github.com/expr-lang/expr":           {[]string{"clean"}, false, "rules in words: its parser, its types, and a machine that runs bounded steps"},
	"github.com/vbauerster/mpb/v8":        {[]string{"internal/term", "internal/cli"}, false, "progress bars"},
	"github.com/lmittmann/tint":           {[]string{"internal/obs", "internal/cli"}, false, "log lines for people"},
	"github.com/prometheus/client_golang": {[]string{"internal/obs"}, false, "metrics, on a registry of their own"},
	"github.com/nlnwa/whatwg-url":         {[]string{"crawl", "ingest", "internal/web"}, false, "URLs as browsers read them; purell changes resources"},
	"github.com/zeebo/xxh3":               {anywhere, false, "small; hashes that need no secrecy"},
	"github.com/klauspost/compress":       {[]string{"crawl", "ingest", "shards", "internal/warc"}, false, "gzip and zstd"},
	"github.com/andybalholm/brotli":       {[]string{"crawl"}, false, "the content coding br"},
	"codeberg.org/readeck/go-readability": {[]string{"clean/extract"}, false, "a DOM extractor, for pages on which ours is not sure"},
	"golang.org/x/net/html":               {anywhere, false, "small; the tokenizer: the parser stops at 512 open elements, so its trees are for tests and second opinions"},
	"golang.org/x/net/publicsuffix":       {anywhere, false, "small; registrable domains"},
	"golang.org/x/sync":                   {anywhere, false, "small; errgroup: goroutines with an owner"},
	"golang.org/x/sys":                    {anywhere, false, "small; CPU features, file locks, terminals"},
	"golang.org/x/term":                   {[]string{"internal/term"}, false, "width of a terminal"},
	"golang.org/x/text":                   {anywhere, false, "small; encodings and normal forms"},
	"google.golang.org/protobuf":          {[]string{"ingest", "shards"}, false, "the wire format only (protowire): no generated code"},
	"github.com/parquet-go/parquet-go":    {[]string{"internal/demo/judge", "internal/sim", "shards"}, true, "an independent reader, in shards of other people's files: it must not become the writer"},
	"github.com/xdg-go/scram":             {nil, true, "the other side of a SCRAM login, in tests of ingest's; kafka-go brings it"},
	"github.com/google/go-cmp":            {nil, true, "diffs in tests"},
	"pgregory.net/rapid":                  {nil, true, "property tests"},
	"github.com/rogpeppe/go-internal":     {nil, true, "testscript"},
}

const modulePath = "millrace"

// pkg is what `go list -json` says about a package.
type pkg struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func TestArrows(t *testing.T) {
	for _, goos := range []string{"linux", "darwin", "windows"} {
		t.Run(goos, func(t *testing.T) {
			pkgs := list(t, goos)
			for _, v := range violations(pkgs) {
				t.Error(v)
			}
			if len(pkgs) < 2 {
				t.Fatalf("go list named %d packages", len(pkgs))
			}
		})
	}
}

// TestArrowsCatches plants one violation of each kind.
func TestArrowsCatches(t *testing.T) {
	const m = modulePath
	planted := []struct {
		name string
		p    pkg
	}{
		{"root imports a module", pkg{ImportPath: m, Imports: []string{"golang.org/x/net/html"}}},
		{"root imports a folder", pkg{ImportPath: m, Imports: []string{m + "/clean"}}},
		{"folder imports folder", pkg{ImportPath: m + "/clean", Imports: []string{m + "/crawl"}}},
		{"below a folder imports folder", pkg{ImportPath: m + "/ingest/broker", Imports: []string{m + "/shards"}}},
		{"shards imports trainer", pkg{ImportPath: m + "/shards", Imports: []string{m + "/trainer"}}},
		{"folder imports cli", pkg{ImportPath: m + "/dedup", Imports: []string{m + "/internal/cli"}}},
		{"leaf imports folder", pkg{ImportPath: m + "/internal/warc", Imports: []string{m + "/crawl"}}},
		{"runner imports folder", pkg{ImportPath: m + "/internal/run", Imports: []string{m + "/shards"}}},
		{"judge imports root", pkg{ImportPath: m + "/internal/demo/judge", Imports: []string{m}}},
		{"product imports test world", pkg{ImportPath: m + "/internal/cli", Imports: []string{m + "/internal/sim"}}},
		{"module outside its folder", pkg{ImportPath: m + "/clean", Imports: []string{"github.com/apache/arrow/go/v17/arrow"}}},
		{"module outside its folder, in a test", pkg{ImportPath: m + "/clean", XTestImports: []string{"github.com/apache/arrow/go/v17/arrow"}}},
		{"test module in the product", pkg{ImportPath: m + "/shards", Imports: []string{"github.com/google/go-cmp/cmp"}}},
		{"unknown module", pkg{ImportPath: m + "/crawl", Imports: []string{"github.com/nobody/knows"}}},
		{"unknown folder", pkg{ImportPath: m + "/utils"}},
		{"folder imports folder in a test", pkg{ImportPath: m + "/clean", TestImports: []string{m + "/crawl"}}},
	}
	for _, tt := range planted {
		if got := violations([]pkg{tt.p}); len(got) != 1 {
			t.Errorf("%s: %d violations, want 1: %v", tt.name, len(got), got)
		}
	}
	right := []pkg{
		{ImportPath: m, Imports: []string{"fmt"}, XTestImports: []string{"pgregory.net/rapid"}},
		{ImportPath: m + "/trainer", Imports: []string{m, m + "/shards", "gonum.org/v1/gonum/mat"}},
		{ImportPath: m + "/shards", TestImports: []string{"github.com/parquet-go/parquet-go"}, XTestImports: []string{m + "/internal/sim/fs"}},
	}
	if got := violations(right); len(got) != 0 {
		t.Errorf("right code is refused: %v", got)
	}
}

// list asks go list for the module's packages, with their tests, as built for goos.
func list(t *testing.T, goos string) []pkg {
	t.Helper()
	touch(t)
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	cmd.Env = append(os.Environ(), "GOOS="+goos)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	var pkgs []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		pkgs = append(pkgs, p)
	}
}

// touch lists every folder: the cache of test results sees what a test opens, and not what go list reads.
func touch(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir(".", func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == ".git" {
			return fs.SkipDir
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// violations tells every import that goes the wrong way.
func violations(pkgs []pkg) []string {
	var out []string
	for _, p := range pkgs {
		from := layerOf(p.ImportPath)
		if from == "" {
			out = append(out, fmt.Sprintf("%s stands in no layer: give it one in arch_test.go", p.ImportPath))
			continue
		}
		tests := slices.Concat(p.TestImports, p.XTestImports)
		slices.Sort(tests)
		for _, to := range p.Imports {
			out = appendIf(out, wrong(p.ImportPath, from, to, false))
		}
		for _, to := range slices.Compact(tests) {
			out = appendIf(out, wrong(p.ImportPath, from, to, true))
		}
	}
	return out
}

// appendIf appends v unless it is empty.
func appendIf(s []string, v string) []string {
	if v == "" {
		return s
	}
	return append(s, v)
}

// wrong says what is wrong with one import, or "".
func wrong(path, from, to string, test bool) string {
	if to == modulePath || strings.HasPrefix(to, modulePath+"/") {
		target := layerOf(to)
		if target == from || slices.Contains(house[from].may, target) || test && (target == "sim" || from == "root") {
			return ""
		}
		return fmt.Sprintf("%s imports %s: layer %s may import %v: %s", path, to, from, house[from].may, house[from].why)
	}
	if first, _, _ := strings.Cut(to, "/"); !strings.Contains(first, ".") {
		return "" // the standard library
	}
	m, ok := modules[longest(to, maps.Keys(modules))]
	if !ok {
		return fmt.Sprintf("%s imports %s, which is in no list: look at what it brings, then name its owner in arch_test.go", path, to)
	}
	if test && m.test {
		return ""
	}
	if slices.Equal(m.owners, anywhere) && from != "root" {
		return ""
	}
	for _, o := range m.owners {
		if under(path, modulePath+"/"+o) {
			return ""
		}
	}
	return fmt.Sprintf("%s imports %s: it belongs to %v: %s", path, to, m.owners, m.why)
}

// layerOf finds a package's layer by its longest prefix; only the root itself is in layer root.
func layerOf(path string) string {
	if path == modulePath {
		return "root"
	}
	layers := map[string]string{}
	for name, l := range house {
		for _, p := range l.prefixes {
			layers[modulePath+"/"+p] = name
		}
	}
	return layers[longest(path, maps.Keys(layers))]
}

// longest picks the longest of the names that path is or lies under, or "".
func longest(path string, names iter.Seq[string]) string {
	best := ""
	for n := range names {
		if under(path, n) && len(n) > len(best) {
			best = n
		}
	}
	return best
}

// under reports whether path is dir or lies below it.
func under(path, dir string) bool { return path == dir || strings.HasPrefix(path, dir+"/") }
