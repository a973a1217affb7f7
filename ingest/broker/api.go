package broker

import (
	"errors"
	"net"
	"strconv"
)

// The keys of the requests that are served.
const (
	keyProduce         = 0
	keyFetch           = 1
	keyListOffsets     = 2
	keyMetadata        = 3
	keyOffsetCommit    = 8
	keyOffsetFetch     = 9
	keyFindCoordinator = 10
	keyApiVersions     = 18
	keyCreateTopics    = 19
	keyDeleteTopics    = 20
	keyDeleteRecords   = 21
	keyDescribeConfigs = 32
)

// Kafka's error codes, as far as they are used.
const (
	codeUnknown            = -1
	codeNone               = 0
	codeOutOfRange         = 1
	codeCorrupt            = 2
	codeUnknownTopic       = 3
	codeTooLarge           = 10
	codeMetadataTooLarge   = 12
	codeNoCoordinator      = 15 // the client tries again
	codeInvalidTopic       = 17
	codeInvalidAcks        = 21
	codeIllegalGeneration  = 22
	codeInvalidGroup       = 24
	codeUnknownMember      = 25
	codeOffsetsSize        = 28
	codeUnsupportedVersion = 35
	codeTopicExists        = 36
	codeInvalidPartitions  = 37
	codeInvalidReplication = 38
	codeInvalidConfig      = 40
	codeInvalidRequest     = 42
	codeUnsupportedFormat  = 43
	codeStorage            = 56 // the client tries again
	codeNoSession          = 70
	codeInvalidRecord      = 87
)

// api is one kind of request: versions min to max. handle reads the body, writes the answer, and
// reports whether none is wanted. It must not act on a request that turns out to be malformed.
type api struct {
	key, min, max int16
	handle        func(b *Broker, version int16, r *reader, w *writer) (silent bool)
}

// apis lists what is served, without the newer versions that have tagged fields.
func apis() []api {
	return []api{
		{keyProduce, 3, 8, (*Broker).produce},
		{keyFetch, 4, 11, (*Broker).fetch},
		{keyListOffsets, 1, 5, (*Broker).listOffsets},
		{keyMetadata, 0, 8, (*Broker).metadata},
		{keyApiVersions, 0, 2, (*Broker).apiVersions},
		{keyCreateTopics, 0, 4, (*Broker).createTopics},
		{keyDeleteTopics, 0, 3, (*Broker).deleteTopics},
		{keyDeleteRecords, 0, 1, (*Broker).deleteRecords},
		{keyDescribeConfigs, 0, 3, (*Broker).describeConfigs},
		{keyFindCoordinator, 0, 2, (*Broker).findCoordinator},
		{keyOffsetCommit, 2, 7, (*Broker).offsetCommit},
		{keyOffsetFetch, 1, 5, (*Broker).offsetFetch},
	}
}

func findAPI(key int16) *api {
	for _, a := range apis() {
		if a.key == key {
			return &a
		}
	}
	return nil
}

func writeVersions(w *writer) {
	all := apis()
	w.int32(int32(len(all)))
	for _, a := range all {
		w.int16(a.key)
		w.int16(a.min)
		w.int16(a.max)
	}
}

func (b *Broker) apiVersions(version int16, _ *reader, w *writer) bool {
	w.int16(codeNone)
	writeVersions(w)
	if version >= 1 {
		w.int32(0) // throttle
	}
	return false
}

func (b *Broker) metadata(version int16, r *reader, w *writer) bool {
	n := r.array(2)
	all := n < 0 || (n == 0 && version == 0)
	var names []string
	for range n {
		names = append(names, r.string())
	}
	if version >= 4 {
		r.int8() // auto-creation: never
	}
	if version >= 8 {
		r.int16() // two flags that ask for authorised operations
	}
	if r.bad {
		return false
	}
	if all {
		names = b.topicNames()
	}
	if version >= 3 {
		w.int32(0) // throttle
	}
	host, port, _ := net.SplitHostPort(b.Addr())
	number, _ := strconv.Atoi(port)
	w.int32(1) // one broker, node 0
	w.int32(0)
	w.string(host)
	w.int32(int32(number))
	if version >= 1 {
		w.nullable("") // rack
	}
	if version >= 2 {
		w.nullable("millrace")
	}
	if version >= 1 {
		w.int32(0) // controller
	}
	w.int32(int32(len(names)))
	for _, name := range names {
		b.topicMetadata(version, name, w)
	}
	if version >= 8 {
		w.int32(-1 << 31)
	}
	return false
}

func (b *Broker) topicMetadata(version int16, name string, w *writer) {
	b.mu.RLock()
	n := len(b.topics[name])
	b.mu.RUnlock()
	code := int16(codeNone)
	if n == 0 {
		code = codeUnknownTopic
	}
	w.int16(code)
	w.string(name)
	if version >= 1 {
		w.bool(false) // internal
	}
	w.int32(int32(n))
	for i := range int32(n) {
		w.int16(codeNone)
		w.int32(i)
		w.int32(0) // leader
		if version >= 7 {
			w.int32(0) // epoch
		}
		w.ints(0) // replicas
		w.ints(0) // in sync
		if version >= 5 {
			w.ints() // offline
		}
	}
	if version >= 8 {
		w.int32(-1 << 31)
	}
}

// newTopic is one topic that CreateTopics asks for.
type newTopic struct {
	name       string
	partitions int32
	replicas   int16
	assigned   bool
	config     string // the first setting that this broker does not keep
}

func (b *Broker) createTopics(version int16, r *reader, w *writer) bool {
	var want []newTopic
	for range r.array(16) {
		t := newTopic{name: r.string(), partitions: r.int32(), replicas: r.int16()}
		for range r.array(8) {
			t.assigned = true
			r.int32()
			for range r.array(4) {
				r.int32()
			}
		}
		for range r.array(4) {
			if k, v := r.string(), r.string(); t.config == "" && !kept(k, v) {
				t.config = k + "=" + v
			}
		}
		want = append(want, t)
	}
	r.int32() // timeout
	dry := version >= 1 && r.int8() != 0
	if r.bad {
		return false
	}
	if version >= 2 {
		w.int32(0) // throttle
	}
	w.int32(int32(len(want)))
	for _, t := range want {
		code, what := b.create(t, dry)
		w.string(t.name)
		w.int16(code)
		if version >= 1 {
			w.nullable(what)
		}
	}
	return false
}

func (b *Broker) create(t newTopic, dry bool) (int16, string) {
	switch {
	case t.config != "":
		return codeInvalidConfig, "this broker does not keep " + t.config
	case t.assigned || t.replicas > 1 || t.replicas == 0:
		return codeInvalidReplication, "there is one node"
	}
	if t.partitions == -1 {
		t.partitions = 1
	}
	return b.createTopic(t.name, t.partitions, dry)
}

func (b *Broker) listOffsets(version int16, r *reader, w *writer) bool {
	r.int32() // replica
	if version >= 2 {
		r.int8() // isolation level
		w.int32(0)
	}
	topics := r.array(6)
	w.int32(int32(max(0, topics)))
	for range topics {
		name, n := r.string(), r.array(12)
		w.string(name)
		w.int32(int32(max(0, n)))
		for range n {
			index := r.int32()
			if version >= 4 {
				r.int32() // leader epoch
			}
			at, code := b.offsetAt(name, index, r.int64())
			w.int32(index)
			w.int16(code)
			w.int64(-1) // time
			w.int64(at)
			if version >= 4 {
				w.int32(0)
			}
		}
	}
	return false
}

// offsetAt answers the two times that stand for the ends of a log; others it cannot look up.
func (b *Broker) offsetAt(topic string, index int32, time int64) (int64, int16) {
	p := b.partition(topic, index)
	if p == nil {
		return -1, codeUnknownTopic
	}
	start, end := p.bounds()
	switch time {
	case -1:
		return end, codeNone
	case -2:
		return start, codeNone
	}
	return -1, codeUnsupportedFormat
}

// cut is one partition that DeleteRecords wants trimmed.
type cut struct {
	index  int32
	before int64
}

func (b *Broker) deleteRecords(_ int16, r *reader, w *writer) bool {
	type topicCut struct {
		name string
		cuts []cut
	}
	var want []topicCut
	for range r.array(6) {
		t := topicCut{name: r.string()}
		for range r.array(12) {
			t.cuts = append(t.cuts, cut{r.int32(), r.int64()})
		}
		want = append(want, t)
	}
	r.int32() // timeout
	if r.bad {
		return false
	}
	w.int32(0) // throttle
	w.int32(int32(len(want)))
	for _, t := range want {
		w.string(t.name)
		w.int32(int32(len(t.cuts)))
		for _, c := range t.cuts {
			low, code := b.trim(t.name, c)
			w.int32(c.index)
			w.int64(low)
			w.int16(code)
		}
	}
	return false
}

func (b *Broker) trim(topic string, c cut) (low int64, code int16) {
	p := b.partition(topic, c.index)
	if p == nil {
		return -1, codeUnknownTopic
	}
	low, err := p.trim(c.before)
	switch {
	case errors.Is(err, errOutOfRange):
		return low, codeOutOfRange
	case err != nil:
		return low, codeUnknown
	}
	return low, codeNone
}
