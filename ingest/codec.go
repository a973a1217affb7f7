package ingest

import (
	"errors"
	"fmt"
	"math"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"millrace"
)

// Bounds of one message.
const (
	MaxText = 1 << 20  // longer texts, and longer Meta, stay where the claim says
	MaxRaw  = 64 << 10 // of bytes that could not be decoded
	maxList = 4096     // headers or statements of one page
)

var errWire = errors.New("not a millrace Document")

// out appends fields that are not zero.
type out []byte

func (o *out) bytes(n protowire.Number, v []byte) {
	if len(v) > 0 {
		*o = protowire.AppendBytes(protowire.AppendTag(*o, n, protowire.BytesType), v)
	}
}

func (o *out) string(n protowire.Number, v string) {
	if v != "" {
		*o = protowire.AppendString(protowire.AppendTag(*o, n, protowire.BytesType), v)
	}
}

func (o *out) int(n protowire.Number, v int64) {
	if v != 0 {
		*o = protowire.AppendVarint(protowire.AppendTag(*o, n, protowire.VarintType), uint64(v))
	}
}

func (o *out) float(n protowire.Number, v float64) {
	if bits := math.Float64bits(v); bits != 0 {
		*o = protowire.AppendFixed64(protowire.AppendTag(*o, n, protowire.Fixed64Type), bits)
	}
}

func (o *out) bool(n protowire.Number, v bool) {
	if v {
		o.int(n, 1)
	}
}

// time appends microseconds, even where they are 0: only the zero time is absent.
func (o *out) time(n protowire.Number, v time.Time) {
	if !v.IsZero() {
		*o = protowire.AppendVarint(protowire.AppendTag(*o, n, protowire.VarintType), uint64(v.UnixMicro()))
	}
}

// message appends v even where it is empty: an element of a list counts by being there.
func (o *out) message(n protowire.Number, v out) {
	*o = protowire.AppendBytes(protowire.AppendTag(*o, n, protowire.BytesType), v)
}

// Encode writes what a Document is between two belts: who it is, its page without the body, its text up to
// MaxText, its verdict, and what cleaning has found. Of a page that could not be decoded, the first MaxRaw
// bytes go along.
func Encode(d *millrace.Document) []byte {
	if max(len(d.Text), len(d.Meta)) > MaxText && d.Page.Claim.File != "" {
		d = unread(d)
	}
	o := make(out, 0, 512+len(d.Text)+len(d.Meta)+len(d.Page.Stored))
	if !d.ID.IsZero() {
		o.bytes(1, d.ID[:])
	}
	o.string(2, d.UserID)
	o.message(3, encodePage(d))
	o.string(4, d.URLKey)
	o.string(5, d.Title)
	o.string(6, d.Text)
	o.string(7, d.Meta)
	if d.Verdict != (millrace.Verdict{}) {
		o.message(8, encodeVerdict(d.Verdict))
	}
	o.int(9, int64(d.Attempts))
	if !d.Settles.IsZero() {
		var p out
		p.string(1, d.Settles.Topic)
		p.int(2, int64(d.Settles.Index))
		p.int(3, d.Settles.Offset)
		o.message(10, p)
	}
	if c := encodeCleaned(d); len(c) > 0 {
		o.message(11, c)
	}
	return o
}

func encodePage(d *millrace.Document) out {
	p := &d.Page
	var o out
	o.string(1, p.URL)
	o.time(2, p.FetchedAt)
	o.int(3, int64(p.Status))
	for _, f := range p.Header {
		var e out
		e.string(1, f.Name)
		e.string(2, f.Value)
		o.message(4, e)
	}
	o.string(5, p.MediaType)
	o.int(6, int64(p.Consent))
	for _, s := range p.ConsentBy {
		var e out
		e.string(1, s.Source)
		e.string(2, s.Raw)
		e.int(3, int64(s.Value))
		e.bool(4, s.Inferred)
		e.bool(5, s.NoIndex)
		e.time(6, s.At)
		o.message(7, e)
	}
	o.string(8, p.Robots)
	o.string(9, p.Source)
	o.string(10, p.Licence)
	if p.Claim != (millrace.Claim{}) {
		o.message(11, encodeClaim(p.Claim))
	}
	o.bool(12, p.Truncated)
	if d.Verdict.Reason == millrace.FailedDecode {
		o.bytes(13, p.Body[:min(len(p.Body), MaxRaw)])
	}
	if d.Verdict.Kept() && !d.Cleaned { // somebody is going to load it
		if p.Stored != nil { // even where it is empty
			o.message(14, p.Stored)
		}
		o.string(15, p.Object)
	}
	return o
}

func encodeClaim(c millrace.Claim) (o out) {
	o.string(1, c.File)
	o.int(2, c.Offset)
	o.int(3, c.Length)
	o.int(4, c.Record)
	if c.SHA256 != ([32]byte{}) {
		o.bytes(5, c.SHA256[:])
	}
	o.string(6, c.Kind)
	o.string(7, c.Member)
	return o
}

func encodeVerdict(v millrace.Verdict) (o out) {
	o.string(1, string(v.Reason))
	o.string(2, v.Stage)
	o.string(3, v.Signal)
	o.float(4, v.Value)
	o.float(5, v.Limit)
	if !v.Of.IsZero() {
		o.bytes(6, v.Of[:])
	}
	o.string(7, v.OfUser)
	o.float(8, v.Similarity)
	o.string(9, v.Method)
	o.string(10, v.Err)
	return o
}

// field is one decoded field: num holds varints and fixed numbers, raw the bytes.
type field struct {
	tag protowire.Number
	typ protowire.Type
	num uint64
	raw []byte
}

func (f field) string() string { return string(f.raw) }

// each calls do for every field of b whose type is varint, fixed64 or bytes; others are passed over.
func each(b []byte, do func(field) error) error {
	for len(b) > 0 {
		tag, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return fmt.Errorf("%w: %w", errWire, protowire.ParseError(n))
		}
		b = b[n:]
		f := field{tag: tag, typ: typ}
		switch typ {
		case protowire.VarintType:
			f.num, n = protowire.ConsumeVarint(b)
		case protowire.Fixed64Type:
			f.num, n = protowire.ConsumeFixed64(b)
		case protowire.BytesType:
			f.raw, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(tag, typ, b)
		}
		if n < 0 {
			return fmt.Errorf("%w: field %d: %w", errWire, tag, protowire.ParseError(n))
		}
		b = b[n:]
		if err := do(f); err != nil {
			return err
		}
	}
	return nil
}

// fixed copies bytes of an exact length.
func fixed(dst, src []byte) error {
	if len(src) != len(dst) {
		return fmt.Errorf("%w: %d bytes where %d belong", errWire, len(src), len(dst))
	}
	copy(dst, src)
	return nil
}

// key joins tag and type as the wire does, so that a field of another type than the schema's is passed over like an
// unknown one.
func (f field) key() int { return int(f.tag)<<3 | int(f.typ) }

const (
	varint = int(protowire.VarintType)
	double = int(protowire.Fixed64Type)
	blob   = int(protowire.BytesType)
)

// Decode reads what Encode writes. Unknown fields are skipped.
func Decode(b []byte) (*millrace.Document, error) {
	d := new(millrace.Document)
	err := each(b, func(f field) error {
		switch f.key() {
		case 1<<3 | blob:
			return fixed(d.ID[:], f.raw)
		case 2<<3 | blob:
			d.UserID = f.string()
		case 3<<3 | blob:
			return decodePage(f.raw, &d.Page)
		case 4<<3 | blob:
			d.URLKey = f.string()
		case 5<<3 | blob:
			d.Title = f.string()
		case 6<<3 | blob:
			d.Text = f.string()
		case 7<<3 | blob:
			d.Meta = f.string()
		case 8<<3 | blob:
			return decodeVerdict(f.raw, &d.Verdict)
		case 9<<3 | varint:
			d.Attempts = int(int32(f.num))
		case 10<<3 | blob:
			return decodePosition(f.raw, &d.Settles)
		case 11<<3 | blob:
			return decodeCleaned(f.raw, d)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

func decodePage(b []byte, p *millrace.Page) error {
	return each(b, func(f field) error {
		switch f.key() {
		case 1<<3 | blob:
			p.URL = f.string()
		case 2<<3 | varint:
			p.FetchedAt = time.UnixMicro(int64(f.num)).UTC()
		case 3<<3 | varint:
			p.Status = int(int32(f.num))
		case 4<<3 | blob:
			var h millrace.Field
			err := each(f.raw, func(f field) error {
				switch f.key() {
				case 1<<3 | blob:
					h.Name = f.string()
				case 2<<3 | blob:
					h.Value = f.string()
				}
				return nil
			})
			if p.Header = append(p.Header, h); len(p.Header) > maxList {
				return fmt.Errorf("%w: more than %d headers", errWire, maxList)
			}
			return err
		case 5<<3 | blob:
			p.MediaType = f.string()
		case 6<<3 | varint:
			return decodeConsent(f.num, &p.Consent)
		case 7<<3 | blob:
			var s millrace.Statement
			err := decodeStatement(f.raw, &s)
			if p.ConsentBy = append(p.ConsentBy, s); len(p.ConsentBy) > maxList {
				return fmt.Errorf("%w: more than %d statements", errWire, maxList)
			}
			return err
		case 8<<3 | blob:
			p.Robots = f.string()
		case 9<<3 | blob:
			p.Source = f.string()
		case 10<<3 | blob:
			p.Licence = f.string()
		case 11<<3 | blob:
			return decodeClaim(f.raw, &p.Claim)
		case 12<<3 | varint:
			p.Truncated = f.num != 0
		case 13<<3 | blob:
			p.Body = append([]byte(nil), f.raw...)
		case 14<<3 | blob:
			p.Stored = append([]byte{}, f.raw...)
		case 15<<3 | blob:
			p.Object = f.string()
		}
		return nil
	})
}

// decodeConsent refuses a value that it does not know: to guess would be to invent a consent.
func decodeConsent(n uint64, c *millrace.Consent) error {
	if n > uint64(millrace.No) {
		return fmt.Errorf("%w: consent %d", errWire, n)
	}
	*c = millrace.Consent(n)
	return nil
}

func decodeStatement(b []byte, s *millrace.Statement) error {
	return each(b, func(f field) error {
		switch f.key() {
		case 1<<3 | blob:
			s.Source = f.string()
		case 2<<3 | blob:
			s.Raw = f.string()
		case 3<<3 | varint:
			return decodeConsent(f.num, &s.Value)
		case 4<<3 | varint:
			s.Inferred = f.num != 0
		case 5<<3 | varint:
			s.NoIndex = f.num != 0
		case 6<<3 | varint:
			s.At = time.UnixMicro(int64(f.num)).UTC()
		}
		return nil
	})
}

func decodeClaim(b []byte, c *millrace.Claim) error {
	return each(b, func(f field) error {
		switch f.key() {
		case 1<<3 | blob:
			c.File = f.string()
		case 2<<3 | varint:
			c.Offset = int64(f.num)
		case 3<<3 | varint:
			c.Length = int64(f.num)
		case 4<<3 | varint:
			c.Record = int64(f.num)
		case 5<<3 | blob:
			return fixed(c.SHA256[:], f.raw)
		case 6<<3 | blob:
			c.Kind = f.string()
		case 7<<3 | blob:
			c.Member = f.string()
		}
		return nil
	})
}

func decodeVerdict(b []byte, v *millrace.Verdict) error {
	return each(b, func(f field) error {
		switch f.key() {
		case 1<<3 | blob:
			v.Reason = millrace.Reason(f.raw)
		case 2<<3 | blob:
			v.Stage = f.string()
		case 3<<3 | blob:
			v.Signal = f.string()
		case 4<<3 | double:
			v.Value = math.Float64frombits(f.num)
		case 5<<3 | double:
			v.Limit = math.Float64frombits(f.num)
		case 6<<3 | blob:
			return fixed(v.Of[:], f.raw)
		case 7<<3 | blob:
			v.OfUser = f.string()
		case 8<<3 | double:
			v.Similarity = math.Float64frombits(f.num)
		case 9<<3 | blob:
			v.Method = f.string()
		case 10<<3 | blob:
			v.Err = f.string()
		}
		return nil
	})
}

func decodePosition(b []byte, p *millrace.Position) error {
	return each(b, func(f field) error {
		switch f.key() {
		case 1<<3 | blob:
			p.Topic = f.string()
		case 2<<3 | varint:
			p.Index = int32(f.num)
		case 3<<3 | varint:
			p.Offset = int64(f.num)
		}
		return nil
	})
}
