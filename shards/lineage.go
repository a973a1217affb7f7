package shards

import "fmt"

// Lineage names the commit of the table that has the row before an offset, by the hash of its entry. Every entry holds
// the hash of the one before, so it names all commits before too: what somebody has kept of the rows below the offset
// is of this table if this is what it was then.
func (t *Table) Lineage(offset int64) (string, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	i, ok := t.entryAt(offset - 1)
	if !ok {
		return "", fmt.Errorf("no commit has offset %d", offset-1)
	}
	return t.log[i].checksum, nil
}
