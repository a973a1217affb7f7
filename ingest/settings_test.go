package ingest

import (
	"bytes"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"testing"

	"millrace"
)

func TestSettingsAreCompared(t *testing.T) {
	right := map[string]string{"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1", "compression.type": "producer", "max.message.bytes": "4194304",
		"min.insync.replicas": "1"}
	node := map[string]string{"message.max.bytes": "4194304", "socket.request.max.bytes": "104857600"}
	for _, x := range []struct {
		key, value string
		replicas   int
		want       string // "" is right
		warns      bool
	}{
		{"", "", 1, "", false},
		{"max.message.bytes", "9000000", 1, "", false},
		{"max.message.bytes", "1048588", 1, "4194304 or more", false},
		{"cleanup.policy", "compact", 1, "delete", false},
		{"cleanup.policy", "compact,delete", 1, "delete", false},
		{"retention.ms", "604800000", 1, "-1", false},
		{"retention.bytes", "1000", 1, "-1", false},
		{"compression.type", "gzip", 1, "producer", false},
		{"min.insync.replicas", "2", 1, "1 at most", false},
		{"min.insync.replicas", "2", 3, "", false},
		{"min.insync.replicas", "1", 3, "", true},
		{"message.max.bytes", "1048588", 1, "", true},
		{"socket.request.max.bytes", "1000000", 1, "on the broker", false},
	} {
		var talk bytes.Buffer
		c := &client{topic: Topic{Addr: "h:1", Name: "pages"}, log: slog.New(slog.NewTextHandler(&talk, nil))}
		topic, broker := maps.Clone(right), maps.Clone(node)
		if _, ok := broker[x.key]; ok {
			broker[x.key] = x.value
		} else if x.key != "" {
			topic[x.key] = x.value
		}
		err := c.compare(topic, broker, x.replicas)
		if got := talk.Len() > 0; got != x.warns {
			t.Errorf("%s = %s: warns %t: %s", x.key, x.value, got, talk.String())
		}
		if x.want == "" {
			if err != nil {
				t.Errorf("%s = %s: %v", x.key, x.value, err)
			}
			continue
		}
		var e *SettingError
		if !errors.Is(err, millrace.ErrStop) || !errors.As(err, &e) {
			t.Fatalf("%s = %s: %v", x.key, x.value, err)
		}
		for _, part := range []string{"topic pages", x.key, " = " + x.value, x.want, "start"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s = %s: %v: no %q in it", x.key, x.value, err, part)
			}
		}
		if !strings.HasSuffix(err.Error(), e.Mend) {
			t.Errorf("%v does not end with what to do", err)
		}
	}
	guest := &client{topic: Topic{Name: "theirs", Guest: true}, log: slog.New(slog.DiscardHandler)}
	if err := guest.compare(map[string]string{"retention.ms": "1000", "cleanup.policy": "compact"}, nil, 1); err != nil {
		t.Errorf("a topic of somebody else: %v", err)
	}
	if err := guest.compare(map[string]string{"max.message.bytes": "1000"}, nil, 1); !errors.Is(err, millrace.ErrStop) {
		t.Errorf("a topic of somebody else, too small: %v", err)
	}
	c := &client{topic: Topic{Name: "pages"}, log: slog.New(slog.DiscardHandler)}
	if err := c.compare(nil, nil, 1); err != nil {
		t.Errorf("what may not be read: %v", err)
	}
}

// A batch of ours fits into the topic, whatever it holds, and a fetch can bring it.
func TestSizesAgree(t *testing.T) {
	if batchBytes > largestValue || largestValue+64<<10 > maxMessage {
		t.Fatalf("batches of %d, values up to %d, messages up to %d", batchBytes, largestValue, maxMessage)
	}
}
