package broker

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/apiversions"
	"github.com/segmentio/kafka-go/protocol/createtopics"
	"github.com/segmentio/kafka-go/protocol/deletetopics"
	"github.com/segmentio/kafka-go/protocol/describeconfigs"
	fetchapi "github.com/segmentio/kafka-go/protocol/fetch"
	"github.com/segmentio/kafka-go/protocol/findcoordinator"
	"github.com/segmentio/kafka-go/protocol/listoffsets"
	metadataapi "github.com/segmentio/kafka-go/protocol/metadata"
	"github.com/segmentio/kafka-go/protocol/offsetcommit"
	"github.com/segmentio/kafka-go/protocol/offsetfetch"
	produceapi "github.com/segmentio/kafka-go/protocol/produce"
)

// patient makes a broker whose Fetch never waits.
func patient(t testing.TB) *Broker {
	b := start(t, Options{})
	stopped := make(chan struct{})
	close(stopped)
	open := b.done
	b.done = stopped
	t.Cleanup(func() { b.done = open })
	if code, what := b.createTopic("pages", 2, false); code != codeNone {
		t.Fatal(what)
	}
	if _, err := b.partition("pages", 0).append(newBatch(2, body(3))); err != nil {
		t.Fatal(err)
	}
	return b
}

// request is what kafka-go sends, without the length.
func request(t testing.TB, version int16, m protocol.Message) []byte {
	t.Helper()
	if p, ok := m.(protocol.PreparedMessage); ok {
		p.Prepare(version)
	}
	var w bytes.Buffer
	if err := protocol.WriteRequest(&w, version, 77, "test", m); err != nil {
		t.Fatal(err)
	}
	return w.Bytes()[4:]
}

func plainRecords() protocol.RecordSet {
	return protocol.RecordSet{Version: 2, Records: protocol.NewRecordReader(protocol.Record{Value: protocol.NewBytes([]byte("v"))})}
}

// requests has one of each kind.
func requests() map[protocol.ApiKey]func() protocol.Message {
	return map[protocol.ApiKey]func() protocol.Message{
		keyApiVersions: func() protocol.Message { return &apiversions.Request{} },
		keyMetadata:    func() protocol.Message { return &metadataapi.Request{TopicNames: []string{"pages", "none"}} },
		keyCreateTopics: func() protocol.Message {
			return &createtopics.Request{Topics: []createtopics.RequestTopic{{Name: "pages", NumPartitions: 1, ReplicationFactor: 1}}}
		},
		keyDeleteTopics: func() protocol.Message { return &deletetopics.Request{TopicNames: []string{"none", "pages/"}} },
		keyListOffsets: func() protocol.Message {
			return &listoffsets.Request{Topics: []listoffsets.RequestTopic{{Topic: "pages",
				Partitions: []listoffsets.RequestPartition{{Partition: 0, Timestamp: -1}, {Partition: 9, Timestamp: -1}}}}}
		},
		keyProduce: func() protocol.Message {
			return &produceapi.Request{Acks: -1, Topics: []produceapi.RequestTopic{{Topic: "pages",
				Partitions: []produceapi.RequestPartition{{Partition: 1, RecordSet: plainRecords()}, {Partition: 9, RecordSet: plainRecords()}}}}}
		},
		keyDescribeConfigs: func() protocol.Message {
			return &describeconfigs.Request{IncludeSynonyms: true, Resources: []describeconfigs.RequestResource{{ResourceType: resourceTopic, ResourceName: "pages"},
				{ResourceType: resourceTopic, ResourceName: "none"}, {ResourceType: resourceBroker, ResourceName: "0", ConfigNames: []string{"message.max.bytes"}}}}
		},
		keyFindCoordinator: func() protocol.Message { return &findcoordinator.Request{Key: "lag"} },
		keyOffsetCommit: func() protocol.Message {
			return &offsetcommit.Request{GroupID: "lag", GenerationID: -1, Topics: []offsetcommit.RequestTopic{{Name: "pages",
				Partitions: []offsetcommit.RequestPartition{{PartitionIndex: 1, CommittedOffset: 2, CommittedMetadata: "m"}, {PartitionIndex: 9}}}}}
		},
		keyOffsetFetch: func() protocol.Message {
			return &offsetfetch.Request{GroupID: "lag", Topics: []offsetfetch.RequestTopic{{Name: "pages", PartitionIndexes: []int32{0, 1}}}}
		},
		keyFetch: func() protocol.Message {
			return &fetchapi.Request{MaxWaitTime: 10, MaxBytes: 1 << 20, SessionID: -1, SessionEpoch: -1, Topics: []fetchapi.RequestTopic{{Topic: "pages",
				Partitions: []fetchapi.RequestPartition{{Partition: 1, PartitionMaxBytes: 1 << 20}, {Partition: 9}, {Partition: 1, FetchOffset: 99}}}}}
		},
	}
}

// Each version that the broker offers is understood by kafka-go's codec, in both directions.
func TestEveryVersion(t *testing.T) {
	b := patient(t)
	produced := int64(0)
	for _, a := range []*api{findAPI(keyApiVersions), findAPI(keyMetadata), findAPI(keyCreateTopics),
		findAPI(keyProduce), findAPI(keyListOffsets), findAPI(keyFetch), findAPI(keyDescribeConfigs), findAPI(keyFindCoordinator),
		findAPI(keyOffsetCommit), findAPI(keyOffsetFetch), findAPI(keyDeleteTopics)} {
		for v := a.min; v <= a.max; v++ {
			out, err := b.answer(request(t, v, requests()[protocol.ApiKey(a.key)]()), nil)
			if err != nil {
				t.Fatalf("key %d version %d: %v", a.key, v, err)
			}
			r := bytes.NewReader(out)
			id, m, err := protocol.ReadResponse(r, protocol.ApiKey(a.key), v)
			if err != nil || id != 77 || r.Len() != 0 {
				t.Fatalf("key %d version %d: id %d, %d bytes left, %v", a.key, v, id, r.Len(), err)
			}
			switch m := m.(type) {
			case *apiversions.Response:
				if len(m.ApiKeys) != len(apis()) || m.ErrorCode != 0 {
					t.Errorf("version %d: %+v", v, m)
				}
			case *metadataapi.Response:
				if len(m.Brokers) != 1 || m.Brokers[0].Port != b.port || len(m.Topics) != 2 || len(m.Topics[0].Partitions) != 2 ||
					m.Topics[1].ErrorCode != codeUnknownTopic {
					t.Errorf("version %d: %+v", v, m)
				}
			case *createtopics.Response:
				if m.Topics[0].ErrorCode != codeTopicExists || v >= 1 && m.Topics[0].ErrorMessage == "" {
					t.Errorf("version %d: %+v", v, m)
				}
			case *deletetopics.Response:
				if len(m.Responses) != 2 || m.Responses[0].ErrorCode != codeUnknownTopic || m.Responses[1].ErrorCode != codeInvalidTopic || m.Responses[0].Name != "none" {
					t.Errorf("version %d: %+v", v, m)
				}
			case *produceapi.Response:
				p := m.Topics[0].Partitions
				if p[0].ErrorCode != 0 || p[0].BaseOffset != produced || p[1].ErrorCode != codeUnknownTopic {
					t.Errorf("version %d: %+v", v, m)
				}
				produced++
			case *listoffsets.Response:
				p := m.Topics[0].Partitions
				if p[0].Offset != 2 || p[0].ErrorCode != 0 || p[1].ErrorCode != codeUnknownTopic {
					t.Errorf("version %d: %+v", v, m)
				}
			case *describeconfigs.Response:
				x := m.Resources
				if len(x[0].ConfigEntries) != len(topicSettings()) || x[1].ErrorCode != codeUnknownTopic || len(x[2].ConfigEntries) != 1 ||
					x[2].ConfigEntries[0].ConfigValue != "4194304" || v >= 1 && len(x[0].ConfigEntries[0].ConfigSynonyms) != 1 {
					t.Errorf("version %d: %+v", v, m)
				}
			case *findcoordinator.Response:
				if m.ErrorCode != 0 || m.Port != b.port {
					t.Errorf("version %d: %+v", v, m)
				}
			case *offsetcommit.Response:
				if p := m.Topics[0].Partitions; p[0].ErrorCode != 0 || p[1].ErrorCode != codeUnknownTopic {
					t.Errorf("version %d: %+v", v, m)
				}
			case *offsetfetch.Response:
				if p := m.Topics[0].Partitions; p[0].CommittedOffset != -1 || p[1].CommittedOffset != 2 || p[1].Metadata != "m" || p[1].ErrorCode != 0 {
					t.Errorf("version %d: %+v", v, m)
				}
			case *fetchapi.Response:
				p := m.Topics[0].Partitions
				if p[0].ErrorCode != 0 || p[0].HighWatermark != produced || p[1].ErrorCode != codeUnknownTopic || p[2].ErrorCode != codeOutOfRange {
					t.Errorf("version %d: %+v", v, m)
				}
				for n := int64(0); ; n++ {
					rec, err := p[0].RecordSet.Records.ReadRecord()
					if errors.Is(err, io.EOF) {
						if n != produced {
							t.Errorf("version %d: %d records of %d", v, n, produced)
						}
						break
					}
					if err != nil || rec.Offset != n {
						t.Fatalf("version %d: record %d, %v", v, n, err)
					}
				}
			}
		}
	}
}

// A client that is newer than the broker learns which versions to use.
func TestNewerApiVersions(t *testing.T) {
	b := patient(t)
	req := binary.BigEndian.AppendUint16(nil, keyApiVersions)
	req = binary.BigEndian.AppendUint16(req, 4)
	req = append(binary.BigEndian.AppendUint32(req, 5), "\x00\x01x\x00\x02x\x02y\x00"...)
	out, err := b.answer(req, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, m, err := protocol.ReadResponse(bytes.NewReader(out), keyApiVersions, 0)
	if r, ok := m.(*apiversions.Response); err != nil || !ok || r.ErrorCode != codeUnsupportedVersion || len(r.ApiKeys) == 0 {
		t.Fatalf("%+v, %v", m, err)
	}
}

// Batches that cannot be kept as they are promised are refused, and nothing of them is stored.
func TestBadBatches(t *testing.T) {
	b := patient(t)
	change := func(do func(b batch)) batch {
		x := newBatch(2, body(2))
		do(x)
		binary.BigEndian.PutUint32(x[17:], crc32.Checksum(x[21:], castagnoli))
		return x
	}
	for name, c := range map[string]struct {
		batch batch
		code  int16
	}{
		"empty":       {nil, codeInvalidRecord},
		"short":       {newBatch(1, nil)[:60], codeInvalidRecord},
		"torn":        {newBatch(1, body(9))[:80], codeInvalidRecord},
		"two":         {append(newBatch(1, body(1)), newBatch(1, body(1))...), codeInvalidRecord},
		"old":         {change(func(b batch) { b[16] = 1 }), codeInvalidRecord},
		"crc":         {func() batch { x := newBatch(1, body(1)); x[70] ^= 4; return x }(), codeCorrupt},
		"no records":  {change(func(b batch) { b[60] = 0 }), codeInvalidRecord},
		"hole":        {change(func(b batch) { b[26] = 5 }), codeInvalidRecord},
		"control":     {change(func(b batch) { b[22] |= 0x20 }), codeInvalidRecord},
		"transaction": {change(func(b batch) { b[22] |= 0x10 }), codeInvalidRecord},
		"idempotent":  {change(func(b batch) { clear(b[43:51]) }), codeInvalidRecord},
		"large":       {newBatch(1, make([]byte, maxBatch)), codeTooLarge},
	} {
		var w writer
		b.produceOne(8, -1, "pages", write{0, c.batch}, &w)
		if got := int16(binary.BigEndian.Uint16(w.b[4:])); got != c.code {
			t.Errorf("%s: code %d, want %d", name, got, c.code)
		}
	}
	if _, end := b.partition("pages", 0).bounds(); end != 2 {
		t.Errorf("the log has grown to %d", end)
	}
}

// What is no request ends the connection, and nothing else.
func TestGarbageEndsTheConnection(t *testing.T) {
	b := start(t, Options{})
	for _, junk := range []string{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x00\x00\x00\x01x", "\x7f\xff\xff\xff", "\x00\x00\x00\x0a\x00\x63\x00\x00\x00\x00\x00\x01\xff\xff",
		"\x00\x00\x00\x0e\x00\x03\x00\x01\x00\x00\x00\x01\xff\xff\x7f\xff\xff\xff", strings.Repeat("\xff", 100)} {
		c, err := net.Dial("tcp", b.Addr())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte(junk)); err != nil {
			t.Fatal(err)
		}
		if err := c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Read(make([]byte, 10)); n > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%.20q is answered with %d bytes, %v", junk, n, err)
		}
		c.Close()
	}
	create(t, dial(t, b), "pages", 1)
}

func FuzzRequest(f *testing.F) {
	for key, m := range requests() {
		for v := findAPI(int16(key)).min; v <= findAPI(int16(key)).max; v++ {
			f.Add(request(f, v, m()))
		}
	}
	f.Add([]byte("\x00\x15\x00\x01\x00\x00\x00\x01\xff\xff\x00\x00\x00\x01\x00\x05pages\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01"))
	b := patient(f)
	f.Fuzz(func(t *testing.T, req []byte) {
		if len(req) < 8 {
			return
		}
		out, err := b.answer(bytes.Clone(req), nil)
		if err != nil || len(out) == 0 {
			return
		}
		if n := int(binary.BigEndian.Uint32(out)); n != len(out)-4 {
			t.Fatalf("the answer says %d bytes and has %d", n, len(out)-4)
		}
		key, version := protocol.ApiKey(binary.BigEndian.Uint16(req)), int16(binary.BigEndian.Uint16(req[2:]))
		if key == keyFetch || key == keyDeleteRecords || version < 0 || key == keyApiVersions && version > 2 {
			return // what was stored need not be records; kafka-go does not know DeleteRecords
		}
		r := bytes.NewReader(out)
		if _, _, err := protocol.ReadResponse(r, key, version); err != nil || r.Len() > 0 {
			t.Fatalf("key %d version %d: %v, %d bytes left", key, version, err, r.Len())
		}
	})
}
