package broker

import (
	"cmp"
	"slices"
	"strconv"
)

// The kinds of things that have settings, and of where a setting comes from.
const (
	resourceTopic  = 2
	resourceBroker = 4
	sourceTopic    = 1
	sourceStatic   = 4
)

// The types of settings, for clients that show them.
const (
	typeBool   = 1
	typeString = 2
	typeInt    = 3
	typeLong   = 5
	typeList   = 7
)

// setting is one that this broker has. None can be changed.
type setting struct {
	name, value string
	kind        int8
	own         bool // CreateTopics may name it, with this value
}

// topicSettings are those of every topic.
func topicSettings() []setting {
	return []setting{
		{"cleanup.policy", "delete", typeList, true},
		{"compression.type", "producer", typeString, true},
		{"max.message.bytes", strconv.Itoa(maxBatch), typeInt, true},
		{"message.timestamp.type", "CreateTime", typeString, true},
		{"min.insync.replicas", "1", typeInt, true},
		{"retention.bytes", "-1", typeLong, true},
		{"retention.ms", "-1", typeLong, true},
	}
}

func (b *Broker) nodeSettings() []setting {
	return []setting{
		{"auto.create.topics.enable", "false", typeBool, false},
		{"default.replication.factor", "1", typeInt, false},
		{"log.segment.bytes", strconv.FormatInt(b.opts.SegmentBytes, 10), typeLong, false},
		{"message.max.bytes", strconv.Itoa(maxBatch), typeInt, false},
		{"min.insync.replicas", "1", typeInt, false},
		{"socket.request.max.bytes", strconv.Itoa(maxRequest), typeInt, false},
	}
}

// kept reports whether a setting describes what this broker does anyway.
func kept(key, value string) bool {
	return slices.ContainsFunc(topicSettings(), func(s setting) bool { return s.own && s.name == key && s.value == value })
}

// described is one resource that DescribeConfigs asks for.
type described struct {
	kind  int8
	name  string
	all   bool
	names []string
}

func (b *Broker) describeConfigs(version int16, r *reader, w *writer) bool {
	var want []described
	for range r.array(7) {
		d := described{kind: r.int8(), name: r.string()}
		n := r.array(2)
		d.all = n < 0
		for range n {
			d.names = append(d.names, r.string())
		}
		want = append(want, d)
	}
	synonyms := version >= 1 && r.int8() != 0
	if version >= 3 {
		r.int8() // documentation: there is none
	}
	if r.bad {
		return false
	}
	w.int32(0) // throttle
	w.int32(int32(len(want)))
	for _, d := range want {
		code, what, all := b.settings(d)
		w.int16(code)
		w.nullable(what)
		w.int8(d.kind)
		w.string(d.name)
		count := len(w.b)
		w.int32(0)
		n := int32(0)
		for _, s := range all {
			if d.all || slices.Contains(d.names, s.name) {
				s.write(version, synonyms, w)
				n++
			}
		}
		w.set(count, n)
	}
	return false
}

// settings gives those of one resource, or says with a Kafka code why there are none.
func (b *Broker) settings(d described) (code int16, what string, all []setting) {
	switch d.kind {
	case resourceTopic:
		if !validTopic(d.name) {
			return codeInvalidTopic, "no topic can have this name", nil
		}
		if b.partition(d.name, 0) == nil {
			return codeUnknownTopic, "no such topic", nil
		}
		return codeNone, "", topicSettings()
	case resourceBroker:
		if n, err := strconv.Atoi(cmp.Or(d.name, "0")); err != nil || n != 0 {
			return codeInvalidRequest, "there is one node, 0", nil
		}
		return codeNone, "", b.nodeSettings()
	}
	return codeInvalidRequest, "only topics and the node have settings", nil
}

func (s setting) write(version int16, synonyms bool, w *writer) {
	source := int8(sourceStatic)
	if s.own {
		source = sourceTopic
	}
	w.string(s.name)
	w.string(s.value)
	w.bool(true) // read only
	if version == 0 {
		w.bool(false) // default
	} else {
		w.int8(source)
	}
	w.bool(false) // sensitive
	if version >= 1 {
		if synonyms {
			w.int32(1)
			w.string(s.name)
			w.string(s.value)
			w.int8(source)
		} else {
			w.int32(0)
		}
	}
	if version >= 3 {
		w.int8(s.kind)
		w.nullable("")
	}
}
