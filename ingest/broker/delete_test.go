package broker

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// TestDeleteTopic: a deleted topic is gone for those who write and read, its neighbour is not, and one that is made
// under its name begins at 0, though a crash has left the folders of the old one.
func TestDeleteTopic(t *testing.T) {
	dir := t.TempDir()
	b := start(t, Options{Dir: dir})
	c := dial(t, b)
	create(t, c, "pages", 2)
	create(t, c, "pages-2", 1) // whose folders' names begin alike
	for _, topic := range []string{"pages", "pages-2"} {
		if _, err := produce(c, topic, 0, "a", "b"); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(filepath.Join(dir, "kept"), os.DirFS(filepath.Join(dir, "pages-0"))); err != nil {
		t.Fatal(err)
	}
	r, err := c.DeleteTopics(t.Context(), &kafka.DeleteTopicsRequest{Topics: []string{"pages", "none"}})
	if err != nil || r.Errors["pages"] != nil || !errors.Is(r.Errors["none"], kafka.UnknownTopicOrPartition) {
		t.Fatalf("%+v, %v", r, err)
	}
	// The broker says so, or kafka-go, which has asked it for its topics meanwhile.
	if _, err := produce(c, "pages", 0, "c"); !errors.Is(err, kafka.UnknownTopicOrPartition) && !errors.Is(err, protocol.ErrNoTopic) {
		t.Errorf("a write to a deleted topic: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "pages-[01]")); err != nil || len(left) > 0 {
		t.Errorf("%q is left, %v", left, err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "kept"), filepath.Join(dir, "pages-0")); err != nil {
		t.Fatal(err)
	}
	b = start(t, Options{Dir: dir})
	c = dial(t, b)
	if n := b.topicNames(); len(n) != 1 || n[0] != "pages-2" {
		t.Fatalf("topics %q", n)
	}
	create(t, c, "pages", 1)
	if base, err := produce(c, "pages", 0, "d"); err != nil || base != 0 {
		t.Errorf("the new topic begins at %d, %v", base, err)
	}
	if got := readAll(t, c, "pages-2", 0, 0); len(got) != 2 {
		t.Errorf("the neighbour has %q", got)
	}
}
