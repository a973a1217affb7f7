// Package config reads pipeline.yaml: one strict file. An unknown key or a bad value is an error that
// shows the line with a caret. The file's fields are the contract; Default gives what is not written.
package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/mail"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// Config is a whole pipeline.yaml.
type Config struct {
	Dir     string   `yaml:"dir"`
	Agent   Agent    `yaml:"agent"`
	Crawl   Crawl    `yaml:"crawl"`
	Ingest  []Ingest `yaml:"ingest"`
	Log     string   `yaml:"log"`
	Kafka   Kafka    `yaml:"kafka"`
	Store   string   `yaml:"store"` // s3://BUCKET/PREFIX, where the table is kept; empty: in Dir
	S3      S3       `yaml:"s3"`
	Workers int      `yaml:"workers"`
	Consent Consent  `yaml:"consent"`
	Clean   Clean    `yaml:"clean"`
	Dedup   Dedup    `yaml:"dedup"`
	Shards  Shards   `yaml:"shards"`
	Train   Train    `yaml:"train"`
	Limits  Limits   `yaml:"limits"`
	Metrics Address  `yaml:"metrics"` // of the health listener
	Drain   Duration `yaml:"drain"`   // how long a run may take to end after SIGTERM
}

// Agent is who crawls: product token, address for complaints, purpose.
type Agent struct {
	Token   string `yaml:"token"`
	Contact string `yaml:"contact"`
	Purpose string `yaml:"purpose"`
}

// CheckContact tells why site owners could not reach whoever crawls.
func (a Agent) CheckContact() error {
	if a.Contact == "" {
		return errors.New("agent.contact is empty: site owners cannot reach you")
	}
	u, err := url.Parse(a.Contact)
	switch {
	case err == nil && u.Scheme == "mailto":
		if m, err := mail.ParseAddress(u.Opaque); err == nil && m.Address == u.Opaque {
			return nil
		}
	case err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "":
		return nil
	}
	return fmt.Errorf("agent.contact %q is neither mailto:YOU@HOST nor an https: address", a.Contact)
}

// Crawl says what to fetch, and how gently.
type Crawl struct {
	Seeds       []string  `yaml:"seeds"`
	SeedsFile   string    `yaml:"seeds_file"`
	Scope       string    `yaml:"scope"` // host, domain or any
	AllowAddr   []string  `yaml:"allow_addr"`
	Delay       Duration  `yaml:"delay"`
	PerIPDelay  *Duration `yaml:"per_ip_delay"` // nil: as delay; 0: off
	Concurrency int       `yaml:"concurrency"`
	MaxPages    int       `yaml:"max_pages"`            // 0: no limit
	HostPages   int       `yaml:"max_pages_per_host"`   // a round; 0: no limit
	DomainPages int       `yaml:"max_pages_per_domain"` // a round; 0: no limit
	MaxBody     Size      `yaml:"max_body"`
	Recrawl     Recrawl   `yaml:"recrawl"`
}

// Recrawl says whether known pages are visited again, and how often. It is written "off", "on", or as
// a mapping, which is on.
type Recrawl struct {
	On     bool     `yaml:"-"`
	Min    Duration `yaml:"min"` // between two visits of a page; 0: the crawl's default
	Max    Duration `yaml:"max"`
	PerDay int      `yaml:"per_day"` // visits of known pages; 0: no limit
}

// UnmarshalYAML reads either form.
func (r *Recrawl) UnmarshalYAML(n ast.Node) error {
	if _, ok := n.(*ast.MappingNode); !ok {
		return scalar(n, func(b []byte) error {
			*r = Recrawl{On: string(b) == "on"}
			if s := string(b); s != "on" && s != "off" {
				return fmt.Errorf("recrawl is off, on, or {min: 1h, max: 90d, per_day: 100000}, not %q", s)
			}
			return nil
		})
	}
	type plain Recrawl // has no UnmarshalYAML
	v := plain{On: true}
	if err := yaml.NodeToValue(n, &v, yaml.Strict(), yaml.DisallowUnknownField()); err != nil {
		return err
	}
	*r = Recrawl(v)
	return nil
}

// Ingest is one set of files.
type Ingest struct {
	In        string `yaml:"in"` // file, folder, glob, "-", https:// URL, s3://BUCKET/KEY, or @FILE with one a line
	Name      string `yaml:"name,omitempty"`
	TextField string `yaml:"text_field"`
	IDField   string `yaml:"id_field"`
	URLField  string `yaml:"url_field"`
	HTMLField string `yaml:"html_field,omitempty"`
	Consent   string `yaml:"consent"`
}

// Consent names the policy: training (an explicit no is obeyed), record, or a file.
type Consent struct {
	Policy string `yaml:"policy"`
	AITxt  bool   `yaml:"ai_txt"` // ask each host for ai.txt
}

// Clean names the recipe: a built-in one or a file.
type Clean struct {
	Recipe string `yaml:"recipe"`
}

// Dedup is the near-duplicate threshold on the Jaccard similarity of 5-word shingles.
type Dedup struct {
	Threshold float64 `yaml:"threshold"`
}

// Shards says when a commit is made.
type Shards struct {
	TargetBytes Size     `yaml:"target_bytes"`
	FlushEvery  Duration `yaml:"flush_every"` // 0: only at target_bytes and at the end
	Versions    string   `yaml:"versions"`    // newest, first or all
	MaxStale    MaxStale `yaml:"max_stale"`
}

// MaxStale is how long other engines may still see a removed row.
type MaxStale struct {
	Takedown   Duration `yaml:"takedown"`
	Superseded Duration `yaml:"superseded"`
}

// Train names the model that is trained beside the run.
type Train struct {
	Preset string `yaml:"preset"` // none, or a preset of the trainer
	Steps  int    `yaml:"steps,omitempty"`
	// Idle ends the training this long after the last commit.
	Idle Duration `yaml:"idle,omitempty"`
	Seed uint64   `yaml:"seed,omitempty"`
}

// Limits are for the process, so that one document cannot take it down for ever. They alter no row that could be
// made without them.
type Limits struct {
	Hang   Duration `yaml:"hang"`   // a stage with one document; 0: no limit
	Memory Size     `yaml:"memory"` // 0: four fifths of what the machine, or its control group, has
	// Backlog is what may wait in the log for a commit, in bytes; 0: no limit.
	Backlog Size `yaml:"backlog"`
}

// Default is what a file that says nothing means.
func Default() Config {
	return Config{
		Dir:     "./corpus",
		Agent:   Agent{Token: "millbot"},
		Crawl:   Crawl{Scope: "host", Delay: Duration(time.Second), Concurrency: 64, MaxBody: 8 << 20},
		Log:     "embedded",
		Workers: 2,
		Consent: Consent{Policy: "training"},
		Clean:   Clean{Recipe: "default"},
		Dedup:   Dedup{Threshold: 0.8},
		Shards: Shards{TargetBytes: 500e6, FlushEvery: Duration(time.Minute), Versions: "newest",
			MaxStale: MaxStale{Takedown: Duration(time.Minute), Superseded: Duration(time.Hour)}},
		Train:  Train{Preset: "none"},
		Limits: Limits{Hang: Duration(10 * time.Minute), Backlog: 4e9},
		Drain:  Duration(30 * time.Second),
	}
}

// Error is a configuration that cannot be used. Text shows the place, with a caret where it is known.
type Error struct{ File, Text string }

func (e *Error) Error() string { return e.File + ": " + e.Text }

// Load reads and checks the file at path.
func Load(path string) (Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Config{}, err
	}
	return Parse(path, data)
}

// Parse reads and checks data; name is the file's name for errors.
func Parse(name string, data []byte) (c Config, err error) {
	defer func() { // the YAML library is not proof against every input
		if p := recover(); p != nil {
			err = &Error{File: name, Text: fmt.Sprintf("not readable as YAML: %v", p)}
		}
	}()
	c = Default()
	dec := yaml.NewDecoder(strings.NewReader(string(data)), yaml.Strict(), yaml.DisallowUnknownField())
	if err := dec.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return Config{}, &Error{File: name, Text: show(err)}
	}
	if c.Dir == "" && c.Log == "" && c.Workers == 0 { // the library clears the value when there is no document
		c = Default()
	}
	for i := range c.Ingest {
		in := &c.Ingest[i]
		for _, f := range []struct {
			field *string
			value string
		}{{&in.TextField, "text"}, {&in.IDField, "id"}, {&in.URLField, "url"}, {&in.Consent, "not_said"}} {
			if *f.field == "" {
				*f.field = f.value
			}
		}
	}
	if path, msg := c.check(); msg != "" {
		return Config{}, &Error{File: name, Text: at(data, path, msg)}
	}
	return c, nil
}

// show gives the library's error with the line that it speaks of, unless that line holds a password or a key.
func show(err error) string {
	what := yaml.FormatError(err, false, false)
	switch {
	case strings.Contains(what, `"password"`):
		return what + ": a password stands in an environment variable, which kafka.password_env names"
	case strings.Contains(what, `"access_key"`), strings.Contains(what, `"secret_key"`):
		return what + ": keys stand in environment variables, which s3.access_key_env and s3.secret_key_env name"
	}
	return yaml.FormatError(err, false, true)
}

// at shows the line of the value at path, with msg; without a path, msg alone.
func at(data []byte, path, msg string) string {
	if path == "" {
		return msg
	}
	p, err := yaml.PathString(path)
	if err != nil {
		return msg
	}
	src, err := p.AnnotateSource(data, false)
	if err != nil {
		return strings.TrimPrefix(path, "$.") + ": " + msg
	}
	return msg + "\n" + string(src)
}

// check finds the first value that cannot be meant: its YAML path and what is wrong.
func (c *Config) check() (path, msg string) {
	kafka, isKafka := strings.CutPrefix(c.Log, "kafka://")
	switch {
	case c.Dir == "":
		return "$.dir", "dir is empty"
	case !token(c.Agent.Token):
		return "$.agent.token", "a product token has only letters, '-' and '_' (RFC 9309)"
	case !oneOf(c.Crawl.Scope, "host", "domain", "any"):
		return "$.crawl.scope", "scope is host, domain or any"
	case c.Crawl.Delay < 0:
		return "$.crawl.delay", "a delay cannot be negative"
	case c.Crawl.PerIPDelay != nil && *c.Crawl.PerIPDelay < 0:
		return "$.crawl.per_ip_delay", "a delay cannot be negative"
	case c.Crawl.Concurrency < 1 || c.Crawl.Concurrency > 4096:
		return "$.crawl.concurrency", "concurrency is between 1 and 4096"
	case c.Crawl.MaxPages < 0:
		return "$.crawl.max_pages", "max_pages cannot be negative"
	case c.Crawl.HostPages < 0:
		return "$.crawl.max_pages_per_host", "a budget cannot be negative"
	case c.Crawl.DomainPages < 0:
		return "$.crawl.max_pages_per_domain", "a budget cannot be negative"
	case c.Crawl.MaxBody < 1<<10 || c.Crawl.MaxBody > 64<<20:
		return "$.crawl.max_body", "max_body is between 1KiB and 64MiB"
	case c.Crawl.Recrawl.Min < 0 || c.Crawl.Recrawl.Max < 0 || c.Crawl.Recrawl.PerDay < 0:
		return "$.crawl.recrawl", "min, max and per_day cannot be negative"
	case c.Crawl.Recrawl.Max > 0 && c.Crawl.Recrawl.Min > c.Crawl.Recrawl.Max:
		return "$.crawl.recrawl", "min is above max"
	case c.Log != "embedded" && (!isKafka || kafka == ""):
		return "$.log", "log is embedded, or kafka://HOST:PORT"
	case c.Workers < 1 || c.Workers > 1024:
		return "$.workers", "workers is between 1 and 1024"
	case c.Consent.Policy == "":
		return "$.consent.policy", "policy is training (an explicit no is obeyed), record, or a file"
	case !(c.Dedup.Threshold > 0.5 && c.Dedup.Threshold <= 1):
		return "$.dedup.threshold", "threshold is above 0.5 and at most 1"
	case c.Shards.TargetBytes < 1<<10:
		return "$.shards.target_bytes", "target_bytes is at least 1KiB"
	case c.Shards.FlushEvery < 0:
		return "$.shards.flush_every", "flush_every cannot be negative"
	case !oneOf(c.Shards.Versions, "newest", "first", "all"):
		return "$.shards.versions", "versions is newest, first or all"
	case c.Shards.MaxStale.Takedown < 0:
		return "$.shards.max_stale.takedown", "max_stale cannot be negative"
	case c.Shards.MaxStale.Superseded < 0:
		return "$.shards.max_stale.superseded", "max_stale cannot be negative"
	case c.Limits.Hang < 0:
		return "$.limits.hang", "hang cannot be negative; 0 is no limit"
	case c.Drain < 0:
		return "$.drain", "drain cannot be negative"
	case c.Train.Steps < 0:
		return "$.train.steps", "steps cannot be negative"
	}
	return c.checkIngest()
}

func (c *Config) checkIngest() (path, msg string) {
	for i, in := range c.Ingest {
		switch {
		case in.In == "":
			return fmt.Sprintf("$.ingest[%d]", i), "an ingest entry needs in: a file, folder, glob, https:// URL, s3://BUCKET/KEY, @list of them, or -"
		case in.Name == "crawl":
			return fmt.Sprintf("$.ingest[%d].name", i), "crawl is the name of what is crawled"
		case !oneOf(in.Consent, "yes", "no", "not_said"):
			return fmt.Sprintf("$.ingest[%d].consent", i), "consent is yes, no or not_said"
		}
	}
	if path, msg := c.S3.check(c.Store, slices.ContainsFunc(c.Ingest, func(in Ingest) bool { return strings.HasPrefix(in.In, "s3://") || strings.HasPrefix(in.In, "@") })); msg != "" {
		return path, msg
	}
	return c.Kafka.check(strings.HasPrefix(c.Log, "kafka://"))
}

func oneOf(v string, of ...string) bool { return slices.Contains(of, v) }

func token(s string) bool {
	for _, r := range s {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-' || r == '_') {
			return false
		}
	}
	return s != ""
}

// Hashes are the recipe's three: Upstream of what enters the topic pages, Cleaned of what enters docs, Full of
// what a row is made by.
// Nothing that cannot alter a row is in them: no speeds, no re-crawling, workers, log, paths or training.
type Hashes struct{ Upstream, Cleaned, Full string }

// Hash computes them. clean and policy are the hashes of the cleaning recipe and of the consent policy,
// seeds is the seed list as read.
func (c *Config) Hash(clean, policy string, seeds []string) Hashes {
	up := sum(struct {
		Seeds  []string
		Scope  string
		Max    int
		Body   Size
		Token  string
		Policy string
		Ingest []Ingest
	}{seeds, c.Crawl.Scope, c.Crawl.MaxPages, c.Crawl.MaxBody, c.Agent.Token, policy, c.Ingest})
	return Hashes{Upstream: up, Cleaned: sum([]any{up, clean}), Full: sum([]any{up, clean, c.Dedup, c.Shards.TargetBytes, c.Shards.Versions})}
}

func sum(v any) string {
	b, err := json.Marshal(v)
	if err != nil { // a struct of plain values always has a JSON form
		panic(err)
	}
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:8])
}
