package cli

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"millrace"
	"millrace/crawl"
	"millrace/internal/term"
	"millrace/internal/warc"
)

// maxShown bounds a record that is printed.
const maxShown = 1 << 30

func (a *App) warcCommand() *cobra.Command {
	group := &cobra.Command{Use: "warc", Short: "Look into WARC files", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	group.AddCommand(
		&cobra.Command{Use: "ls FILE…", Short: "List the records", Args: cobra.MinimumNArgs(1), RunE: func(_ *cobra.Command, args []string) error { return a.warcList(globbed(args)) }},
		&cobra.Command{Use: "cat URL | cat FILE OFFSET", Short: "Print a record: a URL's newest in the archive of --dir, or the one at OFFSET of FILE", Args: cobra.RangeArgs(1, 2),
			Example: "  millrace warc cat https://example.org/a\n  millrace warc cat dump.warc.gz 1234",
			RunE:    func(_ *cobra.Command, args []string) error { return a.warcCat(args) }},
		&cobra.Command{Use: "verify FILE…", Short: "Look for damage: lengths, checksums, digests, the index beside the file, revisits of what is not there", Args: cobra.MinimumNArgs(1),
			RunE: func(_ *cobra.Command, args []string) error { return a.warcVerify(globbed(args)) }},
	)
	return group
}

// globbed replaces patterns that no shell has replaced, and folders by the WARC files below them.
func globbed(names []string) (out []string) {
	for _, n := range names {
		found, err := filepath.Glob(n)
		if err != nil || len(found) == 0 {
			found = []string{n}
		}
		for _, f := range found {
			if info, err := os.Stat(f); err == nil && info.IsDir() {
				out = append(out, warcFiles(f)...)
			} else {
				out = append(out, f)
			}
		}
	}
	return out
}

// warcFiles lists the WARC files below a folder.
func warcFiles(folder string) (out []string) {
	isWARC := regexp.MustCompile(`\.warc(\.gz|\.zst)?$`)
	_ = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && isWARC.MatchString(d.Name()) {
			out = append(out, path)
		}
		return nil
	})
	return out
}

func (a *App) warcList(files []string) error {
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return &Error{Exit: Usage, Err: err}
		}
		err = a.listRecords(name, f)
		f.Close()
		if err != nil {
			return fmt.Errorf("list %s: %w", name, err)
		}
	}
	return nil
}

func (a *App) listRecords(name string, f *os.File) error {
	r := warc.NewReader(f, 0)
	for {
		rec, err := r.Next()
		var damage *warc.DamageError
		switch {
		case errors.As(err, &damage):
			a.say("%s: byte %d: %s", name, damage.Offset, term.Safe(damage.What))
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case a.json:
			a.emit(map[string]any{"type": "record", "file": name, "offset": rec.Offset, "length": rec.Length, "warc_type": rec.Type(), "url": rec.TargetURI(), "date": rec.Get("WARC-Date")})
		default:
			fmt.Fprintf(a.Stdout, "%12d %9d  %-10s %s\n", rec.Offset, rec.Length, term.Safe(rec.Type()), term.Safe(rec.TargetURI()))
		}
	}
}

func (a *App) warcCat(args []string) error {
	if len(args) == 2 {
		offset, err := strconv.ParseInt(args[1], 10, 64)
		if err != nil || offset < 0 {
			return &Error{Exit: Usage, Err: fmt.Errorf("%q is no offset", args[1]), Try: "millrace warc ls " + args[0]}
		}
		return a.catRecord(args[0], offset)
	}
	dir := a.dir
	if dir == "" {
		c, err := a.openCorpus("")
		if err != nil {
			return err
		}
		dir = c.dir
	}
	url := args[0]
	if fetch, _, err := crawl.Canonical(url); err == nil {
		url = fetch
	}
	file, offset, err := newest(filepath.Join(dir, "warc"), url)
	if err != nil {
		return err
	}
	if file == "" {
		return &Error{Exit: Usage, Err: fmt.Errorf("%s is not in the archive of %s", term.Safe(args[0]), dir), Try: "millrace why URL; millrace warc ls " + filepath.Join(dir, "warc")}
	}
	return a.catRecord(file, offset)
}

// catRecord prints the record at offset: as it is, but for a terminal, which strangers must not command.
func (a *App) catRecord(name string, offset int64) error {
	f, err := os.Open(name)
	if err != nil {
		return &Error{Exit: Usage, Err: err}
	}
	defer f.Close()
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return err
	}
	rec, err := warc.NewReader(f, maxShown).Next()
	if err == io.EOF {
		err = &warc.DamageError{What: "the file ends before it"}
	}
	if damage := (*warc.DamageError)(nil); errors.As(err, &damage) {
		damage.Offset = offset
		return &Error{Exit: Integrity, Err: fmt.Errorf("%s: %w: %w", name, damage, millrace.ErrIntegrity), Means: "no whole record begins there", Try: "millrace warc ls " + name}
	}
	if err != nil {
		return err
	}
	if a.json {
		a.emit(map[string]any{"type": "record", "file": name, "offset": offset, "length": rec.Length, "warc_type": rec.Type(), "url": rec.TargetURI(),
			"date": rec.Get("WARC-Date"), "header": fieldPairs(rec.Header), "block": rec.Block})
		return nil
	}
	var b bytes.Buffer
	for _, h := range rec.Header {
		fmt.Fprintf(&b, "%s: %s\r\n", h.Name, h.Value)
	}
	b.WriteString("\r\n")
	b.Write(rec.Block)
	if out, ok := a.Stdout.(*os.File); ok && term.Is(out) {
		_, err = fmt.Fprintln(a.Stdout, term.SafeText(b.String()))
	} else {
		_, err = a.Stdout.Write(b.Bytes())
	}
	return err
}

func fieldPairs(fields []millrace.Field) (out [][2]string) {
	for _, f := range fields {
		out = append(out, [2]string{f.Name, f.Value})
	}
	return out
}

// newest finds the last visit of a URL in an archive: by the index of each file, or in the file itself
// where there is none.
func newest(folder, url string) (file string, offset int64, err error) {
	last := ""
	for _, path := range warcFiles(folder) {
		err := entriesOf(path, warc.SURT(url), func(e warc.Entry) {
			if at, _, err := e.Place(); err == nil && e.URL == url && e.Time >= last {
				file, offset, last = path, at, e.Time
			}
		})
		if err != nil {
			return "", 0, err
		}
	}
	return file, offset, nil
}

// entriesOf calls f with each entry that a file has under key.
func entriesOf(path, key string, f func(warc.Entry)) error {
	in, err := os.Open(warc.IndexPath(path))
	if errors.Is(err, fs.ErrNotExist) {
		return scanEntries(path, f)
	}
	if err != nil {
		return err
	}
	defer in.Close()
	for r := bufio.NewReaderSize(in, 64<<10); ; {
		line, err := r.ReadString('\n')
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read index: %w", err)
		}
		if !strings.HasPrefix(line, key+" ") {
			continue
		}
		if e, err := warc.ParseEntry([]byte(line)); err == nil {
			f(e)
		}
	}
}

func scanEntries(path string, f func(warc.Entry)) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	r := warc.NewReader(in, 0)
	for {
		rec, err := r.Next()
		if damage := (*warc.DamageError)(nil); errors.As(err, &damage) {
			continue
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if e, ok := warc.NewEntry(rec, path); ok {
			f(e)
		}
	}
}

func (a *App) warcVerify(files []string) error {
	damages := 0
	v := warc.Verifier{Report: func(file string, d warc.DamageError) {
		damages++
		if a.json {
			a.emit(map[string]any{"type": "damage", "file": file, "offset": d.Offset, "what": d.What})
		} else {
			fmt.Fprintf(a.Stdout, "%s: byte %d: %s\n", file, d.Offset, term.Safe(d.What))
		}
	}}
	for _, name := range files {
		n, err := verifyFile(&v, name)
		if errors.Is(err, fs.ErrNotExist) {
			return &Error{Exit: Usage, Err: err}
		}
		if err != nil {
			return fmt.Errorf("verify %s: %w", name, err)
		}
		a.say("%s: %d records", name, n)
	}
	v.End()
	if damages > 0 {
		return &Error{Exit: Integrity, Err: fmt.Errorf("%d damages: %w", damages, millrace.ErrIntegrity), Means: "the records named above cannot be trusted", Try: "fetch the file again"}
	}
	return nil
}

// verifyFile reads a file, and the index beside it where there is one.
func verifyFile(v *warc.Verifier, name string) (records int64, err error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var index *warc.ReadIndex
	path := warc.IndexPath(name)
	lines, err := os.Open(path)
	if err == nil {
		defer lines.Close()
		index, err = warc.OpenIndex(lines, name, func(d warc.DamageError) { v.Report(path, d) })
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	return v.File(name, f, index)
}
