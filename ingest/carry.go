package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path"
	"path/filepath"
	"time"

	"millrace"
	"millrace/internal/durable"
)

const (
	maxStored = 2 << 20 // bytes of a page that travel in its message
	maxObject = 4 * maxWhole
	// blobFolder holds what does not, each under the SHA-256 of its bytes.
	blobFolder = "blobs"
)

// Store keeps objects that several machines can see. An error that will be over in a while wraps millrace.ErrTransient.
type Store interface {
	// PutNew stores an object. Where one of that name is there already, the error wraps fs.ErrExist.
	PutNew(ctx context.Context, name string, data []byte) error
	// Get reads length bytes from an offset on; all that follow where length is negative. Where there is no such object, the
	// error wraps fs.ErrNotExist.
	Get(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error)
}

// Carrier lets bytes travel with their documents, so that whoever reads a topic needs no disk of whoever wrote it.
type Carrier struct {
	Loader *Loader // of the machine that has the files
	Store  Store
	Disk   *durable.Disk // nil but in tests
	Log    *slog.Logger
}

// carry gives the document as it is written into a topic: without its text, if it came from a file, and with the
// bytes that the text is made of, or the name of an object that holds them. The object is stored by then.
func (c *Carrier) carry(ctx context.Context, d *millrace.Document) (*millrace.Document, error) {
	p := &d.Page
	if c == nil || !d.Verdict.Kept() || d.Cleaned || p.Stored != nil || p.Object != "" || p.Claim.Kind == "" {
		return d, nil
	}
	b, err := c.Loader.stored(ctx, d)
	if err == nil {
		err = c.Loader.verify(d, b)
	}
	if err != nil {
		return nil, fmt.Errorf("carry %s: %w", d.Page.URL, err)
	}
	out := *d
	out.Text, out.Meta = "", "" // what loads the bytes finds them in there
	if len(b) <= maxStored && len(b)+len(Encode(&out)) < largestValue {
		out.Page.Stored = b
		return &out, nil
	}
	out.Page.Object = objectName(b)
	return &out, c.put(ctx, out.Page.Object, b)
}

func objectName(b []byte) string {
	sum := sha256.Sum256(b)
	return path.Join(blobFolder, hex.EncodeToString(sum[:]))
}

// put stores an object. The store may be away for hours, as a broker may.
func (c *Carrier) put(ctx context.Context, name string, b []byte) error {
	for n := 1; ; n++ {
		err := c.Disk.Put("ingest.blob", filepath.Join(c.Loader.Dir, filepath.FromSlash(name)), func() error { return c.Store.PutNew(ctx, name, b) })
		if err == nil || errors.Is(err, fs.ErrExist) { // its name says that it is the same
			return nil
		}
		if !errors.Is(err, millrace.ErrTransient) {
			return err
		}
		pause := backoff(firstPause, n)
		if c.Log != nil {
			c.Log.Warn("the store does not answer as it should, trying again", "object", name, "attempt", n, "pause", pause, "err", err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// object reads what a page names, and checks that it is that.
func (l *Loader) object(ctx context.Context, name string) ([]byte, error) {
	if l.Store == nil {
		return nil, fmt.Errorf("%s is in a store, and this line names none (store: in the configuration): %w", name, millrace.ErrStop)
	}
	b, err := l.get(ctx, name, 0, -1)
	if err != nil {
		return nil, fmt.Errorf("read object %s: %w", name, stopUnlessTransient(err))
	}
	if objectName(b) != name {
		return nil, fmt.Errorf("object %s holds other bytes than its name says: %w", name, millrace.ErrIntegrity)
	}
	return b, nil
}

// get reads a part of an object.
func (l *Loader) get(ctx context.Context, name string, offset, length int64) ([]byte, error) {
	r, err := l.Store.Get(ctx, name, offset, length)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, maxObject))
}

// stopUnlessTransient makes an error of the store end the line: no document is to blame.
func stopUnlessTransient(err error) error {
	if errors.Is(err, millrace.ErrTransient) {
		return err
	}
	return fmt.Errorf("%w: %w", err, millrace.ErrStop)
}

// travelled gives what came along with a document; ok is false where nothing did.
func (l *Loader) travelled(ctx context.Context, d *millrace.Document) (b []byte, ok bool, err error) {
	switch {
	case d.Page.Stored != nil:
		return d.Page.Stored, true, nil
	case d.Page.Object != "":
		b, err = l.object(ctx, d.Page.Object)
		return b, true, err
	}
	return nil, false, nil
}

// splitCSV parts what travels of a record of a CSV file: the header's line, and the record.
func splitCSV(b []byte) (head, record []byte, ok bool) {
	return bytes.Cut(b, []byte("\n"))
}
