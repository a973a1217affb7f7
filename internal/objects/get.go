package objects

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/minio/minio-go/v7"

	"millrace"
)

// Get opens an object. A connection that ends in the middle is made again, and reading goes on where it was.
func (s *S3) Get(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	key, err := s.key(name)
	if err != nil {
		return nil, err
	}
	r := &reader{s: s, ctx: ctx, name: name, key: key, at: offset, end: -1}
	if length >= 0 {
		r.end = offset + length
	}
	if r.end == offset {
		return io.NopCloser(io.LimitReader(nil, 0)), nil
	}
	if err := r.open(); err != nil {
		return nil, err
	}
	return r, nil
}

// reader is one object that is being read.
type reader struct {
	s         *S3
	ctx       context.Context // of the Get: reading belongs to it
	name, key string
	at, end   int64 // end is where it ends: unknown (-1) until the first answer, but where a length was asked for
	etag      string
	body      io.ReadCloser
	cancel    context.CancelFunc
	digest    string    // of a whole object, where its writer gave one
	hash      hash.Hash // nil where nothing is compared
}

// open asks for what is left.
func (r *reader) open() error {
	return r.s.retry(r.ctx, "get "+r.name, func(ctx context.Context) error {
		o := minio.GetObjectOptions{}
		if r.at > 0 || r.end >= 0 {
			last := int64(0) // SetRange: to the end
			if r.end >= 0 {
				last = r.end - 1
			}
			if err := o.SetRange(r.at, last); err != nil {
				return errors.Join(errLocal, err)
			}
		}
		if r.etag != "" {
			if err := o.SetMatchETag(r.etag); err != nil {
				return errors.Join(errLocal, err)
			}
		}
		ctx, cancel := context.WithCancel(ctx)
		body, info, header, err := r.s.core.GetObject(ctx, r.s.bucket, r.key, o)
		if err != nil {
			cancel()
			return err
		}
		if r.etag == "" {
			r.etag = info.ETag
			if r.at == 0 && r.end < 0 {
				r.digest, r.hash = header.Get("X-Amz-Meta-"+digestHeader), sha256.New()
			}
		}
		if r.end < 0 {
			r.end = r.at + info.Size
		}
		r.body, r.cancel = body, cancel
		return nil
	})
}

// Read gives the next bytes. The end is where the store said that it is, and not where the connection ends.
func (r *reader) Read(b []byte) (int, error) {
	for tries := 0; ; tries++ {
		if r.at >= r.end {
			return 0, r.compare()
		}
		if r.body == nil {
			if err := r.open(); err != nil {
				return 0, err
			}
		}
		n, err := r.body.Read(b[:min(int64(len(b)), r.end-r.at)])
		r.at += int64(n)
		if r.hash != nil {
			r.hash.Write(b[:n])
		}
		if n > 0 || len(b) == 0 {
			return n, nil
		}
		if err == nil {
			continue
		}
		r.drop()
		if r.ctx.Err() != nil || tries > 100 {
			return 0, fmt.Errorf("%s: get %s at %d: %w", r.s, r.name, r.at, errors.Join(r.ctx.Err(), err))
		}
	}
}

// compare is what the end of the object says: all is well, or not.
func (r *reader) compare() error {
	if r.hash != nil && r.digest != "" {
		if got := hex.EncodeToString(r.hash.Sum(nil)); got != r.digest {
			return fmt.Errorf("%s: %s has SHA-256 %s, it was put with %s: %w", r.s, r.name, got, r.digest, millrace.ErrIntegrity)
		}
	}
	return io.EOF
}

func (r *reader) drop() {
	if r.body != nil {
		r.cancel()
		r.body.Close()
		r.body = nil
	}
}

// Close ends the reading.
func (r *reader) Close() error {
	r.drop()
	return nil
}
