package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"

	"millrace"
	"millrace/internal/term"
	"millrace/shards"
)

// fate counts what became of documents.
type fate struct {
	Kept    int64                     `json:"kept"`
	Dropped int64                     `json:"dropped"`
	Failed  int64                     `json:"failed"`
	Reasons map[millrace.Reason]int64 `json:"reasons,omitempty"`
}

func (f *fate) in() int64 { return f.Kept + f.Dropped + f.Failed }

func (f *fate) count(v millrace.Verdict) {
	switch {
	case v.Kept():
		f.Kept++
		return
	case v.Failed():
		f.Failed++
	default:
		f.Dropped++
	}
	if f.Reasons == nil {
		f.Reasons = map[millrace.Reason]int64{}
	}
	f.Reasons[v.Reason]++
}

func (f *fate) add(o *fate) {
	f.Kept, f.Dropped, f.Failed = f.Kept+o.Kept, f.Dropped+o.Dropped, f.Failed+o.Failed
	if f.Reasons == nil && len(o.Reasons) > 0 {
		f.Reasons = map[millrace.Reason]int64{}
	}
	for r, n := range o.Reasons {
		f.Reasons[r] += n
	}
}

// fates counts by name. Where there are too many names, the rarer half of them is let go: what they had is in others, and what
// comes of them later counts anew.
type fates struct {
	names  map[string]*fate
	others fate
}

const (
	maxNames   = 20_000 // counted at once
	namesGiven = 50     // in JSON; the sum of the others stands beside them
	namesShown = 10     // in a table

	reasonsShown = 3 // of each
)

func (f *fates) count(name string, v millrace.Verdict) {
	one := f.names[name]
	if one == nil {
		if len(f.names) >= maxNames {
			f.shrink(maxNames / 2)
		}
		if f.names == nil {
			f.names = map[string]*fate{}
		}
		one = &fate{}
		f.names[strings.Clone(name)] = one // without the page that it stands in
	}
	one.count(v)
}

func (f *fates) shrink(n int) {
	for _, name := range f.ordered()[n:] {
		f.others.add(f.names[name])
		delete(f.names, name)
	}
}

// ordered gives the names, those of the most documents first.
func (f *fates) ordered() []string {
	return slices.SortedFunc(maps.Keys(f.names), func(a, b string) int {
		return cmp.Or(cmp.Compare(f.names[b].in(), f.names[a].in()), strings.Compare(a, b))
	})
}

// most gives the n names of the most documents, and the sum of all others.
func (f *fates) most(n int) (names []string, others fate) {
	names = f.ordered()
	others.add(&f.others)
	for _, name := range names[min(n, len(names)):] {
		others.add(f.names[name])
	}
	return names[:min(n, len(names))], others
}

// breakdown is what became of documents by language and by the host that they are of.
type breakdown struct{ languages, sources fates }

func (b *breakdown) count(lang, url string, v millrace.Verdict) {
	if lang != "" {
		b.languages.count(lang, v)
	}
	b.sources.count(hostOf(url), v)
}

// hostOf is what a document counts under: the host of its URL, and what it is instead where that is the name of a file or nothing.
func hostOf(page string) string {
	if strings.HasPrefix(page, "file:") {
		return "(file)"
	}
	u, err := url.Parse(page)
	if err != nil || u.Hostname() == "" {
		return "(no host)"
	}
	const longest = 253 // bytes of a name of the DNS
	host := u.Hostname()
	return strings.ToLower(strings.ToValidUTF8(host[:min(len(host), longest)], ""))
}

// put adds the breakdown to a summary, and gives that.
func (b *breakdown) put(m map[string]any) map[string]any {
	for _, part := range []struct {
		name, others string
		of           *fates
	}{{"languages", "other_languages", &b.languages}, {"sources", "other_sources", &b.sources}} {
		names, others := part.of.most(namesGiven)
		if len(names) == 0 {
			continue
		}
		given := map[string]*fate{}
		for _, name := range names {
			given[name] = part.of.names[name]
		}
		m[part.name] = given
		if others.in() > 0 {
			m[part.others] = others
		}
	}
	return m
}

// print draws a table of each.
func (b *breakdown) print(w io.Writer, width int) {
	b.languages.print(w, "language", width)
	b.sources.print(w, "source", width)
}

func (f *fates) print(w io.Writer, title string, width int) {
	names, others := f.most(namesShown)
	if len(names) == 0 {
		return
	}
	fmt.Fprintf(w, "\n  %-28s %9s %9s %9s %7s   %s\n", title, "in", "kept", "dropped", "failed", "reasons")
	row := func(name string, one *fate) {
		head := fmt.Sprintf("  %-28s %9d %9d %9d %7d   ", term.Clip(term.Safe(name), 28), one.in(), one.Kept, one.Dropped, one.Failed)
		why := reasons(one.Reasons)
		if len(why) > reasonsShown {
			why = append(why[:reasonsShown], "…")
		}
		fmt.Fprintln(w, strings.TrimRight(head+wrapped(why, len(head), width), " "))
	}
	for _, name := range names {
		row(name, f.names[name])
	}
	if others.in() > 0 {
		row("(others)", &others)
	}
}

// breakdownOf reads the small columns of every row of a corpus, where that is wanted; else it is empty.
func breakdownOf(ctx context.Context, t *shards.Table, wanted bool) (*breakdown, error) {
	b := &breakdown{}
	if !wanted {
		return b, nil
	}
	err := t.Rows(ctx, shards.Select{Kept: true, Rejects: true, Columns: []string{"lang", "url"}}, func(r *shards.Row) error {
		b.count(r.Lang, r.URL, r.Verdict)
		return nil
	})
	return b, err
}
