package run

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millrace"
)

// The watchdog ends the process when one stage has one document for too long, and says which; many documents, many
// stages, and a process that was stopped take as long as they like.
func TestWatchdog(t *testing.T) {
	j := &journal{path: t.TempDir() + "/a", deaths: map[millrace.Position]*death{}}
	if err := j.write(1); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = j.release() }()
	var err error
	if j.last, _, err = openLastWords(j.path + ".crash"); err != nil {
		t.Fatal(err)
	}
	defer j.last.close()
	synctest.Test(t, func(t *testing.T) {
		var died []string
		g := &guarded{journal: j, Guard: Guard{Hang: time.Minute, Die: func(err error) { died = append(died, err.Error()) }}}
		h := &hand{g: g}
		g.hands = []*hand{h}
		stop := g.watch()
		d := &millrace.Document{Position: millrace.Position{Partition: pages, Offset: 3}}
		for n := range 10 {
			h.begin(d, string(rune('a'+n)), n == 0)
			time.Sleep(50 * time.Second)
		}
		h.rest()
		time.Sleep(time.Hour)
		if len(died) > 0 {
			t.Fatalf("died: %v", died)
		}
		h.begin(d, "slow", true)
		time.Sleep(time.Minute + 150*time.Millisecond)
		stop()
		if len(died) == 0 || !strings.Contains(died[0], "stage slow has worked on the document at pages/0/3") {
			t.Fatalf("died: %v", died)
		}
		if n, ok := parseNote(string(j.slots[headSize:])); !ok || n.kind != hung || n.stage != "slow" || n.at.Offset != 3 {
			t.Fatalf("noted %+v", n)
		}
	})
}

func TestMemoryWatch(t *testing.T) {
	var died error
	g := &guarded{Guard: Guard{Memory: 1 << 50, Die: func(err error) { died = err }}}
	if over := g.lookAtMemory(7); over != 0 || died != nil {
		t.Fatalf("%d looks over a limit that nobody reaches: %v", over, died)
	}
	g.Memory = heldMemory() * 9 / 10
	over := 0
	for range patience {
		over = g.lookAtMemory(over)
	}
	if over != patience || died != nil {
		t.Fatalf("%d looks: %v", over, died)
	}
	if g.lookAtMemory(over); died == nil {
		t.Fatal("memory that stays above the limit is let be")
	}
	died = nil
	g.Memory = heldMemory() / 2
	if g.lookAtMemory(0); died == nil {
		t.Fatal("memory far above the limit is let be")
	}
}
