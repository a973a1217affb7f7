package house

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// What changes a disk, by package and name. Whoever can only have files that he opened for reading can write none.
var diskCalls = map[string][]string{
	"os": {"Chtimes", "CopyFS", "Create", "CreateTemp", "Link", "Mkdir", "MkdirAll", "MkdirTemp", "NewFile", "OpenFile", "OpenRoot",
		"Remove", "RemoveAll", "Rename", "Symlink", "Truncate", "WriteFile"},
	"ioutil":     {"TempDir", "TempFile", "WriteFile"},
	"syscall":    {"Creat", "Fdatasync", "Fsync", "Ftruncate", "Link", "Mkdir", "Open", "Pwrite", "Rename", "Rmdir", "Sync", "Truncate", "Unlink", "Write"},
	"unix":       {"Creat", "Fdatasync", "Fsync", "Ftruncate", "Link", "Mkdir", "Mmap", "Open", "Openat", "Pwrite", "Rename", "Rmdir", "Sync", "Truncate", "Unlink", "Write"},
	"atomicfile": {"Create", "SyncDir", "Write"},
}

// unwatched are the folders that no crash is tried on.
var unwatched = map[string]string{
	"internal/durable/":    "makes the steps",
	"internal/atomicfile/": "the same without a watcher, for those below",
	"internal/sim/":        "the test world",
	"internal/demo/":       "the demo's website is the outside world",
	"trainer/":             "a checkpoint that is lost costs steps and no row; trainer's own tests kill it",
}

// unpointed are calls without a point: "file package.Name" to the reason.
var unpointed = map[string]string{
	"dedup/texts.go os.MkdirAll":                 "scratch: removed at each start",
	"dedup/texts.go os.MkdirTemp":                "scratch",
	"dedup/texts.go os.OpenFile":                 "scratch",
	"dedup/texts.go os.Remove":                   "scratch",
	"ingest/broker/broker.go os.OpenFile":        "the lock: nothing in it has to last",
	"ingest/files.go os.MkdirTemp":               "what a command reads that keeps no state",
	"ingest/files.go os.RemoveAll":               "the same",
	"internal/run/journal.go os.Rename":          "the attempt journal outlives a process, not the machine",
	"internal/run/journal.go os.CreateTemp":      "the attempt journal",
	"internal/run/journal.go os.Remove":          "the attempt journal",
	"internal/run/map_unix.go os.OpenFile":       "the attempt journal",
	"internal/run/map_windows.go os.OpenFile":    "the attempt journal",
	"internal/run/words.go os.OpenFile":          "the last words of a process: the same",
	"internal/run/words.go os.Remove":            "the last words",
	"internal/cli/health.go os.WriteFile":        "a probe: can the folder be written to?",
	"internal/cli/health.go os.Remove":           "the probe",
	"internal/lock/lock.go os.MkdirAll":          "the lock: the system drops it with the process",
	"internal/lock/lock.go os.OpenFile":          "the lock",
	"internal/lock/lock.go os.WriteFile":         "who holds the lock, for people",
	"internal/warc/index.go os.CreateTemp":       "scratch of an index that is made again where it is missing",
	"internal/warc/index.go os.Remove":           "scratch",
	"internal/cli/stepout.go os.Create":          "a step over files: started again it makes them anew",
	"internal/cli/stepout.go os.MkdirAll":        "the same",
	"internal/cli/stepout.go os.Remove":          "the same",
	"internal/cli/stepout.go os.Rename":          "the same",
	"internal/cli/stepout.go os.WriteFile":       "the same",
	"internal/cli/newstage.go atomicfile.Create": "a file for its user, who sees whether it is there",
	"shards/signals.go os.Rename":                "the same",
	"internal/cli/demo.go os.MkdirAll":           "the demo makes its folder anew each time",
	"internal/cli/demo.go os.RemoveAll":          "the demo",
	"internal/cli/demo.go os.WriteFile":          "the demo",
	"internal/cli/doctor.go os.MkdirAll":         "doctor tries out what the disk can",
	"internal/cli/doctor.go os.MkdirTemp":        "doctor",
	"internal/cli/doctor.go os.RemoveAll":        "doctor",
	"internal/cli/doctor.go atomicfile.Create":   "doctor",
	"internal/cli/doctor.go atomicfile.Write":    "doctor",
	"internal/cli/init.go atomicfile.Create":     "a file for its user, who sees whether it is there",
	"internal/cli/init.go atomicfile.Write":      "the same",
}

// acknowledgers are the functions that tell somebody that what he gave is safe. Each has a point for it.
var acknowledgers = []string{"ingest/broker/partition.go open", "ingest/broker/partition.go commit", "ingest/broker/partition.go trim",
	"crawl/archiver.go collect", "shards/commit.go committed"}

// TestDurableStepsHavePoints finds what changes a disk past internal/durable, where no crash is tried.
func TestDurableStepsHavePoints(t *testing.T) {
	pkgs, files := parse(t)
	if files == 0 {
		t.Fatal("no Go files found")
	}
	used, told := map[string]bool{}, map[string]bool{}
	for _, p := range pkgs {
		for name, f := range p.files {
			if folderOf(name) != "" {
				continue
			}
			for _, call := range diskCallsOf(f) {
				if key := name + " " + call; unpointed[key] != "" {
					used[key] = true
				} else {
					t.Errorf("%s calls %s: a step that a crash can come before or after is made by internal/durable, with a point", name, call)
				}
			}
			for _, x := range acknowledgersOf(name, f) {
				if told[x.key] = true; !x.pointed {
					t.Errorf("%s acknowledges without a point: durable.Disk.Acknowledge", x.key)
				}
			}
		}
	}
	for key := range unpointed {
		if !used[key] {
			t.Errorf("exception %q excuses nothing: remove it", key)
		}
	}
	for _, key := range acknowledgers {
		if !told[key] {
			t.Errorf("%s is not there any more", key)
		}
	}
}

// folderOf is the unwatched folder that a file lies in.
func folderOf(name string) string {
	for f := range unwatched {
		if strings.HasPrefix(name, f) {
			return f
		}
	}
	return ""
}

// diskCallsOf lists the uses of what changes a disk.
func diskCallsOf(f *ast.File) (list []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Obj == nil && slices.Contains(diskCalls[x.Name], n.Sel.Name) {
				list = append(list, x.Name+"."+n.Sel.Name)
			}
		case *ast.CallExpr:
			if s, ok := n.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Sync" && len(n.Args) == 0 {
				list = append(list, "File.Sync")
			}
		}
		return true
	})
	slices.Sort(list)
	return slices.Compact(list)
}

type acknowledger struct {
	key     string
	pointed bool
}

// acknowledgersOf finds the functions of the list, and others of the broker that raise what readers see and others of
// shards that tell of a commit.
func acknowledgersOf(name string, f *ast.File) (list []acknowledger) {
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		a := acknowledger{key: name + " " + fn.Name.Name}
		tells := slices.Contains(acknowledgers, a.key)
		ast.Inspect(fn.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, x := range n.Lhs {
					tells = tells || strings.HasPrefix(name, "ingest/broker/") && (endsIn(x, "acked") || endsIn(x, "acked", "next"))
				}
			case *ast.CallExpr:
				tells = tells || strings.HasPrefix(name, "shards/") && endsIn(n.Fun, "OnCommit")
				a.pointed = a.pointed || endsIn(n.Fun, "Acknowledge")
			}
			return true
		})
		if tells {
			list = append(list, a)
		}
	}
	return list
}

// endsIn reports whether an expression is a selector with these last names.
func endsIn(x ast.Expr, names ...string) bool {
	for _, name := range slices.Backward(names) {
		s, ok := x.(*ast.SelectorExpr)
		if !ok || s.Sel.Name != name {
			return false
		}
		x = s.X
	}
	return true
}

// TestDurableStepsCatch plants breaches.
func TestDurableStepsCatch(t *testing.T) {
	p := newPackage("p")
	src := `// Package p is p.
package p

func a() { os.Rename("a", "b") }
func b() { f, _ := os.Open("d"); f.Sync() }
func c() { write := os.WriteFile; write("a", nil, 0) }
func d() { unix.Fsync(3) }
func e() { atomicfile.Write("a", nil) }
func f(p *partition) { p.acked.next = 1 }
func g(p *partition) { p.acked = x; disk.Acknowledge("a.b", "", 0) }
`
	if err := p.add("ingest/broker/p.go", []byte(src)); err != nil {
		t.Fatal(err)
	}
	f := p.files["ingest/broker/p.go"]
	if got := diskCallsOf(f); !slices.Equal(got, []string{"File.Sync", "atomicfile.Write", "os.Rename", "os.WriteFile", "unix.Fsync"}) {
		t.Errorf("found %v", got)
	}
	got := acknowledgersOf("ingest/broker/p.go", f)
	if len(got) != 2 || got[0].pointed || !got[1].pointed {
		t.Errorf("found %v", got)
	}
}
