package cli

import (
	"fmt"
	"path/filepath"
	"strconv"

	"millrace/ingest"
	"millrace/shards"
)

// layout is the one in force; without Workers it is that which the line began with, which its topics tell.
func (c *corpus) layout() (shards.Layout, error) { return shards.CurrentLayout(c.dir) }

// topicIn is the name that a topic has in a layout. docs, which has one partition in all of them, stays what it is.
func topicIn(topic string, l shards.Layout) string {
	if l.Generation > 1 && (topic == pagesTopic || topic == ingest.RequestsTopic) {
		return ingest.Named(topic, strconv.Itoa(l.Generation))
	}
	return topic
}

// homeOf is where the frontiers of a layout stand.
func homeOf(dir string, l shards.Layout) string {
	if l.Frontiers == "" {
		return dir
	}
	return filepath.Join(dir, "state", l.Frontiers)
}

// settleLayout refuses a worker of another layout than the one in force. The entry that has put it there may have
// been written by a process that was killed before it synced.
func (c *corpus) settleLayout(n int) error {
	l, err := c.layout()
	switch {
	case err != nil || l.Workers == 0:
		return err
	case l.Workers != n:
		return c.otherWorkers(l.Workers, n)
	}
	return shards.SyncLog(c.disk, c.dir)
}

// otherWorkers is the error for another number of workers than a corpus has.
func (c *corpus) otherWorkers(have, n int) error {
	return &Error{Exit: Usage, Err: fmt.Errorf("%s is worked on by %d workers, not by %d: each owns a part of the web", c.dir, have, n), Means: "nothing was started",
		Try: fmt.Sprintf("millrace run --belt crawl --worker 0/%d and --belt clean --worker 0/%d, and so on, beside millrace run --belt mill; "+
			"or, once all of them have stopped, millrace topics resize %d", have, have, n)}
}
