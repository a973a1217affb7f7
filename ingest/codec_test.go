package ingest

import (
	"bytes"
	"encoding/hex"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/encoding/protowire"
	"pgregory.net/rapid"

	"millrace"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files")

// sample has every field that travels.
func sample() *millrace.Document {
	sum := [32]byte{1, 2, 3, 31: 9}
	return &millrace.Document{
		ID: millrace.NewID("https://example.org/", sum), UserID: "row-7", URLKey: "https://example.org/",
		Title: "A title", Text: "Text in UTF-8: ä.", Meta: `{"stars":3}`, Attempts: 2,
		Page: millrace.Page{
			URL: "https://example.org/?b=\xff", FetchedAt: time.UnixMicro(1764000000123456).UTC(), Status: 200,
			Header:    []millrace.Field{{Name: "Content-Type", Value: "text/html"}, {Name: "X-Empty"}},
			MediaType: "text/html; charset=utf-8", Consent: millrace.Yes,
			ConsentBy: []millrace.Statement{{Source: "header:X-Robots-Tag", Raw: "all", Value: millrace.Yes}},
			Robots:    "0123abcd:4 Allow: /", Source: "crawl", Licence: "CC-BY-4.0", Truncated: true,
			Claim: millrace.Claim{File: "warc/a.warc.gz", Offset: 12, Length: 345, Record: 6, SHA256: sum, Kind: "warc"},
		},
		Verdict: millrace.Verdict{Reason: millrace.FetchStatus, Stage: "fetch", Signal: "status", Value: 404, Limit: 200,
			Of: millrace.ID{5}, OfUser: "row-1", Similarity: 0.875, Method: "jaccard", Err: "gone"},
		Settles: millrace.Position{Partition: millrace.Partition{Topic: "pages", Index: 3}, Offset: 99},
	}
}

// cleanedSample is a message of topic docs.
func cleanedSample() *millrace.Document {
	d := sample()
	d.Code, d.Charset, d.Lang, d.Script, d.LangSure, d.Extract = []millrace.Span{{From: 3, To: 9}}, "utf-8", "en", "Latn", 0.75, "fast"
	d.Signals, d.Edits = millrace.Signals{1.5, float32(math.NaN())}, []millrace.Edit{{Kind: "pii.email", Count: 2}}
	d.Keys, d.Cleaned, d.Verdict = []byte{1, 2, 3}, true, millrace.Verdict{}
	return d
}

// Messages written by any released version stay readable: the bytes of each lie in testdata.
func TestGolden(t *testing.T) {
	broken := undecodable("file:a.jsonl#3", "mine", []byte("{\"text\": \x00"), errWire)
	for name, d := range map[string]*millrace.Document{
		"v1-full": sample(), "v1-empty": {}, "v1-broken": broken, "v1-cleaned": cleanedSample(),
	} {
		path := filepath.Join("testdata", name+".hex")
		got := Encode(d)
		if *rewrite {
			if err := os.WriteFile(path, []byte(hex.EncodeToString(got)+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want, err := hex.DecodeString(strings.TrimSpace(string(raw)))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: encoded bytes differ from the golden file", name)
		}
		back, err := Decode(want)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(d, back, cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func drawDocument(t *rapid.T) *millrace.Document {
	text := func(name string) string { return string(rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, name)) }
	var d millrace.Document
	copy(d.ID[:], text("id"))
	d.UserID, d.URLKey, d.Title, d.Text, d.Meta = text("user"), text("key"), text("title"), text("text"), text("meta")
	d.Attempts = rapid.IntRange(0, 1<<30).Draw(t, "attempts")
	p := &d.Page
	p.URL, p.MediaType, p.Robots, p.Source, p.Licence = text("url"), text("media"), text("robots"), text("source"), text("licence")
	if rapid.Bool().Draw(t, "dated") {
		p.FetchedAt = time.UnixMicro(rapid.Int64Range(-1<<50, 1<<52).Draw(t, "time")).UTC()
	}
	p.Status = rapid.IntRange(-1, 999).Draw(t, "status")
	p.Consent = millrace.Consent(rapid.IntRange(0, 2).Draw(t, "consent"))
	for range rapid.IntRange(0, 3).Draw(t, "headers") {
		p.Header = append(p.Header, millrace.Field{Name: text("name"), Value: text("value")})
	}
	for range rapid.IntRange(0, 3).Draw(t, "statements") {
		s := millrace.Statement{Source: text("by"), Raw: text("raw"), Value: millrace.Consent(rapid.IntRange(0, 2).Draw(t, "said")),
			Inferred: rapid.Bool().Draw(t, "inferred"), NoIndex: rapid.Bool().Draw(t, "no index")}
		if rapid.Bool().Draw(t, "said at") {
			s.At = time.UnixMicro(rapid.Int64Range(-1<<50, 1<<52).Draw(t, "time said")).UTC()
		}
		p.ConsentBy = append(p.ConsentBy, s)
	}
	p.Claim = millrace.Claim{File: text("file"), Kind: text("kind"), Offset: rapid.Int64().Draw(t, "offset"),
		Length: rapid.Int64().Draw(t, "length"), Record: rapid.Int64().Draw(t, "record")}
	copy(p.Claim.SHA256[:], text("sha"))
	p.Truncated = rapid.Bool().Draw(t, "truncated")
	v := &d.Verdict
	v.Stage, v.Signal, v.OfUser, v.Method, v.Err = text("stage"), text("signal"), text("ofuser"), text("method"), text("err")
	v.Value, v.Limit, v.Similarity = rapid.Float64().Draw(t, "v"), rapid.Float64().Draw(t, "l"), rapid.Float64().Draw(t, "s")
	copy(v.Of[:], text("of"))
	if v.Reason = millrace.Reason(rapid.SampledFrom([]string{"", "fetch.status", "failed.decode"}).Draw(t, "reason")); v.Reason == millrace.FailedDecode {
		if raw := text("raw"); raw != "" {
			p.Body = []byte(raw)
		}
	}
	if rapid.Bool().Draw(t, "settles") {
		d.Settles = millrace.Position{Partition: millrace.Partition{Topic: "t" + text("topic"),
			Index: rapid.Int32().Draw(t, "index")}, Offset: rapid.Int64().Draw(t, "at")}
	}
	drawCleaned(t, &d, text)
	return &d
}

func drawCleaned(t *rapid.T, d *millrace.Document, text func(string) string) {
	d.Charset, d.Lang, d.Script, d.Extract = text("charset"), text("lang"), text("script"), text("extract")
	d.LangSure, d.Cleaned = rapid.Float32().Draw(t, "sure"), rapid.Bool().Draw(t, "cleaned")
	for range rapid.IntRange(0, 3).Draw(t, "spans") {
		from := rapid.IntRange(0, 1<<30).Draw(t, "from")
		d.Code = append(d.Code, millrace.Span{From: from, To: from + rapid.IntRange(0, 1<<30).Draw(t, "length")})
	}
	for range rapid.IntRange(0, 3).Draw(t, "signals") {
		d.Signals = append(d.Signals, rapid.Float32().Draw(t, "signal"))
	}
	for range rapid.IntRange(0, 3).Draw(t, "edits") {
		d.Edits = append(d.Edits, millrace.Edit{Kind: text("edit"), Count: rapid.Int32().Draw(t, "count")})
	}
	if keys := text("keys"); keys != "" {
		d.Keys = []byte(keys)
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDocument(t)
		back, err := Decode(Encode(d))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(d, back); diff != "" {
			t.Fatal(diff)
		}
	})
}

// A newer writer's fields, and known numbers with another type, are passed over.
func TestUnknownFieldsAreSkipped(t *testing.T) {
	want := sample()
	b := Encode(want)
	b = protowire.AppendVarint(protowire.AppendTag(b, 900, protowire.VarintType), 7)
	b = protowire.AppendBytes(protowire.AppendTag(b, 901, protowire.BytesType), []byte("x"))
	b = protowire.AppendFixed32(protowire.AppendTag(b, 902, protowire.Fixed32Type), 7)
	b = protowire.AppendTag(b, 903, protowire.StartGroupType)
	b = protowire.AppendTag(b, 903, protowire.EndGroupType)
	b = protowire.AppendVarint(protowire.AppendTag(b, 5, protowire.VarintType), 7) // title is not a number
	got, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}

func TestBodyAndLongTextStayBehind(t *testing.T) {
	d := sample()
	d.Page.Body = []byte("bytes that the claim names")
	d.Text = strings.Repeat("x", MaxText+1)
	back, err := Decode(Encode(d))
	if err != nil || back.Page.Body != nil || back.Text != "" {
		t.Fatalf("body %d bytes, text %d bytes, %v", len(back.Page.Body), len(back.Text), err)
	}
	d.Verdict = millrace.Verdict{Reason: millrace.FailedDecode}
	d.Page.Body = bytes.Repeat([]byte{0xff}, MaxRaw+1)
	if back, err = Decode(Encode(d)); err != nil || len(back.Page.Body) != MaxRaw {
		t.Fatalf("%d raw bytes, %v; want %d", len(back.Page.Body), err, MaxRaw)
	}
}

// What does not fit travels as it came, and the next belt comes to the same end with it.
func TestLongTextIsCleanedAgain(t *testing.T) {
	d := sample()
	d.Text, d.Meta = strings.Repeat("x", MaxText+1), "{}"
	d.Cleaned, d.Keys, d.Signals, d.Lang = true, []byte{1}, millrace.Signals{1}, "en"
	d.Verdict, d.Attempts = millrace.Verdict{Reason: millrace.Failed("x"), Stage: "x"}, 3
	want := &millrace.Document{ID: d.ID, UserID: d.UserID, URLKey: d.URLKey, Title: d.Title, Page: d.Page, Meta: "{}", Attempts: 2, Settles: d.Settles}
	back, err := Decode(Encode(d))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, back); diff != "" {
		t.Fatal(diff)
	}
}

func TestOversizedFieldsBecomeADeadLetter(t *testing.T) {
	d := sample()
	d.Verdict = millrace.Verdict{}
	d.Meta = strings.Repeat("m", 5000)
	b := encodeWithin(d, 4000)
	back, err := Decode(b)
	if err != nil || len(b) > 4000 {
		t.Fatalf("%d bytes, %v", len(b), err)
	}
	if !back.Verdict.Failed() || back.ID != d.ID || back.Page.Claim != d.Page.Claim || back.Verdict.Limit != 4000 {
		t.Fatalf("%+v", back)
	}
}

func TestDecodeErrors(t *testing.T) {
	for _, hexed := range []string{"0a0100", "0a", "ff", "1a0230ff", "1a023003", "42033202ffff"} {
		b, err := hex.DecodeString(hexed)
		if err != nil {
			t.Fatal(err)
		}
		if d, err := Decode(b); err == nil {
			t.Errorf("%s: decoded to %+v", hexed, d)
		}
	}
	if _, err := Decode(Encode(&millrace.Document{Page: millrace.Page{Header: make([]millrace.Field, maxList+1)}})); err == nil {
		t.Error("a list without bound was decoded")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(Encode(sample()))
	f.Add([]byte{})
	f.Add([]byte{0x1a, 0x02, 0x22, 0x00})
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := Decode(b)
		if err != nil {
			return
		}
		once := Encode(d)
		again, err := Decode(once)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(Encode(again), once) {
			t.Fatalf("not stable:\n%+v\n%+v", d, again)
		}
	})
}
