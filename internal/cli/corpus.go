package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"millrace"
	"millrace/clean"
	"millrace/crawl"
	"millrace/crawl/consent"
	"millrace/dedup"
	"millrace/ingest"
	"millrace/internal/config"
	"millrace/internal/durable"
	"millrace/shards"
)

// corpus is a folder with the configuration that it is run by.
type corpus struct {
	dir      string
	cfg      config.Config
	text     []byte // pipeline.yaml as written
	seeds    []string
	badSeeds []badSeed // lines of the seed file
	recipe   *clean.Recipe
	policy   consent.Policy
	hashes   config.Hashes
	extra    []millrace.Stage
	disk     *durable.Disk
	at       shards.Place // of the table
	buckets  ingest.Buckets
}

// corpusDir is --dir, else dir of ./pipeline.yaml, else ./corpus. A folder of a newer millrace is none for this one.
func (a *App) corpusDir() (string, error) {
	dir, err := a.namedDir()
	if err == nil {
		_, err = shards.CheckFormat(dir)
	}
	return dir, err
}

func (a *App) namedDir() (string, error) {
	if a.dir != "" {
		return a.dir, nil
	}
	cfg, err := config.Load("pipeline.yaml")
	switch {
	case err == nil:
		return cfg.Dir, nil
	case errors.Is(err, fs.ErrNotExist):
		return "corpus", nil
	}
	return "", err
}

// loadConfig reads path; without one, the corpus's own copy, else ./pipeline.yaml.
func (a *App) loadConfig(path string) (config.Config, string, error) {
	if path == "" {
		dir, err := a.corpusDir()
		if err != nil {
			return config.Config{}, "", err
		}
		path = filepath.Join(dir, "pipeline.yaml")
		if _, err := os.Stat(path); err != nil && a.dir == "" {
			path = "pipeline.yaml"
		}
	}
	cfg, err := config.Load(path)
	if err == nil && a.dir != "" {
		cfg.Dir = a.dir
	}
	return cfg, path, err
}

// openCorpus reads the configuration, the cleaning recipe and the seed list, and touches nothing.
func (a *App) openCorpus(path string) (*corpus, error) {
	cfg, path, err := a.loadConfig(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &Error{Exit: Usage, Err: err, Means: "nothing was started", Try: "millrace init"}
	}
	if err != nil {
		return nil, err
	}
	if _, err := shards.CheckFormat(cfg.Dir); err != nil {
		return nil, err
	}
	c := &corpus{dir: cfg.Dir, cfg: cfg, extra: a.Stages, disk: a.Disk, at: shards.Place{Dir: cfg.Dir, Disk: a.Disk}}
	a.readBuckets(c)
	if c.text, err = os.ReadFile(path); err != nil {
		return nil, err
	}
	if c.recipe, err = clean.Load(cfg.Clean.Recipe); err != nil {
		return nil, &Error{Exit: Usage, Err: err, Means: "nothing was started", Try: "mend the recipe, or clean: {recipe: default}"}
	}
	if c.seeds, c.badSeeds, err = readSeeds(cfg.Crawl); err != nil {
		return nil, &Error{Exit: Usage, Err: err, Means: "nothing was started", Try: "mend crawl.seeds_file in " + path}
	}
	if c.policy, err = consent.LoadPolicy(cfg.Consent.Policy); err != nil {
		return nil, &Error{Exit: Usage, Err: err, Means: "nothing was started", Try: "mend the policy, or consent: {policy: training}"}
	}
	cleanHash := c.recipe.Hash()
	for _, s := range c.extra {
		cleanHash += "+" + s.Name()
		if v, ok := s.(interface{ Version() string }); ok {
			cleanHash += "@" + v.Version()
		}
	}
	policyHash := c.policy.Hash()
	if cfg.Consent.AITxt {
		policyHash += "+ai.txt"
	}
	c.hashes = cfg.Hash(cleanHash, policyHash, c.seeds)
	return c, nil
}

// checkContact is the error where a crawl of seeds would visit other people's hosts and nobody could complain.
func checkContact(agent config.Agent, seeds []string, try string) error {
	foreign := slices.IndexFunc(seeds, func(s string) bool { return !isLoopback(s) })
	if foreign < 0 {
		return nil
	}
	if err := agent.CheckContact(); err != nil {
		return &Error{Exit: Usage, Err: fmt.Errorf("%w; %s is not a host of your own machine", err, seeds[foreign]),
			Means: "nothing was started", Try: try}
	}
	return nil
}

// isLoopback reports whether a URL leads to this machine. What is no URL leads nowhere.
func isLoopback(s string) bool {
	fetch, _, err := crawl.Canonical(s)
	if err != nil {
		return true
	}
	u, err := url.Parse(fetch)
	if err != nil {
		return true
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return err == nil && addr.Unmap().IsLoopback() || u.Hostname() == "localhost"
}

// stageNames is the order of the ledger: what can decide, from the fetch to the duplicates.
func (c *corpus) stageNames() []string {
	names := []string{"decode", "fetch", consent.Stage, "load"}
	for _, s := range c.stages() {
		names = append(names, s.Name())
	}
	return append(names, "dedup")
}

// stages are the stateless ones of the mill behind load.
func (c *corpus) stages() []millrace.Stage {
	return append(append(c.recipe.Stages(), c.extra...), dedup.Sketch())
}

// made is what DIR/state/recipe.json remembers of the configuration that the corpus is made by.
type made struct {
	Upstream string `json:"upstream"`
	Full     string `json:"full"`
	Clean    string `json:"clean"`
	Policy   string `json:"policy,omitempty"` // "" in corpora of earlier versions
}

func (c *corpus) madePath() string { return filepath.Join(c.dir, "state", "recipe.json") }

// remembered reads what the corpus was made by; ok is false for a new one.
func (c *corpus) remembered() (m made, ok bool, err error) {
	b, err := os.ReadFile(c.madePath())
	if errors.Is(err, fs.ErrNotExist) {
		return made{}, false, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	return m, true, err
}

// remember stores pipeline.yaml and the hashes beside the corpus.
func (c *corpus) remember() error {
	if err := c.disk.Mkdir("cli.state", filepath.Join(c.dir, "state")); err != nil {
		return err
	}
	b, err := json.Marshal(made{Upstream: c.hashes.Upstream, Full: c.hashes.Full, Clean: c.recipe.Hash(), Policy: c.policy.Hash()})
	if err != nil {
		return err
	}
	if err := c.disk.Replace("cli.pipeline", filepath.Join(c.dir, "pipeline.yaml"), c.text); err != nil {
		return err
	}
	return c.disk.Replace("cli.recipe", c.madePath(), b)
}
