package main

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/parquet-go/parquet-go"
)

type edit struct {
	Kind  *string `parquet:"kind,optional"`
	Count *int32  `parquet:"count,optional"`
}

type row struct {
	Text  *string  `parquet:"text,optional"`
	Keys  []byte   `parquet:"keys"`
	Score *float32 `parquet:"score,optional"`
	Value float64  `parquet:"value"`
	Edits []edit   `parquet:"edits,list"`
	Maybe []edit   `parquet:"maybe,optional,list"`
}

func TestDump(t *testing.T) {
	text, kind, count, score := "a<b>\x00\u2028é", "pii.email", int32(3), float32(0.1)
	rows := []row{
		{Text: &text, Keys: []byte{0, 255}, Score: &score, Value: math.NaN(),
			Edits: []edit{{&kind, &count}, {&kind, nil}}, Maybe: []edit{{&kind, &count}}},
		{Keys: []byte{}, Value: 0.5},
	}
	want := `{"edits.count":[3,null],"edits.kind":["pii.email","pii.email"],"keys":"00ff","maybe.count":[3],"maybe.kind":["pii.email"],"score":0.10000000149011612,"text":"a<b>\u0000\u2028é","value":"NaN"}
{"edits.count":[],"edits.kind":[],"keys":"","maybe.count":null,"maybe.kind":null,"score":null,"text":null,"value":0.5}
`
	name := filepath.Join(t.TempDir(), "a.parquet")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	w := parquet.NewGenericWriter[row](f)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := dump(&out, name); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
