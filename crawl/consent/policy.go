package consent

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"millrace"

	"github.com/goccy/go-yaml"
)

// Stage is the name under which a policy's verdicts stand.
const Stage = "consent"

// Policy says what follows from statements. The zero Policy is the one for a training corpus: what was
// refused in so many words is dropped, and so is what asks to be left out of indexes; what was only inferred
// is recorded; a page without any statement is kept.
type Policy struct {
	// Sources lists which statements count, by place ("header", "meta", "robots", "file", "rsl", "licence")
	// or by full name ("robots:Content-Signal"). Empty: all.
	Sources []string `yaml:"sources"`
	// Inferred is "ignore" or "count": an inferred no is a no.
	Inferred string `yaml:"inferred"`
	// No, NotSaid and NoIndex are "drop" or "keep": what becomes of a page that refuses training, of one that
	// says neither yes nor no, and of one that asks to be left out of indexes.
	No      string `yaml:"no"`
	NotSaid string `yaml:"not_said"`
	NoIndex string `yaml:"noindex"`
	// Licences lists the licences that count as a yes, with or without a version ("CC-BY", "CC-BY-NC-4.0").
	// Without a list: CC0, the Public Domain Mark, CC-BY and CC-BY-SA.
	Licences []string `yaml:"licences"`

	hash string
}

// maxPolicy bounds a policy file, in bytes.
const maxPolicy = 1 << 16

// LoadPolicy reads a policy: "training", "record" (nothing is dropped), or a YAML file.
func LoadPolicy(nameOrFile string) (Policy, error) {
	switch nameOrFile {
	case "training", "":
		return Policy{}, nil
	case "record":
		return Policy{No: keep, NoIndex: keep, hash: "record"}, nil
	}
	f, err := os.Open(nameOrFile)
	if err != nil {
		return Policy{}, fmt.Errorf("load policy %q: neither training nor record, and no file: %w", nameOrFile, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxPolicy+1))
	if err != nil {
		return Policy{}, fmt.Errorf("load policy: %w", err)
	}
	return ParsePolicy(nameOrFile, data)
}

// ParsePolicy reads a policy from YAML; name is the file's name for errors. An unknown key or value is one.
func ParsePolicy(name string, data []byte) (p Policy, err error) {
	if len(data) > maxPolicy {
		return Policy{}, fmt.Errorf("policy %s: larger than %d bytes", name, maxPolicy)
	}
	defer func() { // the YAML library is not proof against every input
		if r := recover(); r != nil {
			p, err = Policy{}, fmt.Errorf("policy %s: not readable as YAML: %v", name, r)
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict(), yaml.DisallowUnknownField())
	if err := dec.Decode(&p); err != nil && !errors.Is(err, io.EOF) {
		return Policy{}, fmt.Errorf("policy %s: %s", name, yaml.FormatError(err, false, true))
	}
	if err := p.check(); err != nil {
		return Policy{}, fmt.Errorf("policy %s: %w", name, err)
	}
	sum := sha256.Sum256(data)
	p.hash = hex.EncodeToString(sum[:8])
	return p, nil
}

// Hash names the policy for a recipe: "training", "record", or a hash of the file's bytes.
func (p Policy) Hash() string {
	if p.hash == "" {
		return "training"
	}
	return p.hash
}

const (
	keep  = "keep"
	drop  = "drop"
	count = "count"
)

func (p Policy) check() error {
	oneOf := func(key, v string, of ...string) error {
		if v == "" || slices.Contains(of, v) {
			return nil
		}
		return fmt.Errorf("%s is %s, not %q", key, strings.Join(of, " or "), v)
	}
	err := errors.Join(oneOf("inferred", p.Inferred, "ignore", count), oneOf("no", p.No, drop, keep),
		oneOf("not_said", p.NotSaid, keep, drop), oneOf("noindex", p.NoIndex, drop, keep))
	for _, s := range p.Sources {
		place, _, _ := strings.Cut(s, ":")
		err = errors.Join(err, oneOf("a source", place, "header", "meta", "robots", "file", "rsl", "licence", "ingest"))
	}
	return err
}

// Decide gives the value of consent under p, and the verdict with the statement that it rests on.
func (p Policy) Decide(by []millrace.Statement) (millrace.Consent, millrace.Verdict) {
	value := millrace.NotSaid
	var no, noIndex *millrace.Statement
	for i := range by {
		s := &by[i]
		if !p.counts(s) {
			continue
		}
		v := p.valueOf(s, by)
		if value = stricter(value, v); v == millrace.No && no == nil {
			no = s
		}
		if s.NoIndex && noIndex == nil {
			noIndex = s
		}
	}
	verdict := func(r millrace.Reason, s *millrace.Statement) millrace.Verdict {
		return millrace.Verdict{Reason: r, Stage: Stage, Err: s.Source + ": " + s.Raw}
	}
	switch {
	case no != nil && p.No != keep:
		return value, verdict(millrace.ConsentNoTrain, no)
	case noIndex != nil && p.NoIndex != keep:
		return value, verdict(millrace.ConsentNoIndex, noIndex)
	case value == millrace.NotSaid && p.NotSaid == drop:
		return value, millrace.Verdict{Reason: millrace.ConsentNotSaid, Stage: Stage}
	}
	return value, millrace.Verdict{}
}

// counts reports whether p takes a statement into account.
func (p Policy) counts(s *millrace.Statement) bool {
	if s.Inferred && p.Inferred != count {
		return false
	}
	place, _, _ := strings.Cut(s.Source, ":")
	return len(p.Sources) == 0 || slices.Contains(p.Sources, place) || slices.Contains(p.Sources, s.Source)
}

// valueOf is what a statement means under p: which licences are a yes is for p to say.
func (p Policy) valueOf(s *millrace.Statement, by []millrace.Statement) millrace.Consent {
	if len(p.Licences) == 0 || !strings.HasPrefix(s.Source, licencePrefix) {
		return s.Value
	}
	id := Licence(by)
	if slices.Contains(p.Licences, id) || slices.Contains(p.Licences, family(id)) {
		return millrace.Yes
	}
	return millrace.NotSaid
}
