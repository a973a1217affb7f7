package shards

import "fmt"

// Generation names the table since its last rebuild: its ID and the number of the commit that it begins with. What
// somebody knows by offsets of one generation says nothing about another.
func (t *Table) Generation() string {
	t.mu.RLock()
	n := t.rebuilt
	t.mu.RUnlock()
	return fmt.Sprintf("%s-%d", t.id(), n)
}
