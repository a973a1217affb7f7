package clean

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"millrace"
)

//go:embed recipes/*.yaml
var recipes embed.FS

// maxRecipe bounds a recipe file, in bytes.
const maxRecipe = 1 << 16

// Recipe is an ordered list of steps with their rules. It does not change once it is loaded.
type Recipe struct {
	name    string
	steps   []step
	signals []string
}

// step is one entry of a recipe.
type step struct {
	kind
	rules []Rule
	asked *asked // of a step "process", whose name is the user's
	// settings are what the recipe says besides rules, as far as it changes what the step does: part of the hash.
	settings string
	allow    *allowed
	urls     *urlList
}

// Load reads a recipe: one of those built in, by its name, or a file.
func Load(nameOrFile string) (*Recipe, error) {
	data, err := recipes.ReadFile("recipes/" + nameOrFile + ".yaml")
	if err == nil {
		return Parse(nameOrFile+".yaml", data)
	}
	data, err = readFile(nameOrFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("load recipe %q: neither a file nor one of %s: %w", nameOrFile, strings.Join(Names(), ", "), err)
	}
	if err != nil {
		return nil, fmt.Errorf("load recipe: %w", err)
	}
	return parse(nameOrFile, filepath.Dir(nameOrFile), data)
}

// Join makes one recipe of several, their steps in the order given. A step without rules that stands in several is
// done once, where it stands first.
func Join(list ...*Recipe) (*Recipe, error) {
	if len(list) == 1 {
		return list[0], nil
	}
	all := &Recipe{}
	var names []string
	for _, r := range list {
		names = append(names, r.name)
		for _, s := range r.steps {
			twice := slices.ContainsFunc(all.steps, func(t step) bool { return t.name == s.name })
			switch {
			case twice && len(s.rules) == 0 && s.allow == nil && s.urls == nil && all.hasLike(s):
				continue
			case twice:
				return nil, fmt.Errorf("join recipes %s: step %q stands twice", strings.Join(names, ", "), s.name)
			}
			for _, m := range s.signals {
				if slices.Contains(all.signals, m.name) {
					return nil, fmt.Errorf("join recipes %s: two steps measure %s", strings.Join(names, ", "), m.name)
				}
				all.signals = append(all.signals, m.name)
			}
			all.steps = append(all.steps, s)
		}
	}
	all.name = strings.Join(slices.DeleteFunc(names, func(n string) bool { return n == "" }), ",")
	return all, nil
}

// Single is a recipe of one step, without rules.
func Single(name string) (*Recipe, error) {
	k, ok := findKind(name)
	if !ok {
		return nil, fmt.Errorf("unknown step %q: the steps are %s", name, strings.Join(kindNames(), ", "))
	}
	r := &Recipe{name: name, steps: []step{{kind: k}}}
	for _, s := range k.signals {
		r.signals = append(r.signals, s.name)
	}
	return r, nil
}

// Steps names the steps that a recipe can have, without those that ask a program.
func Steps() []string { return kindNames() }

// Has reports whether a step is part of the recipe.
func (r *Recipe) Has(name string) bool {
	return slices.ContainsFunc(r.steps, func(s step) bool { return s.name == name })
}

// hasLike reports whether a step of the recipe has the name and the settings of s.
func (r *Recipe) hasLike(s step) bool {
	return slices.ContainsFunc(r.steps, func(t step) bool { return t.name == s.name && t.settings == s.settings })
}

// Without is the recipe without a step, and without the rules over what only that step measures.
func (r *Recipe) Without(name string) *Recipe {
	if !r.Has(name) {
		return r
	}
	out := &Recipe{name: r.name}
	for _, s := range r.steps {
		if s.name == name {
			continue
		}
		for _, m := range s.signals {
			out.signals = append(out.signals, m.name)
		}
		s.rules = slices.DeleteFunc(slices.Clone(s.rules), func(rule Rule) bool { return !rule.over(out.signals) })
		out.steps = append(out.steps, s)
	}
	return out
}

// Exchange is the recipe with another step in the place of one, which measures the same; its rules stay.
func (r *Recipe) Exchange(name, by string) (*Recipe, error) {
	k, ok := findKind(by)
	if !ok {
		return nil, fmt.Errorf("unknown step %q: the steps are %s", by, strings.Join(kindNames(), ", "))
	}
	out := &Recipe{name: r.name, signals: r.signals, steps: slices.Clone(r.steps)}
	for i, s := range out.steps {
		if s.name != name {
			continue
		}
		s.kind, s.rules = k, slices.Clone(s.rules)
		for j := range s.rules {
			s.rules[j].Stage = by
		}
		out.steps[i] = s
	}
	return out, nil
}

// readFile reads a file no larger than a recipe may be.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxRecipe+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return data, nil
}

// Names lists the recipes that are built in.
func Names() []string {
	var names []string
	entries, err := recipes.ReadDir("recipes")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if name := e.Name(); !strings.HasSuffix(name, casesSuffix) {
			names = append(names, strings.TrimSuffix(name, ".yaml"))
		}
	}
	return names
}

// Name is the recipe's own name.
func (r *Recipe) Name() string { return r.name }

// Signals names what the recipe's stages measure: Document.Signals[i] is Signals()[i].
func (r *Recipe) Signals() []string { return slices.Clone(r.signals) }

// Rules lists all rules in the order in which they are asked.
func (r *Recipe) Rules() []Rule {
	var all []Rule
	for _, s := range r.steps {
		all = append(all, s.rules...)
	}
	return all
}

// Decide says what the rules make of stored signals: the verdict of the first that fails. What a document
// dropped by an earlier rule was never measured for cannot fail. Expressions are left out: they see more than signals.
func (r *Recipe) Decide(signals millrace.Signals) millrace.Verdict {
	for _, s := range r.steps {
		for _, rule := range s.rules {
			i := slices.Index(r.signals, rule.Signal)
			if i < 0 || i >= len(signals) {
				continue
			}
			if v := rule.verdict(float64(signals[i])); !v.Kept() {
				return v
			}
		}
	}
	return millrace.Verdict{}
}

// Hash names everything that can change a row: the steps, the versions of their code, and the rules. Names,
// sources and comments are not in it.
func (r *Recipe) Hash() string {
	h := sha256.New()
	limit := func(f *float64) string {
		if f == nil {
			return "-"
		}
		return strconv.FormatFloat(*f, 'g', -1, 64)
	}
	fmt.Fprintln(h, "millrace recipe 1")
	for _, s := range r.steps {
		fmt.Fprintf(h, "step %s %d\n", s.name, s.version)
		if s.settings != "" {
			fmt.Fprintf(h, "set %q\n", s.settings)
		}
		if s.asked != nil {
			fmt.Fprintf(h, "process %q %q\n", s.asked.args, s.asked.files)
		}
		if s.allow != nil {
			s.allow.hash(h)
		}
		if s.urls != nil {
			fmt.Fprintf(h, "url-list %s\n", s.urls.digest)
		}
		for _, rule := range s.rules {
			if rule.keep != nil {
				fmt.Fprintf(h, "rule keep %q %s\n", rule.Keep, rule.Reason)
				continue
			}
			fmt.Fprintf(h, "rule %s %s %s %s\n", rule.Signal, limit(rule.Min), limit(rule.Max), rule.Reason)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Stages makes the recipe's stages, in order. They hold no state and may be used by many goroutines. End ends
// the programs that they start.
func (r *Recipe) Stages() []millrace.Stage {
	var stages []millrace.Stage
	for _, s := range r.steps {
		if s.asked != nil {
			stages = append(stages, newAskedStage(s, r.signals))
			continue
		}
		if s.urls != nil {
			stages = append(stages, urlListStage{s.urls})
			continue
		}
		if s.allow != nil {
			stages = append(stages, allowStage{s.allow})
			continue
		}
		stages = append(stages, newStage(s, r.signals))
	}
	return stages
}
