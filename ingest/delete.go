package ingest

import (
	"context"
	"errors"
	"fmt"

	"github.com/segmentio/kafka-go"
)

// Delete ends the topic for good. One that does not exist is no error. Where topics may not be deleted, each
// partition is trimmed to its end.
func (t Topic) Delete(ctx context.Context) error {
	c := t.open()
	defer c.close()
	var denied error
	err := c.retry(ctx, "delete", func(ctx context.Context) error {
		r, err := c.kafka.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: []string{t.Name}})
		if err == nil {
			err = r.Errors[t.Name]
		}
		switch {
		case errors.Is(err, kafka.UnknownTopicOrPartition):
			return nil
		case mayNotDelete(err):
			denied = err
			return nil
		}
		return err
	})
	if err != nil || denied == nil {
		return err
	}
	n, err := t.Layout(ctx)
	for p := 0; err == nil && p < n; p++ {
		t.Partition = int32(p)
		var begin, end int64
		if begin, end, err = t.Ends(ctx); err == nil && begin < end {
			err = t.Trim(ctx, end)
		}
	}
	if err != nil {
		return fmt.Errorf("topic %s may not be deleted (%w), nor trimmed: %w", t.Name, denied, err)
	}
	c.log.Warn("the topic may not be deleted: it was emptied; delete it yourself", "err", denied)
	return nil
}

// mayNotDelete tells the answers of a broker that lets nobody, or not this user, delete topics.
func mayNotDelete(err error) bool {
	for _, e := range []error{kafka.TopicAuthorizationFailed, kafka.ClusterAuthorizationFailed, kafka.InvalidRequest, kafka.PolicyViolation, kafka.TopicDeletionDisabled} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
