package shards

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
)

// visitor is a row of somebody else's file.
type visitor struct {
	Text    string                `parquet:"text,zstd"`
	ID      int64                 `parquet:"id"`
	Small   uint8                 `parquet:"small"`
	Yes     bool                  `parquet:"yes"`
	Score   *float64              `parquet:"score,optional"`
	Ratio   float32               `parquet:"ratio"`
	When    time.Time             `parquet:"when,timestamp(microsecond)"`
	Day     int32                 `parquet:"day,date"`
	Price   int64                 `parquet:"price,decimal(2:9)"`
	Key     [16]byte              `parquet:"key,uuid"`
	Raw     []byte                `parquet:"raw"`
	Tags    []string              `parquet:"tags,list"`
	Bare    []int32               `parquet:"bare"`
	Who     struct{ A, B string } `parquet:"who"`
	Links   []struct{ To string } `parquet:"links,list"`
	Deep    [][]string            `parquet:"deep,list"`
	Attrs   map[string]string     `parquet:"attrs"`
	Nothing *string               `parquet:"nothing,optional"`
}

func foreignFile(t testing.TB, rows []visitor, o ...parquet.WriterOption) []byte {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[visitor](&b, o...)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func allForeign(data []byte, from int64) (rows []string, err error) {
	f, err := OpenForeign(bytes.NewReader(data), int64(len(data)), from)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for {
		b, err := f.Next()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return rows, err
		}
		rows = append(rows, string(b))
	}
}

func TestForeignTypes(t *testing.T) {
	score := 1.5
	v := visitor{Text: "a <b> \"c\"", ID: -7, Small: 200, Yes: true, Score: &score, Ratio: 0.25, When: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC),
		Day: 20000, Price: -1234, Key: [16]byte{1: 1, 15: 0xff}, Raw: []byte("\xff\x00"), Tags: []string{"x", "y"}, Bare: []int32{1, 2, 3},
		Who: struct{ A, B string }{"a", "b"}, Links: []struct{ To string }{{"u"}, {"v"}}, Deep: [][]string{{"no"}}, Attrs: map[string]string{"k": "v"}}
	got, err := allForeign(foreignFile(t, []visitor{v, {Text: "second"}}), 0)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`{"text":"a <b> \"c\"","id":-7,"small":200,"yes":true,"score":1.5,"ratio":0.25,"when":"2026-01-02T03:04:05.000006Z","day":"2024-10-04","price":"-12.34","key":"00010000-0000-0000-0000-0000000000ff","tags":["x","y"],"bare":[1,2,3],"who.A":"a","who.B":"b","links.To":["u","v"],"attrs.key":["k"],"attrs.value":["v"]}`,
		`{"text":"second","id":0,"small":0,"yes":false,"ratio":0,"when":"0001-01-01T00:00:00Z","day":"1970-01-01","price":"0.00","key":"00000000-0000-0000-0000-000000000000","raw":"","who.A":"","who.B":""}`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Wherever it is opened, the rows are the same from there; pages and row groups may be of any size.
func TestForeignFrom(t *testing.T) {
	var rows []visitor
	for i := range 1000 {
		v := visitor{Text: strings.Repeat(fmt.Sprint("row ", i, " "), 1+i%50), ID: int64(i)}
		for j := range i % 5 {
			v.Tags = append(v.Tags, fmt.Sprint(j))
		}
		rows = append(rows, v)
	}
	for _, o := range [][]parquet.WriterOption{
		{parquet.PageBufferSize(500), parquet.MaxRowsPerRowGroup(170)}, {parquet.DataPageVersion(1), parquet.Compression(&parquet.Snappy)},
		{parquet.DataPageVersion(2), parquet.PageBufferSize(100), parquet.Compression(&parquet.Gzip)},
	} {
		data := foreignFile(t, rows, o...)
		all, err := allForeign(data, 0)
		if err != nil || len(all) != len(rows) {
			t.Fatalf("%d rows, %v", len(all), err)
		}
		for i, s := range all {
			if !strings.Contains(s, fmt.Sprintf(`"id":%d,`, i)) {
				t.Fatalf("row %d is %s", i, s)
			}
		}
		for _, from := range []int64{1, 31, 169, 170, 171, 999, 1000} {
			rest, err := allForeign(data, from)
			if err != nil || !cmp.Equal(rest, append([]string(nil), all[from:]...)) {
				t.Errorf("from %d: %d rows, %v", from, len(rest), err)
			}
		}
	}
}

func TestForeignRefused(t *testing.T) {
	good := foreignFile(t, []visitor{{Text: "x"}})
	for name, data := range map[string][]byte{"nothing": nil, "text": []byte("PAR1 but no more"), "torn": good[:len(good)/2], "footer": append(bytes.Clone(good[:len(good)-8]), "\xff\xff\xff\x7fPAR1"...)} {
		if rows, err := allForeign(data, 0); !errors.Is(err, errForeign) {
			t.Errorf("%s: %d rows, %v", name, len(rows), err)
		}
	}
}

// A flipped bit is an error or another value, never a crash, and costs bounded memory.
func TestForeignDamaged(t *testing.T) {
	var rows []visitor
	for i := range 20 {
		rows = append(rows, visitor{Text: fmt.Sprint("row ", i), ID: int64(i), Tags: []string{"a"}})
	}
	data := foreignFile(t, rows)
	failed := 0
	for i := 0; i < len(data); i += 7 {
		bad := bytes.Clone(data)
		bad[i] ^= 1 << (i % 8)
		if _, err := allForeign(bad, 0); err != nil {
			failed++
			if !errors.Is(err, errForeign) {
				t.Errorf("byte %d: %v", i, err)
			}
		}
	}
	if failed == 0 {
		t.Error("no damage was noticed")
	}
}

func FuzzForeign(f *testing.F) {
	f.Add(foreignFile(f, []visitor{{Text: "x", Tags: []string{"a", "b"}}, {Text: "y"}}), int64(1))
	f.Add([]byte("PAR1"), int64(0))
	f.Fuzz(func(t *testing.T, data []byte, from int64) {
		if _, err := allForeign(data, from); err != nil && !errors.Is(err, errForeign) {
			t.Fatal(err)
		}
	})
}
