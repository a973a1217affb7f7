package objects

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// signedFor is how long a signed URL holds: a request that is begun in that time is answered to its end.
const signedFor = 15 * time.Minute

// Bucket is another bucket, reached in the same way.
func (s *S3) Bucket(name string) (*S3, error) {
	o := s.o
	o.Place = "s3://" + name
	return NewS3(o)
}

// Sign gives a URL by which an object can be fetched for some minutes, by whoever has it.
func (s *S3) Sign(ctx context.Context, name string) (string, error) {
	key, err := s.key(name)
	if err != nil {
		return "", err
	}
	u, err := s.core.Presign(ctx, http.MethodGet, s.bucket, key, signedFor, nil)
	if err != nil {
		return "", fmt.Errorf("%s: sign %s: %w", s, name, err)
	}
	return u.String(), nil
}
