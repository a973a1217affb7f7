package cli

import (
	"context"
	"fmt"
	"net"
	"path/filepath"

	"github.com/spf13/cobra"

	"millrace/ingest/broker"
	"millrace/internal/lock"
)

func (a *App) topicsServeCommand() *cobra.Command {
	var listen string
	c := &cobra.Command{
		Use:   "serve",
		Short: "Serve the corpus's log in a process of its own, for belts that run beside it",
		Long: `Serve DIR/log by Kafka's protocol, on a loopback address, until it is told to stop. Each belt, run as a
process of its own, finds it by log: kafka://127.0.0.1:PORT in pipeline.yaml. Kill it at any moment and start
it again on the same address: the belts wait for it.` + exitHelp,
		Example: "  millrace topics serve --dir corpus --listen 127.0.0.1:19092",
		Args:    noArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.runTopicsServe(c.Context(), listen) },
	}
	c.Flags().StringVar(&listen, "listen", "", "a loopback address (default: 127.0.0.1 and a free port)")
	return c
}

func (a *App) runTopicsServe(ctx context.Context, listen string) error {
	dir, err := a.corpusDir()
	if err != nil {
		return err
	}
	if err := loopback(listen); err != nil {
		return err
	}
	held := filepath.Join(dir, "state", "lock-log")
	if err := a.Disk.Mkdir("cli.state", filepath.Dir(held)); err != nil {
		return err
	}
	l, err := lock.Acquire(held) // the broker has a lock too, which does not say whose it is
	if err != nil {
		return err
	}
	defer l.Release()
	b, err := broker.Start(ctx, broker.Options{Dir: filepath.Join(dir, "log"), Addr: listen, FreeFloor: diskFloor, Log: a.log})
	if err != nil {
		return err
	}
	if a.json {
		a.emit(map[string]any{"type": "listening", "addr": b.Addr()})
	} else {
		a.say("serving %s\nlog: kafka://%s", filepath.Join(dir, "log"), b.Addr())
	}
	<-ctx.Done()
	return b.Close()
}

// loopback refuses an address that others could reach: the broker asks nobody who he is.
func loopback(addr string) error {
	if addr == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err == nil && (ip == nil || !ip.IsLoopback()) {
		err = fmt.Errorf("listen on %s: the log has no access control, so only loopback addresses are allowed", addr)
	}
	if err != nil {
		return &Error{Exit: Usage, Err: err, Means: "nothing was started", Try: "--listen 127.0.0.1:19092; between machines, Apache Kafka carries the log"}
	}
	return nil
}
