package cli

import (
	"context"
	"fmt"
	"time"

	"millrace"
	"millrace/crawl"
	"millrace/crawl/consent"
	"millrace/dedup"
	"millrace/ingest"
	"millrace/shards"
)

// What one folder needs from another it takes as a small interface; here they are joined.

// tableTexts lets dedup read the texts of committed rows.
type tableTexts struct{ t *shards.Table }

func (x tableTexts) Text(ctx context.Context, offset int64, id millrace.ID) (string, error) {
	if err := x.t.Refresh(ctx); err != nil {
		return "", err
	}
	return x.t.Text(ctx, offset, id)
}

// tableRows lets dedup rebuild its index from committed rows.
type tableRows struct{ t *shards.Table }

func (x tableRows) Rows(ctx context.Context, from, to int64, yield func(dedup.Row) error) error {
	if err := x.t.Refresh(ctx); err != nil {
		return err
	}
	sel := shards.Select{From: from, To: to, Kept: true, Rejects: true, Columns: []string{"id", "source", "url_key", "cluster_id", "keys"}}
	if to <= from {
		return nil
	}
	return x.t.Rows(ctx, sel, func(r *shards.Row) error {
		return yield(dedup.Row{Offset: r.Offset, ID: r.MID, UserID: r.UserID(), Version: millrace.VersionKey(r.Source, r.URLKey),
			Kept: r.Kept(), Reason: r.Verdict.Reason, Keys: r.Keys, Cluster: r.Cluster})
	})
}

// consentStage decides by the policy about what files bring: of those, the ingest entry says what is known.
// Pages of the crawl come decided, and are decided alike.
type consentStage struct{ policy consent.Policy }

func (consentStage) Name() string { return consent.Stage }

func (s consentStage) Process(_ context.Context, d *millrace.Document) (v millrace.Verdict, err error) {
	d.Page.Consent, v = s.policy.Decide(d.Page.ConsentBy)
	return v, nil
}

// urlKey is the canonical form of a URL, as the crawl has it; "" where it is none.
func urlKey(u string) string {
	_, key, err := crawl.Canonical(u)
	if err != nil {
		return ""
	}
	return key
}

// crawlOptions are the crawl's part of the configuration.
func (c *corpus) crawlOptions(a *App) crawl.Options {
	k := c.cfg.Crawl
	o := crawl.Options{
		Disk: c.disk,
		Dir:  c.dir, Agent: crawl.Agent{Token: c.cfg.Agent.Token, Contact: c.cfg.Agent.Contact, Purpose: c.cfg.Agent.Purpose},
		Seeds: c.seeds, Scope: k.Scope, AllowAddr: k.AllowAddr, Delay: time.Duration(k.Delay), Concurrency: k.Concurrency,
		MaxPages: k.MaxPages, MaxPagesPerHost: k.HostPages, MaxPagesPerDomain: k.DomainPages,
		MaxBody: int64(k.MaxBody), ConsentPolicy: c.policy, AITxt: c.cfg.Consent.AITxt, Judged: true, Log: a.log,
	}
	if r := k.Recrawl; r.On {
		o.Recrawl = &crawl.Recrawl{Min: time.Duration(r.Min), Max: time.Duration(r.Max), PerDay: r.PerDay}
	}
	if k.PerIPDelay != nil {
		if o.PerIPDelay = time.Duration(*k.PerIPDelay); o.PerIPDelay == 0 {
			o.PerIPDelay = -1
		}
	}
	return o
}

// exchange lets crawl workers hand each other links through a topic.
type exchange struct{ *ingest.Requests }

func (x exchange) Send(ctx context.Context, to int, links []crawl.Handover) error {
	out := make([]ingest.Link, len(links))
	for i, l := range links {
		out[i] = ingest.Link(l)
	}
	return x.Requests.Send(ctx, to, out)
}

func (x exchange) Receive(ctx context.Context, from int64) ([]crawl.Handover, int64, error) {
	links, next, err := x.Requests.Receive(ctx, from)
	out := make([]crawl.Handover, len(links))
	for i, l := range links {
		out[i] = crawl.Handover(l)
	}
	return out, next, err
}

func (x exchange) Report(ctx context.Context, s crawl.Standing) error {
	return x.Requests.Report(ctx, ingest.Standing{Worker: s.Worker, Idle: s.Idle, Next: s.Next, Ended: s.Ended})
}

func (x exchange) Standings(ctx context.Context, from int64) ([]crawl.Standing, int64, error) {
	all, next, err := x.Requests.Standings(ctx, from)
	var out []crawl.Standing
	for _, s := range all {
		if s.Kind == "" {
			out = append(out, crawl.Standing{Worker: s.Worker, Idle: s.Idle, Next: s.Next, Ended: s.Ended})
		}
	}
	return out, next, err
}

// inputs are the files' part of the configuration.
func (c *corpus) inputs() []ingest.Input {
	var out []ingest.Input
	for i, in := range c.cfg.Ingest {
		consent, _ := millrace.ParseConsent(in.Consent) // checked when the file was read
		name := in.Name
		if name == "" {
			name = fmt.Sprintf("ingest-%d", i+1)
		}
		out = append(out, ingest.Input{Name: name, Glob: in.In, TextField: in.TextField, IDField: in.IDField, URLField: in.URLField, HTMLField: in.HTMLField, Consent: consent, Buckets: c.buckets})
	}
	return out
}
