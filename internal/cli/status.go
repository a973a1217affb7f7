package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millrace/crawl"
	"millrace/ingest"
	"millrace/internal/term"
)

func (a *App) statusCommand() *cobra.Command {
	var watch, parts bool
	c := &cobra.Command{
		Use: "status", Short: "Say how far the corpus is: ledger, frontier, disk", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			for {
				if err := a.runStatus(c.Context(), parts); err != nil || !watch {
					return err
				}
				select {
				case <-c.Context().Done():
					return nil
				case <-time.After(2 * time.Second):
				}
			}
		},
	}
	c.Flags().BoolVar(&parts, "parts", false, "also what became of the documents by language and by source, which takes a look at every row")
	c.Flags().BoolVar(&watch, "watch", false, "again every two seconds, until interrupted")
	return c
}

func (a *App) runStatus(ctx context.Context, parts bool) error {
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
	layout, _ := t.Layout()
	home := homeOf(dir, layout)
	frontier, err := frontierCounts(home)
	if err != nil {
		return err
	}
	alone, err := crawl.Troubles(home, time.Now())
	if err != nil {
		return err
	}
	survey, err := crawl.Look(home)
	if err != nil {
		return err
	}
	now := time.Now()
	live := readLive(dir, now)
	files, err := ingest.Stored(dir, t.Checkpoint().Marks)
	if err != nil {
		return err
	}
	disk := map[string]int64{}
	for _, sub := range []string{"warc", "log", "spool", "data", "rejects", "state", "model"} {
		disk[sub] = folderBytes(filepath.Join(dir, sub))
	}
	tally := t.Tally()
	in, kept, dropped, failed := tally.Totals()
	b, err := breakdownOf(ctx, t, parts)
	if err != nil {
		return err
	}
	if a.json {
		a.emit(b.put(map[string]any{"type": "status", "dir": dir, "version": t.Version(), "in": in, "kept": kept, "dropped": dropped, "failed": failed,
			"rows": tally.Rows(), "moved": tally.Moved, "stages": tally.Stages, "crawl": frontier, "hosts_left_alone": hostsJSON(alone), "robots": survey, "live": live, "disk": disk,
			"files": files.Files, "files_done": files.FilesDone, "bytes": files.Bytes, "bytes_done": files.BytesDone}))
		return nil
	}
	if t.Newest() == nil && frontier == nil {
		return &Error{Exit: Usage, Err: fmt.Errorf("%s holds no corpus yet", dir), Try: "millrace run, or millrace demo"}
	}
	if frontier != nil {
		fmt.Fprintf(a.Stdout, "  discovered %d = fetched %d + refused %d + failed %d + waiting %d\n", frontier.Discovered, frontier.Fetched, frontier.Refused, frontier.Failed, frontier.Waiting)
		if frontier.Frozen > 0 {
			fmt.Fprintf(a.Stdout, "  %d shapes of URLs yielded nothing new: %d links into them were not followed\n", frontier.Frozen, frontier.Unfollowed)
		}
		printCrawl(a.Stdout, survey, frontier.Refused, live, now)
		printHosts(a.Stdout, alone)
		fmt.Fprintln(a.Stdout)
	}
	if files.Files > 0 {
		fmt.Fprintf(a.Stdout, "  files: %d, committed whole at least %d; %s of %s\n\n", files.Files, files.FilesDone, size(files.BytesDone), size(files.Bytes))
	}
	printFunnel(a.Stdout, tally, 120)
	b.print(a.Stdout, 120)
	fmt.Fprintf(a.Stdout, "\n  commit %d; on disk: archive %s, log %s, rows %s, rejects %s, state %s, model %s\n", t.Version(),
		size(disk["warc"]), size(disk["log"]), size(disk["data"]), size(disk["rejects"]), size(disk["state"]), size(disk["model"]))
	return nil
}

// frontierCounts counts the crawl's ledger from its log; nil where nothing was crawled.
func frontierCounts(home string) (*crawl.Counts, error) {
	c, err := crawl.Ledger(home)
	if err != nil || c.Discovered == 0 {
		return nil, err
	}
	return &c, nil
}

// maxHosts is how many hosts that are left alone status names.
const maxHosts = 100

type hostJSON struct {
	Host  string     `json:"host"`
	Until *time.Time `json:"until,omitempty"`
	Since *time.Time `json:"since,omitempty"`
	Err   string     `json:"err,omitempty"`
}

func hostsJSON(all []crawl.HostTrouble) []hostJSON {
	out := []hostJSON{}
	for _, h := range all[:min(len(all), maxHosts)] {
		j := hostJSON{Host: h.Host, Err: h.Err}
		if !h.Until.IsZero() {
			j.Until = &h.Until
		}
		if !h.Since.IsZero() {
			j.Since = &h.Since
		}
		out = append(out, j)
	}
	return out
}

// printHosts says which hosts are not asked, and why.
func printHosts(w io.Writer, all []crawl.HostTrouble) {
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(w, "  hosts left alone: %d\n", len(all))
	for _, h := range all[:min(len(all), maxHosts)] {
		why := h.Err
		if !h.Since.IsZero() {
			why = "since " + h.Since.Format(time.DateTime) + ": " + why
		}
		if !h.Until.IsZero() {
			why = strings.TrimSpace("it asked for a pause until " + h.Until.Format(time.DateTime) + " " + why)
		}
		fmt.Fprintf(w, "    %s  %s\n", term.Safe(h.Host), term.Safe(why))
	}
}

// folderBytes sums the files below dir; what cannot be read counts nothing.
func folderBytes(dir string) int64 {
	var n int64
	_ = filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				n += info.Size()
			}
		}
		return nil
	})
	return n
}

func size(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d B", n)
}
