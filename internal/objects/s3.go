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
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"millrace"
)

// Options say where an S3 store is and how it is reached.
type Options struct {
	Place     string // s3://BUCKET/PREFIX
	Endpoint  string // http://HOST:PORT or https://HOST; "" is Amazon's own
	Region    string // "" is us-east-1
	PathStyle bool   // the bucket stands in the path for Amazon too; for others it does anyway
	AccessKey string
	SecretKey string
	// Patience is for how long a call is tried again before its error comes out; 0 is two minutes.
	Patience time.Duration
	Wait     time.Duration // before the first further try; 0 is 50 ms. It doubles
	PartSize int64         // of objects that are longer, and are put in parts; 0 is 64 MiB
	Log      *slog.Logger  // told of a store that does not answer
	// Silence is how long a connection may lie still while a request is under way; 0 is 30 s.
	Silence time.Duration
}

const (
	defaultPatience = 2 * time.Minute
	defaultPart     = 64 << 20
	defaultSilence  = 30 * time.Second
	// digestHeader is where an object's SHA-256 stands beside it.
	digestHeader = "Sha256"
)

// S3 is a Store on Amazon's protocol.
type S3 struct {
	o      Options
	bucket string
	prefix string // "" or one that ends in a slash
	core   *minio.Core
}

// NewS3 prepares a store. It asks nothing yet.
func NewS3(o Options) (*S3, error) {
	bucket, prefix, err := Split(o.Place)
	if err != nil {
		return nil, err
	}
	if prefix != "" {
		prefix += "/"
	}
	if o.Patience <= 0 {
		o.Patience = defaultPatience
	}
	if o.Wait <= 0 {
		o.Wait = firstWait
	}
	if o.PartSize <= 0 {
		o.PartSize = defaultPart
	}
	if o.Silence <= 0 {
		o.Silence = defaultSilence
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Endpoint == "" {
		o.Endpoint = "https://s3.amazonaws.com"
	}
	if o.Region == "" {
		o.Region = "us-east-1" // what stores that have no regions answer to
	}
	u, err := CheckEndpoint(o.Endpoint)
	if err != nil {
		return nil, err
	}
	lookup := minio.BucketLookupAuto
	if o.PathStyle {
		lookup = minio.BucketLookupPath
	}
	core, err := minio.NewCore(u.Host, &minio.Options{
		Creds: credentials.NewStaticV4(o.AccessKey, o.SecretKey, ""), Secure: u.Scheme == "https", Region: o.Region,
		BucketLookup: lookup, Transport: transport(o.Silence),
		MaxRetries: 1, // ours know a lost answer from a lost race
	})
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", o.Place, err)
	}
	return &S3{o: o, bucket: bucket, prefix: prefix, core: core}, nil
}

// CheckEndpoint reads http://HOST:PORT or https://HOST.
func CheckEndpoint(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.User != nil || u.RawQuery != "" {
		return nil, fmt.Errorf("endpoint %q is neither http://HOST:PORT nor https://HOST", s)
	}
	return u, nil
}

func (s *S3) String() string { return strings.TrimSuffix("s3://"+s.bucket+"/"+s.prefix, "/") }

// key is the name of an object in its bucket.
func (s *S3) key(name string) (string, error) { return s.prefix + name, CheckName(name) }

// PutNew is one PUT with If-None-Match. It may be sent again, for a second one cannot do harm: where the first one has
// arrived, it loses against it.
func (s *S3) PutNew(ctx context.Context, name string, data []byte) error {
	key, err := s.key(name)
	if err != nil {
		return err
	}
	digest := sum(data)
	err = s.retry(ctx, "put "+name, func(ctx context.Context) error {
		o := putOptions(digest)
		o.SetMatchETagExcept("*")
		return s.put(ctx, key, bytes.NewReader(data), int64(len(data)), digest, o)
	})
	switch {
	case is(err, http.StatusPreconditionFailed):
		return fmt.Errorf("%w: %w", fs.ErrExist, err)
	case is(err, http.StatusNotImplemented):
		return fmt.Errorf("%w: %w", ErrUnconditional, err)
	}
	return err
}

// Put is one PUT, or several parts where the object is long.
func (s *S3) Put(ctx context.Context, name string, body io.ReaderAt, size int64, digest string) error {
	key, err := s.key(name)
	if err != nil {
		return err
	}
	if size > s.o.PartSize {
		return s.putParts(ctx, key, body, size, digest)
	}
	h := sha256.New()
	if n, err := io.Copy(h, io.NewSectionReader(body, 0, size)); err != nil || n != size || hex.EncodeToString(h.Sum(nil)) != digest {
		return notWhole(name, err)
	}
	return s.retry(ctx, "put "+name, func(ctx context.Context) error {
		return s.put(ctx, key, io.NewSectionReader(body, 0, size), size, digest, putOptions(digest))
	})
}

// notWhole is the error for bytes that are not those of their digest.
func notWhole(name string, err error) error {
	if err != nil {
		return fmt.Errorf("put %s: read it: %w", name, err)
	}
	return fmt.Errorf("put %s: its bytes are not those that were written: %w", name, millrace.ErrIntegrity)
}

func putOptions(digest string) minio.PutObjectOptions {
	// The digest in the signature is one that the server checks what arrives by.
	return minio.PutObjectOptions{DisableContentSha256: true, UserMetadata: map[string]string{digestHeader: digest}}
}

func (s *S3) put(ctx context.Context, key string, body io.Reader, size int64, digest string, o minio.PutObjectOptions) error {
	_, err := s.core.PutObject(ctx, s.bucket, key, body, size, "", digest, o)
	return err
}

// List asks for a thousand at a time, and goes on behind the last one that it was told of.
func (s *S3) List(ctx context.Context, prefix string, yield func(Object) error) error {
	after := ""
	var stop error
	err := s.retry(ctx, "list "+prefix, func(ctx context.Context) error {
		for o := range s.core.ListObjectsIter(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix + prefix, Recursive: true, StartAfter: after}) {
			if o.Err != nil {
				return o.Err
			}
			name, ok := strings.CutPrefix(o.Key, s.prefix)
			if !ok || o.Key <= after || strings.HasSuffix(name, "/") { // an empty "folder", as some programs leave them
				continue
			}
			after = o.Key
			if stop = yield(Object{Name: name, Size: o.Size, ETag: strings.Trim(o.ETag, `"`)}); stop != nil {
				return nil
			}
		}
		return ctx.Err()
	})
	return errors.Join(stop, err)
}

// Delete removes an object.
func (s *S3) Delete(ctx context.Context, name string) error {
	key, err := s.key(name)
	if err != nil {
		return err
	}
	err = s.retry(ctx, "delete "+name, func(ctx context.Context) error {
		return s.core.RemoveObject(ctx, s.bucket, key, minio.RemoveObjectOptions{})
	})
	if missing(err) {
		return nil
	}
	return err
}
