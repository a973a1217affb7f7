package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millrace"
	"millrace/crawl"
	"millrace/crawl/consent"
	"millrace/internal/term"
)

func (a *App) consentCommand() *cobra.Command {
	var policy string
	c := &cobra.Command{
		Use: "consent", Short: "Decide again about the use of every fetched page, without fetching", Args: noArgs,
		Long: `Read what publishers said about training from the archive of DIR and decide about it by another policy:
training, record, or a YAML file (docs/law.md has its keys). Nothing is fetched and nothing is changed;
the table tells which pages would be decided otherwise. To apply a policy, name it in pipeline.yaml.` + exitHelp,
		Example: "  millrace consent --policy strict.yaml --dir corpus --json",
		RunE:    func(c *cobra.Command, _ []string) error { return a.runConsent(c.Context(), policy) },
	}
	c.Flags().StringVar(&policy, "policy", "", "training, record, or a file (default: the policy of pipeline.yaml)")
	return c
}

func (a *App) runConsent(ctx context.Context, name string) error {
	dir, err := a.corpusDir()
	if err != nil {
		return err
	}
	inForce, err := a.policyInForce()
	if err != nil {
		return err
	}
	policy := inForce
	if name != "" {
		if policy, err = consent.LoadPolicy(name); err != nil {
			return &Error{Exit: Usage, Err: err, Means: "nothing was read", Try: "--policy training, --policy record, or a policy file"}
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "warc")); errors.Is(err, fs.ErrNotExist) {
		return &Error{Exit: Usage, Err: fmt.Errorf("%s holds no archive of fetched pages", dir), Means: "of your own files, the ingest entries say what is known", Try: "--dir DIR of a crawled corpus"}
	}
	t := newConsentTable()
	if err := a.decideAgain(ctx, dir, policy, inForce, t); err != nil {
		return err
	}
	if a.json {
		a.emitSummary(map[string]any{"type": "summary", "exit": Done, "policy": policy.Hash(), "pages": t.pages, "values": t.values,
			"sources": t.sources, "verdicts": t.verdicts, "changed": t.changes()})
		return nil
	}
	t.print(a.Stdout, policy.Hash(), inForce.Hash())
	return nil
}

// policyInForce is the policy of the corpus's configuration; a folder without one is taken for a training corpus.
func (a *App) policyInForce() (consent.Policy, error) {
	cfg, path, err := a.loadConfig("")
	if errors.Is(err, fs.ErrNotExist) {
		return consent.Policy{}, nil
	}
	if err != nil {
		return consent.Policy{}, err
	}
	p, err := consent.LoadPolicy(cfg.Consent.Policy)
	if err != nil {
		err = &Error{Exit: Usage, Err: err, Means: "nothing was read", Try: "mend consent.policy in " + path}
	}
	return p, err
}

// decideAgain goes over the archive once.
func (a *App) decideAgain(ctx context.Context, dir string, policy, inForce consent.Policy, t *consentTable) error {
	archive := crawl.OpenArchive(dir, policy)
	defer archive.Close()
	if err := archive.Open(ctx, millrace.Checkpoint{}); err != nil {
		return err
	}
	for {
		b, err := archive.Read(ctx, 64)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		for _, d := range b.Docs {
			p := &d.Page
			was := d.Verdict
			if was.Kept() || was.Stage == consent.Stage {
				_, was = inForce.Decide(p.ConsentBy)
			}
			t.add(d, was)
			if a.json {
				a.emit(consentLine{Type: "consent", URL: p.URL, Value: p.Consent.String(), By: saidBy(p.ConsentBy),
					Reason: d.Verdict.Reason, Was: was.Reason, FetchedAt: p.FetchedAt})
			}
		}
	}
}

// consentLine is a page in JSON.
type consentLine struct {
	Type      string          `json:"type"`
	URL       string          `json:"url"`
	Value     string          `json:"value"`
	By        []statementLine `json:"by"`
	Reason    millrace.Reason `json:"reason"` // "" is kept
	Was       millrace.Reason `json:"was"`    // by the policy in force
	FetchedAt time.Time       `json:"fetched_at"`
}

type statementLine struct {
	Source   string     `json:"source"`
	Raw      string     `json:"raw"`
	Value    string     `json:"value"`
	Inferred bool       `json:"inferred,omitempty"`
	NoIndex  bool       `json:"noindex,omitempty"`
	At       *time.Time `json:"at,omitempty"` // absent: with the page
}

func saidBy(by []millrace.Statement) []statementLine {
	out := make([]statementLine, 0, len(by))
	for _, s := range by {
		l := statementLine{Source: s.Source, Raw: s.Raw, Value: s.Value.String(), Inferred: s.Inferred, NoIndex: s.NoIndex}
		if !s.At.IsZero() {
			l.At = &s.At
		}
		out = append(out, l)
	}
	return out
}

// consentTable counts pages.
type consentTable struct {
	pages    int64
	values   map[string]int64            // by combined value
	sources  map[string]map[string]int64 // by source and value; what was inferred stands as "inferred"
	verdicts map[string]int64            // by reason, "kept" for none
	changed  map[change]int64
}

// change is what became of a page before and what becomes of it now.
type change struct {
	Was   string `json:"was"`
	Now   string `json:"now"`
	Pages int64  `json:"pages"`
}

func newConsentTable() *consentTable {
	return &consentTable{values: map[string]int64{}, sources: map[string]map[string]int64{}, verdicts: map[string]int64{}, changed: map[change]int64{}}
}

func (t *consentTable) add(d *millrace.Document, was millrace.Verdict) {
	t.pages++
	t.values[d.Page.Consent.String()]++
	seen := map[[2]string]bool{}
	for _, s := range d.Page.ConsentBy {
		value := s.Value.String()
		if s.Inferred {
			value = "inferred"
		}
		if k := [2]string{s.Source, value}; !seen[k] {
			seen[k] = true
			if t.sources[s.Source] == nil {
				t.sources[s.Source] = map[string]int64{}
			}
			t.sources[s.Source][value]++
		}
	}
	t.verdicts[fateOf(d.Verdict)]++
	if was.Reason != d.Verdict.Reason {
		t.changed[change{Was: fateOf(was), Now: fateOf(d.Verdict)}]++
	}
}

// changes lists what is decided otherwise, the most frequent first.
func (t *consentTable) changes() []change {
	out := []change{}
	for c, n := range t.changed {
		c.Pages = n
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b change) int {
		return cmp.Or(cmp.Compare(b.Pages, a.Pages), strings.Compare(a.Was, b.Was), strings.Compare(a.Now, b.Now))
	})
	return out
}

func fateOf(v millrace.Verdict) string {
	if v.Kept() {
		return "kept"
	}
	return string(v.Reason)
}

func (t *consentTable) print(w io.Writer, policy, inForce string) {
	fmt.Fprintf(w, "%d fetched pages, decided by policy %s; nothing was fetched\n\n", t.pages, policy)
	fmt.Fprintf(w, "  %-26s %8s %8s %9s %9s\n", "said by", "yes", "no", "not said", "inferred")
	row := func(name string, m map[string]int64) {
		fmt.Fprintf(w, "  %-26s %8d %8d %9d %9d\n", term.Safe(name), m["yes"], m["no"], m["not_said"], m["inferred"])
	}
	row("all, combined", t.values)
	for _, name := range slices.Sorted(maps.Keys(t.sources)) {
		row(name, t.sources[name])
	}
	fmt.Fprintln(w)
	for _, k := range slices.Sorted(maps.Keys(t.verdicts)) {
		fmt.Fprintf(w, "  %8d  %s\n", t.verdicts[k], term.Safe(k))
	}
	if len(t.changed) == 0 {
		fmt.Fprintf(w, "\nThe policy in force (%s) decides the same.\n", inForce)
		return
	}
	fmt.Fprintf(w, "\nOtherwise than by the policy in force (%s):\n", inForce)
	for _, c := range t.changes() {
		fmt.Fprintf(w, "  %8d  %s -> %s\n", c.Pages, term.Safe(c.Was), term.Safe(c.Now))
	}
}
