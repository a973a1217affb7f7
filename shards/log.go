package shards

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"millrace"
	"millrace/internal/durable"
)

// maxEntry bounds what is read of one entry: its gaps are the only part that can grow.
const maxEntry = 256 << 20

func dataDir(dir string) string    { return filepath.Join(dir, "data") }
func rejectsDir(dir string) string { return filepath.Join(dir, "rejects") }
func logDir(dir string) string     { return filepath.Join(dir, "data", "_delta_log") }
func entryPath(dir string, version int64) string {
	return filepath.Join(logDir(dir), entryName(version))
}

// readEntry reads one entry. The error wraps fs.ErrNotExist where there is none yet.
func readEntry(dir string, version int64) (*Entry, error) {
	raw, err := readLimited(entryPath(dir, version), maxEntry)
	if err != nil {
		return nil, err
	}
	return decodeEntry(version, raw)
}

func readLimited(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%s is longer than %d bytes: %w", path, limit, millrace.ErrIntegrity)
	}
	return b, nil
}

// prepare makes the folders of a corpus.
func prepare(disk *durable.Disk, dir string) error {
	if err := SettleFormat(disk, dir); err != nil {
		return err
	}
	for _, d := range []string{dataDir(dir), logDir(dir), rejectsDir(dir)} {
		if err := disk.Mkdir("shards.folder", d); err != nil {
			return err
		}
	}
	// A process that was killed may have linked an entry and not have synced the folder. Whoever reads the entry
	// takes it for durable.
	for _, d := range []string{dataDir(dir), rejectsDir(dir), logDir(dir)} {
		if err := disk.SyncDir("shards.read", d); err != nil {
			return err
		}
	}
	return nil
}
