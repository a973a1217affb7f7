package fields

import "testing"

func TestJSON(t *testing.T) {
	raw := []byte("{\"a\": 1, \"b\": [\"x\", {\"c/0\": null}]}\ncrc32c 01234567\n")
	list, err := Of("topics.json", raw)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"key .a": `"a"`, ".a": "1", "key .b": `"b"`, ".b[]": `"x"`, "key .b[].*": `"c/0"`, ".b[].*": "null"}
	covered := 0
	for _, f := range list {
		covered += f.To - f.From
		if w, ok := want[f.Name]; ok {
			if got := string(raw[f.From:f.To]); got != w {
				t.Errorf("%s is %q, want %q", f.Name, got, w)
			}
			delete(want, f.Name)
		}
	}
	if len(want) > 0 || covered != len(raw) {
		t.Errorf("not found: %v; %d of %d bytes covered: %v", want, covered, len(raw), list)
	}
}

func TestUnknownKind(t *testing.T) {
	if _, err := Of("state/x.bin", []byte{1}); err == nil {
		t.Error("a file that nobody has described has fields")
	}
}
