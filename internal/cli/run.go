package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"sort"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millrace/ingest"
	"millrace/internal/config"
	"millrace/shards"
)

// runOptions are the flags of run.
type runOptions struct {
	file     string
	workers  int
	batch    int
	archive  string
	belt     string // crawl, clean or mill: a part of the line; "" is all of it
	worker   string // i/N, of belts crawl and clean
	fromHere bool
	rebuild  bool
	refill   bool // what the log holds beyond the newest commit is left, and made again
	follow   bool // new files join while it runs, which then does not end
	replay   bool // of dead letters, instead of the inputs
	metrics  config.Address
	drain    time.Duration // < 0: as the configuration says
}

func (a *App) runCommand() *cobra.Command {
	o := runOptions{}
	c := &cobra.Command{
		Use:   "run [FILE]",
		Short: "Do what pipeline.yaml says; started again, it goes on where it was",
		Long: `Crawl, ingest, clean, remove duplicates and write shards, as FILE says (default: the corpus's own
copy, else ./pipeline.yaml). It ends when all inputs are read and committed. Kill it at any moment and
start it again: nothing is lost and nothing is done twice.` + exitHelp,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.file = append(args, "")[0]
			return a.runRun(c.Context(), o)
		},
	}
	f := c.Flags()
	f.IntVar(&o.workers, "workers", 0, "documents in work at once (default: workers in FILE)")
	f.IntVar(&o.batch, "batch", 0, "documents handed on at once")
	f.StringVar(&o.archive, "archive", "", "read this corpus's archive, in its order, instead of crawling")
	f.StringVar(&o.belt, "belt", "", "run a part of the line: crawl, clean (a worker of each) or mill")
	f.StringVar(&o.worker, "worker", "", "with --belt crawl or clean: which worker this is, as i/N from 0/N (default 0/1)")
	f.BoolVar(&o.fromHere, "from-here", false, "the recipe has changed: use the new one for what comes from now on")
	f.BoolVar(&o.rebuild, "rebuild", false, "the recipe has changed: make the whole table anew from the archive, without fetching")
	f.BoolVar(&o.refill, "refill", false, "the log is damaged: leave what it holds beyond the newest commit, and make that again from archive and files")
	f.Var(&o.metrics, "metrics", "answer /livez, /readyz and /metrics there: 127.0.0.1:9464 (default: metrics in FILE)")
	f.DurationVar(&o.drain, "drain", -1, "how long it may take to end after SIGTERM or Ctrl-C (default: drain in FILE)")
	f.BoolVar(&o.follow, "follow", false, "go on for ever: new files of the ingest entries join the corpus")
	c.MarkFlagsMutuallyExclusive("from-here", "rebuild", "refill")
	return c
}

func (a *App) runRun(ctx context.Context, o runOptions) error {
	w, err := o.part()
	if err != nil {
		return err
	}
	c, err := a.openCorpus(o.file)
	if err != nil {
		return err
	}
	if err := a.openStore(c, runPatience); err != nil {
		return err
	}
	if o.archive != "" {
		if _, err := shards.CheckFormat(o.archive); err != nil {
			return err
		}
		c.seeds = nil
	} else {
		a.nameBadSeeds(c)
	}
	if err := c.worthwhile(o); err != nil {
		return err
	}
	for _, d := range []string{filepath.Clean(c.dir), filepath.Join(c.dir, "state")} {
		if err := c.disk.Mkdir("cli.state", d); err != nil {
			return err
		}
	}
	release, err := o.lockPart(c.dir, w)
	if err != nil {
		return err
	}
	defer release()
	if err := shards.SettleFormat(c.disk, c.dir); err != nil {
		return err
	}
	if err := c.settleFeed(ctx, o.belt != ""); err != nil {
		return err
	}
	a.allowDrain(c, o)
	stop, err := a.openHealth(ctx, c, o)
	if err != nil {
		return err
	}
	defer stop()
	if o.spread() {
		if err := c.settleLayout(w.n); err != nil {
			return err
		}
	}
	if o.belt != beltMill && len(c.seeds) > 0 || o.rebuild {
		if err := c.settleWorkers(w.n); err != nil {
			return err
		}
	}
	if err := a.settleRecipe(ctx, c, o); err != nil {
		return err
	}
	if err := a.bringArchive(ctx, c, o); err != nil {
		return err
	}
	if o.spread() {
		return a.runWorker(ctx, c, o, w)
	}
	return a.runLine(ctx, c, o)
}

// worthwhile refuses a run that has nothing to do, and one that may not do it.
func (c *corpus) worthwhile(o runOptions) error {
	if len(c.seeds) == 0 && len(c.cfg.Ingest) == 0 && o.archive == "" {
		return &Error{Exit: Usage, Err: errors.New("nothing to do: no seeds and no files in the configuration"),
			Means: "nothing was started", Try: "millrace init --in 'texts/*.jsonl', or crawl.seeds"}
	}
	if o.follow && len(c.cfg.Ingest) == 0 {
		return &Error{Exit: Usage, Err: errors.New("--follow: there is no ingest entry to follow"), Means: "nothing was started", Try: "ingest: [{in: 'texts/*.jsonl'}] in pipeline.yaml"}
	}
	return checkContact(c.cfg.Agent, c.seeds, "agent: {contact: 'mailto:you@example.org'} in pipeline.yaml; it is sent with every request")
}

// settleRecipe compares the configuration with the one in force: the newest commit's, or, before the
// first commit, the one that the run was started with.
func (a *App) settleRecipe(ctx context.Context, c *corpus, o runOptions) error {
	old, known, err := c.remembered()
	if err != nil {
		return err
	}
	newest, err := c.at.Newest(ctx)
	if err != nil {
		return err
	}
	inForce, committed := old.Full, newest != nil
	if committed {
		inForce = newest.Recipe
	}
	switch {
	case o.rebuild && committed:
		if err := c.rebuild(ctx, a); err != nil {
			return err
		}
		return c.remember()
	case !known && !committed, inForce == c.hashes.Full:
		return c.remember()
	case o.fromHere && committed:
		if err := c.at.FromHere(ctx, c.hashes.Full, string(c.text)); err != nil {
			return err
		}
		return c.remember()
	case o.fromHere || o.rebuild: // nothing is committed: all of it is made by the new recipe
		return c.remember()
	}
	return &Error{Exit: Usage, Err: errors.New("the recipe has changed:\n" + c.differences(old)),
		Means: "nothing was started; the corpus stands as it was",
		Try:   "millrace run --from-here (new rows by the new recipe) or millrace run --rebuild (all rows anew, from the archive)"}
}

// rebuild starts the table anew. The log goes first: what stands in it is made again from the archive, and
// a start between the two steps finds a log that is shorter than the table, which asks for a rebuild again.
func (c *corpus) rebuild(ctx context.Context, a *App) error {
	if err := c.inputsUnchanged(ctx); err != nil {
		return err
	}
	if c.cfg.Log != "embedded" {
		access, err := c.access(a)
		if err != nil {
			return err
		}
		t := ingest.Topic{Addr: strings.TrimPrefix(c.cfg.Log, "kafka://"), Access: access, Name: pagesTopic}
		if begin, _, err := t.Ends(ctx); err != nil {
			return err
		} else if begin > 0 {
			return &Error{Exit: Usage, Err: fmt.Errorf("topic pages begins at offset %d: a rebuilt table begins at 0", begin),
				Means: "nothing was changed", Try: "delete the topic pages in Kafka, then millrace run --rebuild again"}
		}
	} else if err := c.dropLog(); err != nil {
		return err
	}
	return c.at.Rebuild(ctx, c.hashes.Full, string(c.text))
}

// inputsUnchanged makes sure that what was read from files can be read from them again.
func (c *corpus) inputsUnchanged(ctx context.Context) error {
	if len(c.cfg.Ingest) == 0 {
		return nil
	}
	files, err := ingest.Files(ctx, c.disk, c.dir, c.inputs())
	if err != nil {
		return err
	}
	defer files.Close()
	if err := files.Unchanged(); err != nil {
		return inputChanged(err)
	}
	return nil
}

// differences lists the keys whose values differ from the corpus's own copy.
func (c *corpus) differences(old made) string {
	var b strings.Builder
	if was, err := config.Load(filepath.Join(c.dir, "pipeline.yaml")); err == nil {
		before, after := flat(was), flat(c.cfg)
		var keys []string
		for k := range after {
			if before[k] != after[k] {
				keys = append(keys, k)
			}
		}
		sort.Strings(keys)
		for _, k := range keys {
			fmt.Fprintf(&b, "  %s: %s -> %s\n", k, before[k], after[k])
		}
	}
	if h := c.recipe.Hash(); h != old.Clean {
		fmt.Fprintf(&b, "  cleaning recipe %s: %.8s -> %.8s\n", c.cfg.Clean.Recipe, old.Clean, h)
	}
	if h := c.policy.Hash(); old.Policy != "" && h != old.Policy {
		fmt.Fprintf(&b, "  consent policy %s: %.8s -> %.8s\n", c.cfg.Consent.Policy, old.Policy, h)
	}
	if b.Len() == 0 {
		b.WriteString("  (a seed list or a stage)\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

// flat gives the parts of a configuration that can alter a row, by key.
func flat(c config.Config) map[string]string {
	out := map[string]string{}
	var walk func(string, reflect.Value)
	walk = func(key string, v reflect.Value) {
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
				walk(key+"."+name, v.Field(i))
			}
		case reflect.Pointer:
		default:
			out[strings.TrimPrefix(key, ".")] = fmt.Sprint(v.Interface())
		}
	}
	c.Train, c.Limits, c.Log, c.Workers, c.Dir = config.Train{}, config.Limits{}, "", 0, ""
	c.Store, c.S3 = "", config.S3{}
	c.Crawl.Delay, c.Crawl.Concurrency, c.Crawl.AllowAddr, c.Crawl.Recrawl = 0, 0, nil, config.Recrawl{}
	c.Shards.FlushEvery, c.Shards.MaxStale = 0, config.MaxStale{}
	c.Metrics, c.Drain = "", 0
	walk("", reflect.ValueOf(c))
	return out
}
