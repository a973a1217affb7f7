package ingest

import (
	"encoding/json"
	"maps"
	"testing"
)

// What is split here is split as the library splits it.
func FuzzFieldsOf(f *testing.F) {
	for _, s := range []string{`{}`, ` {}`, `{"a":"b"}`, "{\"a\" :\t\"b\\n\\u00e9\", \"c\": -1.5e3 ,\"d\":null,\"a\":true}\r", `{"a":"b",}`, `{,}`,
		`{"a":1 2}`, `{"a":[1]}`, `{"a":{"b":1}}`, "{\"a\":\"\x01\"}", "{\"\xff\":1}", `{"\u0061":1}`, `{"a":"\q"}`, `{"a":"\u00g0"}`, `{"a":01}`,
		`{"a" "b"}`, `{"a":"b" "c":1}`, `{"a":"b"`, `{"a":"b}`, `{"a":"b\"}`, `null`, `{"a":}`, `{"a":,"b":1}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, ok := fieldsOf(b)
		if !ok {
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(b, &want); err != nil {
			t.Fatalf("fieldsOf(%q) = %q, the library: %v", b, got, err)
		}
		if !maps.EqualFunc(got, want, func(a, b json.RawMessage) bool { return string(a) == string(b) }) {
			t.Errorf("fieldsOf(%q) = %q, the library: %q", b, got, want)
		}
	})
}

func TestFieldsOfTakesWhatIsPlain(t *testing.T) {
	for _, s := range []string{`{}`, `{"id":"a","text":"b\nc\u20ac","n":-1.5e3,"none":null}`, "{ \"a\" : true }\r"} {
		if _, ok := fieldsOf([]byte(s)); !ok {
			t.Errorf("fieldsOf(%q) leaves it to the library", s)
		}
	}
}
