package objects

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/minio/minio-go/v7"
)

// putParts puts a long object, a part behind the other. Nothing is there before the last step; what a process that was
// killed has put by then is invisible, and a rule of the bucket should tidy it up (AbortIncompleteMultipartUpload). No
// condition may stand on it: stores honour none there.
func (s *S3) putParts(ctx context.Context, key string, body io.ReaderAt, size int64, digest string) error {
	name := strings.TrimPrefix(key, s.prefix)
	var id string
	err := s.retry(ctx, "begin "+name, func(ctx context.Context) (err error) {
		id, err = s.core.NewMultipartUpload(ctx, s.bucket, key, putOptions(digest))
		return err
	})
	if err != nil {
		return err
	}
	parts, err := s.parts(ctx, key, id, body, size, digest)
	if err == nil {
		err = s.complete(ctx, key, id, parts, size)
	}
	if err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.o.Silence)
		defer cancel()
		return errors.Join(err, s.core.AbortMultipartUpload(ctx, s.bucket, key, id))
	}
	return nil
}

// parts puts the parts, and compares the whole with its digest before it can become an object.
func (s *S3) parts(ctx context.Context, key, id string, body io.ReaderAt, size int64, digest string) (parts []minio.CompletePart, err error) {
	name := strings.TrimPrefix(key, s.prefix)
	whole := sha256.New()
	for from := int64(0); from < size; from += s.o.PartSize {
		n := min(s.o.PartSize, size-from)
		one := sha256.New()
		if m, err := io.Copy(io.MultiWriter(whole, one), io.NewSectionReader(body, from, n)); err != nil || m != n {
			return nil, notWhole(name, err)
		}
		number := len(parts) + 1
		err = s.retry(ctx, fmt.Sprintf("put part %d of %s", number, name), func(ctx context.Context) error {
			p, err := s.core.PutObjectPart(ctx, s.bucket, key, id, number, io.NewSectionReader(body, from, n), n,
				minio.PutObjectPartOptions{Sha256Hex: hex.EncodeToString(one.Sum(nil)), DisableContentSha256: true})
			if err == nil {
				parts = append(parts[:number-1], minio.CompletePart{PartNumber: number, ETag: p.ETag})
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if hex.EncodeToString(whole.Sum(nil)) != digest {
		return nil, notWhole(name, nil)
	}
	return parts, nil
}

// complete makes the object of its parts. Where an answer was lost, the upload is no longer there when it is asked
// again: then the object is, or the upload was aborted by somebody.
func (s *S3) complete(ctx context.Context, key, id string, parts []minio.CompletePart, size int64) error {
	name := strings.TrimPrefix(key, s.prefix)
	return s.retry(ctx, "complete "+name, func(ctx context.Context) error {
		_, err := s.core.CompleteMultipartUpload(ctx, s.bucket, key, id, parts, minio.PutObjectOptions{})
		if r, ok := answer(err); ok && r.Code == minio.NoSuchUpload {
			info, err2 := s.core.StatObject(ctx, s.bucket, key, minio.StatObjectOptions{})
			switch {
			case err2 == nil && info.Size == size:
				return nil // whoever reads it compares its SHA-256
			case err2 != nil && passes(err2):
				return err2
			}
		}
		return err
	})
}
