package objects_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"millrace"
	"millrace/internal/objects"
	"millrace/internal/sim/s3"
)

// open serves f and opens it, with little patience.
func open(t *testing.T, f *s3.Fake, change func(*objects.Options)) *objects.S3 {
	t.Helper()
	endpoint, stop := f.Serve()
	t.Cleanup(stop)
	o := objects.Options{Place: "s3://" + s3.FakeBucket + "/some/prefix", Endpoint: endpoint, AccessKey: "me", SecretKey: "secret", Patience: 20 * time.Second, Wait: time.Millisecond}
	if change != nil {
		change(&o)
	}
	s, err := objects.NewS3(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	f := s3.NewFake()
	s := open(t, f, nil)
	ctx := t.Context()
	if err := s.PutNew(ctx, "a/1", []byte("one")); err != nil {
		t.Fatal(err)
	}
	if err := s.PutNew(ctx, "a/1", []byte("two")); !errors.Is(err, fs.ErrExist) {
		t.Fatalf("a second PutNew: %v", err)
	}
	if b, err := objects.Read(ctx, s, "a/1", 3); err != nil || string(b) != "one" {
		t.Fatalf("%q, %v", b, err)
	}
	if _, err := objects.Read(ctx, s, "a/1", 2); !errors.Is(err, millrace.ErrIntegrity) {
		t.Fatalf("above the limit: %v", err)
	}
	if _, err := s.Get(ctx, "a/2", 0, -1); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("nothing there: %v", err)
	}
	if err := objects.PutBytes(ctx, s, "b", []byte("0123456789")); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		offset, length int64
		want           string
	}{{0, -1, "0123456789"}, {3, -1, "3456789"}, {3, 4, "3456"}, {0, 1, "0"}, {9, 1, "9"}, {4, 0, ""}} {
		r, err := s.Get(ctx, "b", x.offset, x.length)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != x.want {
			t.Errorf("%d bytes from %d: %q, %v", x.length, x.offset, got, err)
		}
		r.Close()
	}
	if got := f.Keys(); !slices.Equal(got, []string{"some/prefix/a/1", "some/prefix/b"}) {
		t.Fatal(got)
	}
	for range 2 {
		if err := s.Delete(ctx, "b"); err != nil {
			t.Fatal(err)
		}
	}
	for _, bad := range []string{"", "/a", "a//b", "../a", "a/.", "a\nb", strings.Repeat("a", 1000)} {
		if s.PutNew(ctx, bad, nil) == nil || objects.PutBytes(ctx, s, bad, nil) == nil || s.Delete(ctx, bad) == nil {
			t.Errorf("the name %q was taken", bad)
		}
	}
	if s.String() != "s3://corpus/some/prefix" {
		t.Error(s.String())
	}
}

func TestList(t *testing.T) {
	f := s3.NewFake()
	s := open(t, f, nil)
	want := []objects.Object{}
	for i := range 1100 {
		o := objects.Object{Name: fmt.Sprintf("data/%05d", i), Size: int64(i % 3)}
		if err := objects.PutBytes(t.Context(), s, o.Name, make([]byte, o.Size)); err != nil {
			t.Fatal(err)
		}
		want = append(want, o)
	}
	if err := objects.PutBytes(t.Context(), s, "else", nil); err != nil {
		t.Fatal(err)
	}
	var n atomic.Int64
	f.Fault = func(*http.Request) s3.Fault {
		if n.Add(1)%2 == 0 { // also between two pages
			return s3.Refuse
		}
		return s3.None
	}
	got := []objects.Object{}
	if err := s.List(t.Context(), "data/", func(o objects.Object) error {
		if o.ETag == "" {
			t.Errorf("%s has no ETag", o.Name)
		}
		o.ETag = ""
		got = append(got, o)
		return nil
	}); err != nil || !slices.Equal(got, want) {
		t.Fatalf("%d objects of %d, %v", len(got), len(want), err)
	}
	stop := errors.New("stop")
	n.Store(0)
	got = nil
	if err := s.List(t.Context(), "data/", func(o objects.Object) error { got = append(got, o); return stop }); !errors.Is(err, stop) || len(got) != 1 {
		t.Fatalf("%d objects, %v", len(got), err)
	}
}

// TestFaults makes every kind of request meet every kind of fault, and it comes out right.
func TestFaults(t *testing.T) {
	for _, fault := range []s3.Fault{s3.Refuse, s3.Cut, s3.Lost, s3.Half, s3.Stuck} {
		t.Run(fmt.Sprint(fault), func(t *testing.T) {
			t.Parallel()
			f := s3.NewFake()
			s := open(t, f, func(o *objects.Options) { o.PartSize, o.Silence = 1000, 100*time.Millisecond })
			var mu sync.Mutex
			dice := rand.New(rand.NewPCG(1, uint64(fault)))
			f.Fault = func(r *http.Request) s3.Fault {
				mu.Lock()
				defer mu.Unlock()
				if dice.IntN(3) == 0 && (fault != s3.Half || r.Method == http.MethodGet) {
					return fault
				}
				return s3.None
			}
			rng := rand.NewChaCha8([32]byte{1})
			for i := range 4 {
				data := make([]byte, 700*i)
				rng.Read(data)
				name := fmt.Sprint("x/", i)
				if err := objects.PutBytes(t.Context(), s, name, data); err != nil {
					t.Fatal(err)
				}
				if b, err := objects.Read(t.Context(), s, name, 10_000); err != nil || !bytes.Equal(b, data) {
					t.Fatalf("%d bytes of %d, %v", len(b), len(data), err)
				}
				// An answer that was lost makes a winner lose against himself: he reads what is there.
				if err := s.PutNew(t.Context(), fmt.Sprint("new/", i), data); err != nil && !errors.Is(err, fs.ErrExist) {
					t.Fatal(err)
				}
				if b, _ := f.Object("some/prefix/new/" + fmt.Sprint(i)); !bytes.Equal(b, data) {
					t.Fatal("another object")
				}
				if err := s.Delete(t.Context(), name); err != nil {
					t.Fatal(err)
				}
			}
			if keys := f.Keys(); len(keys) != 4 {
				t.Fatal(keys)
			}
		})
	}
}

// TestOneWinner lets many write one name at once, with lost answers: what is there was written by one of them, and
// nobody else was told that he has won.
func TestOneWinner(t *testing.T) {
	f := s3.NewFake()
	s := open(t, f, nil)
	var n atomic.Int64
	f.Fault = func(*http.Request) s3.Fault {
		return []s3.Fault{s3.None, s3.Lost, s3.Refuse, s3.Late, s3.None}[n.Add(1)%5]
	}
	for round := range 5 {
		name := fmt.Sprint("entry/", round)
		won := make([]bool, 8)
		var wg sync.WaitGroup
		for i := range won {
			wg.Go(func() {
				err := s.PutNew(t.Context(), name, []byte{byte(i)})
				if won[i] = err == nil; err != nil && !errors.Is(err, fs.ErrExist) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		b, _ := f.Object("some/prefix/" + name)
		for i := range won {
			if won[i] && !bytes.Equal(b, []byte{byte(i)}) {
				t.Fatalf("%d was told that it has won, there is %v", i, b)
			}
		}
	}
}

func TestParts(t *testing.T) {
	f := s3.NewFake()
	s := open(t, f, func(o *objects.Options) { o.PartSize = 1 << 10 })
	data := make([]byte, 5000)
	rand.NewChaCha8([32]byte{2}).Read(data)
	if err := objects.PutBytes(t.Context(), s, "long", data); err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := objects.Fetch(t.Context(), s, "long", &got, 5000, digest(data)); err != nil || !bytes.Equal(got.Bytes(), data) {
		t.Fatalf("%d bytes, %v", got.Len(), err)
	}
	// A digest that is not that of the bytes, as when a file was damaged since it was written.
	for _, n := range []int{5000, 100} {
		err := s.Put(t.Context(), "other", bytes.NewReader(data), int64(n), digest(data[1:]))
		if _, there := f.Object("some/prefix/other"); !errors.Is(err, millrace.ErrIntegrity) || there {
			t.Fatalf("%d damaged bytes: %v", n, err)
		}
	}
	if n := f.Uploads(); n != 0 {
		t.Errorf("%d uploads are left", n)
	}
}

// TestDamage flips each bit of an object: whoever reads it whole is told.
func TestDamage(t *testing.T) {
	f := s3.NewFake()
	s := open(t, f, nil)
	data := []byte("twelve bytes")
	if err := s.PutNew(t.Context(), "x", data); err != nil {
		t.Fatal(err)
	}
	for i := range len(data) * 8 {
		f.Damage("some/prefix/x", i/8, 1<<(i%8))
		if b, err := objects.Read(t.Context(), s, "x", 100); !errors.Is(err, millrace.ErrIntegrity) {
			t.Fatalf("bit %d: %q, %v", i, b, err)
		}
		if err := objects.Fetch(t.Context(), s, "x", io.Discard, 12, digest(data)); !errors.Is(err, millrace.ErrIntegrity) {
			t.Fatalf("bit %d: %v", i, err)
		}
		f.Damage("some/prefix/x", i/8, 1<<(i%8))
	}
	if err := objects.Fetch(t.Context(), s, "x", io.Discard, 11, digest(data)); !errors.Is(err, millrace.ErrIntegrity) {
		t.Fatalf("another size: %v", err)
	}
}

func TestClaim(t *testing.T) {
	f := s3.NewFake()
	s := open(t, f, nil)
	for _, mine := range []string{"1", "2"} {
		if b, err := objects.Claim(t.Context(), s, "format", []byte(mine)); err != nil || string(b) != "1" {
			t.Fatalf("%q, %v", b, err)
		}
	}
	f = s3.NewFake()
	f.Unconditional = true
	s = open(t, f, nil)
	if _, err := objects.Claim(t.Context(), s, "format", []byte("1")); !errors.Is(err, objects.ErrUnconditional) {
		t.Fatalf("a store that lets everybody win: %v", err)
	}
}

// TestGivesUp has a store that never answers, one that refuses for good, and a caller who leaves.
func TestGivesUp(t *testing.T) {
	f := s3.NewFake()
	f.Fault = func(*http.Request) s3.Fault { return s3.Refuse }
	s := open(t, f, func(o *objects.Options) { o.Patience = 2 * time.Second })
	if err := s.PutNew(t.Context(), "x", nil); err == nil || errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if n := f.Asked(http.MethodPut); n < 2 || n > 100 {
		t.Errorf("asked %d times", n)
	}
	f = s3.NewFake()
	f.Fault = func(*http.Request) s3.Fault { return s3.Stuck }
	s = open(t, f, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.PutNew(ctx, "x", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	f = s3.NewFake()
	s = open(t, f, func(o *objects.Options) { o.Place = "s3://another/prefix" })
	err := s.PutNew(t.Context(), "x", nil)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("no bucket: %v", err)
	}
	if n := f.Asked(http.MethodPut); n != 1 {
		t.Errorf("what does not pass was asked %d times: %v", n, err)
	}
}

func TestOptions(t *testing.T) {
	for _, place := range []string{"", "corpus", "s3://", "s3:///x", "s3://a b/x", "s3://a/../b", "s3://a//b", "https://a/b", "s3://u:p@a/b"} {
		if _, err := objects.NewS3(objects.Options{Place: place}); err == nil {
			t.Errorf("place %q", place)
		}
	}
	for _, e := range []string{"host:9000", "ftp://host", "https://", "https://host/path", "https://u:p@host"} {
		if _, err := objects.NewS3(objects.Options{Place: "s3://b", Endpoint: e}); err == nil {
			t.Errorf("endpoint %q", e)
		}
	}
	s, err := objects.NewS3(objects.Options{Place: "s3://bucket"})
	if err != nil || s.String() != "s3://bucket" {
		t.Errorf("%v, %v", s, err)
	}
}

// FuzzSplit wants what is taken apart to be whole again.
func FuzzSplit(f *testing.F) {
	for _, s := range []string{"s3://b", "s3://b/p/q", "s3://b/p/", "s3:///p", "s3://b/../p", "s3://b//p"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, place string) {
		bucket, prefix, err := objects.Split(place)
		if err != nil {
			return
		}
		again := strings.TrimSuffix("s3://"+bucket+"/"+prefix, "/")
		if bucket == "" || again != strings.TrimSuffix(place, "/") {
			t.Fatalf("%q is %q and %q", place, bucket, prefix)
		}
		if b, p, err := objects.Split(again); err != nil || b != bucket || p != prefix {
			t.Fatalf("%q again is %q and %q, %v", place, b, p, err)
		}
		if s, err := objects.NewS3(objects.Options{Place: place}); err == nil && s.String() != again {
			t.Fatalf("%q calls itself %q", place, s)
		}
	})
}

// TestLikeAMap does what comes to a Store and to a map, and wants them to agree.
func TestLikeAMap(t *testing.T) {
	f := s3.NewFake()
	s := open(t, f, nil)
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		place, want := fmt.Sprintf("r%d/", round), map[string]string{}
		ctx := context.Background()
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			name := place + rapid.SampledFrom([]string{"a", "b", "a/b", "é ü", "a+b%20c", "z~"}).Draw(rt, "name")
			data := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(rt, "data")
			old, there := want[name]
			switch rapid.IntRange(0, 3).Draw(rt, "step") {
			case 0:
				if err := s.PutNew(ctx, name, data); (err == nil) == there || there && !errors.Is(err, fs.ErrExist) {
					rt.Fatalf("PutNew: %v", err)
				}
				if !there {
					want[name] = string(data)
				}
			case 1:
				if err := objects.PutBytes(ctx, s, name, data); err != nil {
					rt.Fatal(err)
				}
				want[name] = string(data)
			case 2:
				if err := s.Delete(ctx, name); err != nil {
					rt.Fatal(err)
				}
				delete(want, name)
			case 3:
				if b, err := objects.Read(ctx, s, name, 100); there && (err != nil || string(b) != old) || !there && !errors.Is(err, fs.ErrNotExist) {
					rt.Fatalf("%q, %v", b, err)
				}
			}
		}
		n := 0
		if err := s.List(ctx, place, func(o objects.Object) error {
			if b, ok := want[o.Name]; !ok || int64(len(b)) != o.Size {
				rt.Fatalf("listed %+v", o)
			}
			n++
			return nil
		}); err != nil || n != len(want) {
			rt.Fatalf("%d listed of %d, %v", n, len(want), err)
		}
	})
}
