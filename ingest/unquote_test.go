package ingest

import (
	"encoding/json"
	"testing"
)

// A string comes out as the library has it, whatever is in it.
func FuzzStringOf(f *testing.F) {
	for _, s := range []string{`"a"`, `""`, `"\n\t\r\b\f\/\\\""`, `"\u00e9\u20AC"`, `"\ud83d\ude00"`, `"\ud83d"`, "\"\xff\"", `"\`, `"\u12"`, `1`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if !json.Valid(b) {
			return
		}
		var want string
		isString := json.Unmarshal(b, &want) == nil && len(b) > 0 && b[0] == '"'
		if b[0] == ' ' || b[len(b)-1] == ' ' || b[len(b)-1] == '\n' {
			return // a field's value has no space around it
		}
		got, ok := stringOf(b)
		if ok != isString || ok && got != want {
			t.Errorf("stringOf(%q) = %q, %v; want %q, %v", b, got, ok, want, isString)
		}
	})
}
