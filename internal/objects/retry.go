package objects

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7"

	"millrace"
)

const (
	firstWait = 50 * time.Millisecond
	longWait  = 5 * time.Second
	loudAfter = 4 // tries, about a second
)

// retry calls f until it gives an answer, or nothing else than failures that may pass for as long as Patience. Between
// two calls it waits, ever longer, and never as long as another process does.
func (s *S3) retry(ctx context.Context, what string, f func(context.Context) error) error {
	begin := time.Now()
	for n := 1; ; n++ {
		err := f(ctx)
		if ctx.Err() != nil {
			err = errors.Join(ctx.Err(), err)
		}
		if err == nil {
			if n > loudAfter {
				s.o.Log.Info("the store answers again", "store", s.String(), "after", time.Since(begin).Round(time.Millisecond))
			}
			return nil
		}
		if ctx.Err() != nil || !passes(err) || time.Since(begin) >= s.o.Patience {
			return s.tell(what, err)
		}
		if n == loudAfter {
			s.o.Log.Warn("the store does not answer; it is asked again", "store", s.String(), "what", what, "error", err)
		}
		wait := min(longWait, s.o.Wait<<min(n-1, 10))
		t := time.NewTimer(wait/2 + rand.N(wait/2))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return s.tell(what, errors.Join(ctx.Err(), err))
		}
	}
}

// tell names what was tried, gives the answer that there is no such object its error, and says what may pass.
func (s *S3) tell(what string, err error) error {
	switch {
	case missing(err):
		err = fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	case passes(err) && !errors.Is(err, context.Canceled): // for all of Patience; whoever can wait may ask again
		err = fmt.Errorf("%w: %w", err, millrace.ErrTransient)
	}
	return fmt.Errorf("%s: %s: %w", s, what, err)
}

func answer(err error) (r minio.ErrorResponse, ok bool) {
	ok = errors.As(err, &r)
	return r, ok && r.StatusCode != 0
}

func is(err error, status int) bool {
	r, ok := answer(err)
	return ok && r.StatusCode == status
}

// missing is the answer for an object that is not there, and not for a bucket.
func missing(err error) bool {
	r, ok := answer(err)
	return ok && r.StatusCode == http.StatusNotFound && r.Code != minio.NoSuchBucket && r.Code != minio.NoSuchUpload
}

// passes reports whether the same call may go well a little later: what never got an answer, and answers of a server
// that is overloaded, broken or about to start. A conflict (409) is another writer's PUT at the same moment.
func passes(err error) bool {
	r, ok := answer(err)
	if !ok {
		var authority x509.UnknownAuthorityError
		var host x509.HostnameError
		var invalid *tls.CertificateVerificationError
		return !errors.As(err, &authority) && !errors.As(err, &host) && !errors.As(err, &invalid) && !errors.Is(err, errLocal)
	}
	switch r.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusConflict:
		return true
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return false
	}
	switch r.Code { // bytes that were changed or cut on their way
	case "BadDigest", "XAmzContentSHA256Mismatch", "IncompleteBody", "RequestTimeout", "SlowDown", "InternalError":
		return true
	}
	return r.StatusCode >= 500
}

// errLocal marks what asking again does not mend: the bytes that are to be put cannot be read.
var errLocal = errors.New("on this machine")
