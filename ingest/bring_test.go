package ingest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"millrace"
)

// TestCarry: pages that come along with their documents are those that the loader reads, and no more of them than there
// is room for.
func TestCarry(t *testing.T) {
	html := "200 OK\r\nContent-Type: text/html"
	page := func(body string) string { return gz(httpRecord(t, "https://a.example/"+body, html, "<p>"+body)) }
	dir := tree(t, map[string]string{"a.warc.gz": page("first") + page("second") + page("the third, which is long") + page("fourth") +
		gz(httpRecord(t, "https://a.example/chunks", html+"\r\nTransfer-Encoding: chunked", "4\r\n<p>x\r\n0\r\n\r\n")) +
		gz(httpRecord(t, "https://a.example/zipped", html+"\r\nContent-Encoding: gzip", gz("<p>zipped"))) +
		gz(httpRecord(t, "https://a.example/gone", "404 Not Found\r\nContent-Type: text/html", "<p>gone")) +
		gz(httpRecord(t, "https://a.example/empty", html, "")) + gz(wetRecord("https://a.example/wet", "text of it")) + page("last")})
	in := Input{Name: "in", Glob: dir}
	read := func(carry int) (docs []*millrace.Document, along []string) {
		s := openFiles(t, "", in)
		s.Carry = carry
		docs = readFiles(t, s, millrace.Checkpoint{})
		l := &Loader{Inputs: []Input{in}}
		for _, d := range docs {
			if d.Page.Body != nil {
				along = append(along, string(d.Page.Body))
			}
			if err := l.load(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
		return docs, along
	}
	loaded, along := read(0)
	if along != nil {
		t.Errorf("without room, %q came along", along)
	}
	for room, want := range map[int][]string{
		1 << 20: {"<p>first", "<p>second", "<p>the third, which is long", "<p>fourth", "", "<p>last"},
		20:      {"<p>first", "<p>second", "<p>fourth", "", "<p>last"}, // readFiles reads three at a time
		8:       {"", "<p>last"},
	} {
		docs, along := read(room)
		if diff := cmp.Diff(want, along); diff != "" {
			t.Errorf("room for %d bytes: %s", room, diff)
		}
		if diff := cmp.Diff(loaded, docs); diff != "" {
			t.Errorf("room for %d bytes changes the documents: %s", room, diff)
		}
	}
}
