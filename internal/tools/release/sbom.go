package main

import (
	"cmp"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The bill of materials is CycloneDX 1.5, as JSON: https://cyclonedx.org/docs/1.5/json/. It is read from the binary
// itself, so that it says what was linked and not what was meant.

type bill struct {
	BOMFormat    string       `json:"bomFormat"`
	SpecVersion  string       `json:"specVersion"`
	SerialNumber string       `json:"serialNumber"`
	Version      int          `json:"version"`
	Metadata     metadata     `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type metadata struct {
	Timestamp string    `json:"timestamp"`
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"`
	BOMRef     string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version"`
	PURL       string     `json:"purl"`
	Hashes     []hash     `json:"hashes,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

type hash struct {
	Alg     string `json:"alg"`
	Content string `json:"content"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn"`
}

// billOf gives the bill of one binary. sum is its SHA-256, when the time of its commit.
func billOf(binary, version, sum string, when time.Time) ([]byte, error) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	root := component{Type: "application", Name: "millrace", Version: version, PURL: purl("millrace", version), Hashes: []hash{{"SHA-256", sum}}}
	root.BOMRef = root.PURL
	for _, s := range info.Settings {
		if s.Key == "GOOS" || s.Key == "GOARCH" || s.Key == "CGO_ENABLED" || s.Key == "-trimpath" {
			root.Properties = append(root.Properties, property{"go:build:" + s.Key, s.Value})
		}
	}
	root.Properties = append(root.Properties, property{"file", filepath.Base(binary)})
	parts := []component{library("std", strings.TrimPrefix(info.GoVersion, "go"), "")}
	for _, m := range info.Deps {
		if m.Replace != nil {
			return nil, fmt.Errorf("%s is replaced by %s: a release is made of what its go.mod names", m.Path, m.Replace.Path)
		}
		parts = append(parts, library(m.Path, m.Version, m.Sum))
	}
	slices.SortFunc(parts, func(a, b component) int { return cmp.Compare(a.PURL, b.PURL) })
	links := []dependency{{Ref: root.BOMRef}}
	for _, p := range parts {
		links[0].DependsOn = append(links[0].DependsOn, p.BOMRef)
		links = append(links, dependency{Ref: p.BOMRef, DependsOn: []string{}})
	}
	b := bill{BOMFormat: "CycloneDX", SpecVersion: "1.5", SerialNumber: serial(sum), Version: 1,
		Metadata: metadata{Timestamp: when.Format(time.RFC3339), Component: root}, Components: parts, Dependencies: links}
	raw, err := json.MarshalIndent(b, "", "  ")
	return append(raw, '\n'), err
}

// library is a module. Its sum in go.sum is one over a list of its files, which is no hash of CycloneDX's list.
func library(path, version, sum string) component {
	c := component{Type: "library", Name: path, Version: version, PURL: purl(path, version)}
	c.BOMRef = c.PURL
	if sum != "" {
		c.Properties = []property{{"go:sum", sum}}
	}
	return c
}

// purl is the package URL: https://github.com/package-url/purl-spec. Of what a module path or version may hold, only
// these have to be escaped; a path is written in small letters, as the type golang asks.
func purl(path, version string) string {
	escape := strings.NewReplacer("%", "%25", "+", "%2B", "@", "%40", "?", "%3F", "#", "%23", " ", "%20")
	return "pkg:golang/" + escape.Replace(strings.ToLower(path)) + "@" + escape.Replace(version)
}

// serial is a UUID (version 8: of our own making) that is the same for the same binary.
func serial(sum string) string {
	h := sha256.Sum256([]byte("millrace bill of " + sum))
	h[6], h[8] = h[6]&0x0f|0x80, h[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16])
}
