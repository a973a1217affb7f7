package ingest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"millrace/internal/durable"
)

const (
	maxRemote   = 1 << 40         // bytes of one file
	maxURLs     = 1 << 20         // of a list
	remoteTries = 6               // without any new byte
	stall       = 2 * time.Minute // without a byte
	syncEvery   = 64 << 20
)

// isRemote reports whether an input names files elsewhere: a URL, or @FILE with one a line.
func isRemote(glob string) bool {
	return strings.HasPrefix(glob, "https://") || strings.HasPrefix(glob, "http://") || isObject(glob) || strings.HasPrefix(glob, "@")
}

// findRemote lists URLs. Their bytes are fetched when their turn comes.
func findRemote(ctx context.Context, in Input) (all []listed, err error) {
	urls := []string{in.Glob}
	if name, ok := strings.CutPrefix(in.Glob, "@"); ok {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		urls = nil
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			if s := strings.TrimSpace(lines.Text()); s != "" && s[0] != '#' {
				urls = append(urls, s)
			}
			if len(urls) > maxURLs {
				return nil, fmt.Errorf("more than %d URLs", maxURLs)
			}
		}
		if err := lines.Err(); err != nil {
			return nil, err
		}
	}
	for _, s := range urls {
		if isObject(s) {
			found, err := findObjects(ctx, in, s)
			if err != nil {
				return nil, err
			}
			if all = append(all, found...); len(all) > maxURLs {
				return nil, errManyObjects
			}
			continue
		}
		u, err := remoteURL(s)
		if err != nil {
			return nil, err
		}
		all = append(all, listed{Input: in.Name, URL: u.String(), ID: u.String()})
	}
	return all, nil
}

// remoteURL checks a URL that is to be fetched. What is in it is written down in many places, so no password is.
func remoteURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, err
	case u.User != nil:
		return nil, fmt.Errorf("%s: a URL with a password would stand in every row", u.Redacted())
	case u.Host == "":
		return nil, fmt.Errorf("%q is no URL of a file", s)
	case u.Scheme == "https":
		return u, nil
	case u.Scheme == "http" && (u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback()):
		return u, nil
	}
	return nil, fmt.Errorf("%s: only https is fetched, and http from this machine", s)
}

// errRefused says that a server will not give a file, now or later.
var errRefused = errors.New("the server refuses it")

// partial is what is remembered of a file of which a part is here.
type partial struct {
	Validator string    `json:"validator"` // ETag, else Last-Modified: the rest has to be of the same file
	Modified  time.Time `json:"modified"`
	Have      int64     `json:"have"` // bytes that are durable
}

// fetchRemote brings the bytes of l's URL into the folder spool, where their name follows from them, and says so
// in l. What a crash leaves is gone on with.
func fetchRemote(ctx context.Context, disk *durable.Disk, spool string, from Buckets, pause time.Duration, l *listed) error {
	if err := disk.Mkdir("ingest.remote.spool", spool); err != nil {
		return err
	}
	if pause == 0 {
		pause = firstPause
	}
	r := remote{disk: disk, url: l.URL, etag: l.ETag, from: from, part: filepath.Join(spool, fmt.Sprintf(".part-%x", sha256.Sum256([]byte(l.URL))))}
	for try := 1; ; try++ {
		got, err := r.once(ctx)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, errRefused) {
			l.Failed = err.Error()
			return r.tidy()
		}
		if got > 0 {
			try = 1
		}
		if try == remoteTries || errors.As(err, new(*fs.PathError)) || errors.Is(err, ErrInputChanged) {
			return fmt.Errorf("fetch %s: %w", l.URL, err)
		}
		select {
		case <-time.After(backoff(pause, 2*try)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return r.keep(spool, l)
}

// remote is one file that is being fetched.
type remote struct {
	disk  *durable.Disk
	url   string
	part  string // what is here of it; beside it, with .json, what is known
	known partial

	etag string // of an object in a bucket, when first seen: nothing else is fetched
	from Buckets
}

// once asks for what is not here yet.
func (r *remote) once(ctx context.Context) (got int64, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	idle := time.AfterFunc(stall, func() { cancel(fmt.Errorf("no byte for %v", stall)) })
	defer idle.Stop()
	f, err := r.disk.Open("ingest.remote.part", r.part, os.O_CREATE, 0o644)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	have := r.have()
	req, err := r.request(ctx, have)
	if err != nil {
		return 0, err
	}
	resp, err := r.client().Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	at, end, err := r.answered(resp, have)
	if err != nil || at == end {
		return 0, err
	}
	if at == 0 {
		if err := f.Truncate("ingest.remote.truncate", 0); err != nil {
			return 0, err
		}
	}
	if err := r.safe(f, at); err != nil { // before any new byte: what is here and what is known belong together
		return 0, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.safe(f, at))
		}
	}()
	at, got, err = r.body(f, resp.Body, at, end, func() { idle.Reset(stall) })
	if err != nil {
		err = errors.Join(err, context.Cause(ctx))
	}
	return got, err
}

// request asks for what is not here yet, of the file that was begun.
func (r *remote) request(ctx context.Context, have int64) (*http.Request, error) {
	from := r.url
	if r.etag != "" {
		var err error
		if from, err = sign(ctx, r.from, r.url); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept-Encoding", "identity") // the file as it is stored
	if r.etag != "" {
		req.Header.Set("If-Match", strconv.Quote(r.etag))
	}
	if have > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	if have > 0 && r.etag == "" {
		req.Header.Set("If-Range", r.known.Validator)
	}
	return req, nil
}

// body writes what comes at at, and says where it has come to. alive is called after each piece.
func (r *remote) body(f *durable.File, in io.Reader, at, end int64, alive func()) (to, got int64, err error) {
	buf := make([]byte, 256<<10)
	for {
		n, err := in.Read(buf)
		alive()
		if n > 0 {
			if _, err := f.WriteAt("ingest.remote.write", buf[:n], at); err != nil {
				return at, got, err
			}
			at, got = at+int64(n), got+int64(n)
			if at-r.known.Have >= syncEvery {
				if err := r.safe(f, at); err != nil {
					return at, got, err
				}
			}
		}
		if at > maxRemote {
			return at, got, fmt.Errorf("more than %d bytes: %w", int64(maxRemote), errRefused)
		}
		if errors.Is(err, io.EOF) && end >= 0 && at != end {
			err = io.ErrUnexpectedEOF
		}
		if errors.Is(err, io.EOF) {
			return at, got, r.safe(f, at)
		}
		if err != nil {
			return at, got, err
		}
	}
}

// safe makes the bytes up to at durable, and then remembers that they are.
func (r *remote) safe(f *durable.File, at int64) error {
	if err := f.Sync("ingest.remote.sync"); err != nil {
		return err
	}
	r.known.Have = at
	b, err := json.Marshal(r.known)
	if err != nil {
		return err
	}
	return r.disk.Replace("ingest.remote.known", r.part+".json", b)
}

// have is how many bytes are here that can be gone on from.
func (r *remote) have() int64 {
	info, err := os.Stat(r.part)
	b, err2 := os.ReadFile(r.part + ".json")
	if err != nil || err2 != nil || json.Unmarshal(b, &r.known) != nil || r.known.Validator == "" {
		return 0
	}
	if r.etag != "" && strings.Trim(r.known.Validator, `"`) != r.etag {
		return 0
	}
	return min(info.Size(), r.known.Have)
}

// client follows a few redirects, and only to where a list could have led.
func (r *remote) client() *http.Client {
	return &http.Client{CheckRedirect: func(req *http.Request, via []*http.Request) error {
		if r.etag != "" {
			return http.ErrUseLastResponse // a signature is for one place
		}
		if len(via) > 5 {
			return fmt.Errorf("more than 5 redirects: %w", errRefused)
		}
		if _, err := remoteURL(req.URL.String()); err != nil {
			return fmt.Errorf("redirected: %w: %w", err, errRefused)
		}
		return nil
	}}
}

// answered says from which byte to which an answer goes; end is -1 where it does not say.
func (r *remote) answered(resp *http.Response, have int64) (at, end int64, err error) {
	switch code := resp.StatusCode; {
	case r.etag != "" && (code == http.StatusPreconditionFailed || code == http.StatusNotFound):
		return 0, 0, fmt.Errorf("it is not there any more, or another one is: %s: %w", resp.Status, ErrInputChanged)
	case code == http.StatusPartialContent && have > 0:
		span, total, _ := strings.Cut(strings.TrimPrefix(resp.Header.Get("Content-Range"), "bytes "), "/")
		first, _, _ := strings.Cut(span, "-")
		at, err = strconv.ParseInt(first, 10, 64)
		if err != nil || at != have {
			return 0, 0, fmt.Errorf("asked for bytes from %d, got %q", have, resp.Header.Get("Content-Range"))
		}
		if end, err = strconv.ParseInt(total, 10, 64); err != nil {
			end = -1
		}
		return at, end, nil
	case code == http.StatusRequestedRangeNotSatisfiable && have > 0 && strings.HasSuffix(resp.Header.Get("Content-Range"), "/"+strconv.FormatInt(have, 10)):
		return have, have, nil // all of it is here
	case code == http.StatusOK:
		r.known = partial{Validator: resp.Header.Get("ETag")}
		modified, err := http.ParseTime(resp.Header.Get("Last-Modified"))
		if err == nil {
			r.known.Modified = modified
		}
		if r.known.Validator == "" || strings.HasPrefix(r.known.Validator, "W/") {
			r.known.Validator = resp.Header.Get("Last-Modified")
		}
		if r.known.Modified.IsZero() {
			r.known.Modified = time.Now().UTC().Truncate(time.Second)
		}
		return 0, resp.ContentLength, nil
	case r.etag == "" && code >= 400 && code < 500 && code != http.StatusRequestTimeout && code != http.StatusTooManyRequests && have == 0:
		return 0, 0, fmt.Errorf("%s: %w", resp.Status, errRefused)
	}
	if have > 0 { // what is here may be of another file
		err = r.disk.Remove("ingest.remote.again", r.part+".json")
	}
	return 0, 0, errors.Join(err, errors.New(resp.Status))
}

// keep gives a whole file the name of its bytes. It is renamed: under two names it would be cut, when a crash comes
// before the list is stored and it is fetched again.
func (r *remote) keep(spool string, l *listed) error {
	f, err := os.Open(r.part)
	if err != nil {
		return err
	}
	h := sha256.New()
	l.Size, err = io.Copy(h, f)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	l.MTime = r.known.Modified.UnixMicro()
	l.Path = filepath.Join(spool, fmt.Sprintf("%x-%s", h.Sum(nil)[:16], baseName(r.url)))
	if err := r.disk.Rename("ingest.remote.rename", r.part, l.Path); err != nil {
		return err
	}
	if err := r.disk.SyncDir("ingest.remote.folder", spool); err != nil {
		return err
	}
	return r.tidy()
}

// tidy removes what is no longer needed.
func (r *remote) tidy() error {
	for _, name := range []string{r.part, r.part + ".json"} {
		if err := r.disk.Remove("ingest.remote.tidy", name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// baseName is the last part of a URL's path, of harmless letters: its end says what the file holds.
func baseName(s string) string {
	if isObject(s) { // its key stands there as it is
		return harmless(s)
	}
	u, err := url.Parse(s)
	if err != nil {
		return "file"
	}
	return harmless(u.Path)
}

func harmless(p string) string {
	b := bytes.Map(func(c rune) rune {
		if c == '.' || c == '-' || c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			return c
		}
		return '_'
	}, []byte(path.Base(p)))
	return string(b[max(0, len(b)-80):])
}
