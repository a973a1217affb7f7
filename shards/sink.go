package shards

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"time"

	"millrace"
	"millrace/internal/durable"
	"millrace/internal/objects"
)

// Options say what a Sink writes, and where.
type Options struct {
	Dir         string
	Store       objects.Store // of the table; nil: Dir is all there is
	Recipe      string        // hash of the recipe
	RecipeText  string        // the recipe itself, for the card
	Signals     []string      // names of Document.Signals, in their order
	Stages      []string      // in their order, for the Tally
	TargetBytes int64         // plain bytes of rows that close a commit; 0 is 500 MB
	// KeepVersions keeps every version of a crawled page. Else the newest takes the place of the older ones.
	KeepVersions bool
	// Stale is for how long other engines may still see a hidden row; its time is that of the log. A withdrawn
	// row has StaleWithdrawn.
	Stale, StaleWithdrawn time.Duration
	Code                  string // version of millrace
	Log                   *slog.Logger
	Disk                  *durable.Disk // nil but in tests
	OnCommit              func(*Entry)  // called after each commit, in the goroutine of Write or Flush
	Table                 *Table        // of Dir, for the sink alone; nil opens one

	groupBytes int64 // tests make small row groups
}

// ErrRecipe says that the newest commit was made by another recipe than the one that is asked for.
var ErrRecipe = errors.New("the corpus has another recipe")

const defaultTarget = 500_000_000

// Sink writes rows and commits them. It implements millrace.Sink and belongs to one goroutine.
// After an error only Resume may follow: it drops what is not committed.
type Sink struct {
	o       Options
	table   *Table
	signals []string // of the table, with those of o
	base    *Entry   // newest commit; one without a number for an empty table
	failed  error

	// What is written and not committed:
	at            millrace.Checkpoint
	from, next    int64 // covered offsets
	partition     millrace.Partition
	gaps          []Gap
	tally         *millrace.Tally
	rows          tree
	newest        time.Time
	bytes         int64
	kept, rejects *fileWriter
	hides         []Hide

	pages   *pages    // nil until it is needed
	retired []retired // files that a rewrite of this sink has replaced
}

var signalName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

// OpenSink opens the corpus in o.Dir, or makes it. The error wraps ErrRecipe where the newest commit has
// another recipe, and ErrFormat where a newer millrace wrote it.
func OpenSink(ctx context.Context, o Options) (*Sink, error) {
	for _, n := range o.Signals {
		if !signalName.MatchString(n) {
			return nil, fmt.Errorf("open shards: signal %q: want letters, digits and _", n)
		}
	}
	if o.TargetBytes <= 0 {
		o.TargetBytes = defaultTarget
	}
	if o.groupBytes <= 0 {
		o.groupBytes = defaultGroup
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if err := o.place().prepare(ctx); err != nil {
		return nil, fmt.Errorf("open shards: %w", err)
	}
	if o.Table == nil {
		var err error
		if o.Table, err = o.place().Open(ctx); err != nil {
			return nil, err
		}
	}
	s := &Sink{o: o, table: o.Table}
	if err := s.restart(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

func (o *Options) place() Place { return Place{Dir: o.Dir, Store: o.Store, Disk: o.Disk} }

// Resume drops what is not committed and says up to where everything is stored.
func (s *Sink) Resume(ctx context.Context) (millrace.Checkpoint, error) {
	if err := s.restart(ctx); err != nil {
		return millrace.Checkpoint{}, err
	}
	if err := s.settle(ctx, false); err != nil { // a crash may have come before it
		return millrace.Checkpoint{}, err
	}
	return s.base.Checkpoint.Clone(), nil
}

// Close drops what is not committed. It commits nothing: Flush does.
func (s *Sink) Close() error {
	s.drop()
	s.failed = errors.New("the sink is closed")
	return nil
}

// Table reads what the sink has committed.
func (s *Sink) Table() *Table { return s.table }

func (s *Sink) restart(ctx context.Context) error {
	s.drop()
	s.failed, s.pages = nil, nil
	if err := s.table.Update(ctx); err != nil {
		return err
	}
	base := s.table.Newest()
	if base == nil {
		base = &Entry{Version: -1, Recipe: s.o.Recipe, Checkpoint: millrace.Checkpoint{}.Clone()}
	}
	if base.Recipe != s.o.Recipe {
		return fmt.Errorf("%s was made with recipe %s, not %s: %w", s.o.Dir, base.Recipe, s.o.Recipe, ErrRecipe)
	}
	return s.begin(base)
}

// begin starts the next commit on top of base.
func (s *Sink) begin(base *Entry) error {
	if len(base.Checkpoint.Next) > 1 {
		return fmt.Errorf("commit %d stands in %d partitions, the mill reads one: %w", base.Version, len(base.Checkpoint.Next), millrace.ErrIntegrity)
	}
	s.base, s.at = base, base.Checkpoint.Clone()
	s.from, s.next, s.partition = 0, 0, millrace.Partition{}
	for p, n := range base.Checkpoint.Next {
		s.partition, s.from, s.next = p, n, n
	}
	s.signals = slices.Clone(s.table.Signals())
	for _, n := range s.o.Signals {
		if !slices.Contains(s.signals, n) {
			s.signals = append(s.signals, n)
		}
	}
	s.gaps, s.tally, s.rows, s.newest, s.bytes, s.hides = nil, millrace.NewTally(s.o.Stages), tree{}, time.Time{}, 0, nil
	return nil
}

// drop removes the files that are being written.
func (s *Sink) drop() {
	for _, w := range []*fileWriter{s.kept, s.rejects} {
		if w != nil {
			w.abandon()
		}
	}
	s.kept, s.rejects = nil, nil
}

// fail makes err the answer until Resume.
func (s *Sink) fail(err error) error {
	s.drop()
	s.failed = fmt.Errorf("an earlier step failed, resume first: %w", err)
	return err
}

// Write takes documents in input order, and commits each time that the rows reach TargetBytes.
func (s *Sink) Write(ctx context.Context, docs []*millrace.Document) error {
	if s.failed != nil {
		return s.failed
	}
	for _, d := range docs {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.take(ctx, d); err != nil {
			return s.fail(fmt.Errorf("write row %s: %w", d.Position, err))
		}
		if s.bytes >= s.o.TargetBytes {
			if err := s.commit(ctx); err != nil {
				return s.fail(err)
			}
		}
	}
	return nil
}

// Flush commits what is written. A mark, which has an offset but no row, is covered by the commit. At the end of
// the source no hidden row is left in data/, and none at a mark behind which nothing came since the commit before.
func (s *Sink) Flush(ctx context.Context, at millrace.Position) error {
	if s.failed != nil {
		return s.failed
	}
	if !at.IsZero() {
		if err := s.advance(at, false); err != nil {
			return s.fail(fmt.Errorf("flush at %s: %w", at, err))
		}
	}
	if !sameCheckpoint(s.at, s.base.Checkpoint) {
		if err := s.commit(ctx); err != nil {
			return s.fail(err)
		}
	}
	if at.IsZero() {
		if err := s.settle(ctx, true); err != nil {
			return s.fail(err)
		}
	}
	return nil
}

// advance moves the commit to the place at. What was passed over is a gap, and so is a place without a row.
func (s *Sink) advance(at millrace.Position, row bool) error {
	switch {
	case at.IsZero():
		return errors.New("a document has no Position")
	case s.partition == (millrace.Partition{}):
		s.partition = at.Partition
	case s.partition != at.Partition:
		return fmt.Errorf("the corpus is fed by %s: %w", s.partition, millrace.ErrIntegrity)
	}
	if at.Offset < s.next {
		return fmt.Errorf("everything below offset %d is stored or written: %w", s.next, millrace.ErrIntegrity)
	}
	end := at.Offset
	if !row {
		end++
	}
	if end > s.next {
		if n := len(s.gaps); n > 0 && s.gaps[n-1].To == s.next {
			s.gaps[n-1].To = end
		} else {
			s.gaps = append(s.gaps, Gap{s.next, end})
		}
	}
	s.next = at.Offset + 1
	s.at.Take(&millrace.Document{Position: at})
	return nil
}

// take adds one document to the open files.
func (s *Sink) take(ctx context.Context, d *millrace.Document) error {
	if len(d.Signals) > len(s.o.Signals) {
		return fmt.Errorf("%d signals, %d have a name: %w", len(d.Signals), len(s.o.Signals), millrace.ErrStop)
	}
	if err := s.advance(d.Position, true); err != nil {
		return err
	}
	s.at.Take(d)
	r := newRow(d, s.o.Signals)
	w, err := s.writer(r.Kept())
	if err != nil {
		return err
	}
	if err := w.add(r); err != nil {
		return err
	}
	if err := s.follow(ctx, d); err != nil {
		return err
	}
	s.tally.Count(r.Verdict)
	s.rows.add(r)
	s.bytes += r.bytes()
	if r.FetchedAt.After(s.newest) {
		s.newest = r.FetchedAt
	}
	return nil
}

// writer is the open file for kept rows or for the others.
func (s *Sink) writer(kept bool) (*fileWriter, error) {
	w, dir := &s.kept, dataDir(s.o.Dir)
	if !kept {
		w, dir = &s.rejects, rejectsDir(s.o.Dir)
	}
	if *w != nil {
		return *w, nil
	}
	var err error
	*w, err = s.newFile(dir, s.o.Signals, !kept, s.o.Recipe, s.o.Code)
	return *w, err
}

// newFile opens a file in dir for the next entry; recipe and code are those that made its rows.
func (s *Sink) newFile(dir string, signals []string, rejects bool, recipe, code string) (*fileWriter, error) {
	cols := columnsFor(signals, rejects)
	meta := []string{"millrace.format", fmt.Sprint(Format), "millrace.recipe", recipe, "millrace.code", code,
		"huggingface", huggingFaceInfo(cols)}
	return newFileWriter(dir, s.base.Version+1, cols, meta, s.o.groupBytes, s.o.Disk)
}
