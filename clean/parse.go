package clean

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"millrace"
)

// Parse reads a recipe from data. name is for errors, which show the line and point at the column. Programs are run in the
// working folder.
func Parse(name string, data []byte) (*Recipe, error) { return parse(name, ".", data) }

// parse reads a recipe whose programs are run in dir.
func parse(name, dir string, data []byte) (*Recipe, error) {
	body, p, err := parseYAML("recipe "+name, dir, data)
	if err != nil {
		return nil, err
	}
	return p.recipe(body)
}

// parseYAML reads one YAML document. name says in errors what it is.
func parseYAML(name, dir string, data []byte) (ast.Node, *recipeParser, error) {
	p := &recipeParser{name: name, dir: dir, lines: strings.Split(string(data), "\n")}
	if len(data) > maxRecipe {
		return nil, nil, fmt.Errorf("%s is larger than %d bytes", name, maxRecipe)
	}
	if strings.Count(string(data), "[")+strings.Count(string(data), "{") > maxRecipe/16 {
		return nil, nil, fmt.Errorf("%s is nested too deeply", name) // the YAML parser is recursive
	}
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		var syntax *yaml.SyntaxError
		if errors.As(err, &syntax) && syntax.Token != nil {
			return nil, nil, p.at(syntax.Token, "%s", syntax.Message)
		}
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return nil, nil, fmt.Errorf("%s: want one YAML document, found %d", name, len(file.Docs))
	}
	return file.Docs[0].Body, p, nil
}

type recipeParser struct {
	name  string // with what it is
	dir   string
	lines []string
}

// at makes an error of what is wrong at a token: file, line and column, the line, and a caret.
func (p *recipeParser) at(t *token.Token, format string, args ...any) error {
	msg := fmt.Sprintf(format, args...)
	if t == nil || t.Position == nil {
		return fmt.Errorf("%s: %s", p.name, msg)
	}
	line, column := t.Position.Line, t.Position.Column
	if line < 1 || line > len(p.lines) {
		return fmt.Errorf("%s:%d:%d: %s", p.name, line, column, msg)
	}
	text := strings.ReplaceAll(strings.TrimRight(p.lines[line-1], "\r"), "\t", " ")
	return fmt.Errorf("%s:%d:%d: %s\n%5d | %s\n      | %s^", p.name, line, column, msg, line, text, strings.Repeat(" ", max(column-1, 0)))
}

// fields reads a mapping whose keys are all among known.
func (p *recipeParser) fields(n ast.Node, known ...string) (map[string]ast.Node, error) {
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		return nil, p.at(n.GetToken(), "want keys (%s)", strings.Join(known, ", "))
	}
	out := map[string]ast.Node{}
	for _, v := range values {
		t := v.Key.GetToken()
		if !slices.Contains(known, t.Value) {
			return nil, p.at(t, "unknown key %q: the keys here are %s", t.Value, strings.Join(known, ", "))
		}
		if _, ok := out[t.Value]; ok {
			return nil, p.at(t, "key %q stands twice", t.Value)
		}
		out[t.Value] = v.Value
	}
	return out, nil
}

// list reads a sequence. An absent or empty one has no entries.
func (p *recipeParser) list(n ast.Node) ([]ast.Node, error) {
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return nil, nil
	case *ast.SequenceNode:
		return n.Values, nil
	default:
		return nil, p.at(n.GetToken(), "want a list")
	}
}

// text reads a plain value.
func (p *recipeParser) text(n ast.Node) (string, error) {
	switch n := n.(type) {
	case nil:
		return "", nil
	case *ast.StringNode:
		return n.Value, nil
	default:
		return "", p.at(n.GetToken(), "want text")
	}
}

// number reads a limit; nil where there is none.
func (p *recipeParser) number(n ast.Node) (*float64, error) {
	var f float64
	switch n := n.(type) {
	case nil:
		return nil, nil
	case *ast.FloatNode:
		f = n.Value
	case *ast.IntegerNode:
		switch v := n.Value.(type) {
		case int64:
			f = float64(v)
		case uint64:
			f = float64(v)
		}
	default:
		return nil, p.at(n.GetToken(), "want a number")
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, p.at(n.GetToken(), "want a finite number")
	}
	return &f, nil
}

// recipe reads the whole file.
func (p *recipeParser) recipe(n ast.Node) (*Recipe, error) {
	top, err := p.fields(n, "name", "steps")
	if err != nil {
		return nil, err
	}
	r := &Recipe{}
	if r.name, err = p.text(top["name"]); err != nil {
		return nil, err
	}
	steps, err := p.list(top["steps"])
	if err != nil {
		return nil, err
	}
	if len(steps) == 0 {
		return nil, p.at(n.GetToken(), "a recipe needs steps")
	}
	for _, n := range steps {
		if err := p.step(r, n); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// step reads one step and adds it to r.
func (p *recipeParser) step(r *Recipe, n ast.Node) error {
	f, err := p.fields(n, append([]string{"step", "rules", "name", "run"}, settingKeys(n)...)...)
	if err != nil {
		return err
	}
	name, err := p.text(f["step"])
	if err != nil {
		return err
	}
	if name == "url-list" {
		return p.urlList(r, n, f)
	}
	if name == "allow" {
		return p.allow(r, n, f)
	}
	if name == "process" {
		return p.process(r, n, f)
	}
	for _, key := range [...]string{"name", "run"} {
		if f[key] != nil {
			return p.at(f[key].GetToken(), "%s belongs to the step process", key)
		}
	}
	k, ok := findKind(name)
	if !ok {
		at := n
		if f["step"] != nil {
			at = f["step"]
		}
		return p.at(at.GetToken(), "unknown step %q: the steps are %s", name, strings.Join(kindNames(), ", "))
	}
	if slices.ContainsFunc(r.steps, func(s step) bool { return s.name == name }) {
		return p.at(f["step"].GetToken(), "step %q stands twice", name)
	}
	s := step{kind: k}
	if name == "pii" {
		if err := p.masking(&s, f); err != nil {
			return err
		}
	}
	for _, m := range s.signals {
		if slices.Contains(r.signals, m.name) {
			return p.at(f["step"].GetToken(), "step %q measures %s, and a step before it does already", name, m.name)
		}
		r.signals = append(r.signals, m.name)
	}
	rules, err := p.list(f["rules"])
	if err != nil {
		return err
	}
	for _, n := range rules {
		rule, err := p.rule(r, k, n)
		if err != nil {
			return err
		}
		s.rules = append(s.rules, rule)
	}
	r.steps = append(r.steps, s)
	return nil
}

// process reads a step that asks a program: its name, and what is run.
func (p *recipeParser) process(r *Recipe, n ast.Node, f map[string]ast.Node) error {
	name, err := p.text(f["name"])
	if err != nil {
		return err
	}
	_, taken := findKind(name)
	if taken || !IsStepName(name) || slices.ContainsFunc(r.steps, func(s step) bool { return s.name == name }) {
		at := n
		if f["name"] != nil {
			at = f["name"]
		}
		return p.at(at.GetToken(), "a step process needs a name of its own, of small letters, digits and hyphens")
	}
	if f["rules"] != nil {
		return p.at(f["rules"].GetToken(), "a step process has no rules: the program says what is kept")
	}
	list, err := p.list(f["run"])
	if err != nil {
		return err
	}
	var args []string
	for _, n := range list {
		arg, err := p.text(n)
		if err != nil {
			return err
		}
		args = append(args, arg)
	}
	if len(args) == 0 {
		return p.at(n.GetToken(), "a step process needs run: a list of the program and its arguments")
	}
	a, err := newAsked(args, p.dir)
	if err != nil {
		return p.at(f["run"].GetToken(), "%s", err)
	}
	r.steps = append(r.steps, step{kind: kind{name: name, version: 1}, asked: a})
	return nil
}

// rule reads one rule of a step. Its signal is measured by this step or by one before.
func (p *recipeParser) rule(r *Recipe, k kind, n ast.Node) (Rule, error) {
	rule := Rule{Stage: k.name}
	f, err := p.fields(n, "signal", "min", "max", "keep", "reason", "source")
	if err != nil {
		return rule, err
	}
	if f["keep"] != nil {
		return p.expression(r, rule, f)
	}
	for _, key := range [...]string{"signal", "reason"} {
		if f[key] == nil {
			return rule, p.at(n.GetToken(), "a rule needs a %s", key)
		}
	}
	reason := ""
	for _, t := range [...]struct {
		key string
		to  *string
	}{{"signal", &rule.Signal}, {"reason", &reason}, {"source", &rule.Source}} {
		if *t.to, err = p.text(f[t.key]); err != nil {
			return rule, err
		}
	}
	rule.Reason = millrace.Reason(reason)
	if !slices.Contains(r.signals, rule.Signal) {
		return rule, p.at(f["signal"].GetToken(), "unknown signal %q: up to here there are %s", rule.Signal, strings.Join(r.signals, ", "))
	}
	if !slices.Contains(reasons(), rule.Reason) {
		return rule, p.at(f["reason"].GetToken(), "unknown reason %q: a rule can give %s", rule.Reason, joinReasons(reasons()))
	}
	if rule.Min, err = p.number(f["min"]); err != nil {
		return rule, err
	}
	if rule.Max, err = p.number(f["max"]); err != nil {
		return rule, err
	}
	return rule, p.possible(rule, f, n)
}

// expression reads a rule in words. Its reason is rule.expression where it names none.
func (p *recipeParser) expression(r *Recipe, rule Rule, f map[string]ast.Node) (Rule, error) {
	for _, key := range [...]string{"signal", "min", "max"} {
		if f[key] != nil {
			return rule, p.at(f[key].GetToken(), "a rule has keep or %s, not both", key)
		}
	}
	reason := string(millrace.RuleExpression)
	var err error
	for _, t := range [...]struct {
		key string
		to  *string
	}{{"keep", &rule.Keep}, {"reason", &reason}, {"source", &rule.Source}} {
		if f[t.key] == nil {
			continue
		}
		if *t.to, err = p.text(f[t.key]); err != nil {
			return rule, err
		}
	}
	if rule.Reason = millrace.Reason(reason); !slices.Contains(reasons(), rule.Reason) {
		return rule, p.at(f["reason"].GetToken(), "unknown reason %q: a rule can give %s", rule.Reason, joinReasons(reasons()))
	}
	if rule.keep, err = newExpression(rule.Keep, r.signals); err != nil {
		what, _, _ := strings.Cut(err.Error(), "\n")
		return rule, p.at(f["keep"].GetToken(), "%s; up to here there are %s, and lang, script, title, url, source, licence and charset", what, strings.Join(r.signals, ", "))
	}
	return rule, nil
}

// possible refuses limits that no document can respect.
func (p *recipeParser) possible(rule Rule, f map[string]ast.Node, n ast.Node) error {
	s := findSignal(rule.Signal)
	switch {
	case rule.Min == nil && rule.Max == nil:
		return p.at(n.GetToken(), "a rule needs min or max")
	case rule.Min != nil && *rule.Min > s.high:
		return p.at(f["min"].GetToken(), "%s is never above %g: this limit can never hold", s.name, s.high)
	case rule.Max != nil && *rule.Max < s.low:
		return p.at(f["max"].GetToken(), "%s is never below %g: this limit can never hold", s.name, s.low)
	case rule.Min != nil && rule.Max != nil && *rule.Min > *rule.Max:
		return p.at(f["max"].GetToken(), "max %g is below min %g: no document can be between", *rule.Max, *rule.Min)
	}
	return nil
}

func joinReasons(list []millrace.Reason) string {
	var s []string
	for _, r := range list {
		s = append(s, string(r))
	}
	return strings.Join(s, ", ")
}
