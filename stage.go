package millrace

import (
	"context"
	"errors"
)

// Stage looks at one document and decides. It sees only documents without a verdict and may change them.
// A zero Verdict keeps; any other is final. An error or a panic means that the stage failed on this document:
// the runner turns it into the verdict failed.<name>. Only an error that wraps ErrStop ends the belt, and only
// one that wraps ErrTransient is tried again.
// Process is called from several goroutines at once, unless the stage is Stateful.
type Stage interface {
	Name() string
	Process(ctx context.Context, d *Document) (Verdict, error)
}

// Stateful is a stage whose verdicts depend on the documents before. The runner calls Process in
// input order, from one goroutine. State is a function of a prefix of the input and of the recipe.
type Stateful interface {
	Stage
	// Load restores the state as it was before the document at offset next of the mill's input.
	Load(ctx context.Context, next int64) error
	// Save may store a snapshot of the state; the sink has committed everything below next.
	Save(ctx context.Context, next int64) error
}

// Observer is a Stateful stage that is shown, in their places, also the documents that were decided before it.
type Observer interface {
	Stateful
	Observe(d *Document)
}

// Describer names what a stage can measure and decide.
type Describer interface {
	SignalNames() []string
	Reasons() []Reason
}

// Batch is what a Source hands over: documents in order, and perhaps the mark that stood behind them.
type Batch struct {
	Docs []*Document
	// Flush, where not zero, is the Position of a flush mark that follows Docs.
	Flush Position
}

// Source is opened at a Checkpoint and read in batches.
type Source interface {
	// Open starts at c. It may be called again, to start anew.
	Open(ctx context.Context, c Checkpoint) error
	// Read returns the next documents, at most max, waiting for at least one or a mark. io.EOF ends the stream.
	Read(ctx context.Context, max int) (Batch, error)
}

// Sink stores documents together with the Checkpoint that they reach, atomically.
type Sink interface {
	// Resume says up to where everything is stored.
	Resume(ctx context.Context) (Checkpoint, error)
	// Write takes documents in input order. When it returns, they need not be stored yet.
	Write(ctx context.Context, docs []*Document) error
	// Flush stores everything written so far; at is the mark that asked for it, or zero at the end of the source.
	Flush(ctx context.Context, at Position) error
}

// Errors that the runner knows. A source, stage or sink wraps them.
var (
	// ErrStop ends the belt instead of failing one document.
	ErrStop = errors.New("stop")
	// ErrTransient says that the same may go well a little later: the runner tries again, for as long as it
	// takes. The stage leaves the document as it was.
	ErrTransient = errors.New("transient")
	// ErrIntegrity is damage or a gap: exit code 7. It ends the belt.
	ErrIntegrity = errors.New("integrity")
	// ErrMoved says that another owner has committed: drop everything and start as after a crash.
	ErrMoved = errors.New("another owner has moved on")
)
