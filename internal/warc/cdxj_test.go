package warc

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"millrace"
)

func TestSURT(t *testing.T) {
	for url, want := range map[string]string{
		"http://www.Example.org/A/b/?Z=1&a=2#frag": "org,example)/a/b?a=2&z=1",
		"https://user:pw@www2.example.org:443":     "org,example)/",
		"http://example.org:8080/?":                "org,example:8080)/",
		"http://example.org?x":                     "org,example)/?x",
		"https://example.org:80/":                  "org,example:80)/",
		"http://127.0.0.1:8080/a b":                "1,0,0,127:8080)/a%20b",
		"http://[2001:db8::1]:8080/a":              "2001:db8::1:8080)/a",
		"http://wwwhat.example/":                   "example,wwwhat)/",
		"http://www.":                              "www)/",
		"http://www/":                              "www)/",
		"urn:X:y":                                  "urn:x:y",
		"":                                         "",
	} {
		if want == "www)/" && strings.HasSuffix(url, ".") {
			want = ",www)/" // a name that ends with a dot keeps it
		}
		if got := SURT(url); got != want {
			t.Errorf("SURT(%q) = %q, want %q", url, got, want)
		}
	}
}

func TestEntry(t *testing.T) {
	block := FormatHTTP(404, []millrace.Field{{Name: "Content-Type", Value: "Text/HTML; charset=x"}}, []byte("no"))
	rec := &Record{Offset: 7, Length: 99, Block: block, Header: append(testHeader("response", "http://example.org/ä&b"), millrace.Field{Name: "WARC-Payload-Digest", Value: "sha1:X"})}
	e, ok := NewEntry(rec, "a.warc.gz")
	line, err := e.Line()
	want := `org,example)/ä&b 20261102102030 {"url":"http://example.org/ä&b","mime":"text/html","status":"404","digest":"sha1:X","length":"99","offset":"7","filename":"a.warc.gz"}` + "\n"
	if !ok || err != nil || string(line) != want {
		t.Errorf("%s%v", line, err)
	}
	again, err := ParseEntry(line)
	if err != nil || again != e {
		t.Errorf("read again: %+v, %v", again, err)
	}
	rec.Header[0].Value = "revisit"
	if e, _ := NewEntry(rec, ""); e.MIME != "warc/revisit" {
		t.Errorf("%+v", e)
	}
	rec.Header[0].Value = "request"
	if e, ok := NewEntry(rec, ""); ok {
		t.Errorf("a request can be replayed: %+v", e)
	}
	for _, bad := range []string{"", "a", "a b", "a b c", "a b {"} {
		if e, err := ParseEntry([]byte(bad)); err == nil {
			t.Errorf("%q is %+v", bad, e)
		}
	}
}

// TestIndexIsSorted writes more than fits into memory.
func TestIndexIsSorted(t *testing.T) {
	for _, n := range []int{0, 1, 1000, 40_000} {
		dir := t.TempDir()
		x := NewIndex(nil, dir)
		var want [][]byte
		rng := rand.New(rand.NewPCG(1, uint64(n)))
		for i := range n {
			url := fmt.Sprintf("http://h%d.example/%d?%s", rng.IntN(50), rng.IntN(1000), strings.Repeat("x", rng.IntN(200)))
			e := Entry{Key: SURT(url), Time: fmt.Sprintf("%014d", rng.IntN(1e9)), URL: url, Filename: "f"}
			e.SetPlace(int64(i), 5)
			line, err := e.Line()
			if err == nil {
				err = x.Add(&e)
			}
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, line)
		}
		if spilled := len(x.runs) > 1; spilled != (n > 10_000) {
			t.Errorf("%d entries: %d runs", n, len(x.runs))
		}
		slices.SortFunc(want, bytes.Compare)
		path := filepath.Join(dir, "a.cdxj")
		if err := x.Write(path); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(got, bytes.Join(want, nil)) {
			t.Errorf("%d entries: %d bytes, %v", n, len(got), err)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 1 {
			t.Errorf("left over: %q", left)
		}
	}
}

func FuzzSURT(f *testing.F) {
	f.Add("http://www.example.org:80/a?b=c#d")
	f.Add("://@:?")
	f.Fuzz(func(t *testing.T, url string) {
		if key := SURT(url); strings.ContainsAny(key, " \t\r\n") {
			t.Errorf("SURT(%q) = %q", url, key)
		}
	})
}
