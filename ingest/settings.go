package ingest

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/segmentio/kafka-go"

	"millrace"
)

// SettingError says that a topic or a broker is not set up so that nothing is lost. It wraps ErrStop.
type SettingError struct {
	Topic, Key, Have, Want string
	Mend                   string // what to do
}

func (e *SettingError) Error() string {
	return fmt.Sprintf("topic %s has %s = %s, and millrace needs %s: %s", e.Topic, e.Key, e.Have, e.Want, e.Mend)
}

func (e *SettingError) Unwrap() error { return millrace.ErrStop }

// want is one setting and the value that it has to have, or the least one.
type want struct {
	key, value string
	least      bool
}

// wanted are the settings of a topic: kept until Trim, byte for byte as written, and with room for a batch.
func wanted() []want {
	return []want{
		{"cleanup.policy", "delete", false},
		{"retention.ms", "-1", false},
		{"retention.bytes", "-1", false},
		{"compression.type", "producer", false},
		{"max.message.bytes", strconv.Itoa(maxMessage), true},
	}
}

// The settings that are only looked at.
const (
	keyInSync     = "min.insync.replicas"
	keyMessage    = "message.max.bytes"
	keyRequest    = "socket.request.max.bytes"
	requestMargin = 64 << 10 // what a request has besides its batch
	settingTries  = 4
)

// agree reads the settings of the topic and of the brokers that lead it back, and compares them with what is
// wanted: somebody may have made the topic, or changed it. A broker that does not say gives a warning.
func (c *client) agree(ctx context.Context) error {
	var topic, node map[string]string
	var replicas int
	tries := 0
	err := c.retry(ctx, "read the settings of", func(ctx context.Context) error {
		t, err := c.metadata(ctx)
		if err != nil {
			return err
		}
		if len(t.Partitions) == 0 {
			return kafka.UnknownTopicOrPartition
		}
		lead := t.Partitions[0]
		replicas = len(lead.Replicas)
		topic, node, err = c.describe(ctx, lead.Leader.ID)
		if tries++; err != nil && tries >= settingTries && ctx.Err() == nil {
			c.log.Warn("the broker does not say how the topic is set up; see that it keeps everything", "err", err)
			topic, node = nil, nil
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	return c.compare(topic, node, replicas)
}

// describe asks for the settings. What may not be read is left out, with a warning.
func (c *client) describe(ctx context.Context, leader int) (topic, node map[string]string, err error) {
	r, err := c.kafka.DescribeConfigs(ctx, &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{
		{ResourceType: kafka.ResourceTypeTopic, ResourceName: c.topic.Name},
		{ResourceType: kafka.ResourceTypeBroker, ResourceName: strconv.Itoa(leader), ConfigNames: []string{keyMessage, keyRequest}},
	}})
	if err != nil {
		return nil, nil, err
	}
	for _, x := range r.Resources {
		var code kafka.Error
		if errors.As(x.Error, &code) && code.Temporary() {
			return nil, nil, x.Error
		}
		if x.Error != nil {
			c.log.Warn("the broker does not show settings", "of", x.ResourceName, "err", x.Error)
			continue
		}
		all := map[string]string{}
		for _, e := range x.ConfigEntries {
			all[e.ConfigName] = e.ConfigValue
		}
		if x.ResourceType == int8(kafka.ResourceTypeTopic) {
			topic = all
		} else {
			node = all
		}
	}
	return topic, node, nil
}

// compare finds the first difference. What is not there is not compared.
func (c *client) compare(topic, node map[string]string, replicas int) error {
	name := c.topic.Name
	for _, w := range wanted() {
		have, ok := topic[w.key]
		if !ok || have == w.value || c.topic.Guest && !w.least || w.least && number(have) >= number(w.value) {
			continue
		}
		value := w.value
		if w.least {
			value += " or more"
		}
		return &SettingError{name, w.key, have, value, fmt.Sprintf(
			"kafka-configs.sh --bootstrap-server %s --alter --entity-type topics --entity-name %s --add-config %s=%s, then start again",
			c.topic.Addr, name, w.key, w.value)}
	}
	if have, ok := topic[keyInSync]; ok && replicas > 0 {
		switch n := number(have); {
		case n > int64(replicas):
			return &SettingError{name, keyInSync, have, fmt.Sprintf("%d at most, for so many replicas has a partition", replicas), fmt.Sprintf(
				"kafka-configs.sh --bootstrap-server %s --alter --entity-type topics --entity-name %s --add-config %s=%d, or give the topic more replicas, then start again",
				c.topic.Addr, name, keyInSync, replicas)}
		case n == 1 && replicas > 1:
			c.log.Warn("one broker alone may acknowledge: what it has not copied is lost with it", "setting", keyInSync, "have", have, "replicas", replicas)
		}
	}
	if have, ok := node[keyRequest]; ok && number(have) < maxMessage+requestMargin {
		return &SettingError{name, keyRequest, have, strconv.Itoa(maxMessage+requestMargin) + " or more, on the broker",
			"raise it in the broker's server.properties and start the broker anew"}
	}
	// The topic's own limit goes before the broker's, but whoever makes the topic anew may forget it.
	if have, ok := node[keyMessage]; ok && number(have) < maxMessage {
		c.log.Warn("the broker's limit is below the topic's, which holds", "setting", keyMessage, "have", have, "topic", maxMessage)
	}
	return nil
}

// number is 0 for what is none.
func number(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}
