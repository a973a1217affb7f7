package ingest

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"millrace"
)

// through reads a file, sends each document through the topic's form, and loads it.
func through(t testing.TB, in Input) (out []*millrace.Document) {
	t.Helper()
	s := openFiles(t, t.TempDir(), in)
	l := &Loader{Inputs: []Input{in}}
	defer l.Close()
	for _, d := range readFiles(t, s, millrace.Checkpoint{}) {
		back, err := Decode(Encode(d))
		if err != nil {
			t.Fatal(err)
		}
		if err := l.load(t.Context(), back); err != nil {
			t.Fatalf("%s: %v", d.Page.URL, err)
		}
		out = append(out, back)
	}
	return out
}

// briefs is each document, or what is wrong with it behind the folder's name.
func briefs(dir string, ds []*millrace.Document) (out []string) {
	for _, d := range ds {
		s := brief(d)
		if !d.Verdict.Kept() {
			s = strings.ReplaceAll(d.Verdict.Err, dir+string(filepath.Separator), "")
		}
		out = append(out, s)
	}
	return out
}

func TestCSV(t *testing.T) {
	long := strings.Repeat("long ", MaxText/5+1)
	for _, c := range []struct {
		name, data string
		in         Input
		want       []string
	}{
		{"a.csv", "\uFEFFid,text,n,empty\r\n7,one,1,\r\n\r\n8,\"two, \"\"2\"\"\r\nlines\",,x", Input{}, []string{
			`7|text/plain; charset=utf-8|one|{"n":"1"}`, "8|text/plain; charset=utf-8|two, \"2\"\r\nlines|{\"empty\":\"x\"}"}},
		{"a.tsv", "doc\tbody\nx\tsays \"hi\"\n", Input{TextField: "body", IDField: "doc"}, []string{`x|text/plain; charset=utf-8|says "hi"|`}},
		{"a.csv.gz", gz("text;id\n\"a;b\";2\n"), Input{}, []string{"2|text/plain; charset=utf-8|a;b|"}},
		{"a.csv.zst", zst("text|id\na|2\n"), Input{}, []string{"2|text/plain; charset=utf-8|a|"}},
		{"one.csv", "text\na\n\nb\n", Input{}, []string{"|text/plain; charset=utf-8|a|", "|text/plain; charset=utf-8|b|"}},
		{"empty.csv", "text,n\n,1\n", Input{}, []string{`|text/plain; charset=utf-8|body:|{"n":"1"}`}},
		{"html.csv", "html,text\n<p>x,\n,plain\n", Input{HTMLField: "html", TextField: "text"},
			[]string{"|text/html; charset=utf-8|body:<p>x|", "|text/plain; charset=utf-8|plain|"}},
		{"latin.csv", "text,n\ncaf\xe9,\xe9\n", Input{}, []string{"|text/plain|body:caf\xe9|{\"n\":\"\uFFFD\"}"}},
		{"twice.csv", "n,text,n,text\n1,a,2,b\n", Input{}, []string{`|text/plain; charset=utf-8|b|{"n":"2","text":"a"}`}},
		{"long.csv", "text,n\n" + long + ",1\n" + long + ",2\n", Input{}, []string{
			"|text/plain; charset=utf-8|" + long + `|{"n":"1"}`, "|text/plain; charset=utf-8|" + long + `|{"n":"2"}`}},
		{"long.csv.gz", gz("text,n\n" + long + ",1\n" + long + ",2\n"), Input{}, []string{
			"|text/plain; charset=utf-8|" + long + `|{"n":"1"}`, "|text/plain; charset=utf-8|" + long + `|{"n":"2"}`}},
		{"no.csv", "id,txt\n1,a\n2,b\n", Input{}, []string{`no.csv:1: the header has no column "text"`}},
		{"head.csv", "text", Input{}, nil},
		{"nothing.csv", "", Input{}, nil},
		{"torn.csv.gz", gz("text\n" + strings.Repeat("all the same\n", 200))[:40], Input{}, nil}, // see below
		{"big.csv", strings.Repeat("x", maxHead+1) + ",text\na,b\n", Input{},
			[]string{fmt.Sprintf("big.csv:1: a header of %d bytes, at most %d are read", maxHead+6, maxHead)}},
	} {
		dir := tree(t, map[string]string{c.name: c.data})
		c.in.Name, c.in.Glob = "mine", filepath.Join(dir, c.name)
		got := briefs(dir, through(t, c.in))
		if c.name == "torn.csv.gz" {
			if len(got) == 0 || got[len(got)-1] != "torn.csv.gz: unexpected EOF" {
				t.Errorf("torn: %q", got)
			}
			continue
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// A broken record is a dead letter with its line; its neighbours live.
func TestBrokenCSV(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	dir := tree(t, map[string]string{"a.csv": strings.Join([]string{
		"id,text", "1,good", "2", "3,a,b", `4,"closed"after`, "5,good", `6,"tall`, `line",x`, `7,"never`, "8,good", `9,"good`, `""tall"" too"`,
		"10," + long + "y", "11,good", `12,"` + long + `y`, "13,good", strings.Repeat(",", 3*maxColumns), strings.Repeat("i", maxField+1) + ",x", `14,"open`, "15,last"}, "\n")})
	want := []string{"1:good", "a.csv:3: 1 fields, the header has 2", "a.csv:4: 3 fields, the header has 2",
		"a.csv:5: text behind the quote that closes a field", "5:good",
		"a.csv:7: a field of several lines, and then 3 fields where the header has 2", `line":x`,
		"a.csv:9: text behind the quote that closes a field", "8:good", "9:good\n\"tall\" too",
		fmt.Sprintf("a.csv:13: record of %d bytes, at most %d are read", maxLine+4, maxLine), "11:good",
		fmt.Sprintf("a.csv:15: record of %d bytes, at most %d are read", maxLine+5, maxLine), "13:good",
		fmt.Sprintf("a.csv:17: %d fields, the header has 2", 3*maxColumns+1), "a.csv:18: an id or URL of more than 65536 bytes",
		"a.csv:19: a quote opens a field and none closes it", "15:last"}
	in := Input{Glob: filepath.Join(dir, "a.csv")}
	var got []string
	for i, d := range readFiles(t, openFiles(t, t.TempDir(), in), millrace.Checkpoint{}) {
		s := d.UserID + ":" + d.Text
		if !d.Verdict.Kept() {
			s = strings.ReplaceAll(d.Verdict.Err, dir+string(filepath.Separator), "")
			if len(d.Page.Body) == 0 || len(d.Page.Body) > MaxRaw {
				t.Errorf("%s: %d raw bytes", s, len(d.Page.Body))
			}
		}
		if d.Page.Claim.Record != int64(i) {
			t.Errorf("record %d is called %d", i, d.Page.Claim.Record)
		}
		got = append(got, s)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What the standard library writes, we read, through buffers of any size.
func TestCSVAgainstStandard(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		columns := rapid.IntRange(2, 5).Draw(rt, "columns")
		rows := rapid.SliceOf(rapid.SliceOfN(rapid.StringOf(rapid.SampledFrom([]rune("ab\",\n\t é"))), columns, columns)).Draw(rt, "rows")
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		w.UseCRLF = rapid.Bool().Draw(rt, "crlf")
		if err := w.Write(strings.Split("text"+strings.Repeat(",c", columns-1), ",")); err != nil {
			rt.Fatal(err)
		}
		if err := w.WriteAll(rows); err != nil {
			rt.Fatal(err)
		}
		var in io.Reader = bytes.NewReader(b.Bytes())
		if rapid.Bool().Draw(rt, "slow") {
			in = iotest.OneByteReader(in)
		}
		c := newCSV(in)
		if _, rec, err := readHead(c, Input{TextField: "text"}); err != nil || rec.what != "" {
			rt.Fatal(rec.what, err)
		}
		var got [][]string
		for {
			rec, err := c.next(columns)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil || rec.what != "" || !bytes.Equal(rec.bytes, b.Bytes()[rec.offset:rec.offset+rec.length]) {
				rt.Fatalf("%+v %v", rec, err)
			}
			var row []string
			for i := range c.cells.at {
				s := string(c.cells.text(rec.bytes, i))
				if w.UseCRLF {
					s = strings.ReplaceAll(s, "\r\n", "\n")
				}
				row = append(row, s)
			}
			got = append(got, row)
		}
		if len(got) != len(rows) || len(rows) > 0 && !cmp.Equal(got, rows) {
			rt.Fatalf("got %q, want %q from %q", got, rows, b.String())
		}
	})
}

// scanned is how many bytes are looked at to read data.
func scanned(data []byte) int64 {
	c := newCSV(bytes.NewReader(data))
	c.sep = ','
	for {
		if _, err := c.next(2); err != nil {
			return c.cells.steps
		}
	}
}

// However the quotes stand, a byte is looked at a few times at most: when a window grows, and after an error.
func TestCSVIsLinear(t *testing.T) {
	for _, unit := range []string{"a,\"b\n", "\"a\n\"\"\n", "\"a\nb\",", "\"\"\"\n,", "\",\"\n", "\"\n\",\"\n", "x\"\n,", "\"a\",\"\n\"\"\",\"\n", "\"\"\n"} {
		for _, head := range []string{"", "\"", "x,\""} {
			for n := 1000; n <= 64_000; n *= 4 {
				data := []byte(head + strings.Repeat(unit, n))
				if got := scanned(data); got > 5*int64(len(data))+csvWindow {
					t.Errorf("%q and %d times %q: %d steps for %d bytes", head, n, unit, got, len(data))
				}
			}
		}
	}
}

func FuzzCSV(f *testing.F) {
	for _, s := range []string{"text,id\na,1\n\"b\nc\",2\n", "text\n\"", "id\ttext\n1\t\"x\" y\n", "\uFEFFtext\r\na\r", "text;a\n\"\"\"\";\r\n"} {
		f.Add([]byte(s))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(dir, "x.csv")
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		in := Input{Name: "x", Glob: path}
		s := openFiles(t, "", in)
		l := &Loader{Inputs: []Input{in}}
		defer l.Close()
		for _, d := range readFiles(t, s, millrace.Checkpoint{}) {
			if !d.Verdict.Kept() {
				continue
			}
			again := *d
			again.Text, again.Meta, again.Page.Body = "", "", nil
			if err := l.load(t.Context(), &again); err != nil || again.Text != d.Text || again.Meta != d.Meta {
				t.Fatalf("%v: %q, then %q", err, d.Text, again.Text)
			}
		}
	})
}
