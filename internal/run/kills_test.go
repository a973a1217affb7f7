package run

import (
	"math/rand/v2"
	"testing"
	"time"

	"millrace"
)

// Kills from outside, by the counters alone and in computed time: one at any moment, each 40 ms on average, over
// documents of about a millisecond and some of ten, three in work at once, with a commit every 40, which seven
// lives in ten do not reach. Some documents are suspected, and nobody is condemned; over other seeds it is one in some
// 400,000 kills, mostly of those that need ten.
func TestKillsFromOutsideAccuseNobody(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	j := &journal{deaths: map[millrace.Position]*death{}}
	at := func(o int64) millrace.Position { return millrace.Position{Partition: pages, Offset: o} }
	cost := func(o int64) time.Duration { // the same in each life
		if x := uint64(o) * 0x9E3779B97F4A7C15 >> 40; x%50 > 0 {
			return time.Duration(x%2000) * time.Microsecond
		}
		return 10 * time.Millisecond
	}
	const kills, workers, rows = 100_000, 3, 40
	committed, suspected, alones, barren := int64(0), map[int64]bool{}, 0, 0
	for range kills {
		before := committed
		var notes []note
		for o, left := committed, time.Duration(rng.ExpFloat64()*float64(40*time.Millisecond)); notes == nil; o++ {
			if o == committed+rows {
				committed = o
			}
			d := j.deaths[at(o)]
			if d != nil && d.guilty() {
				t.Fatalf("document %d is condemned: %+v", o, d)
			}
			single := j.suspect(at(o))
			left -= cost(o)
			switch {
			case single && left > 0:
				delete(j.deaths, at(o))
				suspected[o] = true
			case single:
				notes = []note{{kind: alone, at: at(o), id: "x"}}
				alones++
			case left <= 0:
				for n := range int64(workers) {
					notes = append(notes, note{kind: inWork, at: at(o + n), id: "x"})
				}
			}
		}
		old := j.deaths
		if notes[0].kind != alone {
			j.deaths = map[millrace.Position]*death{}
		}
		for _, n := range notes {
			j.count(n, old[n.at], unheard)
		}
		if committed == before {
			barren++
		}
	}
	t.Logf("%d kills, %d lives without a commit: %d documents were taken alone, %d kills hit one meanwhile", kills, barren, len(suspected), alones)
	if len(suspected) < 100 || alones < 20 || barren < kills/2 {
		t.Error("these kills put nobody to the test")
	}
}
