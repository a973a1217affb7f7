package shards

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace"
	"millrace/internal/durable"
	"millrace/internal/objects"
	"millrace/internal/sim/crashfs"
	"millrace/internal/sim/s3"
)

// diskStore is a Store in a folder, whose steps a trial of crashes sees. What it has answered is durable.
type diskStore struct {
	disk *durable.Disk
	dir  string
}

func (s diskStore) path(name string) string { return filepath.Join(s.dir, filepath.FromSlash(name)) }

func (s diskStore) String() string { return "s3://corpus/" + filepath.Base(s.dir) }

func (s diskStore) PutNew(_ context.Context, name string, data []byte) error {
	return s.disk.Create("store.new", s.path(name), data)
}

func (s diskStore) Put(_ context.Context, name string, body io.ReaderAt, size int64, digest string) error {
	b, err := io.ReadAll(io.NewSectionReader(body, 0, size))
	if err != nil || int64(len(b)) != size || sum(b) != digest {
		return fmt.Errorf("put %s: %d bytes of %d, or others: %w: %w", name, len(b), size, err, millrace.ErrIntegrity)
	}
	return s.disk.Replace("store.put", s.path(name), b)
}

func (s diskStore) Get(_ context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	f, err := os.Open(s.path(name))
	if err != nil {
		return nil, err
	}
	if length < 0 {
		length = 1 << 40
	}
	return struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(f, offset, length), f}, nil
}

func (s diskStore) List(_ context.Context, prefix string, yield func(objects.Object) error) error {
	return filepath.WalkDir(s.dir, func(path string, e fs.DirEntry, err error) error {
		name, _ := filepath.Rel(s.dir, path)
		name = filepath.ToSlash(name)
		if err != nil || e.IsDir() || !strings.HasPrefix(name, prefix) || strings.HasPrefix(e.Name(), ".") {
			return err
		}
		return yield(objects.Object{Name: name})
	})
}

func (s diskStore) Delete(_ context.Context, name string) error {
	err := s.disk.Remove("store.delete", s.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// newDiskStore makes the folders, which a bucket has not.
func newDiskStore(t *testing.T, dir string) diskStore {
	t.Helper()
	for _, d := range []string{logDir(dir), rejectsDir(dir)} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return diskStore{dir: dir}
}

// s3Store serves f and opens it.
func s3Store(t *testing.T, f *s3.Fake) objects.Store {
	t.Helper()
	endpoint, stop := f.Serve()
	t.Cleanup(stop)
	s, err := objects.NewS3(objects.Options{Place: "s3://" + s3.FakeBucket + "/corpus/en", Endpoint: endpoint,
		AccessKey: "me", SecretKey: "secret", Patience: 20 * time.Second, Wait: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// hasty is a disk that syncs nothing: nobody pulls a plug here, and hundreds of commits are waited for.
func hasty(after func(*durable.Step, error) error) *durable.Disk {
	return durable.Watched(watch{after: after, before: func(s *durable.Step) error {
		if s.Op == durable.OpSync || s.Op == durable.OpSyncDir {
			return durable.ErrSkip
		}
		return nil
	}})
}

// objectsIn gives the content of a store by name.
func objectsIn(t *testing.T, s objects.Store) map[string]string {
	t.Helper()
	all := map[string]string{}
	var names []string
	if err := s.List(t.Context(), "", func(o objects.Object) error { names = append(names, o.Name); return nil }); err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		b, err := objects.Read(t.Context(), s, n, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		all[n] = string(b)
	}
	return all
}

// alone is what a corpus that is kept in a folder alone comes to, but for what a store has no need of.
func alone(t *testing.T, docs []*millrace.Document, o Options) map[string]string {
	t.Helper()
	o.Dir, o.Disk = t.TempDir(), hasty(nil)
	if err := replay(t.Context(), o, docs); err != nil {
		t.Fatal(err)
	}
	if _, err := CollectOrphans(nil, o.Dir); err != nil {
		t.Fatal(err)
	}
	return files(t, o.Dir)
}

// TestStore writes one corpus into a folder and into a store: the store has the same files with the same bytes, and an
// empty folder reads all of it from there.
func TestStore(t *testing.T) {
	docs := testDocs(21, 120)
	store := s3Store(t, s3.NewFake())
	o := testOptions(t.TempDir())
	want := alone(t, docs, o)
	o.Store, o.Disk = store, hasty(nil)
	if err := replay(t.Context(), o, docs[:50]); err != nil {
		t.Fatal(err)
	}
	o.Dir = t.TempDir() // another machine goes on
	if err := replay(t.Context(), o, docs); err != nil {
		t.Fatal(err)
	}
	if got := objectsIn(t, store); len(got) < len(want) || got["format"] != "1\n" {
		t.Fatalf("%d objects, %d files", len(got), len(want))
	}
	p := Place{Dir: t.TempDir(), Store: store, Disk: hasty(nil)}
	tab, err := p.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var offsets []int64
	if err := tab.Rows(t.Context(), Select{Kept: true, Rejects: true}, func(r *Row) error { offsets = append(offsets, r.Offset); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(offsets) != 120 || !slices.IsSorted(offsets) {
		t.Fatalf("%d rows", len(offsets))
	}
	// A reader may lose any file, and the log.
	kept, _ := tab.Files()
	if err := os.Remove(p.path("data/" + kept[0].Name)); err != nil {
		t.Fatal(err)
	}
	if text, err := tab.Text(t.Context(), docs[0].Position.Offset, docs[0].ID); err != nil || text != docs[0].Text {
		t.Fatal(err)
	}
	if err := os.RemoveAll(logDir(p.Dir)); err != nil {
		t.Fatal(err)
	}
	if r, err := p.Check(t.Context()); err != nil || !r.OK || r.Rows+r.Rejects != 120 {
		t.Fatalf("%+v, %v", r, err)
	}
}

// TestStoreSameFiles wants the store to hold what a folder alone holds, byte for byte.
func TestStoreSameFiles(t *testing.T) {
	docs := testDocs(22, 120)
	store := s3Store(t, s3.NewFake())
	o := testOptions(t.TempDir())
	want := alone(t, docs, o)
	o.Store, o.Disk = store, hasty(nil)
	if err := replay(t.Context(), o, docs); err != nil {
		t.Fatal(err)
	}
	if got := objectsIn(t, store); !maps.Equal(got, want) {
		t.Fatalf("the store has %v, want %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}

// TestStoreRecipe puts another recipe in force from a folder that knows nothing yet, and rebuilds from another.
func TestStoreRecipe(t *testing.T) {
	docs := testDocs(23, 60)
	store := s3Store(t, s3.NewFake())
	o := testOptions(t.TempDir())
	o.Store, o.Disk = store, hasty(nil)
	if err := replay(t.Context(), o, docs); err != nil {
		t.Fatal(err)
	}
	if err := (Place{Dir: t.TempDir(), Store: store, Disk: hasty(nil)}).FromHere(t.Context(), "r2", "two"); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSink(t.Context(), o); !errors.Is(err, ErrRecipe) {
		t.Fatalf("the folder of before: %v", err)
	}
	if err := (Place{Dir: t.TempDir(), Store: store, Disk: hasty(nil)}).Rebuild(t.Context(), "r3", "three"); err != nil {
		t.Fatal(err)
	}
	o.Recipe = "r3"
	if err := replay(t.Context(), o, docs); err != nil {
		t.Fatal(err)
	}
	if r, err := (Place{Dir: t.TempDir(), Store: store, Disk: hasty(nil)}).Check(t.Context()); err != nil || !r.OK || r.Rows+r.Rejects != 60 {
		t.Fatalf("%+v, %v", r, err)
	}
}

// TestCrashWithStore crashes before and after each step, those on the store too; half of the lives go on in an empty
// folder. The store comes to what a folder alone does.
func TestCrashWithStore(t *testing.T) {
	docs := testVisits(5, 12, 3)
	want := alone(t, docs, visitOptions(""))
	dir := t.TempDir()
	newDiskStore(t, filepath.Join(dir, "calm", "remote"))
	place := func(p crashfs.Place) Place {
		here := "here"
		if len(p.Seen)%2 == 1 {
			here = fmt.Sprint("here-", len(p.Seen))
		}
		return Place{Dir: filepath.Join(p.Dir, here), Store: diskStore{p.Disk, filepath.Join(p.Dir, "remote")}, Disk: p.Disk}
	}
	x := &crashfs.Trial{Seed: 3, Pairs: 10, Own: []string{"shards"}, Others: 10, Each: 4,
		Life: func(ctx context.Context, at crashfs.Place) error {
			p := place(at)
			if _, err := p.CollectOrphans(ctx); err != nil {
				return err
			}
			table, err := p.Open(ctx)
			if err != nil {
				return err
			}
			if last := at.Promised("shards.committed"); table.Version() < last {
				return fmt.Errorf("entry %d was promised, the newest is %d", last, table.Version())
			}
			o := visitOptions(p.Dir)
			o.Store, o.Disk = p.Store, p.Disk
			if err := replay(ctx, o, docs); err != nil {
				return err
			}
			_, err = p.CollectOrphans(ctx)
			return err
		},
		Judge: func(dir string) error {
			got := files(t, filepath.Join(dir, "remote"))
			if !maps.Equal(got, want) {
				return fmt.Errorf("objects %v, want %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
			}
			return nil
		},
	}
	r, err := x.Run(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(r)
	for _, point := range []string{"shards.claim", "shards.put", "shards.commit.put", "shards.store", "shards.collect.object"} {
		if r.Points[point]+r.Recovery[point] == 0 && r.Points[point+".rename"] == 0 {
			t.Errorf("no life passes %s", point)
		}
	}
	if r.Recovery["shards.pull.link"] == 0 || r.Recovery["shards.fetch.rename"] == 0 {
		t.Error("no life has read from the store")
	}
}

// TestStoreLostAnswer loses the answer to each PUT of an entry, and of each file.
func TestStoreLostAnswer(t *testing.T) {
	docs := testDocs(24, 80)
	o := testOptions("")
	want := alone(t, docs, o)
	for _, point := range []string{"shards.commit.put", "shards.put"} {
		store := s3Store(t, s3.NewFake())
		lost := 0
		o := testOptions(t.TempDir())
		o.Store = store
		o.Disk = hasty(func(s *durable.Step, _ error) error {
			if s.Point == point && lost < 50 {
				lost++
				return errFault
			}
			return nil
		})
		s := openTest(t, o)
		for tries := 0; ; tries++ { // a file whose answer is lost is put again by the next life
			err := resume(t.Context(), s, docs)
			if err == nil {
				break
			}
			if point == "shards.commit.put" || !errors.Is(err, errFault) || tries > 60 {
				t.Fatal(err)
			}
		}
		if got := objectsIn(t, store); lost < 2 || !maps.Equal(got, want) {
			t.Fatalf("%s: %d answers were lost, and the store has %v", point, lost, slices.Sorted(maps.Keys(got)))
		}
	}
}

// TestStoreTwoOwners lets two sinks with folders of their own race for one store that refuses, loses answers and
// comes late, with a collector beside them. The rows are judged by what is in the store.
func TestStoreTwoOwners(t *testing.T) {
	n := 150
	if crashfs.Nightly() {
		n = 2500 // above a thousand commits
	}
	docs := testDocs(25, n)
	f := s3.NewFake()
	store := s3Store(t, f)
	var mu sync.Mutex
	dice := rand.New(rand.NewPCG(9, 9))
	f.Fault = func(r *http.Request) s3.Fault {
		mu.Lock()
		defer mu.Unlock()
		if r.Method != http.MethodPut || dice.IntN(100) >= 4 {
			return s3.None
		}
		return []s3.Fault{s3.Refuse, s3.Cut, s3.Lost, s3.Late}[dice.IntN(4)]
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	var owners, collector sync.WaitGroup
	done := make(chan struct{})
	moved := make([]int, 2)
	for i := range moved {
		owners.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(i), 1))
			o := testOptions(t.TempDir())
			o.Store, o.TargetBytes = store, int64(1200+rng.IntN(900))
			o.Disk = hasty(nil)
			moved[i] = ownToTheEnd(ctx, t, o, docs)
		})
	}
	p := Place{Dir: t.TempDir(), Store: store, Disk: hasty(nil)}
	collector.Go(func() {
		for {
			if _, err := p.CollectOrphans(ctx); err != nil {
				t.Error(err)
			}
			select {
			case <-done:
				return
			case <-time.After(30 * time.Millisecond):
			}
		}
	})
	owners.Wait()
	close(done)
	collector.Wait()
	f.Fault = nil
	time.Sleep(2 * 20 * time.Millisecond) // what is late has come
	if _, err := p.CollectOrphans(t.Context()); err != nil {
		t.Fatal(err)
	}
	judge := Place{Dir: t.TempDir(), Store: store, Disk: hasty(nil)}
	r, err := judge.Check(t.Context())
	if err != nil || !r.OK || len(r.Orphans) > 0 || r.Rows+r.Rejects != int64(n) {
		t.Fatalf("%+v, %v", r, err)
	}
	tab, err := judge.Open(t.Context())
	if err != nil || tab.Version() < int64(n)/4 {
		t.Fatalf("%d commits, %v", tab.Version()+1, err)
	}
	t.Logf("%d commits, lost races %v", tab.Version()+1, moved)
}

// TestStoreDamage flips a byte in each object, and takes each away: check finds it, and names it.
func TestStoreDamage(t *testing.T) {
	docs := testDocs(26, 60)
	f := s3.NewFake()
	store := s3Store(t, f)
	o := testOptions(t.TempDir())
	o.Store, o.Disk = store, hasty(nil)
	if err := replay(t.Context(), o, docs); err != nil {
		t.Fatal(err)
	}
	newest := openTable(t, o.Dir).Version()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, key := range f.Keys() {
		name := strings.TrimPrefix(key, "corpus/en/")
		whole, _ := f.Object(key)
		for _, dir := range []string{o.Dir, t.TempDir()} { // a copy that has all, and one that has nothing
			p := Place{Dir: dir, Store: store, Disk: hasty(nil)}
			at := rng.IntN(len(whole))
			f.Damage(key, at, 0x10)
			r, err := p.Check(t.Context())
			found := slices.ContainsFunc(r.Problems, func(x Problem) bool { return x.File == name })
			if name == "format" && err == nil || name != "format" && (err != nil || !found) {
				t.Errorf("%s, byte %d: %+v, %v", name, at, r, err)
			}
			f.Damage(key, at, 0x10)
		}
	}
	for _, key := range f.Keys() {
		name := strings.TrimPrefix(key, "corpus/en/")
		if name == "format" {
			continue
		}
		f := s3.NewFake()
		for n, b := range objectsIn(t, store) {
			if err := objects.PutBytes(t.Context(), s3Store(t, f), n, []byte(b)); err != nil {
				t.Fatal(err)
			}
		}
		f.Remove(key)
		dir := t.TempDir()
		if name == entryObject(newest) { // only who has seen it can miss it
			dir = o.Dir
		}
		r, err := Place{Dir: dir, Store: s3Store(t, f)}.Check(t.Context())
		if err != nil || !slices.ContainsFunc(r.Problems, func(x Problem) bool { return x.File == name }) {
			t.Errorf("without %s: %+v, %v", name, r, err)
		}
	}
	if r, err := (Place{Dir: o.Dir, Store: store}).Check(t.Context()); err != nil || !r.OK {
		t.Fatalf("%+v, %v", r, err)
	}
}

// TestStoreApart has folders that are no copies of their store.
func TestStoreApart(t *testing.T) {
	docs := testDocs(27, 60)
	store := s3Store(t, s3.NewFake())
	o := testOptions(t.TempDir())
	if err := replay(t.Context(), o, docs[:30]); err != nil { // a folder alone, with a commit
		t.Fatal(err)
	}
	o.Store = store
	if _, err := OpenSink(t.Context(), o); !errors.Is(err, ErrStore) || !errors.Is(err, millrace.ErrIntegrity) {
		t.Fatalf("an empty store: %v", err)
	}
	o.Dir = t.TempDir()
	if err := replay(t.Context(), o, docs); err != nil {
		t.Fatal(err)
	}
	// An entry that is another one here, and another before it.
	for v := range openTable(t, o.Dir).Version() + 1 {
		path := entryPath(o.Dir, v)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		other := strings.Replace(string(whole), `"recipe":"r1"`, `"recipe":"r2"`, 1)
		other = string(sealEntry(regexp.MustCompile(`"checksum":"[^"]*"`).ReplaceAll([]byte(other), checksumField(noChecksum))))
		if err := os.WriteFile(path, []byte(other), 0o644); err != nil || other == string(whole) {
			t.Fatal(err)
		}
		if _, err := (Place{Dir: o.Dir, Store: store}).Open(t.Context()); !errors.Is(err, ErrStore) {
			t.Errorf("entry %d: %v", v, err)
		}
		if err := os.WriteFile(path, whole, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// The store is forgotten, and another one is named.
	alone := o
	alone.Store = nil
	if _, err := OpenSink(t.Context(), alone); !errors.Is(err, ErrStore) {
		t.Errorf("without its store: %v", err)
	}
	if err := FromHere(t.Context(), nil, o.Dir, "r2", "two"); !errors.Is(err, ErrStore) {
		t.Errorf("a recipe without its store: %v", err)
	}
	alone.Store = newDiskStore(t, filepath.Join(t.TempDir(), "elsewhere"))
	if _, err := OpenSink(t.Context(), alone); !errors.Is(err, ErrStore) {
		t.Errorf("another store: %v", err)
	}
	// A store of a newer millrace, and one in which everybody wins.
	newer := newDiskStore(t, t.TempDir())
	if err := newer.PutNew(t.Context(), "format", []byte("99\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := (Place{Dir: t.TempDir(), Store: newer}).Open(t.Context()); !errors.Is(err, ErrFormat) {
		t.Errorf("format 99: %v", err)
	}
	f := s3.NewFake()
	f.Unconditional = true
	o = testOptions(t.TempDir())
	o.Store = s3Store(t, f)
	if _, err := OpenSink(t.Context(), o); !errors.Is(err, objects.ErrUnconditional) {
		t.Errorf("a store without conditions: %v", err)
	}
}
