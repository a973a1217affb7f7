package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schema is CycloneDX's own, which lies in a module of theirs.
func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	const base = "http://cyclonedx.org/schema/"
	for name, file := range map[string]string{"bom-1.5.schema.json": "bom-1.5.schema.json", "spdx.schema.json": "spdx.schema.json", "jsf-0.82.schema.json": "jsf-0.82.schemax.json"} {
		raw, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "schema", file))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddResource(base+name, doc); err != nil {
			t.Fatal(err)
		}
	}
	s, err := c.Compile(base + "bom-1.5.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func valid(s *jsonschema.Schema, raw []byte) error {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	return s.Validate(doc)
}

// The bill of a program with modules holds to CycloneDX's schema, and another reader finds them in it.
func TestBill(t *testing.T) {
	self := filepath.Join(t.TempDir(), "staticcheck")
	if words, err := exec.CommandContext(t.Context(), "go", "build", "-o", self, "honnef.co/go/tools/cmd/staticcheck").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, words)
	}
	sum, err := sumOf(self)
	if err != nil {
		t.Fatal(err)
	}
	when := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	raw, err := billOf(self, "v1.2.3", sum, when)
	if err != nil {
		t.Fatal(err)
	}
	s := schema(t)
	if err := valid(s, raw); err != nil {
		t.Errorf("%v\n%s", err, raw)
	}
	var b cyclonedx.BOM
	if err := cyclonedx.NewBOMDecoder(bytes.NewReader(raw), cyclonedx.BOMFileFormatJSON).Decode(&b); err != nil {
		t.Fatal(err)
	}
	if m := b.Metadata; m.Component.Version != "v1.2.3" || m.Timestamp != "2026-11-30T12:00:00Z" || (*m.Component.Hashes)[0].Value != sum {
		t.Errorf("metadata: %+v", m)
	}
	named := map[string]bool{}
	for _, c := range *b.Components {
		if named[c.BOMRef] {
			t.Errorf("%s is there twice", c.BOMRef)
		}
		named[c.BOMRef] = true
		if c.Name == "golang.org/x/tools" && (c.PackageURL != "pkg:golang/golang.org/x/tools@"+c.Version || c.Properties == nil) {
			t.Errorf("x/tools: %+v", c)
		}
	}
	for _, want := range []string{"pkg:golang/github.com/burntsushi/toml@", "pkg:golang/golang.org/x/tools@", "pkg:golang/std@1."} {
		found := 0
		for ref := range named {
			if strings.HasPrefix(ref, want) {
				found++
			}
		}
		if found != 1 {
			t.Errorf("%d components are %s", found, want)
		}
	}
	again, err := billOf(self, "v1.2.3", sum, when)
	if err != nil || !bytes.Equal(raw, again) {
		t.Errorf("a second bill differs, %v", err)
	}
}

// What the schema asks for is asked for here too: without it, a bill is refused.
func TestSchemaRefuses(t *testing.T) {
	s := schema(t)
	right := bill{BOMFormat: "CycloneDX", SpecVersion: "1.5", SerialNumber: serial("x"), Version: 1,
		Metadata:   metadata{Timestamp: "2026-11-30T12:00:00Z", Component: library("a/b", "v1", "")},
		Components: []component{library("a/c", "v1.0.0+incompatible", "h1:x")}, Dependencies: []dependency{{"x", []string{}}}}
	marshal := func(b bill) []byte {
		raw, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	if err := valid(s, marshal(right)); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*bill){
		"format":    func(b *bill) { b.BOMFormat = "SPDX" },
		"serial":    func(b *bill) { b.SerialNumber = "urn:uuid:1" },
		"version":   func(b *bill) { b.Version = 0 },
		"component": func(b *bill) { b.Components = []component{{Type: "thing", Name: "x"}} },
		"hash":      func(b *bill) { b.Metadata.Component.Hashes = []hash{{"SHA-256", "no"}} },
		"twice":     func(b *bill) { b.Components = append(b.Components, b.Components[0]) },
	} {
		b := right
		change(&b)
		if err := valid(s, marshal(b)); err == nil {
			t.Errorf("%s: a wrong bill is valid", name)
		}
	}
}

func TestNames(t *testing.T) {
	if got := purl("github.com/BurntSushi/toml", "v1.0.0+incompatible"); got != "pkg:golang/github.com/burntsushi/toml@v1.0.0%2Bincompatible" {
		t.Error(got)
	}
	seen := map[string]bool{}
	for _, target := range targets() {
		seen[target.file("v1")] = true
	}
	if len(seen) != 5 || !seen["millrace_v1_windows_amd64.exe"] || !seen["millrace_v1_darwin_arm64"] {
		t.Errorf("files %v", seen)
	}
}

// A release of a small program of the same layout: version, checksums, bill, and a second build elsewhere.
func TestRelease(t *testing.T) {
	repo, out := t.TempDir(), filepath.Join(t.TempDir(), "dist")
	for name, content := range map[string]string{
		"go.mod":                  "module millrace\n\ngo 1.26.0\n",
		"cmd/millrace/main.go":    "package main\n\nimport \"millrace/internal/cli\"\n\nfunc main() { println(cli.Release()) }\n",
		"internal/cli/version.go": "package cli\n\nvar release string\n\n// Release is it.\nfunc Release() string { return release }\n",
	} {
		path := filepath.Join(repo, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "x"}, {"tag", "v9.8.7"}} {
		if _, err := git(t.Context(), repo, args...); err != nil {
			t.Fatal(err)
		}
	}
	if err := run(t.Context(), repo, out, "linux/amd64", true); err != nil {
		t.Fatal(err)
	}
	name := "millrace_v9.8.7_linux_amd64"
	sums, err := os.ReadFile(filepath.Join(out, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	sum, err := sumOf(filepath.Join(out, name))
	if err != nil || !strings.HasPrefix(string(sums), sum+"  "+name+"\n") || strings.Count(string(sums), "\n") != 2 {
		t.Errorf("%v: sum %s, file:\n%s", err, sum, sums)
	}
	raw, err := os.ReadFile(filepath.Join(out, name+".cdx.json"))
	if err != nil || valid(schema(t), raw) != nil {
		t.Errorf("bill: %v, %v", err, valid(schema(t), raw))
	}
	elsewhere := filepath.Join(t.TempDir(), "quite", "another", "place")
	if err := copyTree(t.Context(), repo, elsewhere); err != nil {
		t.Fatal(err)
	}
	again, err := build(t.Context(), elsewhere, filepath.Join(t.TempDir(), "millrace"), "v9.8.7", targets()[0], "")
	if err != nil || again != sum {
		t.Errorf("built elsewhere: %s, %v", again, err)
	}
	other, err := build(t.Context(), elsewhere, filepath.Join(t.TempDir(), "millrace"), "v9.8.8", targets()[0], "")
	if err != nil || other == sum {
		t.Errorf("another version has the same bytes: %v", err)
	}
	if err := run(t.Context(), repo, out, "plan9/mips", true); err == nil {
		t.Error("a target that does not exist is built")
	}
}
