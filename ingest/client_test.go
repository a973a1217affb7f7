package ingest

import (
	"fmt"
	"io"
	"testing"

	"github.com/segmentio/kafka-go"

	"millrace"
)

// TestPermanent: what the next attempt may mend is no reason to end.
func TestPermanent(t *testing.T) {
	c := Topic{Addr: "127.0.0.1:1", Name: "pages"}.open()
	defer c.close()
	tests := []struct {
		err  error
		ends bool
	}{
		{io.ErrUnexpectedEOF, false},
		{kafka.LeaderNotAvailable, false},
		{kafka.NotEnoughReplicas, false},
		{fmt.Errorf("create topic: %w", kafka.BrokerNotAvailable), false},
		{kafka.MessageSizeTooLarge, true},
		{kafka.TopicAuthorizationFailed, true},
		{fmt.Errorf("gap: %w", millrace.ErrIntegrity), true},
	}
	for _, tt := range tests {
		if got := c.permanent(tt.err); (got != nil) != tt.ends {
			t.Errorf("%v: %v, want an end: %v", tt.err, got, tt.ends)
		}
	}
}
