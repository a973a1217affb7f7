package crawl

import (
	"slices"
	"time"
)

// maxSurveyed is how many hosts' robots.txt a survey looks at.
const maxSurveyed = 10_000

// Survey is what was decided about the hosts and URLs of a frontier.
type Survey struct {
	Hosts   int   // known
	Robots  Rules // of the first hosts
	Trapped int64 // of the refused URLs; the others by robots.txt, or because their address is not to be dialled
}

// Rules counts hosts by what their robots.txt says.
type Rules struct {
	Rules   int // there is one
	None    int // there is none, so everything is allowed
	Closed  int // by its status: nothing is allowed
	Unknown int // it has not been had yet
}

// Look surveys dir's frontier, or those of all workers, running or not.
func Look(dir string) (Survey, error) {
	var s Survey
	if err := inspectAll(dir, s.add); err != nil {
		return Survey{}, err
	}
	return s, nil
}

func (s *Survey) add(f *frontier) error {
	s.Hosts += len(f.hosts)
	s.Trapped += f.seen.count(stateTrapped)
	for _, h := range f.hosts[:min(len(f.hosts), maxSurveyed)] {
		entry, ok, err := f.rules(h)
		switch {
		case err != nil:
			return err
		case !ok:
			s.Robots.Unknown++
		case entry.status >= 200 && entry.status <= 299:
			s.Robots.Rules++
		default:
			file, _ := rulesOf(entry.status, nil)
			if open, _, _, _ := file.Allowed("*", "/"); open {
				s.Robots.None++
			} else {
				s.Robots.Closed++
			}
		}
	}
	return nil
}

// count tells how many URLs are in a state.
func (t *seenTable) count(of state) (n int64) {
	for i := range t.segments {
		for slot := range slices.Chunk(t.segments[i].slots, entrySize) {
			if state(slot[entrySize-1]&stateBits) == of {
				n++
			}
		}
	}
	return n
}

// HostTime is a host and when it may be asked.
type HostTime struct {
	Host string    `json:"host"` // scheme, name and port
	At   time.Time `json:"at"`
}

// maxNext is how many hosts are named by their time.
const maxNext = 5

// next names the hosts whose turns come first. They stand among the first places of the heap.
func (s *schedule) next() []HostTime {
	first := slices.Clone(s.waiting[:min(len(s.waiting), 1<<maxNext-1)])
	slices.SortFunc(first, func(a, b *host) int { return a.wake.Compare(b.wake) })
	var out []HostTime
	for _, h := range first[:min(len(first), maxNext)] {
		out = append(out, HostTime{h.authority, h.wake.UTC().Truncate(time.Millisecond)})
	}
	return out
}
