package clean

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"millrace"
)

// Whatever a program answers: an error, or a verdict and a text that can be stored.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"keep":false,"reason":"loud","value":1,"limit":0.5}`))
	f.Add([]byte(`{"keep":true,"text":"\ud800é"}`))
	f.Add([]byte(`{"error":"no"}`))
	f.Add([]byte("{\"keep\":false,\"reason\":\"\xff" + `\u00e9"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		var a answer
		if json.Unmarshal(line, &a) != nil {
			return
		}
		d := &millrace.Document{Text: "before", Code: []millrace.Span{{From: 0, To: 6}}}
		v, err := (&askedStage{name: "asked"}).apply(d, &a)
		switch {
		case err != nil:
			if d.Text != "before" {
				t.Error("an error changed the text")
			}
		case !utf8.ValidString(d.Text) || !utf8.ValidString(v.Signal) || len(v.Signal) > 100:
			t.Errorf("text %q, verdict %+v", d.Text, v)
		case !v.Kept() && v.Reason != millrace.RuleProcess:
			t.Errorf("verdict %+v", v)
		case d.Text != "before" && d.Code != nil:
			t.Error("places of code in another text")
		}
	})
}
