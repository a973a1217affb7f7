package crawl

import "millrace"

// prove lets the quotas that a page at a counts against grow, now that it turned out to be worth something.
func (f *frontier) prove(a address) error {
	shape, _ := shapeOf(a)
	for _, shape := range []string{yearShape(a), shape} {
		if f.traps.count[shape] == 0 {
			continue
		}
		if f.traps.worthy[shape]++; f.traps.worthy[shape]%shapeProof != 0 {
			continue
		}
		f.record(event{kind: evProved, url: shape})
		if err := f.release(shape); err != nil {
			return err
		}
	}
	return nil
}

// release lets go what the quota of a shape has room for. Each URL is discovered anew, so that the log says
// where it waits.
func (f *frontier) release(shape string) error {
	q := f.traps.held[shape]
	for int64(q.len()) > f.traps.beyond(shape) {
		e, err := f.popHeld(&q)
		if err != nil {
			return err
		}
		if f.seen.get(e.id) == stateHeld {
			e.flags &^= flagHeld
			e.text = ""
			f.record(e)
		}
	}
	f.traps.held[shape] = q
	if q.len() == 0 {
		delete(f.traps.held, shape)
	}
	return nil
}

// refuseHeld ends the wait of those whose shapes have not proved their worth.
func (f *frontier) refuseHeld() error {
	for shape, q := range f.traps.held {
		for q.len() > 0 {
			e, err := f.popHeld(&q)
			if err != nil {
				return err
			}
			if f.seen.get(e.id) == stateHeld {
				f.record(event{kind: evRefused, id: e.id, reason: string(millrace.CrawlTrap), rule: "more than 40 URLs of this shape, one leading to the next: " + clip(shape)})
			}
		}
		delete(f.traps.held, shape)
	}
	return nil
}

func (f *frontier) popHeld(q *offsets) (event, error) {
	pos, _ := q.pop()
	return f.at(pos)
}
