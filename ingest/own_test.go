package ingest

import (
	"math/rand/v2"
	"testing"

	"millrace"
)

// TestOwnSource: a sink that knows its source finds where it was by the end of the topic, where a fold of all finds the same;
// and it reads no more than that, unless somebody else has written much behind it.
func TestOwnSource(t *testing.T) {
	topic := newTopic(t)
	own, rng := topic, rand.New(rand.NewPCG(3, 7))
	own.Own = warc0
	here := millrace.Partition{Topic: topic.Name}
	base := millrace.Checkpoint{Next: map[millrace.Partition]int64{here: 0}, Marks: map[millrace.Partition]int64{}}
	mine, other := 0, 0
	for _, c := range []struct{ mine, other int }{{0, 0}, {0, 90}, {1, 0}, {300, 10}, {40, 0}, {0, 30}, {5, 700}, {200, 1}} {
		a, _ := resumed(t, topic, base)
		b, _ := resumed(t, topic, base)
		for m, o := c.mine, c.other; m+o > 0; {
			if n := min(m, 1+rng.IntN(50)); n > 0 {
				if err := a.Write(t.Context(), docs(warc0, mine, mine+n)); err != nil {
					t.Fatal(err)
				}
				mine, m = mine+n, m-n
			}
			if n := min(o, 1+rng.IntN(50)); n > 0 {
				if err := b.Write(t.Context(), docs(files0, other, other+n)); err != nil {
					t.Fatal(err)
				}
				other, o = other+n, o-n
			}
		}
		_, want := resumed(t, topic, base)
		_, got := resumed(t, own, base)
		if got.Next[warc0] != want.Next[warc0] || got.Next[files0] > want.Next[files0] {
			t.Errorf("after %+v: %v, want %v", c, got.Next, want.Next)
		}
	}
	s, _ := resumed(t, own, base) // what it writes now follows without a gap
	if err := s.Write(t.Context(), docs(warc0, mine, mine+10)); err != nil {
		t.Fatal(err)
	}
	ds, _, counts := drain(t, topic, base)
	if len(ds) != mine+10+other || counts.Redelivered > 0 {
		t.Errorf("%d documents of %d, %+v", len(ds), mine+10+other, counts)
	}
	_, all := resumed(t, own, millrace.Checkpoint{Next: map[millrace.Partition]int64{here: int64(len(ds))}, Marks: map[millrace.Partition]int64{warc0: 5}})
	if all.Next[warc0] != 6 { // the commit is right, nothing stands behind it
		t.Errorf("behind the last message: %v", all.Next)
	}
}

// TestOwnSourceBehindAZombie: a second writer that was behind writes old documents again. The sink begins too low then, and
// whoever reads passes over what comes twice.
func TestOwnSourceBehindAZombie(t *testing.T) {
	topic := newTopic(t)
	topic.Own = warc0
	zombie, _ := resumed(t, topic, millrace.Checkpoint{})
	s, _ := resumed(t, topic, millrace.Checkpoint{})
	if err := s.Write(t.Context(), docs(warc0, 0, 500)); err != nil {
		t.Fatal(err)
	}
	if err := zombie.Write(t.Context(), docs(warc0, 0, 100)); err != nil {
		t.Fatal(err)
	}
	s, next := resumed(t, topic, millrace.Checkpoint{})
	from := int(next.Next[warc0]+2) / 3
	if from < 100 || from > 500 {
		t.Fatalf("it begins at document %d", from)
	}
	if err := s.Write(t.Context(), docs(warc0, from, 600)); err != nil {
		t.Fatal(err)
	}
	ds, _, _ := drain(t, topic, millrace.Checkpoint{})
	wantOrder(t, ds, warc0, 600)
}
