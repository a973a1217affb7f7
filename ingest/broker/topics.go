package broker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"millrace"
)

// maxPartitions bounds the files that are open at once.
const maxPartitions = 256

// catalogue is topics.json: which topics exist, with how many partitions. A topic exists once it
// stands there; its folders are made before. Format 1 has no checksum.
type catalogue struct {
	Format int              `json:"format"`
	Topics map[string]int32 `json:"topics"`
}

const catalogueFormat = 2

func cataloguePath(dir string) string { return filepath.Join(dir, "topics.json") }

func partitionDir(dir, topic string, index int32) string {
	return filepath.Join(dir, fmt.Sprintf("%s-%d", topic, index))
}

func decodeCatalogue(raw []byte) (c catalogue, err error) {
	body, sealed := unseal(raw)
	if !sealed {
		body = raw
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return c, fmt.Errorf("%w: %w", err, millrace.ErrIntegrity)
	}
	if rest := bytes.TrimSpace(body[dec.InputOffset():]); len(rest) > 0 || !sealed && c.Format >= catalogueFormat {
		return c, fmt.Errorf("the file does not match its checksum: %w", millrace.ErrIntegrity)
	}
	if c.Format < 1 || c.Format > catalogueFormat {
		return c, fmt.Errorf("format %d; this version reads formats up to %d", c.Format, catalogueFormat)
	}
	for name, n := range c.Topics {
		if !validTopic(name) || n < 1 || n > maxPartitions {
			return c, fmt.Errorf("topic %q with %d partitions: %w", name, n, millrace.ErrIntegrity)
		}
	}
	return c, nil
}

// loadTopics opens all partitions.
func (b *Broker) loadTopics(ctx context.Context) error {
	raw, err := os.ReadFile(cataloguePath(b.opts.Dir))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	c, err := decodeCatalogue(raw)
	if err != nil {
		return fmt.Errorf("read %s: %w", cataloguePath(b.opts.Dir), err)
	}
	for name, n := range c.Topics {
		if err := ctx.Err(); err != nil {
			return err
		}
		parts, err := b.openTopic(name, n)
		if err != nil {
			return err
		}
		b.topics[name] = parts
	}
	return nil
}

func (b *Broker) openTopic(name string, n int32) ([]*partition, error) {
	parts := make([]*partition, 0, n)
	for i := range n {
		p, err := openPartition(partitionDir(b.opts.Dir, name, i), &b.opts, &b.read, b.moved)
		if err != nil {
			for _, q := range parts {
				q.close()
			}
			return nil, err
		}
		parts = append(parts, p)
	}
	return parts, nil
}

// validTopic is Kafka's rule for names; they become folder names.
func validTopic(name string) bool {
	if name == "" || len(name) > 249 || name == "." || name == ".." {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-'
	})
}

// createTopic makes a topic durable, or says with a Kafka code why not.
func (b *Broker) createTopic(name string, n int32, dry bool) (code int16, what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !validTopic(name) {
		return codeInvalidTopic, "a name has 1 to 249 letters, digits, '.', '_' or '-'"
	}
	total := n
	for have, parts := range b.topics {
		if have == name {
			return codeTopicExists, "the topic exists"
		}
		if strings.EqualFold(have, name) {
			return codeInvalidTopic, "the topic differs from " + have + " by case only, which some file systems cannot tell apart"
		}
		total += int32(len(parts))
	}
	if n < 1 || total > maxPartitions {
		return codeInvalidPartitions, fmt.Sprintf("1 to %d partitions in all", maxPartitions)
	}
	if dry {
		return codeNone, ""
	}
	var parts []*partition
	err := b.dropFolders(name) // of one that was deleted, or never came to be
	if err == nil {
		parts, err = b.openTopic(name, n)
	}
	if err == nil {
		b.topics[name] = parts
		if err = b.storeTopics(); err == nil {
			return codeNone, ""
		}
		delete(b.topics, name)
		for _, p := range parts {
			p.close()
		}
	}
	b.opts.Log.Error("create topic", "topic", name, "err", err)
	return codeStorage, err.Error()
}

// storeTopics writes the catalogue.
func (b *Broker) storeTopics() error {
	c := catalogue{Format: catalogueFormat, Topics: map[string]int32{}}
	for t, parts := range b.topics {
		c.Topics[t] = int32(len(parts))
	}
	raw, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return b.opts.Disk.Replace("broker.topics", cataloguePath(b.opts.Dir), seal(append(raw, '\n')))
}

// partition finds one; nil where there is none.
func (b *Broker) partition(topic string, index int32) *partition {
	b.mu.RLock()
	defer b.mu.RUnlock()
	parts := b.topics[topic]
	if index < 0 || int(index) >= len(parts) {
		return nil
	}
	return parts[index]
}

// topicNames gives all topics, sorted.
func (b *Broker) topicNames() []string {
	b.mu.RLock()
	defer b.mu.RUnlock()
	names := make([]string, 0, len(b.topics))
	for t := range b.topics {
		names = append(names, t)
	}
	slices.Sort(names)
	return names
}
