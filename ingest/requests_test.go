package ingest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/segmentio/kafka-go"

	"millrace"
)

// openRequests opens the topic in t's broker, and closes it with the test.
func openRequests(t testing.TB, topic Topic, worker, workers int) *Requests {
	t.Helper()
	r, err := topic.Requests(t.Context(), worker, workers)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// TestRequests sends links and standings over connections that break. Whatever is sent arrives, in order; what
// was sent again, because its answer was lost, may arrive twice.
func TestRequests(t *testing.T) {
	topic := newTopic(t)
	reader := openRequests(t, topic, 1, 2)
	f := &faults{r: rand.New(rand.NewPCG(5, 6))}
	broken := topic
	broken.dial = f.dial
	writer := openRequests(t, broken, 0, 2)
	f.mu.Lock()
	f.budget = 25 // from now on
	f.mu.Unlock()
	var sent []Link
	for i := range 40 {
		batch := []Link{
			{URL: fmt.Sprintf("http://h.example/%d", i), Depth: i, Hops: i % 3, Sitemap: i%7 == 0},
			{URL: "http://h.example/" + strings.Repeat("x", i*2000), Depth: 1},
		}
		if err := writer.Send(t.Context(), 1, batch); err != nil {
			t.Fatal(err)
		}
		sent = append(sent, batch...)
		if err := writer.Report(t.Context(), Standing{Worker: 0, Idle: true, Next: int64(i), Ended: i == 39}); err != nil {
			t.Fatal(err)
		}
	}
	ends, err := reader.Ends(t.Context())
	if err != nil || len(ends) != 2 || ends[0] != 0 || ends[1] < 40 {
		t.Errorf("%v, ends %d", err, ends)
	}
	var got []Link
	for next := int64(0); next < ends[1]; {
		var links []Link
		if links, next, err = reader.Receive(t.Context(), next); err != nil {
			t.Fatal(err)
		}
		got = append(got, links...)
	}
	if first := firstOf(got); !slices.Equal(first, firstOf(sent)) {
		t.Errorf("%d links, %d different ones, want %d; %d faults", len(got), len(first), len(sent), f.hits)
	}
	all, next, err := reader.Standings(t.Context(), 0)
	for err == nil && !all[len(all)-1].Ended {
		var more []Standing
		more, next, err = reader.Standings(t.Context(), next)
		all = append(all, more...)
	}
	if err != nil || all[0] != (Standing{Idle: true}) || all[len(all)-1] != (Standing{Idle: true, Next: 39, Ended: true}) {
		t.Errorf("%v, standings %+v", err, all)
	}
	if f.hits == 0 {
		t.Error("no connection broke")
	}
}

// firstOf leaves out what came before.
func firstOf(links []Link) (out []Link) {
	seen := map[Link]bool{}
	for _, l := range links {
		if !seen[l] {
			out = append(out, l)
		}
		seen[l] = true
	}
	return out
}

func TestRequestsOfAnotherNumber(t *testing.T) {
	topic := newTopic(t)
	openRequests(t, topic, 0, 2)
	if _, err := topic.Requests(t.Context(), 0, 3); !errors.Is(err, millrace.ErrStop) {
		t.Errorf("opened for three workers: %v", err)
	}
}

// TestRequestsAreChecked: a message that is not what was written is never passed over.
func TestRequestsAreChecked(t *testing.T) {
	topic := newTopic(t)
	r := openRequests(t, topic, 0, 1)
	if err := r.Send(t.Context(), 0, []Link{{URL: "http://h.example/"}}); err != nil {
		t.Fatal(err)
	}
	rec := kafka.Record{Headers: []kafka.Header{{Key: headKind, Value: []byte(kindLinks)}, {Key: headSHA, Value: make([]byte, 32)}}}
	if _, err := r.out[0].produce(t.Context(), []kafka.Record{rec}, [][]byte{{10, 0}}); err != nil {
		t.Fatal(err)
	}
	next := int64(0)
	var err error
	for err == nil && next < 2 {
		_, next, err = r.Receive(t.Context(), next)
	}
	if !errors.Is(err, millrace.ErrIntegrity) {
		t.Errorf("read up to %d: %v", next, err)
	}
}

// FuzzLink: bytes of a stranger make a link or an error.
func FuzzLink(f *testing.F) {
	f.Add([]byte(encodeLink(Link{URL: "http://h.example/", Depth: 3, Hops: 1, Sitemap: true})))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := decodeLink(b)
		if err != nil {
			return
		}
		if again, err := decodeLink(encodeLink(l)); err != nil || again != l {
			t.Errorf("%v, %+v became %+v", err, l, again)
		}
	})
}
