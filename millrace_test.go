package millrace_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"millrace"
)

func ExampleVerdict() {
	v := millrace.Verdict{Reason: millrace.QualityWordCount, Stage: "gopher-quality", Signal: "words", Value: 7, Limit: 50}
	fmt.Println(v)
	fmt.Println(millrace.Verdict{})
	// Output:
	// dropped by gopher-quality: quality.word_count (words = 7, limit 50)
	// kept
}

func ExamplePosition() {
	p, err := millrace.ParsePosition("pages/0/1234")
	fmt.Println(p.Topic, p.Index, p.Offset, err)
	// Output: pages 0 1234 <nil>
}

func TestPositionRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := millrace.Position{Partition: millrace.Partition{
			Topic: rapid.StringMatching(`[a-z/.]{1,8}`).Draw(t, "topic"), Index: rapid.Int32Range(0, 1<<30).Draw(t, "index")},
			Offset: rapid.Int64Range(0, 1<<62).Draw(t, "offset")}
		got, err := millrace.ParsePosition(p.String())
		if err != nil || got != p {
			t.Fatalf("%q: got %v, %v", p.String(), got, err)
		}
	})
}

func TestIDRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := millrace.NewID(rapid.String().Draw(t, "url"), [32]byte{1})
		got, err := millrace.ParseID(id.String())
		if err != nil || got != id {
			t.Fatalf("got %v, %v", got, err)
		}
	})
	for _, bad := range []string{"", "xyz", "00", "zz000000000000000000000000000000"} {
		if _, err := millrace.ParseID(bad); err == nil {
			t.Errorf("%q is taken for an ID", bad)
		}
	}
}

// Law 1: whatever the verdicts and however ledgers are joined, in = kept + dropped + failed per stage.
func TestTallyBalances(t *testing.T) {
	stages := []string{"fetch", "extract", "dedup"}
	reasons := []millrace.Reason{"", millrace.FetchStatus, millrace.FailedExtract, millrace.DupNear}
	rapid.Check(t, func(t *rapid.T) {
		sum := millrace.NewTally(stages)
		var n int64
		for range rapid.IntRange(0, 4).Draw(t, "parts") {
			part := millrace.NewTally(stages[:rapid.IntRange(0, 3).Draw(t, "known")])
			for range rapid.IntRange(0, 30).Draw(t, "docs") {
				v := millrace.Verdict{Reason: rapid.SampledFrom(reasons).Draw(t, "reason")}
				if !v.Kept() {
					v.Stage = rapid.SampledFrom(append(stages, "other")).Draw(t, "stage")
				}
				part.Count(v)
				n++
			}
			if err := part.Check(); err != nil {
				t.Fatal(err)
			}
			sum.Add(part)
		}
		if err := sum.Check(); err != nil {
			t.Fatal(err)
		}
		if in, kept, dropped, failed := sum.Totals(); in != n || in != kept+dropped+failed {
			t.Fatalf("in %d of %d, kept %d, dropped %d, failed %d", in, n, kept, dropped, failed)
		}
		if len(sum.Stages) > 0 && sum.Stages[len(sum.Stages)-1].Kept != sum.Kept {
			t.Fatalf("the last stage kept %d of %d", sum.Stages[len(sum.Stages)-1].Kept, sum.Kept)
		}
	})
}

func TestTallyCheckSeesALostDocument(t *testing.T) {
	a := millrace.NewTally([]string{"extract"})
	a.Count(millrace.Verdict{})
	a.In++
	if a.Check() == nil {
		t.Fatal("a lost document passes")
	}
}

// TestWithdraws: whatever a policy about consent decides holds for the older versions of a page too.
func TestWithdraws(t *testing.T) {
	for r, want := range map[millrace.Reason]bool{"": false, millrace.ConsentNoTrain: true, millrace.ConsentNoIndex: true, millrace.ConsentNotSaid: true, millrace.RemovedGone: true, millrace.DupExact: false, millrace.FetchStatus: false, millrace.FailedLoad: false} {
		if got := (millrace.Verdict{Reason: r}).Withdraws(); got != want {
			t.Errorf("%q: %v", r, got)
		}
	}
}

func TestCheckpointTakesForward(t *testing.T) {
	var c millrace.Checkpoint
	pages, warc := millrace.Partition{Topic: "pages"}, millrace.Partition{Topic: "warc"}
	for _, o := range []int64{0, 5, 3} {
		c.Take(&millrace.Document{Position: millrace.Position{Partition: pages, Offset: o}, Via: millrace.Position{Partition: warc, Offset: o}})
	}
	if c.Next[pages] != 6 || c.Marks[warc] != 5 {
		t.Fatalf("got %+v", c)
	}
	d := c.Clone()
	d.Next[pages] = 0
	if c.Next[pages] != 6 {
		t.Fatal("a clone shares its map")
	}
}
