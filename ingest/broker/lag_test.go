package broker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/segmentio/kafka-go"

	"millrace"
)

// commitLag commits one offset, as a lag tool does.
func commitLag(t testing.TB, c *kafka.Client, r kafka.OffsetCommitRequest, topic string, o kafka.OffsetCommit) error {
	t.Helper()
	r.Topics = map[string][]kafka.OffsetCommit{topic: {o}}
	res, err := c.OffsetCommit(t.Context(), &r)
	if err != nil {
		t.Fatal(err)
	}
	return res.Topics[topic][0].Error
}

func TestCommittedOffsets(t *testing.T) {
	dir := t.TempDir()
	b := start(t, Options{Dir: dir})
	c := dial(t, b)
	create(t, c, "pages", 2)
	if _, err := os.Stat(offsetsPath(dir)); !errors.Is(err, os.ErrNotExist) {
		t.Fatal("a file without need")
	}
	for i := range 5 {
		if err := commitLag(t, c, kafka.OffsetCommitRequest{GroupID: "lag", GenerationID: -1}, "pages", kafka.OffsetCommit{Partition: i % 2, Offset: int64(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b = start(t, Options{Dir: dir})
	r, err := dial(t, b).OffsetFetch(t.Context(), &kafka.OffsetFetchRequest{GroupID: "lag", Topics: map[string][]int{"pages": {0, 1}}})
	if err != nil || r.Topics["pages"][0].CommittedOffset != 4 || r.Topics["pages"][1].CommittedOffset != 3 {
		t.Fatalf("%+v, %v", r, err)
	}
	r, err = dial(t, b).OffsetFetch(t.Context(), &kafka.OffsetFetchRequest{GroupID: "lag"})
	if err != nil || len(r.Topics["pages"]) != 2 {
		t.Fatalf("all of a group: %+v, %v", r, err)
	}
	if r, err = dial(t, b).OffsetFetch(t.Context(), &kafka.OffsetFetchRequest{GroupID: "other"}); err != nil || len(r.Topics) != 0 {
		t.Fatalf("of another group: %+v, %v", r, err)
	}
}

func TestLagRefusals(t *testing.T) {
	b := start(t, Options{})
	c := dial(t, b)
	create(t, c, "pages", 1)
	simple := kafka.OffsetCommitRequest{GroupID: "lag", GenerationID: -1}
	for name, x := range map[string]struct {
		r     kafka.OffsetCommitRequest
		topic string
		o     kafka.OffsetCommit
		want  error
	}{
		"simple":     {simple, "pages", kafka.OffsetCommit{Metadata: strings.Repeat("x", maxMetadata)}, nil},
		"topic":      {simple, "none", kafka.OffsetCommit{}, kafka.UnknownTopicOrPartition},
		"partition":  {simple, "pages", kafka.OffsetCommit{Partition: 1}, kafka.UnknownTopicOrPartition},
		"metadata":   {simple, "pages", kafka.OffsetCommit{Metadata: strings.Repeat("x", maxMetadata+1)}, kafka.OffsetMetadataTooLarge},
		"generation": {kafka.OffsetCommitRequest{GroupID: "lag", GenerationID: 3}, "pages", kafka.OffsetCommit{}, kafka.IllegalGeneration},
		"member":     {kafka.OffsetCommitRequest{GroupID: "lag", GenerationID: -1, MemberID: "m"}, "pages", kafka.OffsetCommit{}, kafka.UnknownMemberId},
		"group":      {kafka.OffsetCommitRequest{GroupID: strings.Repeat("g", maxGroup+1), GenerationID: -1}, "pages", kafka.OffsetCommit{}, kafka.InvalidGroupId},
	} {
		if err := commitLag(t, c, x.r, x.topic, x.o); !errors.Is(err, x.want) {
			t.Errorf("%s: %v, want %v", name, err, x.want)
		}
	}
	for _, r := range []kafka.FindCoordinatorRequest{{Key: "tx", KeyType: kafka.CoordinatorKeyTypeTransaction}, {Key: ""}} {
		if got, err := c.FindCoordinator(t.Context(), &r); err != nil || got.Error == nil {
			t.Errorf("%+v: %+v, %v", r, got, err)
		}
	}
}

// However many groups there are, the file stays small, and what stands in it stays.
func TestOffsetsAreBounded(t *testing.T) {
	b := start(t, Options{})
	if code, what := b.createTopic("pages", 1, false); code != codeNone {
		t.Fatal(what)
	}
	var all []committed
	for i := range maxOffsets {
		all = append(all, committed{spot: spot{fmt.Sprintf("%0*d", maxGroup, i), "pages", 0}, Metadata: strings.Repeat("\x01", maxMetadata)})
	}
	if code := b.commitOffsets(all); code != codeNone {
		t.Fatalf("code %d", code)
	}
	if code := b.commitOffsets([]committed{{spot: spot{"one more", "pages", 0}}}); code != codeOffsetsSize {
		t.Fatalf("code %d", code)
	}
	if code := b.commitOffsets([]committed{{spot: all[7].spot, Offset: 8}}); code != codeNone {
		t.Fatalf("a group that is there: code %d", code)
	}
	info, err := os.Stat(offsetsPath(b.opts.Dir))
	if err != nil || info.Size() > 8<<20 {
		t.Fatalf("%v, %v", info, err)
	}
	if c, ok := b.committedOffset(all[7].spot); !ok || c.Offset != 8 {
		t.Fatalf("%+v", c)
	}
}

// A flipped bit in a state file is seen. The catalogue of topics is needed; committed offsets are not, and
// are put aside.
func TestFlippedBitInStateFiles(t *testing.T) {
	dir := t.TempDir()
	b := start(t, Options{Dir: dir})
	create(t, dial(t, b), "pages", 1)
	if code := b.commitOffsets([]committed{{spot: spot{"lag", "pages", 0}, Offset: 7}}); code != codeNone {
		t.Fatal(code)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	topics, err := os.ReadFile(cataloguePath(dir))
	if err != nil {
		t.Fatal(err)
	}
	lag, err := os.ReadFile(offsetsPath(dir))
	if err != nil {
		t.Fatal(err)
	}
	for bit := range len(topics) * 8 {
		raw := bytes.Clone(topics)
		raw[bit/8] ^= 1 << (bit % 8)
		if c, err := decodeCatalogue(raw); err == nil {
			t.Fatalf("bit %d: %+v", bit, c)
		}
	}
	for bit := range len(lag) * 8 {
		raw := bytes.Clone(lag)
		raw[bit/8] ^= 1 << (bit % 8)
		if all, err := decodeOffsets(raw); err == nil {
			t.Fatalf("bit %d: %v", bit, all)
		}
	}
	if err := os.WriteFile(offsetsPath(dir), lag[:len(lag)-1], 0o644); err != nil {
		t.Fatal(err)
	}
	b = start(t, Options{Dir: dir})
	if _, ok := b.committedOffset(spot{"lag", "pages", 0}); ok {
		t.Fatal("a damaged offset is served")
	}
	if _, err := os.Stat(offsetsPath(dir) + ".damaged"); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	topics[10] ^= 1
	if err := os.WriteFile(cataloguePath(dir), topics, 0o644); err != nil {
		t.Fatal(err)
	}
	if b, err := Start(t.Context(), Options{Dir: dir}); !errors.Is(err, millrace.ErrIntegrity) {
		b.Close()
		t.Fatalf("got %v", err)
	}
}

// The catalogue of earlier versions has no checksum and is read all the same.
func TestOlderCatalogue(t *testing.T) {
	raw, err := json.Marshal(catalogue{Format: 1, Topics: map[string]int32{"pages": 2}})
	if err != nil {
		t.Fatal(err)
	}
	if c, err := decodeCatalogue(append(raw, '\n')); err != nil || c.Topics["pages"] != 2 {
		t.Fatalf("%+v, %v", c, err)
	}
}

func TestSettings(t *testing.T) {
	b := start(t, Options{})
	c := dial(t, b)
	var own []kafka.ConfigEntry
	for _, s := range topicSettings() {
		own = append(own, kafka.ConfigEntry{ConfigName: s.name, ConfigValue: s.value})
	}
	r, err := c.CreateTopics(t.Context(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{Topic: "pages", NumPartitions: 1, ReplicationFactor: 1, ConfigEntries: own}}})
	if err != nil || r.Errors["pages"] != nil {
		t.Fatalf("%v, %v: what is described can be asked for", err, r)
	}
	d, err := c.DescribeConfigs(t.Context(), &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{
		{ResourceType: kafka.ResourceTypeTopic, ResourceName: "pages", ConfigNames: []string{"retention.ms", "no.such"}},
		{ResourceType: kafka.ResourceTypeTopic, ResourceName: "a/b"},
		{ResourceType: kafka.ResourceTypeBroker, ResourceName: "0"},
		{ResourceType: kafka.ResourceTypeGroup, ResourceName: "lag"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range d.Resources {
		switch x.ResourceName {
		case "pages":
			if x.Error != nil || len(x.ConfigEntries) != 1 || x.ConfigEntries[0].ConfigValue != "-1" {
				t.Errorf("%+v", x)
			}
		case "a/b":
			if !errors.Is(x.Error, kafka.InvalidTopic) {
				t.Errorf("%+v", x)
			}
		case "0":
			if x.Error != nil || len(x.ConfigEntries) != len(b.nodeSettings()) {
				t.Errorf("%+v", x)
			}
		default:
			if !errors.Is(x.Error, kafka.InvalidRequest) {
				t.Errorf("%+v", x)
			}
		}
	}
}

func FuzzSealed(f *testing.F) {
	f.Add(seal([]byte("{\"format\":1}\n")))
	f.Fuzz(func(t *testing.T, raw []byte) {
		decodeOffsets(raw)
		decodeCatalogue(raw)
		if body, ok := unseal(raw); ok && !bytes.Equal(seal(bytes.Clone(body)), raw) {
			t.Fatal("a sealed file changes by a round trip")
		}
	})
}
