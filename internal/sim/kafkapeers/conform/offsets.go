package main

import (
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// list asks for an offset by its time: -1 is the end, -2 the beginning.
func (e *env) list(version int16, topic string, partition int32, at int64) string {
	r := kmsg.NewPtrListOffsetsRequest()
	r.ReplicaID = -1
	t := kmsg.NewListOffsetsRequestTopic()
	t.Topic = topic
	p := kmsg.NewListOffsetsRequestTopicPartition()
	p.Partition, p.Timestamp = partition, at
	t.Partitions = append(t.Partitions, p)
	r.Topics = append(r.Topics, t)
	resp, err := e.ask(version, r)
	if err != nil {
		return said(err)
	}
	x := resp.(*kmsg.ListOffsetsResponse).Topics[0].Partitions[0]
	if x.ErrorCode != 0 {
		return code(x.ErrorCode)
	}
	return fmt.Sprint(x.Offset)
}

// trim deletes what lies below an offset, and says what is the lowest then.
func (e *env) trim(topic string, before int64) string { return e.trimBy(1, topic, 0, before) }

func (e *env) trimBy(version int16, topic string, partition int32, before int64) string {
	r := kmsg.NewPtrDeleteRecordsRequest()
	r.TimeoutMillis = 5000
	t := kmsg.NewDeleteRecordsRequestTopic()
	t.Topic = topic
	p := kmsg.NewDeleteRecordsRequestTopicPartition()
	p.Partition, p.Offset = partition, before
	t.Partitions = append(t.Partitions, p)
	r.Topics = append(r.Topics, t)
	resp, err := e.ask(version, r)
	if err != nil {
		return said(err)
	}
	x := resp.(*kmsg.DeleteRecordsResponse).Topics[0].Partitions[0]
	if x.ErrorCode != 0 {
		return code(x.ErrorCode)
	}
	return fmt.Sprintf("low %d", x.LowWatermark)
}

func offsetCases() (all []kase) {
	for v := int16(1); v <= 5; v++ {
		all = append(all, kase{"kmsg", fmt.Sprintf("ListOffsets version %d", v), func(e *env) string {
			e.fill(4, 5)
			return e.list(v, e.topic, 0, -2) + " to " + e.list(v, e.topic, 0, -1)
		}, []string{"0 to 9"}})
	}
	for v := int16(0); v <= 1; v++ {
		all = append(all, kase{"kmsg", fmt.Sprintf("DeleteRecords version %d", v), func(e *env) string {
			e.fill(4, 5)
			return e.trimBy(v, e.topic, 0, 6) + ", then " + e.list(5, e.topic, 0, -2) + " to " + e.list(5, e.topic, 0, -1)
		}, []string{"low 6, then 6 to 9"}})
	}
	one := func(name string, run func(*env) string, want ...string) {
		all = append(all, kase{"kmsg", name, run, want})
	}
	one("list offsets of an empty partition", func(e *env) string { return e.list(5, e.topic, 1, -2) + " to " + e.list(5, e.topic, 1, -1) }, "0 to 0")
	one("list offsets of an unknown topic", func(e *env) string { return e.list(5, e.other, 0, -1) }, "code 3")
	one("list offsets of an unknown partition", func(e *env) string { return e.list(5, e.topic, 9, -1) }, "code 3")
	// Ours has no index of times and says so.
	one("list offsets by time", func(e *env) string { e.fill(2); return e.list(5, e.topic, 0, 1) }, "code 43", "0")
	one("delete records up to the end", func(e *env) string { e.fill(3); return e.trim(e.topic, -1) }, "low 3")
	one("delete records beyond the end", func(e *env) string { e.fill(3); return e.trim(e.topic, 4) }, "code 1")
	one("delete records again, lower", func(e *env) string { e.fill(3, 3); return e.trim(e.topic, 4) + ", " + e.trim(e.topic, 2) }, "low 4, low 4")
	one("delete records below zero", func(e *env) string { e.fill(3); return e.trim(e.topic, -7) }, "code 1")
	one("delete records of an unknown topic", func(e *env) string { return e.trim(e.other, 0) }, "code 3")
	one("offsets go on behind deleted records", func(e *env) string {
		e.fill(3)
		e.trim(e.topic, -1)
		e.fill(2)
		return e.list(5, e.topic, 0, -2) + " to " + e.list(5, e.topic, 0, -1)
	}, "3 to 5")
	return all
}

type commit struct {
	group, member, topic, metadata string
	generation, partition          int32
	offset                         int64
}

func (e *env) commit(version int16, c commit) string {
	r := kmsg.NewPtrOffsetCommitRequest()
	r.Group, r.Generation, r.MemberID = c.group, c.generation, c.member
	t := kmsg.NewOffsetCommitRequestTopic()
	t.Topic = c.topic
	p := kmsg.NewOffsetCommitRequestTopicPartition()
	p.Partition, p.Offset, p.Metadata = c.partition, c.offset, &c.metadata
	t.Partitions = append(t.Partitions, p)
	r.Topics = append(r.Topics, t)
	resp, err := e.ask(version, r)
	if err != nil {
		return said(err)
	}
	return code(resp.(*kmsg.OffsetCommitResponse).Topics[0].Partitions[0].ErrorCode)
}

// committed gives what a group has for partitions 0 and 1.
func (e *env) committed(version int16, group string, all bool) string {
	r := kmsg.NewPtrOffsetFetchRequest()
	r.Group = group
	if !all {
		t := kmsg.NewOffsetFetchRequestTopic()
		t.Topic, t.Partitions = e.topic, []int32{0, 1}
		r.Topics = append(r.Topics, t)
	}
	resp, err := e.ask(version, r)
	if err != nil {
		return said(err)
	}
	f := resp.(*kmsg.OffsetFetchResponse)
	if f.ErrorCode != 0 {
		return code(f.ErrorCode)
	}
	var out []string
	for _, t := range f.Topics {
		for _, p := range t.Partitions {
			meta := ""
			if p.Metadata != nil {
				meta = *p.Metadata
			}
			out = append(out, strings.TrimSpace(fmt.Sprintf("%d=%d %s", p.Partition, p.Offset, meta)))
		}
	}
	return strings.Join(out, ", ")
}

func (e *env) coordinator(version int16, name string, kind int8) string {
	r := kmsg.NewPtrFindCoordinatorRequest()
	r.CoordinatorKey, r.CoordinatorType = name, kind
	resp, err := e.ask(version, r)
	if err != nil {
		return said(err)
	}
	f := resp.(*kmsg.FindCoordinatorResponse)
	if f.ErrorCode != 0 {
		return code(f.ErrorCode)
	}
	return fmt.Sprint("here: ", fmt.Sprintf("%s:%d", f.Host, f.Port) == e.addr)
}

func lagCases() (all []kase) {
	one := func(name string, run func(*env) string, want ...string) {
		all = append(all, kase{"kmsg", name, run, want})
	}
	for v := int16(0); v <= 2; v++ {
		one(fmt.Sprintf("FindCoordinator version %d", v), func(e *env) string { return e.coordinator(v, e.other, 0) }, "here: true")
	}
	for v := int16(2); v <= 7; v++ {
		one(fmt.Sprintf("OffsetCommit version %d", v), func(e *env) string {
			e.fill(5)
			return e.commit(v, commit{group: e.other, generation: -1, topic: e.topic, offset: 3, metadata: "m"}) + ": " + e.committed(5, e.other, false)
		}, "ok: 0=3 m, 1=-1")
	}
	for v := int16(1); v <= 5; v++ {
		one(fmt.Sprintf("OffsetFetch version %d", v), func(e *env) string {
			e.commit(7, commit{group: e.other, generation: -1, topic: e.topic, partition: 1, offset: 7})
			e.commit(7, commit{group: e.other, generation: -1, topic: e.topic, partition: 1, offset: 5})
			return e.committed(v, e.other, false)
		}, "0=-1, 1=5")
	}
	one("offsets of an unknown group", func(e *env) string { return e.committed(5, "never-"+e.other, false) }, "0=-1, 1=-1")
	one("all offsets of a group", func(e *env) string {
		e.commit(7, commit{group: e.other, generation: -1, topic: e.topic, partition: 1, offset: 5})
		return e.committed(5, e.other, true)
	}, "1=5")
	one("commit for an unknown topic", func(e *env) string {
		return e.commit(7, commit{group: e.other, generation: -1, topic: "no-" + e.other})
	}, "code 3")
	one("commit as a generation that is not", func(e *env) string {
		return e.commit(7, commit{group: e.other, generation: 5, topic: e.topic})
	}, "code 22")
	one("commit as a member that is not", func(e *env) string {
		e.commit(7, commit{group: e.other, generation: -1, topic: e.topic})
		return e.commit(7, commit{group: e.other, generation: 5, member: "somebody", topic: e.topic})
	}, "code 25")
	one("commit with much metadata", func(e *env) string {
		return e.commit(7, commit{group: e.other, generation: -1, topic: e.topic, metadata: strings.Repeat("x", 5000)})
	}, "code 12")
	one("find the coordinator of a transaction", func(e *env) string { return e.coordinator(2, e.other, 1) }, "code 42")
	return all
}
