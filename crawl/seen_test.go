package crawl

import (
	"encoding/binary"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestSeenTable holds the table against a map, with IDs that share what tells segments and slots apart.
func TestSeenTable(t *testing.T) {
	id := rapid.Custom(func(t *rapid.T) urlID {
		var id urlID
		binary.BigEndian.PutUint32(id[5:], uint32(rapid.IntRange(0, 2000).Draw(t, "low"))<<3)
		id[entrySize] = byte(rapid.IntRange(0, 2).Draw(t, "segment"))
		return id
	})
	rapid.Check(t, func(t *rapid.T) {
		table, want := newSeenTable(), map[urlID]state{}
		for range rapid.IntRange(0, 3000).Draw(t, "steps") {
			id := id.Draw(t, "id")
			to := state(rapid.IntRange(int(stateWaiting), int(stateFailed)).Draw(t, "state"))
			table.set(id, to)
			want[id] = to
		}
		used := 0
		for i := range table.segments {
			used += table.segments[i].used
		}
		if used != len(want) {
			t.Errorf("%d entries, want %d", used, len(want))
		}
		for id, s := range want {
			if got := table.get(id); got != s {
				t.Errorf("%x: state %d, want %d", id, got, s)
			}
		}
		other := id.Draw(t, "other")
		if got := table.get(other); got != want[other] {
			t.Errorf("%x: state %d, want %d", other, got, want[other])
		}
	})
}

// TestSeenTableTellsApart: 85 bits of the ID count, and no others.
func TestSeenTableTellsApart(t *testing.T) {
	table := newSeenTable()
	base := idOf("x")
	table.set(base, stateFetched)
	for bit := range 8 * len(base) {
		id := base
		id[bit/8] ^= 1 << (bit % 8)
		counts := bit/8 <= entrySize && !(bit/8 == entrySize-1 && bit%8 < 3)
		if known := table.get(id) != stateUnknown; known == counts {
			t.Errorf("bit %d: counts %v, known %v", bit, counts, known)
		}
	}
}

// TestOffsets holds the queue against a slice.
func TestOffsets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q offsets
		var want []int64
		pos := int64(0)
		for range rapid.IntRange(0, 3000).Draw(t, "steps") {
			if rapid.IntRange(0, 2).Draw(t, "pop") > 0 {
				pos += rapid.Int64Range(1, 1<<rapid.IntRange(1, 40).Draw(t, "bits")).Draw(t, "delta")
				q.push(pos)
				want = append(want, pos)
				continue
			}
			got, ok := q.pop()
			if ok != (len(want) > 0) || ok && got != want[0] {
				t.Fatalf("pop %d, %v; the queue is %d", got, ok, want)
			}
			want = want[min(1, len(want)):]
		}
		if got := slices.Collect(q.all()); !slices.Equal(got, want) || q.len() != len(want) || !q.sound() {
			t.Errorf("all %d, len %d, want %d", got, q.len(), want)
		}
	})
}
