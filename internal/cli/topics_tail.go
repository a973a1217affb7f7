package cli

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"millrace/ingest"
	"millrace/ingest/broker"
	"millrace/internal/lock"
	"millrace/internal/term"
)

// tailOptions are the flags of topics tail.
type tailOptions struct {
	topic     string
	partition int32
	from      int64
	most      int64
	follow    bool
}

func (a *App) topicsTailCommand() *cobra.Command {
	o := tailOptions{}
	c := &cobra.Command{
		Use: "tail", Short: "Print the messages of a topic, and take nothing", Args: noArgs,
		Long: `Print the messages of one partition as JSON lines (with --json) or a line each, from an offset to the end as
it is now. A log that no run serves is served for as long as this takes.` + exitHelp,
		Example: "  millrace topics tail --topic docs --from -10\n  millrace topics tail --follow --json",
		RunE:    func(c *cobra.Command, _ []string) error { return a.runTail(c.Context(), o) },
	}
	f := c.Flags()
	f.StringVar(&o.topic, "topic", pagesTopic, "which topic")
	f.Int32Var(&o.partition, "partition", 0, "which of its partitions")
	f.Int64Var(&o.from, "from", 0, "first offset; a negative one counts from the end")
	f.Int64Var(&o.most, "max", 0, "end after so many messages; 0: no limit")
	f.BoolVar(&o.follow, "follow", false, "wait for more, until interrupted")
	return c
}

// tailed is one message as `topics tail --json` prints it.
type tailed struct {
	Type      string `json:"type"` // message or mark
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	Src       string `json:"src,omitempty"`
	Recipe    string `json:"recipe"`
	Bytes     int    `json:"bytes"`
	ID        string `json:"id,omitempty"` // the user's where the input has one
	MID       string `json:"mid,omitempty"`
	URL       string `json:"url,omitempty"`
	Source    string `json:"source,omitempty"`
	Consent   string `json:"consent,omitempty"`
	Title     string `json:"title,omitempty"`
	Text      string `json:"text,omitempty"`
	Meta      string `json:"meta,omitempty"`
	Reason    string `json:"reason,omitempty"`
	Err       string `json:"err,omitempty"`
	Stored    int    `json:"stored,omitempty"` // bytes that came along to be loaded
	Object    string `json:"object,omitempty"` // that holds them
}

func (a *App) runTail(ctx context.Context, o tailOptions) error {
	c, err := a.openCorpus("")
	if err != nil {
		return err
	}
	addr, stop, err := a.readLog(ctx, c)
	if err != nil {
		return err
	}
	defer stop()
	access, err := c.access(a)
	if err != nil {
		return err
	}
	layout, err := c.layout()
	if err != nil {
		return err
	}
	t := ingest.Topic{Addr: addr, Access: access, Name: topicIn(o.topic, layout), Partition: o.partition, Log: a.log}
	var partitions int
	err = askLog(ctx, addr, askPatience, func(ctx context.Context) error {
		partitions, err = t.Layout(ctx)
		return err
	})
	if err != nil {
		return err
	}
	if int(o.partition) >= partitions || o.partition < 0 {
		return &Error{Exit: Usage, Err: fmt.Errorf("topic %s has %d partitions", o.topic, partitions), Means: "nothing was read", Try: "millrace topics"}
	}
	var n int64
	return t.Tail(ctx, o.from, o.follow, func(m ingest.Message) error {
		a.printMessage(m)
		if n++; n == o.most {
			return ingest.ErrEnough
		}
		return nil
	})
}

func (a *App) printMessage(m ingest.Message) {
	j := tailed{Type: "message", Topic: m.At.Topic, Partition: m.At.Index, Offset: m.At.Offset, Recipe: m.Recipe, Bytes: m.Bytes}
	if m.Mark {
		j.Type = "mark"
	}
	if d := m.Doc; d != nil {
		j.Src, j.ID, j.MID, j.URL, j.Source = m.Source.String(), d.DisplayID(), d.ID.String(), d.Page.URL, d.Page.Source
		j.Consent, j.Title, j.Text, j.Meta = d.Page.Consent.String(), d.Title, d.Text, d.Meta
		j.Reason, j.Err = string(d.Verdict.Reason), d.Verdict.Err
		j.Stored, j.Object = len(d.Page.Stored), d.Page.Object
	}
	if a.json {
		a.emit(j)
		return
	}
	line := fmt.Sprintf("%d  %s  %d bytes  %s  %s", j.Offset, j.Type, j.Bytes, j.URL, j.Reason)
	fmt.Fprintln(a.Stdout, term.Safe(line))
}

// readLog gives the address of the log. Where no process serves it, this one does until stop.
func (a *App) readLog(ctx context.Context, c *corpus) (addr string, stop func(), err error) {
	l := &line{a: a, c: c}
	addr, err = l.findLog(ctx, 0)
	if err == nil {
		var d net.Dialer
		dctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		conn, err := d.DialContext(dctx, "tcp", addr)
		if err == nil {
			conn.Close()
		}
		if err == nil || c.cfg.Log != "embedded" {
			return addr, func() {}, nil // Kafka may come back
		}
	}
	held, err := lock.Acquire(filepath.Join(c.dir, "state", "lock"))
	if err != nil {
		return "", nil, err
	}
	b, err := broker.Start(ctx, broker.Options{Dir: filepath.Join(c.dir, "log"), Log: a.log})
	if err != nil {
		held.Release()
		return "", nil, fmt.Errorf("start the log: %w", err)
	}
	return b.Addr(), func() { b.Close(); held.Release() }, nil
}
