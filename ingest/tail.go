package ingest

import (
	"context"
	"errors"

	"millrace"
)

// Message is a message as a person looks at it.
type Message struct {
	At     millrace.Position
	Doc    *millrace.Document // nil for a mark; a dead letter where the value cannot be read
	Mark   bool
	Source millrace.Position // of the document; zero where it names none
	Prev   int64             // that it follows there
	Recipe string
	Bytes  int
}

// ErrEnough ends Tail, which then returns nil.
var ErrEnough = errors.New("enough")

// Tail hands over the messages of the partition from an offset on, of any recipe, and takes nothing: to the end
// as it is now, or, with follow, until ctx ends. An offset below the first is the first; a negative one counts
// from the end.
func (t Topic) Tail(ctx context.Context, from int64, follow bool, yield func(Message) error) error {
	c := t.open()
	defer c.close()
	begin, end, err := c.ends(ctx)
	if err != nil {
		return err
	}
	if from < 0 {
		from += end
	}
	for from = max(from, begin); follow || from < end; {
		f, err := c.fetch(ctx, from)
		if err != nil {
			return err
		}
		for i := range f.messages {
			m := &f.messages[i]
			out := Message{At: m.at, Mark: m.kind == kindMark, Recipe: m.recipe, Bytes: len(m.value)}
			if !out.Mark {
				from, prev, err := m.source()
				if err != nil {
					from, prev = origin{}, -1
				}
				out.Source, out.Prev, out.Doc = from.src, prev, m.document(from)
			}
			if err := yield(out); errors.Is(err, ErrEnough) {
				return nil
			} else if err != nil {
				return err
			}
		}
		from += int64(len(f.messages))
	}
	return nil
}
