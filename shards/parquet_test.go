package shards

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millrace"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
)

// stored is a row as another library reads it: pointers are null where the column is.
type stored struct {
	ID         string   `parquet:"id"`
	MID        string   `parquet:"mid"`
	URL        *string  `parquet:"url,optional"`
	URLKey     *string  `parquet:"url_key,optional"`
	Title      *string  `parquet:"title,optional"`
	Text       *string  `parquet:"text,optional"`
	Lang       *string  `parquet:"lang,optional"`
	LangScore  *float32 `parquet:"lang_score,optional"`
	FetchedAt  *int64   `parquet:"fetched_at,optional,timestamp(microsecond)"`
	Source     *string  `parquet:"source,optional"`
	Licence    *string  `parquet:"licence,optional"`
	Consent    *string  `parquet:"consent,optional"`
	WARCFile   *string  `parquet:"warc_file,optional"`
	WARCOffset *int64   `parquet:"warc_offset,optional"`
	WARCLength *int64   `parquet:"warc_length,optional"`
	SHA256     *string  `parquet:"sha256,optional"`
	ClusterID  *string  `parquet:"cluster_id,optional"`
	Edits      []struct {
		Kind  string `parquet:"kind"`
		Count int32  `parquet:"count"`
	} `parquet:"edits,optional,list"`
	Meta       *string  `parquet:"meta,optional"`
	Words      *float32 `parquet:"sig_words,optional"`
	StopWords  *float32 `parquet:"sig_stop_words,optional"`
	Reason     *string  `parquet:"reason,optional"`
	Stage      *string  `parquet:"stage,optional"`
	Signal     *string  `parquet:"signal,optional"`
	Value      *float64 `parquet:"value,optional"`
	Limit      *float64 `parquet:"limit,optional"`
	Similarity *float64 `parquet:"similarity,optional"`
	Of         *string  `parquet:"of,optional"`
	Method     *string  `parquet:"method,optional"`
	Err        *string  `parquet:"err,optional"`
	Attempts   *int32   `parquet:"attempts,optional"`
	Position   string   `parquet:"position"`
	Keys       *string  `parquet:"keys,optional"`
}

// readElsewhere reads all files of one folder with parquet-go, by position.
func readElsewhere(t *testing.T, dir, sub string) map[string]stored {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, sub, "part-*"))
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]stored{}
	for _, n := range names {
		list, err := parquet.ReadFile[stored](n)
		if err != nil {
			t.Fatalf("%s: %v", n, err)
		}
		for _, r := range list {
			rows[r.Position] = r
		}
	}
	return rows
}

// TestAnotherLibraryReadsIt compares every file with what was written, column by column.
func TestAnotherLibraryReadsIt(t *testing.T) {
	dir, docs := testCorpus(t, 200)
	kept, rejects := readElsewhere(t, dir, "data"), readElsewhere(t, dir, "rejects")
	if len(kept)+len(rejects) != len(docs) {
		t.Fatalf("%d kept and %d rejected rows of %d documents", len(kept), len(rejects), len(docs))
	}
	for _, d := range docs {
		got, where := kept[d.Position.String()], "kept"
		if !d.Verdict.Kept() {
			got, where = rejects[d.Position.String()], "rejects"
		}
		if diff := cmp.Diff(wantStored(d), got); diff != "" {
			t.Fatalf("%s %s (-written +read):\n%s", where, d.Position, diff)
		}
	}
}

func wantStored(d *millrace.Document) stored {
	str := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	w := stored{ID: d.DisplayID(), MID: d.ID.String(), URL: str(d.Page.URL), URLKey: str(d.URLKey), Title: str(d.Title), Text: str(d.Text),
		Lang: str(d.Lang), Source: str(d.Page.Source), Licence: str(d.Page.Licence), Consent: str(d.Page.Consent.String()),
		WARCFile: str(d.Page.Claim.File), WARCOffset: &d.Page.Claim.Offset, WARCLength: &d.Page.Claim.Length,
		SHA256: str(fmt.Sprintf("%x", d.Page.Claim.SHA256)), Meta: str(d.Meta), Position: d.Position.String(), Keys: str(string(d.Keys))}
	us := d.Page.FetchedAt.UnixMicro()
	w.FetchedAt = &us
	if d.Lang != "" {
		w.LangScore = &d.LangSure
	}
	if !d.Cluster.IsZero() {
		w.ClusterID = str(d.Cluster.String())
	}
	for _, e := range d.Edits {
		w.Edits = append(w.Edits, struct {
			Kind  string `parquet:"kind"`
			Count int32  `parquet:"count"`
		}{e.Kind, e.Count})
	}
	if len(d.Signals) > 0 {
		w.Words = &d.Signals[0] // the other one is NaN, hence null
	}
	v := d.Verdict
	if v.Kept() {
		return w
	}
	n := int32(d.Attempts)
	w.Reason, w.Stage, w.Signal, w.Method, w.Err, w.Attempts = str(string(v.Reason)), str(v.Stage), str(v.Signal), str(v.Method), str(v.Err), &n
	if v.Signal != "" {
		w.Value, w.Limit = &v.Value, &v.Limit
	}
	if v.Method != "" {
		w.Similarity = &v.Similarity
	}
	if !v.Of.IsZero() {
		w.Of = str(v.Of.String())
	}
	return w
}

// TestFileShape holds the rules that other readers need: see writerProperties.
func TestFileShape(t *testing.T) {
	dir := t.TempDir()
	o := testOptions(dir)
	o.TargetBytes = 1 << 40
	rng := rand.New(rand.NewPCG(3, 3))
	docs := testDocs(2, 40)
	long := words(rng, 400_000) // about 2.4 MB: a page of its own
	for i, d := range docs {
		if i%2 == 0 {
			d.Text = long[i*1000:]
		}
	}
	docs[7].Title, docs[8].Page.Licence = "broken \xff\xfe", "evil\x00\xc3"
	if err := fill(t.Context(), openTest(t, o), docs, 7); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(first(t, dir, "data/part-*"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	st, _ := f.Stat()
	p, err := parquet.OpenFile(f, st.Size())
	if err != nil {
		t.Fatal(err)
	}
	meta := p.Metadata()
	if meta.CreatedBy != createdBy {
		t.Errorf("created by %q", meta.CreatedBy)
	}
	var names []string
	for _, field := range p.Schema().Fields() {
		names = append(names, field.Name())
	}
	want := "id mid url url_key title text lang lang_score fetched_at source licence consent warc_file warc_offset warc_length sha256 cluster_id edits meta sig_words sig_stop_words position keys"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("columns\n%s, want\n%s", got, want)
	}
	if meta.Schema[0].RepetitionType.Valid && meta.Schema[0].RepetitionType.V != 0 {
		t.Errorf("the root is %v, want required", meta.Schema[0].RepetitionType)
	}
	info, ok := p.Lookup("huggingface")
	if !ok || !json.Valid([]byte(info)) {
		t.Errorf("huggingface info %q", info)
	}
	for _, g := range meta.RowGroups {
		if g.NumRows == 0 {
			t.Error("an empty row group")
		}
		for _, c := range g.Columns {
			if n := c.MetaData.Statistics.NullCount; n < 0 || n > c.MetaData.NumValues {
				t.Errorf("%v: null count %d", c.MetaData.PathInSchema, n)
			}
		}
	}
	pages := 0
	for _, c := range p.RowGroups()[0].ColumnChunks() {
		if p.Schema().Columns()[c.Column()][0] != "text" {
			continue
		}
		it := c.Pages()
		for {
			page, err := it.ReadPage()
			if err != nil {
				break
			}
			pages++
			if page.Size() > 2*pageBytes && page.NumValues() > 1 {
				t.Errorf("a page of %d bytes and %d texts", page.Size(), page.NumValues())
			}
		}
		it.Close()
	}
	if pages < 10 {
		t.Errorf("%d pages of text", pages)
	}
}

// TestDeltaLog reads the log as Delta Lake's protocol tells another engine to, knowing nothing of millrace.
func TestDeltaLog(t *testing.T) {
	dir, docs := testCorpus(t, 150)
	live := map[string]int64{}
	txns := map[string]int64{}
	var fields []string
	for v := 0; ; v++ {
		f, err := os.Open(filepath.Join(dir, "data", "_delta_log", fmt.Sprintf("%020d.json", v)))
		if os.IsNotExist(err) {
			break
		}
		in := bufio.NewScanner(f)
		in.Buffer(nil, 1<<20)
		for line := 0; in.Scan(); line++ {
			var a map[string]map[string]any
			if err := json.Unmarshal(in.Bytes(), &a); err != nil || len(a) != 1 {
				t.Fatalf("entry %d line %d: %v: %s", v, line, err, in.Text())
			}
			if p := a["protocol"]; p != nil && (v != 0 || p["minReaderVersion"] != 1.0 || p["minWriterVersion"] != 2.0) {
				t.Errorf("entry %d: protocol %v", v, p)
			}
			if m := a["metaData"]; m != nil {
				var s struct{ Fields []struct{ Name string } }
				if err := json.Unmarshal([]byte(m["schemaString"].(string)), &s); err != nil {
					t.Fatal(err)
				}
				fields = nil
				for _, x := range s.Fields {
					fields = append(fields, x.Name)
				}
			}
			if x := a["txn"]; x != nil {
				txns[x["appId"].(string)] = int64(x["version"].(float64))
			}
			if x := a["add"]; x != nil {
				var s struct{ NumRecords int64 }
				if err := json.Unmarshal([]byte(x["stats"].(string)), &s); err != nil {
					t.Fatal(err)
				}
				live[x["path"].(string)] = s.NumRecords
				st, err := os.Stat(filepath.Join(dir, "data", x["path"].(string)))
				if err != nil || st.Size() != int64(x["size"].(float64)) {
					t.Errorf("%s: %v, log says %v", x["path"], err, x["size"])
				}
			}
		}
		f.Close()
	}
	if len(live) < 2 || txns["pages/0"] != 150 || txns["mark:warc/0"] != 149 {
		t.Errorf("files %v, positions %v", live, txns)
	}
	if len(fields) == 0 || fields[0] != "id" || fields[len(fields)-1] != "keys" {
		t.Errorf("schema %v", fields)
	}
	want := 0
	for _, d := range docs {
		if d.Verdict.Kept() {
			want++
		}
	}
	got := int64(0)
	for _, n := range live {
		got += n
	}
	if got != int64(want) {
		t.Errorf("%d live rows, want %d", got, want)
	}
}
