package clean_test

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"millrace"
	"millrace/clean"
)

func masking(t testing.TB, settings string) *clean.Recipe {
	t.Helper()
	r, err := clean.Parse("r.yaml", []byte("steps:\n  - {step: pii"+settings+"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Each kind is masked, kept, or drops the document; the counts stand among the edits.
func TestMaskingByKind(t *testing.T) {
	const in = "Call +49 30 901820 or write to ann@acme.io; the card is 4111 1111 1111 1111."
	tests := []struct{ settings, text, signal string }{
		{"", "Call <PHONE_1> or write to <EMAIL_1>; the card is <CARD_1>.", ""},
		{", email: mask, replace: numbered", "Call <PHONE_1> or write to <EMAIL_1>; the card is <CARD_1>.", ""},
		{", phone: keep, email: keep", "Call +49 30 901820 or write to ann@acme.io; the card is <CARD_1>.", ""},
		{", card: drop", "Call <PHONE_1> or write to <EMAIL_1>; the card is <CARD_1>.", "pii_card"},
		{", iban: drop, phone: drop, card: drop", "Call <PHONE_1> or write to <EMAIL_1>; the card is <CARD_1>.", "pii_phone"},
		{", iban: drop, card: keep", "Call <PHONE_1> or write to <EMAIL_1>; the card is 4111 1111 1111 1111.", ""},
		{", phone: keep, email: keep, card: keep", in, ""},
	}
	for _, tt := range tests {
		r := masking(t, tt.settings)
		d := &millrace.Document{Text: in}
		v := judge(t, r, d)
		want := millrace.Verdict{}
		if tt.signal != "" {
			want = millrace.Verdict{Reason: millrace.PIIFound, Stage: "pii", Signal: tt.signal, Value: 1}
		}
		if d.Text != tt.text || v != want {
			t.Errorf("%s: %q, %v", tt.settings, d.Text, v)
		}
		if again := r.Decide(d.Signals); again != v {
			t.Errorf("%s: decided again from the signals: %v", tt.settings, again)
		}
		var masked int32
		for _, e := range d.Edits {
			masked += e.Count
		}
		if n := strings.Count(d.Text, "<"); int(masked) != n {
			t.Errorf("%s: edits %v of %d placeholders", tt.settings, d.Edits, n)
		}
	}
}

// The density's limit is a rule like any other. What is kept is not counted.
func TestMaskingDensity(t *testing.T) {
	r := masking(t, ", email: keep, rules: [{signal: pii_density, max: 10, reason: pii.density}]")
	if v := judge(t, r, &millrace.Document{Text: "ann@acme.io bob@acme.io cid@acme.io"}); !v.Kept() {
		t.Error(v)
	}
	if v := judge(t, r, &millrace.Document{Text: "+49 30 901820"}); v.Reason != millrace.PIIDensity {
		t.Error(v)
	}
}

// A key gives a value the same replacement in every document. It is not part of the recipe, but a changed one is noticed.
func TestMaskingKey(t *testing.T) {
	t.Setenv("MILLRACE_TEST_KEY", "sixteen bytes or more")
	r := masking(t, ", replace: synthetic, key_env: MILLRACE_TEST_KEY")
	one, two := &millrace.Document{Text: "ann@acme.io"}, &millrace.Document{Title: "of ann@acme.io", Text: "bob@acme.io, ann@acme.io"}
	judge(t, r, one)
	judge(t, r, two)
	if !strings.HasSuffix(one.Text, "@example.com") || !strings.HasSuffix(two.Text, ", "+one.Text) || two.Title != "of "+one.Text {
		t.Errorf("%q, and %q: %q", one.Text, two.Title, two.Text)
	}
	dir := t.TempDir()
	file := "steps:\n  - {step: pii, replace: synthetic, key_file: key}\n"
	for name, text := range map[string]string{"r.yaml": file, "key": "sixteen bytes or more\r\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	beside, err := clean.Load(filepath.Join(dir, "r.yaml"))
	if err != nil || beside.Hash() != r.Hash() {
		t.Errorf("the same key out of a file: %v", err)
	}
	t.Setenv("MILLRACE_TEST_KEY", "another key of such a length")
	if other := masking(t, ", replace: synthetic, key_env: MILLRACE_TEST_KEY"); other.Hash() == r.Hash() {
		t.Error("another key has the same hash")
	}
}

func TestMaskingHash(t *testing.T) {
	base := masking(t, "").Hash()
	if h := masking(t, ", email: mask, card: mask, replace: numbered").Hash(); h != base {
		t.Error("what is said already changes the hash")
	}
	seen := map[string]string{base: ""}
	for _, s := range []string{", email: keep", ", email: drop", ", card: keep", ", email: keep, card: keep", ", email: keep, card: drop"} {
		h := masking(t, s).Hash()
		if was, ok := seen[h]; ok {
			t.Errorf("%q and %q have one hash", s, was)
		}
		seen[h] = s
	}
}

func TestMaskingErrors(t *testing.T) {
	t.Setenv("MILLRACE_TEST_SHORT", "guess me")
	tests := []struct{ settings, want string }{
		{"emial: mask", "recipe r.yaml:2:17: unknown key \"emial\": the keys here are step, rules, name, run, replace, key_env, key_file, email, ipv4, "},
		{"email: hide", "recipe r.yaml:2:24: \"hide\" is not mask, drop or keep"},
		{"email: [keep]", "recipe r.yaml:2:24: want text"},
		{"email: ", "want text"},
		{"email: keep, email: drop", "recipe r.yaml:2:30:"},
		{"run: [a]", "run belongs to the step process"},
		{"replace: fake", "recipe r.yaml:2:26: \"fake\" is not numbered or synthetic"},
		{"replace: synthetic", "recipe r.yaml:2:26: synthetic wants either key_env"},
		{"replace: synthetic, key_env: A, key_file: b", "synthetic wants either key_env"},
		{"key_env: A", "recipe r.yaml:2:26: a key belongs to replace: synthetic"},
		{"replace: numbered, key_file: b", "a key belongs to replace: synthetic"},
		{"replace: synthetic, key_env: 'my secret, which has spaces'", "want the name of an environment variable"},
		{"replace: synthetic, key_env: MILLRACE_TEST_NOT_SET", "MILLRACE_TEST_NOT_SET, which is to hold the key, is not set"},
		{"replace: synthetic, key_env: MILLRACE_TEST_SHORT", "the key in environment variable MILLRACE_TEST_SHORT has 8 bytes: want 16"},
		{"replace: synthetic, key_file: no/such/file", "no such file"},
		{"replace: synthetic, key_file: .", "not a file"},
	}
	for _, tt := range tests {
		_, err := clean.Parse("r.yaml", []byte("steps:\n  - {step: pii, "+tt.settings+"}\n"))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q in it", tt.settings, err, tt.want)
		}
	}
	_, err := clean.Parse("r.yaml", []byte("steps:\n  - {step: repair, email: keep}\n"))
	if err == nil || !strings.Contains(err.Error(), "unknown key \"email\"") {
		t.Errorf("error %v", err)
	}
}

// Two recipes can be joined where they say the same of personal data, and not otherwise.
func TestMaskingJoin(t *testing.T) {
	if r, err := clean.Join(masking(t, ", email: keep"), masking(t, ", email: keep")); err != nil || len(r.Stages()) != 1 {
		t.Errorf("%v, %v", r, err)
	}
	for _, other := range []string{"", ", email: drop", ", email: keep, card: keep"} {
		if _, err := clean.Join(masking(t, ", email: keep"), masking(t, other)); err == nil {
			t.Errorf("%q was ignored", other)
		}
	}
	r := masking(t, ", card: drop").Without("pii")
	if len(r.Signals())+len(r.Rules())+len(r.Stages()) != 0 {
		t.Errorf("something is left: %v, %v", r.Signals(), r.Rules())
	}
}

// Whatever the policy: the step changes a document once, keeps title, text and code apart, and counts what it says.
func TestMaskingLaws(t *testing.T) {
	t.Setenv("MILLRACE_TEST_KEY", "sixteen bytes or more")
	kinds := []string{"email", "ipv4", "ipv6", "phone", "iban", "card", "id", "key"}
	parts := []string{"ann@acme.io", "8.8.8.8", "2606:4700::1111", "+49 30 901820", "DE89370400440532013000", "4111 1111 1111 1111", "SSN 123-45-6789",
		"AKIAIOSFODNN7EXAMPLE", "-----BEGIN PRIVATE KEY-----", "\n", "MIIEowIBAAKCAQEAx0Zq2mLr8vTnW5bQyH3sKj7dPfGuXcRtYiOaElNhMwBvCzDk", " ", " ", "mill", "<EMAIL_2>", "tel ", "é"}
	rapid.Check(t, func(rt *rapid.T) {
		settings := ""
		for _, k := range kinds {
			if do := rapid.SampledFrom([]string{"", "mask", "keep", "drop"}).Draw(rt, k); do != "" {
				settings += ", " + k + ": " + do
			}
		}
		if rapid.Bool().Draw(rt, "keyed") {
			settings += ", replace: synthetic, key_env: MILLRACE_TEST_KEY"
		}
		r := masking(t, settings)
		text := func(name string) string {
			return strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 0, 12).Draw(rt, name), "")
		}
		d := &millrace.Document{Title: text("title"), Text: text("text")}
		if n := len(d.Text); n > 1 {
			d.Code = []millrace.Span{{From: n / 2, To: n}}
		}
		v := judge(t, r, d)
		again := &millrace.Document{Title: d.Title, Text: d.Text, Code: slices.Clone(d.Code)}
		if w := judge(t, r, again); !w.Kept() || again.Title != d.Title || again.Text != d.Text || len(again.Edits) > 0 {
			rt.Errorf("%s: %q, %q became %q, %q (%v, %v)", settings, d.Title, d.Text, again.Title, again.Text, w, again.Edits)
		}
		for _, s := range d.Code {
			if s.From < 0 || s.To < s.From || s.To > len(d.Text) {
				rt.Errorf("span %v of %q", s, d.Text)
			}
		}
		if v.Kept() {
			return
		}
		kind := strings.TrimPrefix(v.Signal, "pii_")
		i := slices.IndexFunc(d.Edits, func(e millrace.Edit) bool { return e.Kind == "pii."+kind })
		if i < 0 || math.Abs(v.Value-float64(d.Edits[i].Count)) > 0 || !strings.Contains(settings, kind+": drop") {
			rt.Errorf("%s: %v, edits %v", settings, v, d.Edits)
		}
	})
}

// A private key that begins in the title and goes on in the text is one value.
func TestMaskingAcross(t *testing.T) {
	const key = "MIIEowIBAAKCAQEAx0Zq2mLr8vTnW5bQyH3sKj7dPfGuXcRtYiOaElNhMwBvCzDk"
	for text, want := range map[string]string{key: "", key + "ann": "", key + " é": "é", key + "\n\nThe mill.": "\n\nThe mill."} {
		d := &millrace.Document{Title: "Key: -----BEGIN PRIVATE KEY-----", Text: text, Code: []millrace.Span{{From: 0, To: len(key)}}}
		judge(t, masking(t, ""), d)
		if d.Title != "Key: <KEY_1>" || strings.TrimLeft(d.Text, "\n") != strings.TrimLeft(want, "\n") || d.Code[0] != (millrace.Span{}) {
			t.Errorf("%q, %q, %v", d.Title, d.Text, d.Code)
		}
	}
}
