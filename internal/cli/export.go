package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"millrace"
	"millrace/ingest"
	"millrace/internal/config"
	"millrace/internal/run"
	"millrace/shards"
)

func (a *App) exportCommand() *cobra.Command {
	var to, login string
	var follow bool
	c := &cobra.Command{
		Use: "export", Short: "Hand the corpus's rows out, to a topic of Apache Kafka", Args: noArgs,
		Long: `Write the rows of the corpus, in their order, to a topic: a message each, as ingest/page.proto has it. Started
again, it goes on where it was, and writes none twice: it looks up in the topic what stands there. With --follow it
waits for the commits to come. What was exported and is withdrawn later stays in the topic.` + exitHelp,
		Example: "  millrace export --to kafka://127.0.0.1:9092/corpus --follow",
		RunE:    func(c *cobra.Command, _ []string) error { return a.runExport(c.Context(), to, login, follow) },
	}
	c.Flags().StringVar(&to, "to", "", "kafka://HOST:PORT/TOPIC")
	c.Flags().StringVar(&login, "login", "", "a pipeline.yaml whose keys log and kafka say how that Kafka is reached, where it is not open to everybody")
	c.Flags().BoolVar(&follow, "follow", false, "go on with the commits to come, until interrupted")
	return c
}

// exportTopic reads --to.
func exportTopic(to string) (t ingest.Topic, err error) {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "kafka" || u.User != nil || len(u.Path) < 2 {
		return t, fmt.Errorf("--to %q: want kafka://HOST:PORT/TOPIC", to)
	}
	if _, _, err := net.SplitHostPort(u.Host); err != nil {
		return t, fmt.Errorf("--to %q: want kafka://HOST:PORT/TOPIC", to)
	}
	t.Addr, t.Name = u.Host, u.Path[1:]
	if base, _, _ := strings.Cut(t.Name, "."); t.Name == docsTopic || base == pagesTopic || base == ingest.RequestsTopic {
		return t, fmt.Errorf("--to %q: %s is a topic of millrace's own line", to, t.Name)
	}
	return t, nil
}

func (a *App) runExport(ctx context.Context, to, login string, follow bool) error {
	topic, err := exportTopic(to)
	if err != nil {
		return &Error{Exit: Usage, Err: err, Means: "nothing was exported", Try: "millrace export --to kafka://127.0.0.1:9092/corpus"}
	}
	if err := a.exportLogin(login, &topic); err != nil {
		return err
	}
	dir, err := a.corpusDir()
	if err != nil {
		return err
	}
	at, err := a.placeOf(dir)
	if err != nil {
		return err
	}
	t, err := at.Open(ctx)
	if err != nil {
		return err
	}
	if t.Newest() == nil && !follow {
		return &Error{Exit: Usage, Err: fmt.Errorf("%s holds no corpus yet", dir), Means: "nothing was exported", Try: "millrace run"}
	}
	if err := t.Wait(ctx, 0); err != nil {
		return err
	}
	topic.Recipe, topic.Log, topic.Guest = "export-"+t.Generation(), a.log, true
	if err := topic.Ensure(ctx); err != nil {
		return err
	}
	var n int64
	b := run.Belt{Name: "export", Source: &rowSource{t: t, follow: follow, generation: t.Generation()}, Workers: 1, Batch: 64,
		Sink:     topic.Sink(func(ctx context.Context) (millrace.Checkpoint, error) { return exported(ctx, topic) }),
		Accepted: func(docs []*millrace.Document) { n += int64(len(docs)) }}
	if err := b.Run(ctx); err != nil {
		return err
	}
	if a.json {
		a.emitSummary(map[string]any{"type": "summary", "exit": Done, "exported": n, "topic": topic.Name})
	} else {
		fmt.Fprintf(a.Stdout, "  exported %d rows\n", n)
	}
	return nil
}

// exportLogin takes from a configuration how the topic is reached.
func (a *App) exportLogin(file string, t *ingest.Topic) (err error) {
	if file == "" {
		return nil
	}
	var c corpus
	if c.cfg, err = config.Load(file); err != nil {
		return &Error{Exit: Usage, Err: err, Means: "nothing was exported", Try: "mend " + file}
	}
	if c.cfg.Log != "kafka://"+t.Addr {
		return &Error{Exit: Usage, Err: fmt.Errorf("%s says how %s is reached, not kafka://%s", file, c.cfg.Log, t.Addr),
			Means: "nothing was exported, and nobody was shown a password", Try: "the same HOST:PORT in --to and in log: of that file"}
	}
	t.Access, err = c.access(a)
	return err
}

// exported is where the sink begins to look: at the first message, behind what that one follows.
func exported(ctx context.Context, t ingest.Topic) (millrace.Checkpoint, error) {
	begin, _, err := t.Ends(ctx)
	if err != nil {
		return millrace.Checkpoint{}, err
	}
	c := millrace.Checkpoint{Next: map[millrace.Partition]int64{t.At(): begin}, Marks: map[millrace.Partition]int64{}}
	err = t.Tail(ctx, begin, false, func(m ingest.Message) error {
		if m.Recipe != t.Recipe || m.Source.IsZero() {
			return nil
		}
		if m.Prev >= 0 {
			c.Marks[m.Source.Partition] = m.Prev
		}
		return ingest.ErrEnough
	})
	return c, err
}

// rowSource reads the kept rows of a table as Documents, in their order. It is a millrace.Source.
type rowSource struct {
	t          *shards.Table
	follow     bool
	generation string
	next       int64 // offset
	version    int64 // of the table, that rows are read from
	row        func() (*shards.Row, error, bool)
	stop       func()
}

// Open is millrace.Source.
func (s *rowSource) Open(_ context.Context, at millrace.Checkpoint) error {
	s.end()
	s.next = 0
	for _, n := range at.Next {
		s.next = max(s.next, n)
	}
	s.version = -1
	return nil
}

func (s *rowSource) end() {
	if s.stop != nil {
		s.stop()
		s.row, s.stop = nil, nil
	}
}

// begin reads the rows from next on as the newest commit has them.
func (s *rowSource) begin(ctx context.Context) {
	s.version = s.t.Version()
	s.row, s.stop = iter.Pull2(func(yield func(*shards.Row, error) bool) {
		err := s.t.Rows(ctx, shards.Select{From: s.next, Kept: true}, func(r *shards.Row) error {
			if r.Kept() && !yield(r, nil) {
				return ingest.ErrEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, ingest.ErrEnough) {
			yield(nil, err)
		}
	})
}

// Read is millrace.Source.
func (s *rowSource) Read(ctx context.Context, most int) (b millrace.Batch, err error) {
	for len(b.Docs) < most {
		if s.row == nil {
			s.begin(ctx)
		}
		r, err, ok := s.row()
		if err != nil {
			return b, err
		}
		if ok {
			b.Docs = append(b.Docs, rowDocument(r))
			s.next = r.Offset + 1
			continue
		}
		s.end()
		if len(b.Docs) > 0 {
			return b, nil
		}
		if err := s.t.Refresh(ctx); err != nil {
			return b, err
		}
		if s.t.Version() == s.version {
			if !s.follow {
				return b, io.EOF
			}
			if err := s.t.Wait(ctx, s.version+1); err != nil {
				return b, err
			}
		}
		if s.t.Generation() != s.generation {
			return b, &Error{Exit: Failure, Err: errors.New("the table was rebuilt meanwhile"), Means: "what was exported is the old one's", Try: "the same command again, for the new one"}
		}
	}
	return b, nil
}

// rowDocument is what a message says of a row.
func rowDocument(r *shards.Row) *millrace.Document {
	return &millrace.Document{
		ID: r.MID, UserID: r.UserID(), URLKey: r.URLKey, Title: r.Title, Text: r.Text, Lang: r.Lang, LangSure: r.LangScore,
		Edits: r.Edits, Meta: r.Meta, Cluster: r.Cluster, Position: r.Position,
		Page: millrace.Page{URL: r.URL, FetchedAt: r.FetchedAt, Source: r.Source, Licence: r.Licence, Consent: r.Consent, MediaType: "text/plain; charset=utf-8"},
	}
}
