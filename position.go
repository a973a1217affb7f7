package millrace

import (
	"fmt"
	"strconv"
	"strings"
)

// Partition names one ordered stream: a partition of a topic, a WARC sequence, or a list of files.
type Partition struct {
	Topic string
	Index int32
}

// String gives "topic/partition".
func (p Partition) String() string { return p.Topic + "/" + strconv.Itoa(int(p.Index)) }

// ParsePartition reads what String writes.
func ParsePartition(s string) (Partition, error) {
	i := strings.LastIndexByte(s, '/')
	if i <= 0 {
		return Partition{}, fmt.Errorf("parse partition %q: want TOPIC/NUMBER", s)
	}
	n, err := strconv.ParseInt(s[i+1:], 10, 32)
	if err != nil || n < 0 {
		return Partition{}, fmt.Errorf("parse partition %q: want TOPIC/NUMBER", s)
	}
	return Partition{Topic: s[:i], Index: int32(n)}, nil
}

// Position is where one document stands in a stream. Offsets rise; they need not be contiguous.
// The zero Position means none.
type Position struct {
	Partition
	Offset int64
}

// IsZero reports whether p names no place.
func (p Position) IsZero() bool { return p.Topic == "" }

// String gives "topic/partition/offset", "" for the zero Position.
func (p Position) String() string {
	if p.IsZero() {
		return ""
	}
	return p.Partition.String() + "/" + strconv.FormatInt(p.Offset, 10)
}

// ParsePosition reads what String writes.
func ParsePosition(s string) (Position, error) {
	if s == "" {
		return Position{}, nil
	}
	i := strings.LastIndexByte(s, '/')
	if i < 0 {
		return Position{}, fmt.Errorf("parse position %q: want TOPIC/PARTITION/OFFSET", s)
	}
	p, err := ParsePartition(s[:i])
	if err != nil {
		return Position{}, fmt.Errorf("parse position %q: want TOPIC/PARTITION/OFFSET", s)
	}
	n, err := strconv.ParseInt(s[i+1:], 10, 64)
	if err != nil || n < 0 {
		return Position{}, fmt.Errorf("parse position %q: want TOPIC/PARTITION/OFFSET", s)
	}
	return Position{Partition: p, Offset: n}, nil
}

// Checkpoint is what a sink stores together with its data and gives back at start-up.
// Positions, marks and the state of the stages are always restored together.
type Checkpoint struct {
	// Next is, for each partition that the belt reads, the offset after the last one that is stored.
	Next map[Partition]int64
	// Marks is, for each partition upstream of those, the highest offset that has been taken.
	Marks map[Partition]int64
}

// Clone copies c.
func (c Checkpoint) Clone() Checkpoint {
	out := Checkpoint{Next: make(map[Partition]int64, len(c.Next)), Marks: make(map[Partition]int64, len(c.Marks))}
	for k, v := range c.Next {
		out.Next[k] = v
	}
	for k, v := range c.Marks {
		out.Marks[k] = v
	}
	return out
}

// Take moves c past document d: its Position is stored, its Via and its Origin raise marks.
func (c *Checkpoint) Take(d *Document) {
	if c.Next == nil {
		c.Next = map[Partition]int64{}
	}
	if c.Marks == nil {
		c.Marks = map[Partition]int64{}
	}
	if !d.Position.IsZero() {
		c.Next[d.Position.Partition] = max(c.Next[d.Position.Partition], d.Position.Offset+1)
	}
	for _, up := range []Position{d.Via, d.Origin} {
		if old, ok := c.Marks[up.Partition]; !up.IsZero() && (!ok || up.Offset > old) {
			c.Marks[up.Partition] = up.Offset
		}
	}
}
