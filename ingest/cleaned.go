package ingest

import (
	"encoding/binary"
	"fmt"
	"math"

	"millrace"
)

// maxSpans bounds lists of one text.
const maxSpans = 1 << 20

// unread is d as it was before anybody had read its bytes: the next belt loads and cleans it again, and comes
// to the same end.
func unread(d *millrace.Document) *millrace.Document {
	u := &millrace.Document{ID: d.ID, UserID: d.UserID, Page: d.Page, URLKey: d.URLKey, Title: d.Title, Attempts: d.Attempts, Settles: d.Settles}
	switch {
	case d.Verdict.Reason == millrace.FailedDecode:
		u.Verdict = d.Verdict // there is nothing to load
	case d.Verdict.Failed():
		u.Attempts-- // which will be counted again
	}
	if len(d.Meta) <= MaxText {
		u.Meta = d.Meta
	}
	return u
}

// encodeCleaned writes what the stages of a clean belt have found.
func encodeCleaned(d *millrace.Document) (o out) {
	for _, s := range d.Code {
		var e out
		e.int(1, int64(s.From))
		e.int(2, int64(s.To))
		o.message(1, e)
	}
	o.string(2, d.Charset)
	o.string(3, d.Lang)
	o.string(4, d.Script)
	o.float(5, float64(d.LangSure))
	o.string(6, d.Extract)
	if len(d.Signals) > 0 {
		b := make([]byte, 0, 4*len(d.Signals))
		for _, v := range d.Signals {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		o.bytes(7, b)
	}
	for _, edit := range d.Edits {
		var e out
		e.string(1, edit.Kind)
		e.int(2, int64(edit.Count))
		o.message(8, e)
	}
	o.bytes(9, d.Keys)
	o.bool(10, d.Cleaned)
	return o
}

func decodeCleaned(b []byte, d *millrace.Document) error {
	return each(b, func(f field) error {
		switch f.key() {
		case 1<<3 | blob:
			if len(d.Code) >= maxSpans {
				return fmt.Errorf("%w: more than %d spans", errWire, maxSpans)
			}
			s, err := decodeSpan(f.raw)
			d.Code = append(d.Code, s)
			return err
		case 2<<3 | blob:
			d.Charset = f.string()
		case 3<<3 | blob:
			d.Lang = f.string()
		case 4<<3 | blob:
			d.Script = f.string()
		case 5<<3 | double:
			d.LangSure = float32(math.Float64frombits(f.num))
		case 6<<3 | blob:
			d.Extract = f.string()
		case 7<<3 | blob:
			return decodeSignals(f.raw, d)
		case 8<<3 | blob:
			if len(d.Edits) >= maxList {
				return fmt.Errorf("%w: more than %d edits", errWire, maxList)
			}
			e, err := decodeEdit(f.raw)
			d.Edits = append(d.Edits, e)
			return err
		case 9<<3 | blob:
			d.Keys = append([]byte(nil), f.raw...)
		case 10<<3 | varint:
			d.Cleaned = f.num != 0
		}
		return nil
	})
}

func decodeSpan(b []byte) (s millrace.Span, err error) {
	err = each(b, func(f field) error {
		switch f.key() {
		case 1<<3 | varint:
			s.From = int(f.num)
		case 2<<3 | varint:
			s.To = int(f.num)
		}
		return nil
	})
	if err == nil && (s.From < 0 || s.To < s.From) {
		err = fmt.Errorf("%w: span %d to %d", errWire, s.From, s.To)
	}
	return s, err
}

func decodeEdit(b []byte) (e millrace.Edit, err error) {
	err = each(b, func(f field) error {
		switch f.key() {
		case 1<<3 | blob:
			e.Kind = f.string()
		case 2<<3 | varint:
			e.Count = int32(f.num)
		}
		return nil
	})
	return e, err
}

func decodeSignals(b []byte, d *millrace.Document) error {
	if len(b)%4 != 0 {
		return fmt.Errorf("%w: signals of %d bytes", errWire, len(b))
	}
	d.Signals = make(millrace.Signals, len(b)/4)
	for i := range d.Signals {
		d.Signals[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return nil
}
