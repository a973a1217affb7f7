package clean

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"

	"millrace"
	"millrace/clean/pii"
)

// A key that could be guessed would give the values away; a file that is longer is no key.
const minKey, maxKey = 16, 4 << 10

// masking is what a step "pii" does.
type masking struct {
	policy pii.Policy
	drops  []pii.Kind // those of which one value drops the document
}

// run masks title and text together, so that equal values have equal numbers. The first signal is the masked values in a
// thousand characters; the others count those of the kinds that drop a document, which is masked all the same.
func (m masking) run(d *millrace.Document, out []float64) error {
	title := len(d.Title)
	spans := []millrace.Span{{From: 0, To: title}}
	for _, s := range d.Code {
		spans = append(spans, millrace.Span{From: s.From + title + 1, To: s.To + title + 1})
	}
	r := m.policy.Apply(d.Title+"\n"+d.Text, spans)
	if r.Counts.Any() {
		title = r.Code[0].To
		text := title
		if strings.HasPrefix(r.Text[text:], "\n") { // else a private key has begun in the title
			text++
		}
		d.Title, d.Text = r.Text[:title], r.Text[text:]
		for i, s := range r.Code[1:] {
			d.Code[i] = millrace.Span{From: max(0, s.From-text), To: max(0, s.To-text)}
		}
		for k, n := range r.Counts {
			d.AddEdit("pii."+pii.Kind(k).String(), n)
		}
	}
	if chars := utf8.RuneCountInString(d.Text); chars > 0 {
		out[0] = 1000 * float64(r.Counts.Total()) / float64(chars)
	}
	for i, k := range m.drops {
		out[1+i] = float64(r.Counts[k])
	}
	return nil
}

// settingKeys are the keys that a step has besides those of every step.
func settingKeys(n ast.Node) []string {
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	}
	for _, v := range values {
		name, ok := v.Value.(*ast.StringNode)
		if !ok || v.Key.GetToken().Value != "step" {
			continue
		}
		switch name.Value {
		case "allow":
			return []string{"licences", "sources", "hosts"}
		case "url-list":
			return []string{"file"}
		case "pii":
			keys := []string{"replace", "key_env", "key_file"}
			for k := range pii.Kinds {
				keys = append(keys, k.String())
			}
			return keys
		}
	}
	return nil
}

// masking reads what a step "pii" says of each kind, and how values are replaced. A kind that drops is a signal and a rule.
func (p *recipeParser) masking(s *step, f map[string]ast.Node) error {
	m := masking{}
	var settings []string
	none := 0.0
	for k := range pii.Kinds {
		n := f[k.String()]
		if n == nil {
			continue
		}
		word, err := p.text(n)
		if err != nil {
			return err
		}
		if m.policy.Do[k], err = pii.ParseAction(word); err != nil {
			return p.at(n.GetToken(), "%s", err)
		}
		if m.policy.Do[k] == pii.MaskValue {
			continue
		}
		settings = append(settings, k.String()+" "+word)
		if m.policy.Do[k] == pii.DropDocument {
			m.drops = append(m.drops, k)
			s.signals = append(s.signals, signal{"pii_" + k.String(), 0, math.Inf(1)})
			s.rules = append(s.rules, Rule{Stage: s.name, Signal: "pii_" + k.String(), Max: &none, Reason: millrace.PIIFound, Source: "this recipe: " + k.String() + ": drop"})
		}
	}
	var err error
	if m.policy.Key, err = p.key(f); err != nil {
		return err
	}
	if len(m.policy.Key) > 0 {
		settings = append(settings, "key "+m.policy.Fingerprint())
	}
	s.run, s.settings = m.run, strings.Join(settings, ", ")
	return nil
}

// key reads the key of replacements that are the same in every document; nil where they are numbered in each.
func (p *recipeParser) key(f map[string]ast.Node) ([]byte, error) {
	style := "numbered"
	if n := f["replace"]; n != nil {
		var err error
		if style, err = p.text(n); err != nil {
			return nil, err
		}
	}
	env, file := f["key_env"], f["key_file"]
	switch {
	case style == "numbered" && env == nil && file == nil:
		return nil, nil
	case style == "numbered" && env != nil:
		return nil, p.at(env.GetToken(), "a key belongs to replace: synthetic")
	case style == "numbered":
		return nil, p.at(file.GetToken(), "a key belongs to replace: synthetic")
	case style != "synthetic":
		return nil, p.at(f["replace"].GetToken(), "%q is not numbered or synthetic", style)
	case (env == nil) == (file == nil):
		return nil, p.at(f["replace"].GetToken(), "synthetic wants either key_env, the name of an environment variable, or key_file: the key has no place in a recipe")
	}
	from, n, read := "environment variable ", env, keyOfEnvironment
	if file != nil {
		from, n, read = "file ", file, p.keyOfFile
	}
	name, err := p.text(n)
	if err != nil {
		return nil, err
	}
	key, err := read(name)
	if err != nil {
		return nil, p.at(n.GetToken(), "%s", err)
	}
	if key = strings.TrimRight(key, "\r\n"); len(key) < minKey || len(key) > maxKey {
		return nil, p.at(n.GetToken(), "the key in %s%s has %d bytes: want %d or more, and %d at most", from, name, len(key), minKey, maxKey)
	}
	return []byte(key), nil
}

func keyOfEnvironment(name string) (string, error) {
	if !regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`).MatchString(name) { // the key itself, perhaps
		return "", errors.New("want the name of an environment variable that holds the key")
	}
	key, ok := os.LookupEnv(name)
	if !ok {
		return "", fmt.Errorf("the environment variable %s, which is to hold the key, is not set", name)
	}
	return key, nil
}

// keyOfFile reads a file beside the recipe.
func (p *recipeParser) keyOfFile(name string) (string, error) {
	if !filepath.IsAbs(name) {
		name = filepath.Join(p.dir, name)
	}
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "read", Path: name, Err: errors.New("not a file")}
	}
	if err != nil {
		return "", err
	}
	key, err := readFile(name) // a recipe is longer than a key
	return string(key), err
}
