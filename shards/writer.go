package shards

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/metadata"

	"millrace/internal/durable"
)

const (
	// defaultGroup closes a row group: what a writer and a reader hold in memory at once.
	defaultGroup = 64 << 20
	// pageBytes closes a page, except that a longer value has a page of its own.
	pageBytes = 1 << 20
	// createdBy is constant, so that equal rows give equal files.
	createdBy = "millrace version 1.0.0 (build arrow-go-17.0.0)"

	keyRowGroups = "millrace.row_groups" // first offset of each row group, with commas between
)

// fileWriter writes one Parquet file under a temporary name. Rows wait in memory until their row group is full.
// Row groups and pages end at byte counts of the rows, never at the edges of a batch.
type fileWriter struct {
	cols  []column
	path  string // of the temporary file
	out   *output
	pq    *file.Writer
	rows  []*Row
	bytes int64 // of rows
	limit int64 // of bytes, closes the row group
	disk  *durable.Disk
	info  fileInfo
	group []string // first offset of each row group
}

// fileInfo says what a file that is complete holds.
type fileInfo struct {
	path   string // temporary name
	rows   int64
	bytes  int64
	first  int64
	last   int64
	sha256 string
	stats  stats
}

// newFileWriter opens a temporary file in dir for the commit number version.
func newFileWriter(dir string, version int64, cols []column, meta []string, limit int64, disk *durable.Disk) (w *fileWriter, err error) {
	useZstd()
	root, err := parquetSchema(cols)
	if err != nil {
		return nil, err
	}
	f, err := disk.Temp("shards.temp", dir, fmt.Sprintf(tempPrefix+"%08d-*", version))
	if err != nil {
		return nil, err
	}
	w = &fileWriter{cols: cols, path: f.Name(), limit: limit, disk: disk, out: newOutput(f)}
	defer func() {
		if err != nil {
			w.abandon()
		}
	}()
	defer guard(&err, errLibrary) // arrow panics where it cannot write the first bytes
	kv := metadata.NewKeyValueMetadata()
	for i := 0; i+1 < len(meta); i += 2 {
		if err := kv.Append(meta[i], meta[i+1]); err != nil {
			return nil, err
		}
	}
	w.pq = file.NewParquetWriter(w.out, root, file.WithWriterProps(writerProperties(cols)), file.WithWriteMetadata(kv))
	return w, w.out.err
}

// writerProperties: pages are cut by this package, hence the page size that is never reached. A dictionary
// is never given up for being large: arrow then lists a column's encodings in the order of a map.
func writerProperties(cols []column) *parquet.WriterProperties {
	const never = 1 << 30
	o := []parquet.WriterProperty{
		parquet.WithRootRepetition(parquet.Repetitions.Required), parquet.WithVersion(parquet.V2_LATEST),
		parquet.WithDataPageVersion(parquet.DataPageV1), parquet.WithCompression(compress.Codecs.Zstd),
		parquet.WithCreatedBy(createdBy), parquet.WithDictionaryDefault(false), parquet.WithDataPageSize(never),
		parquet.WithDictionaryPageSizeLimit(never), parquet.WithMaxStatsSize(256),
		parquet.WithDictionaryFor("edits.list.element.kind", true),
	}
	for _, c := range cols {
		if c.dict {
			o = append(o, parquet.WithDictionaryFor(c.name, true))
		}
		if c.name == "text" || c.name == "meta" || c.name == "err" || c.kind == kindBinary {
			o = append(o, parquet.WithStatsFor(c.name, false))
		}
	}
	return parquet.NewWriterProperties(o...)
}

// add takes the next row.
func (w *fileWriter) add(r *Row) error {
	if w.info.rows == 0 {
		w.info.first = r.Offset
	}
	if len(w.rows) == 0 {
		w.group = append(w.group, strconv.FormatInt(r.Offset, 10))
	}
	w.info.rows++
	w.info.last = r.Offset
	w.info.stats.add(r)
	w.rows = append(w.rows, r)
	w.bytes += r.bytes()
	if w.bytes >= w.limit {
		return w.flush()
	}
	return nil
}

// flush writes the waiting rows as one row group. There are always some: an empty row group confuses readers.
func (w *fileWriter) flush() (err error) {
	defer func() {
		if w.out.err != nil {
			err = w.out.err // the cause, which the library may have lost
		}
	}()
	defer guard(&err, errLibrary)
	group := w.pq.AppendRowGroup()
	for _, c := range w.cols {
		if err := writeColumn(group, c, w.rows); err != nil {
			return fmt.Errorf("column %s: %w", c.name, err)
		}
	}
	if err := group.Close(); err != nil {
		return err
	}
	clear(w.rows) // the texts may go
	w.rows, w.bytes = w.rows[:0], 0
	return nil
}

// close completes the file and makes it durable. On an error nothing is left.
func (w *fileWriter) close() (info fileInfo, err error) {
	defer func() {
		if w.out.err != nil {
			err = w.out.err
		}
		if err != nil {
			w.abandon()
		}
	}()
	defer guard(&err, errLibrary)
	if len(w.rows) > 0 {
		if err := w.flush(); err != nil {
			return info, err
		}
	}
	if err := w.pq.AppendKeyValueMetadata(keyRowGroups, strings.Join(w.group, ",")); err != nil {
		return info, err
	}
	// arrow loses the error of its last write; output keeps it.
	if err := w.pq.Close(); err != nil {
		return info, err
	}
	if err := w.out.close(); err != nil {
		return info, err
	}
	w.info.path, w.info.bytes, w.info.sha256 = w.path, w.out.n, hex.EncodeToString(w.out.sum.Sum(nil))
	return w.info, nil
}

// abandon removes the temporary file. The first error is the one that counts.
func (w *fileWriter) abandon() {
	w.out.f.Close()
	_ = w.disk.Remove("shards.abandon", w.path) // what stays is an orphan
}

// output counts and hashes what is written, and remembers the first error.
type output struct {
	f   *durable.File
	buf *bufio.Writer
	sum hash.Hash
	n   int64
	err error
}

func newOutput(f *durable.File) *output {
	return &output{f: f, buf: bufio.NewWriterSize(f.Writer("shards.write"), 256<<10), sum: sha256.New()}
}

func (o *output) Write(p []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.buf.Write(p)
	o.sum.Write(p[:n])
	o.n += int64(n)
	if err != nil {
		o.err = err
	} else if n < len(p) {
		o.err = io.ErrShortWrite
	}
	return n, o.err
}

func (o *output) close() error {
	if o.err != nil {
		return o.err
	}
	if err := o.buf.Flush(); err != nil {
		return err
	}
	if err := o.f.Sync("shards.sync"); err != nil {
		return err
	}
	return o.f.Close()
}

// tempPrefix marks files that are being written; the number after it is the commit they are for.
const tempPrefix = ".tmp-part-"

// partName is the final name of a file: equal files have equal names, and those of two owners never collide.
func partName(version int64, info fileInfo) string {
	return fmt.Sprintf("part-%08d-%020d-%s.parquet", version, info.first, info.sha256[:16])
}

// partFirst reads the first offset from the final name of a file.
func partFirst(name string) int64 {
	f := strings.Split(name, "-")
	if len(f) < 3 {
		return -1
	}
	n, err := strconv.ParseInt(f[2], 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// partVersion reads the commit number from the name of a file, temporary or final.
func partVersion(name string) (int64, bool) {
	name = filepath.Base(name)
	rest, ok := strings.CutPrefix(name, tempPrefix)
	if !ok {
		if rest, ok = strings.CutPrefix(name, "part-"); !ok || !strings.HasSuffix(name, ".parquet") {
			return 0, false
		}
	}
	digits, _, ok := strings.Cut(rest, "-")
	if !ok || len(digits) < 8 {
		return 0, false
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	return n, err == nil && n >= 0
}
