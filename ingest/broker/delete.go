package broker

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// deleteTopics ends topics for good: their names, and all that stands in them.
func (b *Broker) deleteTopics(version int16, r *reader, w *writer) bool {
	var names []string
	for range r.array(2) {
		names = append(names, r.string())
	}
	r.int32() // timeout
	if r.bad {
		return false
	}
	if version >= 1 {
		w.int32(0) // throttle
	}
	w.int32(int32(len(names)))
	for _, name := range names {
		w.string(name)
		w.int16(b.deleteTopic(name))
	}
	return false
}

// deleteTopic takes a topic out of the catalogue, and then its folders away. A crash between the two leaves folders
// that nobody serves; they go when the topic is deleted once more, or made anew.
func (b *Broker) deleteTopic(name string) (code int16) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !validTopic(name) {
		return codeInvalidTopic
	}
	parts, code := b.topics[name], int16(codeNone)
	if parts == nil {
		code = codeUnknownTopic
	} else {
		delete(b.topics, name)
		if err := b.storeTopics(); err != nil {
			b.topics[name] = parts
			b.opts.Log.Error("delete topic", "topic", name, "err", err)
			return codeStorage
		}
	}
	var errs []error
	for _, p := range parts {
		errs = append(errs, p.close())
	}
	if err := errors.Join(append(errs, b.dropFolders(name))...); err != nil {
		b.opts.Log.Warn("a deleted topic has left files", "topic", name, "err", err)
	}
	return code
}

// dropFolders removes the folders of a topic that does not exist: none of what stands there may come back.
func (b *Broker) dropFolders(name string) error {
	list, err := os.ReadDir(b.opts.Dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		number, ok := strings.CutPrefix(e.Name(), name+"-")
		if ok && e.IsDir() && number != "" && strings.Trim(number, "0123456789") == "" {
			if err := b.opts.Disk.RemoveAll("broker.delete", filepath.Join(b.opts.Dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
