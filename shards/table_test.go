package shards

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"millrace"
)

// groupedCorpus has several row groups a file and several files.
func groupedCorpus(t *testing.T, n int) (dir string, docs []*millrace.Document) {
	t.Helper()
	dir, docs = t.TempDir(), testDocs(11, n)
	o := testOptions(dir)
	o.groupBytes, o.TargetBytes = 4000, 100_000
	if err := fill(t.Context(), openTest(t, o), docs, 20); err != nil {
		t.Fatal(err)
	}
	return dir, docs
}

func TestText(t *testing.T) {
	dir, docs := groupedCorpus(t, 300)
	tab := openTable(t, dir)
	tab.texts = newTextCache(20_000) // a few row groups: most reads evict something
	var wg sync.WaitGroup
	for worker := range 3 {
		wg.Go(func() {
			for i := range docs {
				d := docs[(i*7+worker*31)%len(docs)]
				got, err := tab.Text(t.Context(), d.Position.Offset, d.ID)
				if !d.Verdict.Kept() {
					if err == nil {
						t.Errorf("a text for the rejected row %d", d.Position.Offset)
					}
				} else if err != nil || got != d.Text {
					t.Errorf("text of %d: %q, %v", d.Position.Offset, got, err)
				}
			}
		})
	}
	wg.Wait()
	if tab.texts.bytes > 20_000 || tab.texts.order.Len() != len(tab.texts.byKey) {
		t.Errorf("the cache holds %d bytes in %d groups, %d by key", tab.texts.bytes, tab.texts.order.Len(), len(tab.texts.byKey))
	}
	for _, offset := range []int64{300, 1 << 40, -1} {
		if _, err := tab.Text(t.Context(), offset, docs[0].ID); err == nil {
			t.Errorf("a text at offset %d", offset)
		}
	}
	if _, err := tab.Text(t.Context(), 1, docs[0].ID); err == nil {
		t.Error("a text for another ID")
	}
}

// TestSelect asks for every kind of range over row groups and commits.
func TestSelect(t *testing.T) {
	dir, docs := groupedCorpus(t, 200)
	tab := openTable(t, dir)
	for _, sel := range []Select{
		{Kept: true, Rejects: true}, {Kept: true}, {Rejects: true}, {},
		{From: 17, To: 18, Kept: true, Rejects: true}, {From: 50, To: 151, Kept: true, Rejects: true}, {From: 199, Kept: true, Rejects: true},
		{From: 200, Kept: true, Rejects: true}, {From: 60, To: 120, Rejects: true}, {From: 0, To: 1, Kept: true},
	} {
		var want, got []int64
		for _, d := range docs {
			o := d.Position.Offset
			if (d.Verdict.Kept() && sel.Kept || !d.Verdict.Kept() && sel.Rejects) && o >= sel.From && (sel.To == 0 || o < sel.To) {
				want = append(want, o)
			}
		}
		sel.Columns = []string{"url"}
		err := tab.Rows(t.Context(), sel, func(r *Row) error {
			got = append(got, r.Offset)
			if d := docs[r.Offset]; r.MID != d.ID || r.URL != d.Page.URL || r.Kept() != d.Verdict.Kept() || r.Text != "" {
				t.Errorf("row %d: %+v", r.Offset, r)
			}
			return nil
		})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%+v: rows %v, %v; want %v", sel, got, err, want)
		}
	}
	stop := errors.New("stop")
	if err := tab.Rows(t.Context(), Select{Kept: true}, func(*Row) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of yield: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := tab.Rows(ctx, Select{Kept: true}, func(*Row) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled context: %v", err)
	}
}

func TestFind(t *testing.T) {
	dir, docs := groupedCorpus(t, 150)
	tab := openTable(t, dir)
	for _, key := range []string{docs[12].ID.String(), docs[12].Page.URL, docs[12].URLKey} {
		rows, err := tab.Find(t.Context(), key)
		if err != nil || len(rows) != 1 || rows[0].Offset != 12 || rows[0].Text != docs[12].Text {
			t.Errorf("find %q: %+v, %v", key, rows, err)
		}
	}
	if rows, err := tab.Find(t.Context(), "user-30"); err != nil || len(rows) != 1 || rows[0].Offset != 30 || rows[0].UserID() != "user-30" {
		t.Errorf("find a user's id: %+v, %v", rows, err)
	}
	if rows, err := tab.Find(t.Context(), "nobody"); err != nil || len(rows) != 0 {
		t.Errorf("find nobody: %+v, %v", rows, err)
	}
}

func TestWait(t *testing.T) {
	dir := t.TempDir()
	tab := openTable(t, dir) // before anything is there
	s := openTest(t, testOptions(dir))
	done := make(chan error, 1)
	go func() { done <- tab.Wait(t.Context(), 0) }()
	if err := fill(t.Context(), s, testDocs(1, 5), 5); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil || tab.Version() != 0 {
		t.Fatalf("version %d, %v", tab.Version(), err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := tab.Wait(ctx, 9); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
}

// TestDamageIsAnError reads a file with a byte changed here and there: an error or rows, never a panic.
func TestDamageIsAnError(t *testing.T) {
	dir, _ := groupedCorpus(t, 60)
	tab := openTable(t, dir)
	f := tab.Entries()[0].Files[0]
	path := filepath.Join(dir, "data", f.Name)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for i := 3; i < len(whole); i += 97 {
		b := bytes.Clone(whole)
		b[i] ^= byte(1 << (i % 8))
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		err := tab.Rows(t.Context(), Select{Kept: true}, func(*Row) error { return nil })
		if err != nil {
			failed++
			if !errors.Is(err, millrace.ErrIntegrity) {
				t.Fatalf("byte %d: %v is no damage", i, err)
			}
		}
	}
	if failed < 20 {
		t.Fatalf("only %d damages were seen", failed)
	}
}

func TestMerkle(t *testing.T) {
	var naive func(l [][32]byte) [32]byte
	naive = func(l [][32]byte) [32]byte {
		if len(l) == 1 {
			return l[0]
		}
		k := 1
		for k*2 < len(l) {
			k *= 2
		}
		return node(naive(l[:k]), naive(l[k:]))
	}
	var x tree
	var leaves [][32]byte
	for i := range 70 {
		h := leaf(&Row{Text: string(rune('a' + i))})
		x.addLeaf(h)
		leaves = append(leaves, h)
		one := tree{full: [][32]byte{naive(leaves)}}
		if x.root() != one.root() {
			t.Fatalf("root over %d leaves", i+1)
		}
	}
}

func FuzzDecodeEntry(f *testing.F) {
	e := &Entry{Operation: opWrite, Recipe: "r", RecipeText: "text", Code: "v1", To: 9, Root: "00", Tally: *millrace.NewTally(testStages), Signals: testSignals,
		Checkpoint: millrace.Checkpoint{Next: map[millrace.Partition]int64{{Topic: "pages"}: 9}, Marks: map[millrace.Partition]int64{{Topic: "warc"}: 8}},
		Files:      []File{{Name: partName(0, fileInfo{sha256: "0123456789abcdef"}), Rows: 2, Bytes: 3, SHA256: "0123456789abcdef", stats: `{"numRecords":2}`}},
		Gaps:       []Gap{{2, 3}}, schema: true,
		hides: []Hide{{Offset: 0, Reason: millrace.Superseded, Of: millrace.ID{1}}, {Offset: 1, Reason: millrace.RemovedGone}}}
	rewrite := &Entry{Operation: opRewrite, Recipe: "r", Code: "v1", Files: e.Files, Rejects: e.Files, removed: []string{e.Files[0].Name}, replaced: []string{e.Files[0].Name}}
	layout := &Entry{Operation: opLayout, Recipe: "r", Code: "v1", Layout: &Layout{Workers: 3, Generation: 2, Frontiers: "layout-2-0123abcd"}}
	for _, e := range []*Entry{e, rewrite, layout} {
		raw, err := e.encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(`{"commitInfo":{"engineInfo":"millrace/x"}}`))
	f.Add([]byte(`{"commitInfo":{"engineInfo":"millrace/x","operation":"REBUILD"}}` + "\n" + `{"remove":{"path":"../x"}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := decodeEntry(0, raw)
		if err != nil {
			if !errors.Is(err, millrace.ErrIntegrity) {
				t.Fatal(err)
			}
			return
		}
		for _, file := range slices.Concat(e.Files, e.Rejects) {
			if filepath.Base(file.Name) != file.Name {
				t.Fatalf("%q leads out of its folder", file.Name)
			}
		}
		// What was understood is written in a form that is understood in the same way.
		once, err := e.encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := decodeEntry(0, once)
		if err != nil {
			t.Fatal(err)
		}
		twice, err := again.encode()
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%s\n%s\n%v", once, twice, err)
		}
		tab := &Table{}
		tab.take(e)
		tab.take(again)
		tab.Hidden()
	})
}

func TestTwiceTheSameEntry(t *testing.T) {
	dir, _ := testCorpus(t, 40)
	raw, err := os.ReadFile(entryPath(dir, 0))
	if err != nil {
		t.Fatal(err)
	}
	e, err := decodeEntry(0, raw)
	if err != nil {
		t.Fatal(err)
	}
	again, err := e.encode()
	if err != nil || !bytes.Equal(raw, again) {
		t.Fatalf("%s\n%s\n%v", raw, again, err)
	}
}
