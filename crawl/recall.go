package crawl

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"strconv"

	"millrace"
	"millrace/crawl/consent"
	"millrace/internal/warc"
)

// Recall makes the Document of one member of an archive again, from its bytes: those at offset of the file, which is named
// as a claim names it.
func Recall(file string, offset int64, member []byte, policy consent.Policy) (*millrace.Document, error) {
	f, err := parseFile(path.Base(file))
	if err != nil {
		return nil, err
	}
	rec, err := warc.ReadAt(bytes.NewReader(member), 0, int64(len(member)), maxBlock)
	if err == nil && !published(rec) {
		err = fmt.Errorf("a record of type %s is no page", rec.Type())
	}
	if err != nil {
		return nil, fmt.Errorf("archive file %s, byte %d: %w: %w", file, offset, err, millrace.ErrIntegrity)
	}
	d, err := document(rec, policy)
	if err != nil {
		return nil, fmt.Errorf("archive file %s, byte %d: %w", file, offset, err)
	}
	locate(d, f, offset, int64(len(member)))
	return d, nil
}

// parseFile reads what the name of an archive file of pages says.
func parseFile(name string) (f warcFile, err error) {
	m := regexp.MustCompile(`^pages-([0-9]{1,9})-([0-9]{8})-[0-9a-f]{8}\.warc\.gz$`).FindStringSubmatch(name)
	if m == nil {
		return f, fmt.Errorf("%q is no archive file of pages", name)
	}
	f.name = name
	if f.worker, err = strconv.Atoi(m[1]); err == nil {
		f.seq, err = strconv.ParseInt(m[2], 10, 64)
	}
	return f, err
}
