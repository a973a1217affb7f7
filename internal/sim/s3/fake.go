package s3

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault is what happens to one request.
type Fault int

// The faults.
const (
	None   Fault = iota
	Refuse       // 503, and nothing was done
	Cut          // the connection ends, and nothing was done
	Lost         // it is done, and the connection ends before the answer
	Late         // the connection ends, and it is done a little later
	Half         // of a GET: half the bytes, and the connection ends
	Stuck        // no answer, until the client gives up
)

// lateBy is how much later that is.
const lateBy = 20 * time.Millisecond

// Fake is an object store in memory, as a handler of HTTP. It answers as Amazon's does to what internal/objects asks,
// and knows one bucket. Everything in it is synced at once, and it has no signatures; versitygw, which runs as a process
// (server.go), has both.
type Fake struct {
	// Fault decides about each request; nil is none.
	Fault func(*http.Request) Fault
	// Unconditional forgets If-None-Match, as some stores do.
	Unconditional bool

	mu      sync.Mutex
	objects map[string]object
	uploads map[string]map[int][]byte
	n       int // of the next upload
	asked   map[string]int
	late    sync.WaitGroup
}

type object struct {
	data []byte
	meta http.Header
}

// FakeBucket is the bucket of a Fake.
const FakeBucket = "corpus"

// NewFake makes an empty one.
func NewFake() *Fake {
	return &Fake{objects: map[string]object{}, uploads: map[string]map[int][]byte{}, asked: map[string]int{}}
}

// Serve lets it answer, until stop; what is late has come then.
func (f *Fake) Serve() (endpoint string, stop func()) {
	s := httptest.NewServer(f)
	return s.URL, func() {
		s.CloseClientConnections()
		s.Close()
		f.late.Wait()
	}
}

// Keys are the names of all objects.
func (f *Fake) Keys() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var keys []string
	for k := range f.objects {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Object gives the bytes of an object, and whether it is there.
func (f *Fake) Object(key string) ([]byte, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o, ok := f.objects[key]
	return slices.Clone(o.data), ok
}

// Damage flips the bits of mask in one byte of an object: what its writer said of it stays.
func (f *Fake) Damage(key string, at int, mask byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := f.objects[key]
	o.data = slices.Clone(o.data)
	o.data[at] ^= mask
	f.objects[key] = o
}

// Remove takes an object away, behind everybody's back.
func (f *Fake) Remove(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.objects, key)
}

// Uploads counts those in parts that are neither complete nor aborted.
func (f *Fake) Uploads() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.uploads)
}

// Asked counts the requests by method.
func (f *Fake) Asked(method string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[method]
}

// ServeHTTP answers one request.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	f.mu.Lock()
	f.asked[r.Method]++
	f.mu.Unlock()
	fault := None
	if f.Fault != nil {
		fault = f.Fault(r)
	}
	switch fault {
	case Refuse:
		fail(w, http.StatusServiceUnavailable, "SlowDown")
		return
	case Cut:
		panic(http.ErrAbortHandler)
	case Stuck:
		<-r.Context().Done()
		return
	case Late:
		f.late.Go(func() {
			time.Sleep(lateBy)
			f.answer(httptest.NewRecorder(), r, body)
		})
		panic(http.ErrAbortHandler)
	case Lost:
		f.answer(httptest.NewRecorder(), r, body)
		panic(http.ErrAbortHandler)
	case Half:
		whole := httptest.NewRecorder()
		f.answer(whole, r, body)
		for k, v := range whole.Header() {
			w.Header()[k] = v
		}
		w.WriteHeader(whole.Code)
		_, _ = w.Write(whole.Body.Bytes()[:whole.Body.Len()/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	f.answer(w, r, body)
}

func (f *Fake) answer(w http.ResponseWriter, r *http.Request, body []byte) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	q := r.URL.Query()
	if bucket != FakeBucket {
		fail(w, http.StatusNotFound, "NoSuchBucket")
		return
	}
	if !strings.Contains(r.Header.Get("Authorization"), "Credential=") && q.Get("X-Amz-Signature") == "" {
		fail(w, http.StatusForbidden, "AccessDenied")
		return
	}
	if want := r.Header.Get("X-Amz-Content-Sha256"); len(want) == 64 && want != digestOf(body) {
		fail(w, http.StatusBadRequest, "XAmzContentSHA256Mismatch")
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case q.Has("uploads") || q.Has("uploadId"):
		f.multipart(w, r, key, body)
	case key == "" && r.Method == http.MethodGet:
		f.list(w, q.Get("prefix"), max(q.Get("start-after"), q.Get("continuation-token")), q.Get("max-keys"))
	case r.Method == http.MethodPut:
		if _, there := f.objects[key]; there && r.Header.Get("If-None-Match") == "*" && !f.Unconditional {
			fail(w, http.StatusPreconditionFailed, "PreconditionFailed")
			return
		}
		f.keep(w, r, key, body)
	case r.Method == http.MethodDelete:
		delete(f.objects, key)
		w.WriteHeader(http.StatusNoContent)
	default:
		f.get(w, r, key)
	}
}

func (f *Fake) keep(w http.ResponseWriter, r *http.Request, key string, body []byte) {
	o := object{data: body, meta: http.Header{}}
	for k, v := range r.Header {
		if strings.HasPrefix(k, "X-Amz-Meta-") {
			o.meta[k] = v
		}
	}
	f.objects[key] = o
	w.Header().Set("ETag", etag(body))
}

func (f *Fake) get(w http.ResponseWriter, r *http.Request, key string) {
	o, ok := f.objects[key]
	switch {
	case !ok:
		fail(w, http.StatusNotFound, "NoSuchKey")
		return
	case r.Header.Get("If-Match") != "" && r.Header.Get("If-Match") != etag(o.data):
		fail(w, http.StatusPreconditionFailed, "PreconditionFailed")
		return
	}
	for k, v := range o.meta {
		w.Header()[k] = v
	}
	w.Header().Set("ETag", etag(o.data))
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Unix(1700000000, 0), bytes.NewReader(o.data)) // knows ranges
}

type listed struct {
	XMLName     xml.Name `xml:"ListBucketResult"`
	Name        string
	Prefix      string
	KeyCount    int
	MaxKeys     int
	IsTruncated bool
	Next        string `xml:"NextContinuationToken,omitempty"`
	Contents    []listedObject
}

type listedObject struct {
	Key          string
	LastModified string
	ETag         string
	Size         int
}

func (f *Fake) list(w http.ResponseWriter, prefix, after, most string) {
	l := listed{Name: FakeBucket, Prefix: prefix, MaxKeys: 1000}
	if n, err := strconv.Atoi(most); err == nil {
		l.MaxKeys = min(n, 1000)
	}
	var keys []string
	for k := range f.objects {
		if strings.HasPrefix(k, prefix) && k > after {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		if l.KeyCount == l.MaxKeys {
			l.IsTruncated, l.Next = true, l.Contents[l.KeyCount-1].Key
			break
		}
		l.KeyCount++
		l.Contents = append(l.Contents, listedObject{k, "2024-01-01T00:00:00.000Z", etag(f.objects[k].data), len(f.objects[k].data)})
	}
	answerXML(w, http.StatusOK, l)
}

// multipart answers what concerns an upload in parts. No condition counts there, as with the stores that were tried.
func (f *Fake) multipart(w http.ResponseWriter, r *http.Request, key string, body []byte) {
	id := r.URL.Query().Get("uploadId")
	parts, ok := f.uploads[id]
	switch {
	case r.Method == http.MethodPost && id == "":
		f.n++
		id = fmt.Sprint("upload-", f.n)
		f.uploads[id] = map[int][]byte{}
		answerXML(w, http.StatusOK, struct {
			XMLName  xml.Name `xml:"InitiateMultipartUploadResult"`
			Bucket   string
			Key      string
			UploadID string `xml:"UploadId"`
		}{Bucket: FakeBucket, Key: key, UploadID: id})
	case !ok:
		fail(w, http.StatusNotFound, "NoSuchUpload")
	case r.Method == http.MethodPut:
		n, _ := strconv.Atoi(r.URL.Query().Get("partNumber"))
		parts[n] = body
		w.Header().Set("ETag", etag(body))
	case r.Method == http.MethodPost:
		var whole []byte
		for n := 1; n <= len(parts); n++ {
			whole = append(whole, parts[n]...)
		}
		delete(f.uploads, id)
		f.objects[key] = object{data: whole}
		answerXML(w, http.StatusOK, struct {
			XMLName xml.Name `xml:"CompleteMultipartUploadResult"`
			Bucket  string
			Key     string
			ETag    string
		}{Bucket: FakeBucket, Key: key, ETag: etag(whole)})
	case r.Method == http.MethodDelete:
		delete(f.uploads, id)
		w.WriteHeader(http.StatusNoContent)
	default:
		fail(w, http.StatusNotImplemented, "NotImplemented")
	}
}

func fail(w http.ResponseWriter, status int, code string) {
	answerXML(w, status, struct {
		XMLName xml.Name `xml:"Error"`
		Code    string
		Message string
	}{Code: code, Message: "by the fake store"})
}

func answerXML(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_ = xml.NewEncoder(w).Encode(v) // a client that is gone does not hear it
}

func etag(b []byte) string {
	h := md5.Sum(b)
	return `"` + hex.EncodeToString(h[:]) + `"`
}

func digestOf(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}
