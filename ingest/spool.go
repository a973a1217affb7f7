package ingest

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"millrace/internal/durable"
)

// spoolStdin stores standard input in the folder spool, so that it can be read again after a crash. Its name
// follows from its bytes: what is piped once more is known already. All that was ever spooled is listed, for a
// crash may have come before the list was stored.
func spoolStdin(disk *durable.Disk, in Input, spool string, stdin io.Reader) (all []listed, err error) {
	if err := disk.Mkdir("ingest.folder", spool); err != nil {
		return nil, err
	}
	f, err := disk.Temp("ingest.spool", spool, ".stdin-*")
	if err != nil {
		return nil, err
	}
	defer disk.Remove("ingest.spool.tidy", f.Name())
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(f.Writer("ingest.spool.write"), io.TeeReader(stdin, h))
	if err != nil {
		return nil, fmt.Errorf("read standard input: %w", err)
	}
	if n > 0 {
		if err := f.Sync("ingest.spool.sync"); err != nil {
			return nil, err
		}
		ext, err := spooledKind(f.Name())
		if err != nil {
			return nil, err
		}
		path := filepath.Join(spool, fmt.Sprintf("stdin-%x%s", h.Sum(nil)[:16], ext))
		if err := disk.Link("ingest.spool.link", f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	if err := disk.SyncDir("ingest.spool.folder", spool); err != nil {
		return nil, err
	}
	paths, err := filepath.Glob(filepath.Join(spool, "stdin-*"))
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		all = append(all, list(in, spool, path, info)...)
	}
	return all, nil
}

// spooledKind gives the end of a name by which standard input is read: it is JSONL, but for what its first bytes
// say is something else.
func spooledKind(path string) (ext string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	in, _, stop, err := inflate(f)
	if err != nil {
		return ".jsonl", nil // whoever reads it says what is wrong
	}
	defer stop()
	head, _ := bufio.NewReaderSize(in, 512).Peek(512)
	switch formatOf("", head) {
	case formatWARC, formatTar, formatZip, formatParquet, formatHTML:
		return "", nil
	}
	return ".jsonl", nil
}
