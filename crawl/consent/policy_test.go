package consent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millrace"
)

// what is said on the pages of TestPolicies.
var (
	sayYes      = millrace.Statement{Source: "robots:Content-Signal", Raw: "ai-train=yes", Value: yes}
	sayNo       = millrace.Statement{Source: "header:X-Robots-Tag", Raw: "noai", Value: no}
	sayNoIndex  = millrace.Statement{Source: "meta:robots", Raw: "noindex", NoIndex: true}
	sayInferred = millrace.Statement{Source: "robots:ai-tokens", Raw: "closed to GPTBot", Value: no, Inferred: true}
	sayBY       = millrace.Statement{Source: "licence:rel", Raw: "https://creativecommons.org/licenses/by/4.0/", Value: yes}
	sayNC       = millrace.Statement{Source: "licence:rel", Raw: "https://creativecommons.org/licenses/by-nc/4.0/"}
)

func TestPolicies(t *testing.T) {
	type by = []millrace.Statement
	for _, c := range []struct {
		policy string
		by     by
		value  millrace.Consent
		reason millrace.Reason
	}{
		{"", by{}, none, ""},
		{"", by{sayYes, sayNo}, no, millrace.ConsentNoTrain},
		{"", by{sayYes, sayInferred}, yes, ""},
		{"", by{sayYes, sayNoIndex}, yes, millrace.ConsentNoIndex},
		{"", by{sayNoIndex, sayNo}, no, millrace.ConsentNoTrain},
		{"", by{sayBY}, yes, ""},
		{"", by{sayNC}, none, ""},
		{"inferred: count", by{sayYes, sayInferred}, no, millrace.ConsentNoTrain},
		{"noindex: keep", by{sayNoIndex}, none, ""},
		{"no: keep", by{sayNo}, no, ""},
		{"no: keep", by{sayNo, sayNoIndex}, no, millrace.ConsentNoIndex},
		{"not_said: drop", by{}, none, millrace.ConsentNotSaid},
		{"not_said: drop", by{sayYes}, yes, ""},
		{"not_said: drop\nlicences: [CC0]", by{sayBY}, none, millrace.ConsentNotSaid},
		{"not_said: drop\nlicences: [CC-BY-NC]", by{sayNC}, yes, ""},
		{"licences: [CC-BY-NC-4.0]", by{sayNC}, yes, ""},
		{"licences: [CC-BY-NC-4.0, CC-BY]", by{sayNC, sayBY}, none, ""},
		{"licences: [CC-BY]", by{sayBY, sayNo}, no, millrace.ConsentNoTrain},
		{"sources: [robots]", by{sayYes, sayNo}, yes, ""},
		{"sources: ['header:X-Robots-Tag']", by{sayYes, sayNo}, no, millrace.ConsentNoTrain},
		{"sources: [meta]", by{sayYes, sayNo}, none, ""},
	} {
		p, err := ParsePolicy("p.yaml", []byte(c.policy))
		if err != nil {
			t.Fatalf("%s: %v", c.policy, err)
		}
		if v, verdict := p.Decide(c.by); v != c.value || verdict.Reason != c.reason || (verdict.Stage == Stage) != (c.reason != "") {
			t.Errorf("%q over %+v: %v, %v; want %v, %s", c.policy, c.by, v, verdict, c.value, c.reason)
		}
	}
}

func TestLoadPolicy(t *testing.T) {
	file := filepath.Join(t.TempDir(), "strict.yaml")
	if err := os.WriteFile(file, []byte("inferred: count\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	hashes := map[string]bool{}
	for _, name := range []string{"training", "record", file} {
		p, err := LoadPolicy(name)
		if err != nil {
			t.Fatal(err)
		}
		hashes[p.Hash()] = true
	}
	if len(hashes) != 3 || !hashes["training"] || !hashes["record"] {
		t.Errorf("hashes %v", hashes)
	}
	record, err := LoadPolicy("record")
	if err != nil {
		t.Fatal(err)
	}
	if v, verdict := record.Decide([]millrace.Statement{sayNo, sayNoIndex}); v != no || !verdict.Kept() {
		t.Errorf("policy record: %v, %v", v, verdict)
	}
	if _, err := LoadPolicy("missing.yaml"); err == nil || !strings.HasPrefix(err.Error(), `load policy "missing.yaml": `) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestPolicyErrors(t *testing.T) {
	for text, want := range map[string]string{
		"inferred: yes":             `inferred is ignore or count, not "yes"`,
		"no: obey":                  `no is drop or keep, not "obey"`,
		"sources: [footer]":         "a source is header or meta",
		"unknown: 1":                "unknown",
		"inferred: [":               "policy p.yaml: ",
		"[1, 2]":                    "policy p.yaml: ",
		strings.Repeat("#", 70_000): "larger than",
	} {
		if _, err := ParsePolicy("p.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %q", text, err, want)
		}
	}
}

func FuzzPolicy(f *testing.F) {
	f.Add([]byte("sources: [header, 'robots:Content-Signal']\ninferred: count\nlicences: [CC-BY]\n"))
	f.Add([]byte("no: !!binary x\n---\nnoindex: keep"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParsePolicy("p.yaml", data)
		if err != nil {
			return
		}
		if err := p.check(); err != nil {
			t.Errorf("accepted: %v", err)
		}
		p.Decide([]millrace.Statement{sayYes, sayNo, sayBY, sayNC})
	})
}
