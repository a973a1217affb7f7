package s3_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"millrace/internal/objects"
	"millrace/internal/sim/s3"
)

// TestRealServer asks versitygw what a Store promises, and kills it in between.
func TestRealServer(t *testing.T) {
	if os.Getenv("MILLRACE_S3") == "" {
		t.Skip("set MILLRACE_S3=1 to run versitygw (builds it once, about two minutes)")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	o := s3.Options{Dir: t.TempDir()}
	srv, err := s3.Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { srv.Kill() }()
	if err := srv.NewBucket("corpus"); err != nil {
		t.Fatal(err)
	}
	s, err := objects.NewS3(objects.Options{Place: "s3://corpus/p", Endpoint: srv.Endpoint(), AccessKey: s3.AccessKey, SecretKey: s3.SecretKey,
		Patience: time.Minute, PartSize: 5 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if b, err := objects.Claim(ctx, s, "format", []byte("1\n")); err != nil || string(b) != "1\n" {
		t.Fatalf("%q, %v", b, err)
	}
	data := make([]byte, 12<<20)
	rand.NewChaCha8([32]byte{1}).Read(data)
	h := sha256.Sum256(data)
	if err := objects.PutBytes(ctx, s, "data/long", data); err != nil { // in three parts
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := objects.Fetch(ctx, s, "data/long", &got, int64(len(data)), hex.EncodeToString(h[:])); err != nil || !bytes.Equal(got.Bytes(), data) {
		t.Fatal(err)
	}
	won := make([]error, 32)
	var wg sync.WaitGroup
	for i := range won {
		wg.Go(func() { won[i] = s.PutNew(ctx, "data/new", []byte{byte(i)}) })
	}
	wg.Wait()
	winners := 0
	for _, err := range won {
		if err == nil {
			winners++
		} else if !errors.Is(err, fs.ErrExist) {
			t.Error(err)
		}
	}
	if winners != 1 {
		t.Fatalf("%d of 32 have won", winners)
	}
	srv.Kill()
	done := make(chan error, 1)
	go func() { done <- s.PutNew(ctx, "data/later", []byte("x")) }() // waits until it is back
	o.Port = srv.Port()
	if srv, err = s3.Start(ctx, o); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	var names []string
	if err := s.List(ctx, "data/", func(o objects.Object) error { names = append(names, o.Name); return nil }); err != nil || len(names) != 3 {
		t.Fatal(names, err)
	}
	if err := s.Delete(ctx, "data/later"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(ctx, "data/later", 0, -1); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	// A file that somebody changes behind the server's back.
	path := filepath.Join(srv.Bucket("corpus"), "p", "data", "new")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0) // in place, so that what is kept beside it stays
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{b[0] ^ 1}, 0); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if _, err := objects.Read(ctx, s, "data/new", 10); err == nil {
		t.Fatal("a flipped bit was read")
	}
	if err := srv.Stop(ctx); err != nil {
		t.Fatal(err)
	}
}
