package warc

import (
	"fmt"

	"millrace"
	"millrace/internal/durable"
)

// Writer appends records to a file, each as one gzip member in one write.
type Writer struct {
	f      *durable.File
	offset int64
	enc    Encoder
	buf    []byte
	broken error
}

// NewWriter writes to f from offset on.
func NewWriter(f *durable.File, offset int64) *Writer { return &Writer{f: f, offset: offset} }

// Offset is where the next record will begin.
func (w *Writer) Offset() int64 { return w.offset }

// Append writes one record, as Encoder does, and returns where its member lies.
func (w *Writer) Append(header []millrace.Field, block []byte) (offset, length int64, err error) {
	members, err := w.enc.Append(w.buf[:0], header, block)
	if err != nil {
		return 0, 0, err
	}
	if w.buf = members; cap(members) > 4<<20 {
		w.buf = nil // one large record must not hold its memory for ever
	}
	offset, err = w.AppendMembers(members)
	return offset, int64(len(members)), err
}

// AppendMembers writes what an Encoder has made, in one write, and returns where it begins. After an
// error the file ends where it did before; where even that fails, the Writer refuses to go on.
func (w *Writer) AppendMembers(members []byte) (offset int64, err error) {
	if w.broken != nil {
		return 0, w.broken
	}
	if _, err := w.f.WriteAt("warc.append", members, w.offset); err != nil {
		if cut := w.f.Truncate("warc.append.cut", w.offset); cut != nil {
			w.broken = fmt.Errorf("write WARC record to %s: half a record cannot be cut off: %w", w.f.Name(), cut)
		}
		return 0, fmt.Errorf("write WARC record to %s: %w", w.f.Name(), err)
	}
	offset = w.offset
	w.offset += int64(len(members))
	return offset, nil
}

// Sync makes everything appended so far durable. at names the step.
func (w *Writer) Sync(at string) error {
	if err := w.f.Sync(at); err != nil {
		// What a failed fsync has lost is unknown, and a second one may not tell.
		w.broken = fmt.Errorf("sync %s: %w", w.f.Name(), err)
		return w.broken
	}
	return nil
}
