package crawl

import (
	"cmp"
	"slices"
	"time"
)

// HostCounts are the hosts of a running crawl that have something to be asked, by what they wait for. A
// host that is away or parked is in trouble, or has asked for a pause of days.
type HostCounts struct {
	Ready    int64 // for a worker
	InFlight int64
	Waiting  int64 // for their delay, a pause, or another host of their address
	Away     int64 // for so long that a run which has nothing else to do ends
	Parked   int64 // for the next run
}

// HostTrouble says why a host is left alone.
type HostTrouble struct {
	Host  string    // scheme, name and port
	Until time.Time // it has asked for a pause; zero: it has not
	Since time.Time // it does not answer, or its robots.txt cannot be had; zero: neither
	Err   string
}

// Troubles lists the hosts of dir's frontier that are left alone at a time, by name.
func Troubles(dir string, now time.Time) ([]HostTrouble, error) {
	var out []HostTrouble
	err := inspectAll(dir, func(f *frontier) error {
		for _, h := range f.hosts {
			t, err := f.trouble(h)
			if err != nil {
				return err
			}
			if until := time.Unix(h.closed, 0); until.After(now) {
				t.Until = until
			}
			if !t.Until.IsZero() || !t.Since.IsZero() {
				out = append(out, t)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(out, func(a, b HostTrouble) int { return cmp.Compare(a.Host, b.Host) })
	return out, nil
}

// trouble reads back why h is left alone, but for pauses.
func (f *frontier) trouble(h *hostState) (HostTrouble, error) {
	t := HostTrouble{Host: h.authority}
	if h.trouble == 0 {
		return t, nil
	}
	e, err := f.at(h.trouble)
	t.Since, t.Err = time.Unix(int64(e.when), 0), e.text
	return t, err
}
