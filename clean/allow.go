package clean

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"millrace"
)

// allowed is what a step "allow" lets through. A list that is not given allows everything.
type allowed struct {
	licences, sources, hosts []string            // as written
	sets                     map[string]struct{} // kind, a colon and the entry as it is compared
}

// allow reads a step that keeps only what stands in its lists.
func (p *recipeParser) allow(r *Recipe, n ast.Node, f map[string]ast.Node) error {
	for _, key := range [...]string{"name", "run", "rules"} {
		if f[key] != nil {
			return p.at(f[key].GetToken(), "a step allow has no %s: it has licences, sources or hosts", key)
		}
	}
	for _, s := range r.steps {
		if s.allow != nil {
			return p.at(f["step"].GetToken(), "step %q stands twice", "allow")
		}
	}
	a := &allowed{sets: map[string]struct{}{}}
	for _, l := range [...]struct {
		key  string
		to   *[]string
		form func(string) string
	}{{"licences", &a.licences, licenceForm}, {"sources", &a.sources, strings.Clone}, {"hosts", &a.hosts, hostForm}} {
		if f[l.key] == nil {
			continue
		}
		list, err := p.list(f[l.key])
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return p.at(f[l.key].GetToken(), "an empty list allows nothing: no document could be kept")
		}
		for _, entry := range list {
			text, err := p.text(entry)
			if err != nil {
				return err
			}
			if l.form(text) == "" || l.key == "hosts" && strings.ContainsAny(text, "/: ") {
				return p.at(entry.GetToken(), "%q is none of %s", text, l.key)
			}
			*l.to = append(*l.to, text)
			a.sets[l.key+":"+l.form(text)] = struct{}{}
		}
	}
	if len(a.sets) == 0 {
		return p.at(n.GetToken(), "a step allow needs licences, sources or hosts")
	}
	r.steps = append(r.steps, step{kind: kind{name: "allow", version: 1}, allow: a})
	return nil
}

// licenceForm is a licence as it is compared: SPDX ids and hosts know no capitals, and http and https name the same text.
func licenceForm(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	s = strings.TrimPrefix(strings.TrimPrefix(s, "https://"), "http://")
	return strings.TrimRight(s, "/")
}

// licenceOf is what the page states, or else the input's own field.
func licenceOf(d *millrace.Document) string {
	if d.Page.Licence != "" || d.Meta == "" {
		return d.Page.Licence
	}
	var fields struct{ License, Licence any }
	if json.Unmarshal([]byte(d.Meta), &fields) != nil {
		return ""
	}
	for _, f := range [...]any{fields.License, fields.Licence} {
		if s, ok := f.(string); ok && licenceForm(s) != "" {
			return s
		}
	}
	return ""
}

func hostForm(s string) string { return strings.ToLower(strings.Trim(strings.TrimSpace(s), ".")) }

func (a *allowed) has(kind, entry string) bool {
	_, ok := a.sets[kind+":"+entry]
	return ok
}

// hash adds the lists to a recipe's hash. Their order changes nothing, but who changes it asks for a new recipe.
func (a *allowed) hash(w io.Writer) {
	fmt.Fprintf(w, "allow %q %q %q\n", a.licences, a.sources, a.hosts)
}

// allowStage is the stage of a step "allow".
type allowStage struct{ *allowed }

// Name implements millrace.Stage.
func (allowStage) Name() string { return "allow" }

// Process implements millrace.Stage.
func (s allowStage) Process(_ context.Context, d *millrace.Document) (millrace.Verdict, error) {
	no := func(reason millrace.Reason, what string) (millrace.Verdict, error) {
		return millrace.Verdict{Reason: reason, Stage: "allow", Signal: what, Value: 0, Limit: 1}, nil
	}
	if len(s.licences) > 0 {
		switch form := licenceForm(licenceOf(d)); {
		case form == "":
			return no(millrace.LicenceUnknown, "licence allowed")
		case !s.has("licences", form):
			return no(millrace.LicenceOther, "licence allowed")
		}
	}
	if len(s.sources) > 0 && !s.has("sources", d.Page.Source) {
		return no(millrace.SourceOther, "source allowed")
	}
	if len(s.hosts) > 0 && !underHost(d.Page.URL, s.sets, "hosts:") {
		return no(millrace.SourceOther, "host allowed")
	}
	return millrace.Verdict{}, nil
}

// SignalNames implements millrace.Describer.
func (allowStage) SignalNames() []string { return nil }

// Reasons implements millrace.Describer.
func (allowStage) Reasons() []millrace.Reason {
	return []millrace.Reason{millrace.LicenceUnknown, millrace.LicenceOther, millrace.SourceOther}
}
