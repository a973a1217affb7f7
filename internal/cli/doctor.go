package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"millrace/internal/atomicfile"
	"millrace/internal/lock"
)

// finding is one thing that doctor looked at.
type finding struct {
	Type string `json:"type"`
	What string `json:"what"`
	OK   bool   `json:"ok"`
	Note string `json:"note"`
}

func (a *App) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Say whether this machine and this folder are fit", Args: noArgs,
		Long: "Try in DIR what a run relies on: exclusive link, rename, fsync, lock; look at disk, cores and the agent." + exitHelp,
		RunE: func(*cobra.Command, []string) error { return a.runDoctor() },
	}
}

func (a *App) runDoctor() error {
	dir, err := a.corpusDir()
	if err != nil {
		return err
	}
	var found []finding
	add := func(what string, err error, note string) {
		f := finding{Type: "doctor", What: what, OK: err == nil, Note: note}
		if err != nil {
			f.Note = message(err)
		}
		found = append(found, f)
	}
	made := makeMissing(dir)
	add("folder", os.MkdirAll(dir, 0o755), dir)
	tmp, err := os.MkdirTemp(dir, ".doctor-")
	add("write", err, "a file can be made in "+dir)
	if err == nil {
		probe(tmp, add)
		os.RemoveAll(tmp)
	}
	if made != "" {
		os.RemoveAll(made)
	}
	if free, err := freeDisk(dir); err == nil {
		var short error
		if free < 1<<30 {
			short = fmt.Errorf("%.1f GB free: below 1 GB a run refuses to write", float64(free)/1e9)
		}
		add("disk", short, fmt.Sprintf("%.1f GB free", float64(free)/1e9))
	}
	add("cores", nil, fmt.Sprintf("%d cores, %s", runtime.GOMAXPROCS(0), runtime.Version()))
	if cfg, path, err := a.loadConfig(""); err == nil {
		err := cfg.Agent.CheckContact()
		if cfg.Agent.Contact == "" && len(cfg.Crawl.Seeds) == 0 && cfg.Crawl.SeedsFile == "" {
			err = nil // who fetches nothing disturbs nobody
		}
		add("contact", err, cfg.Agent.Contact)
		add("configuration", nil, path)
	} else if !errors.Is(err, fs.ErrNotExist) {
		add("configuration", err, "")
	}
	return a.reportFindings(found)
}

// probe tries link, rename, fsync and lock in dir.
func probe(dir string, add func(string, error, string)) {
	p := filepath.Join(dir, "a")
	add("fsync and rename", atomicfile.Write(p, []byte("x")), "a file is replaced whole or not at all")
	err := atomicfile.Create(filepath.Join(dir, "b"), []byte("x"))
	if err == nil {
		if again := atomicfile.Create(filepath.Join(dir, "b"), nil); !errors.Is(again, fs.ErrExist) {
			err = errors.New("a second exclusive link succeeded: commits could overwrite each other")
		}
	}
	add("exclusive link", err, "of two writers of a commit one wins")
	l, err := lock.Acquire(filepath.Join(dir, "lock"))
	if err == nil {
		if _, again := lock.Acquire(filepath.Join(dir, "lock")); again == nil {
			err = errors.New("a second lock was given: two runs could work on one folder")
		}
		l.Release()
	}
	add("lock", err, "two runs cannot work on one folder")
}

func (a *App) reportFindings(found []finding) error {
	bad, try := 0, "another folder: --dir DIR"
	for _, f := range found {
		if !f.OK {
			bad++
			if f.What == "contact" {
				try = "agent: {contact: 'mailto:you@example.org'} in pipeline.yaml"
			}
		}
		if a.json {
			a.emit(f)
			continue
		}
		mark := "ok "
		if !f.OK {
			mark = "BAD"
		}
		fmt.Fprintf(a.Stdout, "%s  %-18s %s\n", mark, f.What, f.Note)
	}
	if bad > 0 {
		return &Error{Exit: Failure, Err: fmt.Errorf("%d of %d checks failed", bad, len(found)), Try: try}
	}
	return nil
}

// makeMissing names the topmost folder of path that does not exist yet, "" if all do.
func makeMissing(path string) string {
	top := ""
	for p := filepath.Clean(path); ; p = filepath.Dir(p) {
		if _, err := os.Lstat(p); err == nil || filepath.Dir(p) == p {
			return top
		}
		top = p
	}
}
