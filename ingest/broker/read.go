package broker

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sort"

	"millrace"
)

// view is what a reader needs to know of the segment that holds an offset.
type view struct {
	base, stop int64 // offsets
	size       int64 // bytes; -1 is all of the file
	at         entry // where to begin, in the active segment
	bare       int64 // bytes of it that have to be indexed first,
	bareStop   int64 // up to this offset
}

// locate finds the segment of offset from.
func (p *partition) locate(from int64) (v view, empty bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if from < p.acked.start || from > p.acked.next {
		return v, false, errOutOfRange
	}
	if from == p.acked.next {
		return v, true, nil
	}
	i := sort.Search(len(p.bases), func(i int) bool { return p.bases[i] > from }) - 1
	v = view{base: p.bases[i], stop: p.acked.next, size: -1, at: entry{offset: p.bases[i]}}
	if i+1 < len(p.bases) {
		v.stop = p.bases[i+1]
		return v, false, nil
	}
	v.size = p.acked.pos
	if from < p.bareNext {
		v.bare, v.bareStop = p.bare, p.bareNext
	}
	if e, ok := p.active.find(from); ok {
		v.at = e
	}
	return v, false, nil
}

// batches appends to dst whole batches, the first of which holds offset from: at least one, and more
// while they fit into limit bytes. At the end of the log it appends none. Damage at from is an error;
// damage behind it ends the answer.
func (p *partition) batches(dst []byte, from int64, limit int) ([]byte, error) {
	v, empty, err := p.locate(from)
	if err != nil || empty {
		return dst, err
	}
	f, err := os.Open(segmentPath(p.dir, v.base))
	if err != nil {
		if start, _ := p.bounds(); from < start {
			return dst, errOutOfRange // trimmed this moment
		}
		return dst, fmt.Errorf("%w: %w", err, millrace.ErrIntegrity)
	}
	defer f.Close()
	if v.size < 0 {
		if v.size, err = f.Seek(0, io.SeekEnd); err != nil {
			return dst, err
		}
		x, err := loadIndex(p.opts.Disk, p.dir, v.base, v.stop, f, p.read)
		if err != nil {
			return dst, err
		}
		if e, ok := x.find(from); ok {
			v.at = e
		}
	}
	if v.bare > 0 {
		x, err := buildIndex(f, v.bare, v.base, v.bareStop, p.read)
		if err != nil {
			return dst, err
		}
		p.adopt(v, x)
		if e, ok := x.find(from); ok {
			v.at = e
		}
	}
	w := newWalker(f, f.Name(), v.at.pos, v.size, v.at.offset, v.stop, p.read)
	for begin := len(dst); ; {
		b, err := w.step()
		var d *damage
		switch {
		case errors.As(err, &d):
			if len(dst) > begin {
				return dst, nil
			}
			if from < d.to {
				p.log.Error("damage in the log", "file", d.file, "from", d.from, "to", d.to, "what", d.what)
				return dst, d
			}
		case errors.Is(err, io.EOF):
			return dst, nil
		case err != nil:
			return dst, err
		case b.end() <= from:
		case len(dst) > begin && len(dst)-begin+len(b) > limit:
			return dst, nil
		default:
			dst = append(dst, b...)
		}
	}
}

// adopt keeps the index of the part of the active segment that the start did not read.
func (p *partition) adopt(v view, x index) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bases[len(p.bases)-1] == v.base && p.bare == v.bare { // else it was closed, or another reader was first
		p.active = append(x, p.active...)
		p.bare, p.bareNext = 0, 0
	}
}
