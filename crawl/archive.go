package crawl

import (
	"context"
	"errors"
	"fmt"
	"io"

	"millrace"
	"millrace/crawl/consent"
)

// Archive is the Source of what a crawl has written, in its order: Documents come out, nothing is fetched.
type Archive struct {
	dir    string
	worker int // whose archive; -1: of all workers, one after the other
	policy consent.Policy

	files []warcFile
	from  map[millrace.Partition]int64 // positions to begin at
	until int64                        // position to end at; 0 is the end of the archive
	at    *members
}

// OpenArchive reads DIR/warc with a consent policy.
func OpenArchive(dir string, policy consent.Policy) *Archive {
	return &Archive{dir: dir, worker: -1, policy: policy}
}

// Open begins at the first record that c does not count as stored.
func (a *Archive) Open(ctx context.Context, c millrace.Checkpoint) error {
	a.Close()
	workers := []int{a.worker}
	if a.worker < 0 {
		var err error
		if workers, err = archiveWorkers(a.dir); err != nil {
			return fmt.Errorf("list archive: %w", err)
		}
	}
	a.from = c.Next
	for _, w := range workers {
		files, err := listWARC(a.dir, w)
		if err != nil {
			return err
		}
		for len(files) > 1 && files[1].seq <= a.from[Partition(w)]>>seqShift {
			files = files[1:]
		}
		a.files = append(a.files, files...)
	}
	return nil
}

// Read returns the next Documents.
func (a *Archive) Read(ctx context.Context, max int) (millrace.Batch, error) {
	var b millrace.Batch
	for len(b.Docs) < max {
		d, err := a.next(ctx)
		if err == io.EOF && len(b.Docs) > 0 {
			break
		}
		if err != nil {
			return millrace.Batch{}, err
		}
		b.Docs = append(b.Docs, d)
	}
	return b, nil
}

// next finds the next record that is a Document. The mark in a checkpoint lies behind the first byte of the last
// record that was stored, so the file is read from its start up to there.
func (a *Archive) next(ctx context.Context) (*millrace.Document, error) {
	for {
		if a.at == nil {
			if len(a.files) == 0 {
				return nil, io.EOF
			}
			m, err := openMembers(a.files[0], 0)
			if err != nil {
				return nil, err
			}
			a.at = m
		}
		rec, err := a.at.next(ctx)
		if torn := (*tornError)(nil); err == io.EOF || errors.As(err, &torn) {
			a.at.close()
			a.at, a.files = nil, a.files[1:]
			continue
		}
		if err != nil {
			return nil, err
		}
		pos := a.at.file.position(rec.Offset)
		if a.until > 0 && pos >= a.until {
			a.Close()
			return nil, io.EOF
		}
		if pos < a.from[Partition(a.at.file.worker)] || !published(rec) {
			continue
		}
		d, err := document(rec, a.policy)
		if err != nil {
			return nil, fmt.Errorf("archive file %s, byte %d: %w", a.at.file.path, rec.Offset, err)
		}
		locate(d, a.at.file, rec.Offset, rec.Length)
		return d, nil
	}
}

// Close gives the file back.
func (a *Archive) Close() error {
	if a.at != nil {
		a.at.close()
	}
	a.at, a.files = nil, nil
	return nil
}
