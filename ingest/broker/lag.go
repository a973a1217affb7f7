package broker

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
)

// Committed offsets are for tools that show lag, and for nothing else: millrace's own Positions stand in its
// commits. There are no groups. Any name is one, without members, and what was committed for it is kept in one
// small file that is written as a whole. Produce and Fetch never wait for it.
const (
	maxOffsets  = 1024 // of all groups
	maxGroup    = 249
	maxMetadata = 1024
)

// spot is what an offset was committed for.
type spot struct {
	Group     string `json:"group"`
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
}

type committed struct {
	spot
	Offset   int64  `json:"offset"`
	Metadata string `json:"metadata,omitempty"`
}

// offsets is offsets.json and what stands in it.
type offsets struct {
	mu  sync.Mutex
	all map[spot]committed
}

type offsetsFile struct {
	Format  int         `json:"format"`
	Offsets []committed `json:"offsets"`
}

func offsetsPath(dir string) string { return filepath.Join(dir, "offsets.json") }

// loadOffsets reads the file. One that is damaged is put aside: nothing depends on it but a tool's display.
func (b *Broker) loadOffsets() error {
	b.offsets.all = map[spot]committed{}
	path := offsetsPath(b.opts.Dir)
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	all, err := decodeOffsets(raw)
	if err != nil {
		b.opts.Log.Error("the committed offsets of lag tools are damaged and start anew", "file", path, "aside", path+".damaged", "err", err)
		return b.opts.Disk.Rename("broker.offsets.aside", path, path+".damaged")
	}
	b.offsets.all = all
	return nil
}

func decodeOffsets(raw []byte) (map[spot]committed, error) {
	body, ok := unseal(raw)
	if !ok {
		return nil, errors.New("the file does not match its checksum")
	}
	var f offsetsFile
	if err := json.Unmarshal(body, &f); err != nil {
		return nil, err
	}
	if f.Format != 1 || len(f.Offsets) > maxOffsets {
		return nil, fmt.Errorf("format %d with %d offsets", f.Format, len(f.Offsets))
	}
	all := map[spot]committed{}
	for _, c := range f.Offsets {
		all[c.spot] = c
	}
	return all, nil
}

func encodeOffsets(all map[spot]committed) ([]byte, error) {
	f := offsetsFile{Format: 1, Offsets: make([]committed, 0, len(all))}
	for _, c := range all {
		f.Offsets = append(f.Offsets, c)
	}
	slices.SortFunc(f.Offsets, func(a, b committed) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetIndent("", " ")
	if err := enc.Encode(f); err != nil {
		return nil, err
	}
	return seal(out.Bytes()), nil
}

// commitOffsets makes new ones durable, all or none.
func (b *Broker) commitOffsets(add []committed) int16 {
	b.offsets.mu.Lock()
	defer b.offsets.mu.Unlock()
	next := make(map[spot]committed, len(b.offsets.all)+len(add))
	for k, v := range b.offsets.all {
		next[k] = v
	}
	for _, c := range add {
		next[c.spot] = c
	}
	if len(next) > maxOffsets {
		return codeOffsetsSize
	}
	raw, err := encodeOffsets(next)
	if err == nil {
		err = b.roomy(int64(len(raw)))
	}
	if err == nil {
		err = b.opts.Disk.Replace("broker.offsets", offsetsPath(b.opts.Dir), raw)
	}
	if err != nil {
		b.opts.Log.Warn("offsets of a lag tool are not kept", "err", err)
		return codeNoCoordinator
	}
	b.offsets.all = next
	return codeNone
}

func (b *Broker) committedOffset(s spot) (c committed, ok bool) {
	b.offsets.mu.Lock()
	defer b.offsets.mu.Unlock()
	c, ok = b.offsets.all[s]
	return c, ok
}

// committedSpots gives what a group has committed, sorted.
func (b *Broker) committedSpots(group string) (all []spot) {
	b.offsets.mu.Lock()
	defer b.offsets.mu.Unlock()
	for s := range b.offsets.all {
		if s.Group == group {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b spot) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return all
}

func (b *Broker) findCoordinator(version int16, r *reader, w *writer) bool {
	name, kind := r.string(), int8(0)
	if version >= 1 {
		kind = r.int8()
	}
	if r.bad {
		return false
	}
	code, what := int16(codeNone), ""
	switch {
	case kind != 0:
		code, what = codeInvalidRequest, "there are no transactions"
	case !validGroup(name):
		code, what = codeInvalidGroup, fmt.Sprintf("a group's name has 1 to %d bytes", maxGroup)
	}
	if version >= 1 {
		w.int32(0) // throttle
	}
	w.int16(code)
	if version >= 1 {
		w.nullable(what)
	}
	if code != codeNone {
		w.int32(-1)
		w.string("")
		w.int32(-1)
		return false
	}
	host, port, _ := net.SplitHostPort(b.Addr())
	number, _ := strconv.Atoi(port)
	w.int32(0)
	w.string(host)
	w.int32(int32(number))
	return false
}

func validGroup(name string) bool { return name != "" && len(name) <= maxGroup }

func (b *Broker) offsetCommit(version int16, r *reader, w *writer) bool {
	group, generation, member := r.string(), r.int32(), r.string()
	if version >= 7 {
		member += r.string() // an instance of a static member
	}
	if version <= 4 {
		r.int64() // retention: kept until somebody commits another one
	}
	type topicCommit struct {
		name  string
		parts []committed
	}
	var want []topicCommit
	for range r.array(6) {
		t := topicCommit{name: r.string()}
		for range r.array(14) {
			c := committed{spot: spot{group, t.name, r.int32()}, Offset: r.int64()}
			if version >= 6 {
				r.int32() // leader epoch
			}
			c.Metadata = r.string()
			t.parts = append(t.parts, c)
		}
		want = append(want, t)
	}
	if r.bad {
		return false
	}
	refusal := refuseMember(group, generation, member)
	var add []committed
	for _, t := range want {
		for _, c := range t.parts {
			if refusal == codeNone && b.commitCode(c) == codeNone {
				add = append(add, c)
			}
		}
	}
	stored := int16(codeNone)
	if len(add) > 0 {
		stored = b.commitOffsets(add)
	}
	if version >= 3 {
		w.int32(0) // throttle
	}
	w.int32(int32(len(want)))
	for _, t := range want {
		w.string(t.name)
		w.int32(int32(len(t.parts)))
		for _, c := range t.parts {
			w.int32(c.Partition)
			w.int16(cmp.Or(refusal, b.commitCode(c), stored))
		}
	}
	return false
}

// refuseMember says why somebody who believes to be in a group may not commit: nobody is in one.
func refuseMember(group string, generation int32, member string) int16 {
	switch {
	case !validGroup(group):
		return codeInvalidGroup
	case member != "":
		return codeUnknownMember
	case generation >= 0:
		return codeIllegalGeneration
	}
	return codeNone
}

func (b *Broker) commitCode(c committed) int16 {
	switch {
	case b.partition(c.Topic, c.Partition) == nil:
		return codeUnknownTopic
	case len(c.Metadata) > maxMetadata:
		return codeMetadataTooLarge
	case c.Offset < 0:
		return codeOffsetsSize
	}
	return codeNone
}

func (b *Broker) offsetFetch(version int16, r *reader, w *writer) bool {
	group := r.string()
	var want [][]spot // by topic
	n := r.array(6)
	for range n {
		topic := r.string()
		parts := []spot{{group, topic, -1}} // so that a topic without partitions is answered, too
		for range r.array(4) {
			parts = append(parts, spot{group, topic, r.int32()})
		}
		want = append(want, parts)
	}
	if r.bad {
		return false
	}
	if n < 0 && version >= 2 { // all that there is
		for _, s := range b.committedSpots(group) {
			if k := len(want) - 1; k < 0 || want[k][0].Topic != s.Topic {
				want = append(want, []spot{{group, s.Topic, -1}})
			}
			want[len(want)-1] = append(want[len(want)-1], s)
		}
	}
	if version >= 3 {
		w.int32(0) // throttle
	}
	w.int32(int32(len(want)))
	for _, parts := range want {
		w.string(parts[0].Topic)
		w.int32(int32(len(parts) - 1))
		for _, s := range parts[1:] {
			c, ok := b.committedOffset(s)
			if !ok {
				c.Offset = -1
			}
			w.int32(s.Partition)
			w.int64(c.Offset)
			if version >= 5 {
				w.int32(-1) // leader epoch
			}
			w.string(c.Metadata)
			w.int16(codeNone)
		}
	}
	if version >= 2 {
		w.int16(codeNone)
	}
	return false
}
