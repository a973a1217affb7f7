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
	return Parse(nameOrFile, data)
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
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
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
// dropped by an earlier rule was never measured for cannot fail.
func (r *Recipe) Decide(signals millrace.Signals) millrace.Verdict {
	for _, s := range r.steps {
		for _, rule := range s.rules {
			i := slices.Index(r.signals, rule.Signal)
			if i >= len(signals) {
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
		for _, rule := range s.rules {
			fmt.Fprintf(h, "rule %s %s %s %s\n", rule.Signal, limit(rule.Min), limit(rule.Max), rule.Reason)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Stages makes the recipe's stages, in order. They hold no state and may be used by many goroutines.
func (r *Recipe) Stages() []millrace.Stage {
	var stages []millrace.Stage
	for _, s := range r.steps {
		stages = append(stages, newStage(s, r.signals))
	}
	return stages
}
