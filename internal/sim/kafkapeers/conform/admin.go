package main

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kmsg"

	"millrace/internal/sim/kafkapeers"
)

func setting(pairs ...string) (all []kafka.ConfigEntry) {
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, kafka.ConfigEntry{ConfigName: pairs[i], ConfigValue: pairs[i+1]})
	}
	return all
}

// own are the settings that millrace gives its topics.
func own() []kafka.ConfigEntry {
	return setting("cleanup.policy", "delete", "retention.ms", "-1", "retention.bytes", "-1", "compression.type", "producer", "max.message.bytes", "4194304")
}

func createCases() (all []kase) {
	add := func(name string, t kafka.TopicConfig, want ...string) {
		all = append(all, kase{"kafka-go", "create " + name, func(e *env) string {
			t := t
			switch t.Topic {
			case "":
				t.Topic = e.other
			case "known":
				t.Topic = e.topic
			case "case":
				t.Topic = strings.ToUpper(e.topic)
			case "empty":
				t.Topic = ""
			}
			return e.create(t, false)
		}, want})
	}
	add("one", kafka.TopicConfig{NumPartitions: 1, ReplicationFactor: 1}, "ok")
	add("default partitions and replicas", kafka.TopicConfig{NumPartitions: -1, ReplicationFactor: -1}, "ok")
	add("with millrace's settings", kafka.TopicConfig{NumPartitions: 3, ReplicationFactor: -1, ConfigEntries: own()}, "ok")
	add("again", kafka.TopicConfig{Topic: "known", NumPartitions: 2, ReplicationFactor: 1}, "code 36")
	add("differing by case", kafka.TopicConfig{Topic: "case", NumPartitions: 1, ReplicationFactor: 1}, "code 17")
	for _, name := range []string{"empty", ".", "..", "a/b", "a b", "ä", strings.Repeat("x", 250)} {
		add(fmt.Sprintf("named %.9q", name), kafka.TopicConfig{Topic: name, NumPartitions: 1, ReplicationFactor: 1}, "code 17")
	}
	add("no partitions", kafka.TopicConfig{NumPartitions: 0, ReplicationFactor: 1}, "code 37")
	add("three replicas", kafka.TopicConfig{NumPartitions: 1, ReplicationFactor: 3}, "code 38")
	add("no replicas", kafka.TopicConfig{NumPartitions: 1, ReplicationFactor: 0}, "code 38")
	add("unknown setting", kafka.TopicConfig{NumPartitions: 1, ReplicationFactor: 1, ConfigEntries: setting("no.such", "1")}, "code 40")
	add("bad value", kafka.TopicConfig{NumPartitions: 1, ReplicationFactor: 1, ConfigEntries: setting("retention.ms", "soon")}, "code 40")
	add("a setting that only others keep", kafka.TopicConfig{NumPartitions: 1, ReplicationFactor: 1, ConfigEntries: setting("retention.ms", "1000")}, "code 40")
	all = append(all, kase{"kafka-go", "create, only validated", func(e *env) string {
		what := e.create(kafka.TopicConfig{Topic: e.other, NumPartitions: 1, ReplicationFactor: 1}, true)
		r, err := e.kg.Metadata(e.ctx, &kafka.MetadataRequest{Topics: []string{e.other}})
		if err != nil {
			return said(err)
		}
		return what + ", then " + said(r.Topics[0].Error)
	}, []string{"ok, then code 3"}})
	for v := int16(2); v <= 4; v++ {
		all = append(all, kase{"kmsg", fmt.Sprintf("CreateTopics version %d", v), func(e *env) string {
			r := kmsg.NewPtrCreateTopicsRequest()
			t := kmsg.NewCreateTopicsRequestTopic()
			t.Topic, t.NumPartitions, t.ReplicationFactor = e.other, 1, 1
			r.Topics, r.TimeoutMillis = append(r.Topics, t), 5000
			resp, err := e.ask(v, r)
			if err != nil {
				return said(err)
			}
			return code(resp.(*kmsg.CreateTopicsResponse).Topics[0].ErrorCode)
		}, []string{"ok"}})
	}
	return all
}

// remove deletes topics and gives a code for each, in their order.
func (e *env) remove(version int16, names ...string) string {
	r := kmsg.NewPtrDeleteTopicsRequest()
	r.TopicNames, r.TimeoutMillis = names, 5000
	resp, err := e.ask(version, r)
	if err != nil {
		return said(err)
	}
	codes := map[string]int16{}
	for _, t := range resp.(*kmsg.DeleteTopicsResponse).Topics {
		codes[*t.Topic] = t.ErrorCode
	}
	var out []string
	for _, name := range names {
		out = append(out, code(codes[name]))
	}
	return strings.Join(out, ", ")
}

// gone waits until a topic cannot be written to: Kafka answers before all of it knows.
func (e *env) gone(topic string) string {
	what := ""
	for range 100 {
		if what, _ = e.produce(7, topic, 0, kafkapeers.Batch(values(1, 10)...)); what != "ok" {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	return what
}

func deleteCases() (all []kase) {
	for v := int16(0); v <= 3; v++ {
		all = append(all, kase{"kmsg", fmt.Sprintf("DeleteTopics version %d", v), func(e *env) string {
			e.fill(3)
			return e.remove(v, e.topic) + ", then " + e.gone(e.topic)
		}, []string{"ok, then code 3"}})
	}
	return append(all,
		kase{"kmsg", "delete a topic and one that is not there", func(e *env) string {
			return e.remove(3, e.other, e.topic)
		}, []string{"code 3, ok"}},
		kase{"kmsg", "delete a topic twice", func(e *env) string {
			return e.remove(3, e.topic) + ", " + e.gone(e.topic) + ", " + e.remove(3, e.topic)
		}, []string{"ok, code 3, code 3"}},
		kase{"kafka-go", "a topic that was deleted begins at 0 when it is made again", func(e *env) string {
			e.fill(4, 5)
			r, err := e.kg.DeleteTopics(e.ctx, &kafka.DeleteTopicsRequest{Topics: []string{e.topic}})
			if err == nil {
				err = r.Errors[e.topic]
			}
			if err != nil {
				return said(err)
			}
			what := ""
			for range 100 { // Kafka may still have the old one
				if what = e.create(kafka.TopicConfig{Topic: e.topic, NumPartitions: 2, ReplicationFactor: 1}, false); what != "code 36" {
					break
				}
				time.Sleep(50 * time.Millisecond)
			}
			offsets := ""
			for range 100 {
				if offsets = e.list(5, e.topic, 0, -2) + " to " + e.list(5, e.topic, 0, -1); !strings.Contains(offsets, "code") && offsets != "0 to 9" {
					break
				}
				time.Sleep(50 * time.Millisecond)
			}
			return what + ", " + offsets
		}, []string{"ok, 0 to 0"}},
	)
}

func metadataCases() (all []kase) {
	for v := int16(0); v <= 8; v++ {
		all = append(all, kase{"kmsg", fmt.Sprintf("Metadata version %d", v), func(e *env) string {
			r := kmsg.NewPtrMetadataRequest()
			for _, name := range []string{e.topic, e.other} {
				t := kmsg.NewMetadataRequestTopic()
				t.Topic = &name
				r.Topics = append(r.Topics, t)
			}
			resp, err := e.ask(v, r)
			if err != nil {
				return said(err)
			}
			m := resp.(*kmsg.MetadataResponse)
			sort.Slice(m.Topics, func(i, j int) bool { return m.Topics[i].ErrorCode < m.Topics[j].ErrorCode })
			return fmt.Sprintf("%d broker, %d partitions, then %s", len(m.Brokers), len(m.Topics[0].Partitions), code(m.Topics[1].ErrorCode))
		}, []string{"1 broker, 2 partitions, then code 3"}})
	}
	all = append(all, kase{"kafka-go", "metadata of all topics", func(e *env) string {
		r, err := e.kg.Metadata(e.ctx, &kafka.MetadataRequest{})
		if err != nil {
			return said(err)
		}
		return fmt.Sprint("it is there: ", slices.ContainsFunc(r.Topics, func(t kafka.Topic) bool { return t.Name == e.topic }))
	}, []string{"it is there: true"}})
	for v := int16(0); v <= 2; v++ {
		all = append(all, kase{"kmsg", fmt.Sprintf("ApiVersions version %d", v), func(e *env) string {
			resp, err := e.ask(v, kmsg.NewPtrApiVersionsRequest())
			if err != nil {
				return said(err)
			}
			var missing []int16
			have := resp.(*kmsg.ApiVersionsResponse).ApiKeys
			for _, key := range []int16{0, 1, 2, 3, 8, 9, 10, 18, 19, 20, 21, 32} {
				if !slices.ContainsFunc(have, func(k kmsg.ApiVersionsResponseApiKey) bool { return k.ApiKey == key }) {
					missing = append(missing, key)
				}
			}
			return fmt.Sprint("missing ", missing)
		}, []string{"missing []"}})
	}
	all = append(all, kase{"kmsg", "ApiVersions of a version to come", func(e *env) string {
		r := kmsg.NewPtrApiVersionsRequest()
		r.SetVersion(99)
		w, err := kafkapeers.Dial(e.addr)
		if err != nil {
			return said(err)
		}
		defer w.Close()
		if err := w.Send(r); err != nil {
			return said(err)
		}
		r.SetVersion(0) // the answer is in this one
		resp, err := w.Receive(r, 1)
		if err != nil {
			return said(err)
		}
		a := resp.(*kmsg.ApiVersionsResponse)
		return fmt.Sprintf("%s, keys: %t", code(a.ErrorCode), len(a.ApiKeys) > 0)
	}, []string{"code 35, keys: true"}}, kase{"kmsg", "a request that nobody serves", func(e *env) string {
		w, err := kafkapeers.Dial(e.addr)
		if err != nil {
			return said(err)
		}
		defer w.Close()
		r := kmsg.NewPtrMetadataRequest()
		r.SetVersion(99)
		_, err = w.Ask(r)
		return said(err)
	}, []string{"closed"}}, kase{"kmsg", "ten requests at once are answered in order", func(e *env) string {
		w, err := kafkapeers.Dial(e.addr)
		if err != nil {
			return said(err)
		}
		defer w.Close()
		r := kmsg.NewPtrMetadataRequest()
		r.SetVersion(5)
		for range 10 {
			if err := w.Send(r); err != nil {
				return said(err)
			}
		}
		for id := range int32(10) {
			if _, err := w.Receive(r, id+1); err != nil {
				return said(err)
			}
		}
		return "ok"
	}, []string{"ok"}})
	return all
}

// describe asks for settings and gives some of them.
func (e *env) describe(version int16, kind kmsg.ConfigResourceType, name string, asked []string, show ...string) string {
	r := kmsg.NewPtrDescribeConfigsRequest()
	x := kmsg.NewDescribeConfigsRequestResource()
	x.ResourceType, x.ResourceName, x.ConfigNames = kind, name, asked
	r.Resources = append(r.Resources, x)
	resp, err := e.ask(version, r)
	if err != nil {
		return said(err)
	}
	d := resp.(*kmsg.DescribeConfigsResponse).Resources[0]
	if d.ErrorCode != 0 {
		return code(d.ErrorCode)
	}
	var out []string
	for _, c := range d.Configs {
		if c.Value != nil && (len(show) == 0 || slices.Contains(show, c.Name)) {
			out = append(out, c.Name+"="+*c.Value)
		}
	}
	sort.Strings(out)
	return strings.Join(out, " ")
}

func settingCases() (all []kase) {
	const five = "cleanup.policy=delete compression.type=producer max.message.bytes=4194304 retention.bytes=-1 retention.ms=-1"
	for v := int16(1); v <= 3; v++ {
		all = append(all, kase{"kmsg", fmt.Sprintf("DescribeConfigs version %d", v), func(e *env) string {
			return e.describe(v, kmsg.ConfigResourceTypeTopic, e.topic, nil, "cleanup.policy", "compression.type", "max.message.bytes", "retention.bytes", "retention.ms")
		}, []string{five}})
	}
	return append(all,
		kase{"kmsg", "describe two settings", func(e *env) string {
			return e.describe(2, kmsg.ConfigResourceTypeTopic, e.topic, []string{"retention.ms", "min.insync.replicas", "no.such"})
		}, []string{"min.insync.replicas=1 retention.ms=-1"}},
		kase{"kmsg", "describe an unknown topic", func(e *env) string {
			return e.describe(2, kmsg.ConfigResourceTypeTopic, e.other, nil)
		}, []string{"code 3"}},
		kase{"kmsg", "describe a topic that cannot be", func(e *env) string {
			return e.describe(2, kmsg.ConfigResourceTypeTopic, "a/b", nil)
		}, []string{"code 17"}},
		kase{"kmsg", "describe what has no settings", func(e *env) string {
			return e.describe(2, 77, "x", nil)
		}, []string{"code 42"}},
		kase{"kmsg", "describe a broker that is not there", func(e *env) string {
			return e.describe(2, kmsg.ConfigResourceTypeBroker, "4711", nil, "message.max.bytes")
		}, []string{"code 42"}},
		kase{"kafka-go", "describe the broker", func(e *env) string {
			m, err := e.kg.Metadata(e.ctx, &kafka.MetadataRequest{})
			if err != nil {
				return said(err)
			}
			r, err := e.kg.DescribeConfigs(e.ctx, &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{
				{ResourceType: kafka.ResourceTypeBroker, ResourceName: fmt.Sprint(m.Brokers[0].ID), ConfigNames: []string{"message.max.bytes"}}}})
			if err != nil {
				return said(err)
			}
			x := r.Resources[0]
			if x.Error != nil || len(x.ConfigEntries) != 1 {
				return fmt.Sprintf("%d settings, %s", len(x.ConfigEntries), said(x.Error))
			}
			return x.ConfigEntries[0].ConfigName + "=" + x.ConfigEntries[0].ConfigValue
		}, []string{"message.max.bytes=4194304"}})
}
