// Package objects keeps objects under names, in a place that outlives every machine: an object store. What comes in is
// bytes and a name below one bucket and prefix; what goes out is those bytes, or an error. The one thing that it is for
// besides keeping is PutNew: of several who write one name at once, exactly one wins.
//
// Store is what the rest of millrace knows. S3 is the one implementation (s3.go), on Amazon's protocol. Read in this
// order: objects.go, s3.go, conn.go, retry.go, multipart.go, get.go, bucket.go.
package objects

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"millrace"
)

// Store keeps objects. Names are paths with slashes, below the place that the store was opened for. It may be used by
// several goroutines at once.
type Store interface {
	// PutNew writes an object if and only if there is none of that name; otherwise the error wraps fs.ErrExist. Any other
	// error says nothing: the object may be there, or come to be there a little later. Whoever lost, or does not know, reads.
	PutNew(ctx context.Context, name string, data []byte) error
	// Put writes an object, in the place of what is there. digest is its SHA-256 in hex, which has to be right.
	Put(ctx context.Context, name string, body io.ReaderAt, size int64, digest string) error
	// Get reads an object from offset on, length bytes, or all that follow where length is negative. The error wraps
	// fs.ErrNotExist where there is none. A whole object that is not what was put is an error at its end, which wraps
	// millrace.ErrIntegrity.
	Get(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error)
	// List hands over the objects whose names begin with prefix, in the order of their names.
	List(ctx context.Context, prefix string, yield func(Object) error) error
	// Delete removes an object; one that is not there is removed already.
	Delete(ctx context.Context, name string) error
	// String is the place, s3://BUCKET/PREFIX, for people and to tell two stores apart.
	String() string
}

// Object is what List tells.
type Object struct {
	Name string
	Size int64
	ETag string // without quotes; another one is another object
}

// ErrUnconditional says that a store does not do what PutNew is for.
var ErrUnconditional = errors.New("the store does not honour If-None-Match")

// Read reads a whole object of at most limit bytes.
func Read(ctx context.Context, s Store, name string, limit int64) ([]byte, error) {
	r, err := s.Get(ctx, name, 0, -1)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s/%s: %w", s, name, err)
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%s/%s is longer than %d bytes: %w", s, name, limit, millrace.ErrIntegrity)
	}
	return b, nil
}

// Fetch copies an object to w and wants it to have this size and this SHA-256. Where it has not, the error wraps
// millrace.ErrIntegrity, and what w was given is worth nothing.
func Fetch(ctx context.Context, s Store, name string, w io.Writer, size int64, digest string) error {
	r, err := s.Get(ctx, name, 0, -1)
	if err != nil {
		return err
	}
	defer r.Close()
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, h), io.LimitReader(r, size+1))
	if err != nil {
		return fmt.Errorf("fetch %s/%s: %w", s, name, err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); n != size || got != digest {
		return fmt.Errorf("%s/%s has %d bytes and SHA-256 %s, not %d and %s: %w", s, name, n, got, size, digest, millrace.ErrIntegrity)
	}
	return nil
}

// PutBytes is Put of bytes in memory.
func PutBytes(ctx context.Context, s Store, name string, data []byte) error {
	return s.Put(ctx, name, bytes.NewReader(data), int64(len(data)), sum(data))
}

// Claim writes data under name if there is nothing, and gives what stands there then. It is also the test of a store: one
// that lets a second PutNew win is refused with ErrUnconditional, before anything depends on it.
func Claim(ctx context.Context, s Store, name string, data []byte) ([]byte, error) {
	err := s.PutNew(ctx, name, data)
	if err == nil {
		if err = s.PutNew(ctx, name, data); err == nil {
			return nil, fmt.Errorf("%s: %w", s, ErrUnconditional)
		}
	}
	if !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return Read(ctx, s, name, 1<<20)
}

// Split takes s3://BUCKET/PREFIX apart. The prefix may be empty.
func Split(place string) (bucket, prefix string, err error) {
	rest, ok := strings.CutPrefix(place, "s3://")
	bucket, prefix, _ = strings.Cut(rest, "/")
	prefix = strings.TrimSuffix(prefix, "/")
	if !ok || bucket == "" || strings.ContainsAny(bucket, " @:?#\\") || prefix != "" && CheckName(prefix) != nil {
		return "", "", fmt.Errorf("%q is not s3://BUCKET/PREFIX", place)
	}
	return bucket, prefix, nil
}

// CheckName refuses names that mean something else on the way, or on a store that keeps them as files.
func CheckName(name string) error {
	if name == "" || len(name) > 900 || strings.ContainsAny(name, "\\\x00\r\n") {
		return fmt.Errorf("%q is no name of an object", name)
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == "." || part == ".." {
			return fmt.Errorf("%q is no name of an object", name)
		}
	}
	return nil
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}
