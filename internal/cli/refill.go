package cli

import (
	"context"
	"errors"
	"path/filepath"
)

// damagedLog is for bytes of the log that are not what was acknowledged. Nobody passes over them unasked.
func (l *line) damagedLog(err error) error {
	e := &Error{Exit: Integrity, Err: err, Means: "what is committed stands; of what the log holds beyond it nothing behind that offset was read",
		Try: "millrace run --refill, which makes it again from the archive and the files"}
	if l.o.belt != "" {
		e.Try = "a new corpus from the archive: millrace run --archive " + l.c.dir + " with another dir"
	}
	return e
}

// dropLog removes the embedded log: what stands in it is made again from archive and files.
func (c *corpus) dropLog() error {
	return c.disk.RemoveAll("cli.rebuild", filepath.Join(c.dir, "log"))
}

// leaveLog is for a corpus without a commit: all of the log is made again. It comes before the log is opened.
func (l *line) leaveLog(ctx context.Context) error {
	newest, err := l.c.at.Newest(ctx)
	if err != nil || newest != nil {
		return err
	}
	if l.c.cfg.Log != "embedded" {
		return &Error{Exit: Usage, Err: errors.New("nothing is committed yet: there is nothing behind which the log could go on"), Means: "nothing was changed",
			Try: "delete the topic pages in Kafka, then millrace run"}
	}
	if err := l.c.inputsUnchanged(ctx); err != nil {
		return err
	}
	return l.c.dropLog()
}

// refill leaves what the log holds beyond the newest commit. The inputs begin at the commit's marks: the crawl writes
// what the archive holds beyond its mark, files are read again from there, and all of it comes to stand behind the
// damage. No offset is given out twice.
func (l *line) refill(ctx context.Context) error {
	if err := l.c.inputsUnchanged(ctx); err != nil {
		return err
	}
	_, end, err := l.input.Ends(ctx)
	if err != nil {
		return err
	}
	return l.c.at.PassOver(ctx, l.input.At(), end)
}
