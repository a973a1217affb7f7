package simlog

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"millrace"
)

// The twelve invariants of the protocol, told from the files and from the whole log, with what was trimmed. Numbers 7
// and 8 are held while the history runs (world_test.go), and so is the first half of 9.

// judge holds a finished history against the invariants, one after the other.
func (w *world) judge() {
	if len(w.found) > 0 { // the rest would only be more of the same
		return
	}
	if err := w.book.read(); err != nil {
		w.fault("9: %w", err)
		return
	}
	j := &judge{w: w, h: w.h, entries: w.book.entries}
	if len(j.entries) == 0 {
		w.fault("1: nothing was committed")
		return
	}
	j.gather()
	for n, law := range []func() error{1: j.once, 2: j.fold, 3: j.keys, 4: j.positions, 5: j.order, 9: j.files, 10: j.hidden, 12: j.recipes} {
		if law == nil {
			continue
		}
		if err := law(); err != nil {
			w.fault("%d: %w", n, err)
			return
		}
	}
}

// judge is a finished history.
type judge struct {
	w       *world
	h       *history
	entries []*entry
	rows    []row            // live, in the order of their offsets
	owner   map[int64]*entry // of a row's offset: the commit that made it
}

func (j *judge) gather() {
	for _, s := range j.w.book.now(len(j.entries) - 1) {
		j.rows = append(j.rows, s.rows...)
	}
	slices.SortStableFunc(j.rows, func(a, b row) int { return cmp.Compare(a.offset, b.offset) })
	j.owner = map[int64]*entry{}
	for _, e := range j.entries {
		if e.operation != "WRITE" {
			continue
		}
		for o := e.from; o < e.to; o++ {
			j.owner[o] = e
		}
	}
}

// origin is the place in the archive that a message of the mill's topic comes from.
func (j *judge) origin(m *record) string {
	if j.h.parts {
		return m.head("via")
	}
	return m.head("src")
}

// inputAt is what stands at a place of the archive.
func (j *judge) inputAt(place string) (input, error) {
	at, err := millrace.ParsePosition(place)
	if err != nil || at.Topic != "warc" || int(at.Index) >= len(j.h.inputs) || at.Offset%hole != 0 || int(at.Offset/hole) >= len(j.h.inputs[at.Index]) {
		return input{}, fmt.Errorf("there is no input at %q: %v", place, err)
	}
	return j.h.inputs[at.Index][at.Offset/hole], nil
}

// once is invariant 1: every input is in exactly one row.
func (j *judge) once() error {
	feed := j.w.at(j.h.feed())
	have := map[string]int64{}
	for _, r := range j.rows {
		if r.offset >= feed.end() {
			return fmt.Errorf("the row at %d stands behind the end of the log, %d", r.offset, feed.end())
		}
		from := j.origin(&feed.records[r.offset])
		in, err := j.inputAt(from)
		if err != nil {
			return err
		}
		if before, twice := have[from]; twice {
			return fmt.Errorf("input %s is in the rows at %d and at %d", from, before, r.offset)
		}
		have[from] = r.offset
		if r.MID != in.id().String() || r.URL != in.url || r.Text != in.text {
			return fmt.Errorf("the row at %d is not made of input %s: %s %q", r.offset, from, r.URL, r.Text)
		}
	}
	for p, list := range j.h.inputs {
		for i := range list {
			if at := fmt.Sprintf("%s/%d", warc(p), hole*i); !has(have, at) {
				return fmt.Errorf("input %s is in no row", at)
			}
		}
	}
	return nil
}

func has(m map[string]int64, k string) bool { _, ok := m[k]; return ok }

// taken is one message that a single quiet reader would take, with what he would say of it.
type taken struct {
	at         int64
	in         input
	reason, of string
}

// reader folds a log of the mill's topic from its first message on, one message at a time, and nothing else.
type reader struct {
	marks map[string]int64
	kept  []keptText
}

type keptText struct{ url, id, text string }

// take says whether the message counts.
func (x *reader) take(m *record, recipe string) bool {
	if m.head("recipe") != recipe || m.head("kind") != "" {
		return false
	}
	part, offset := split(m.head("src"))
	if mark, ok := x.marks[part]; ok && offset <= mark {
		return false
	}
	x.marks[part] = offset
	return true
}

func split(position string) (part string, offset int64) {
	i := strings.LastIndexByte(position, '/')
	offset, _ = strconv.ParseInt(position[i+1:], 10, 64)
	return position[:i], offset
}

// verdict is what a reader of words would say: the text is dropped, is that of another page that was kept before, or
// resembles it (in these histories: one word stands behind it).
func (x *reader) verdict(in input) (reason, of string) {
	id := in.id().String()
	if in.verdict.Reason != "" {
		return string(in.verdict.Reason), ""
	}
	if strings.Contains(in.text, dropWord) {
		return string(millrace.QualityWordCount), ""
	}
	for _, k := range x.kept {
		switch {
		case k.url == in.url:
		case k.text == in.text:
			return string(millrace.DupExact), k.id
		case near(k.text, in.text):
			return string(millrace.DupNear), k.id
		}
	}
	x.kept = append(x.kept, keptText{in.url, id, in.text})
	return "", ""
}

func near(a, b string) bool {
	return strings.HasPrefix(a, b) || strings.HasPrefix(b, a)
}

// inForce is the upstream recipe of the messages that count at an offset of the mill's topic.
func (j *judge) inForce(offset int64) string {
	recipe := j.entries[0].recipe
	for _, e := range j.entries {
		if e.operation == "SET RECIPE" && e.to <= offset {
			recipe = e.recipe
		}
	}
	return j.upstream(recipe)
}

func (j *judge) upstream(full string) string {
	r := recipe{"u1", "c1", "r1"}
	if full == "r2" {
		r = recipe{"u2", "c2", "r2"}
	}
	if j.h.parts {
		return r.docs
	}
	return r.pages
}

// quiet is the fold of the whole log by one reader who never stops.
func (j *judge) quiet() (list []taken) {
	x := &reader{marks: map[string]int64{}}
	for i := range j.w.at(j.h.feed()).records {
		m := &j.w.at(j.h.feed()).records[i]
		if !x.take(m, j.inForce(m.at)) {
			continue
		}
		in, err := j.inputAt(j.origin(m))
		if err != nil {
			continue
		}
		t := taken{at: m.at, in: in}
		t.reason, t.of = x.verdict(in)
		list = append(list, t)
	}
	return list
}

// fold is invariant 2: the rows are those of a single reader who folds the log from its first message on.
func (j *judge) fold() error {
	want := j.quiet()
	for i, r := range j.rows {
		if i >= len(want) || want[i].at != r.offset {
			return fmt.Errorf("row %d is made of offset %d; a fold of the log has %d rows: %v", i, r.offset, len(want), want)
		}
		of := r.Of
		if r.moved() {
			of = ""
		}
		if r.filed() != want[i].reason || of != want[i].of || r.Text != want[i].in.text {
			return fmt.Errorf("the row at %d says %q of %q, a fold of the log %q of %q", r.offset, r.filed(), of, want[i].reason, want[i].of)
		}
	}
	if len(want) != len(j.rows) {
		return fmt.Errorf("%d rows, a fold of the log has %d", len(j.rows), len(want))
	}
	return nil
}

// keys is invariant 3: a text is filed as kept once at most, and a duplicate's twin is a row that was kept in the same
// commit or an earlier one.
func (j *judge) keys() error {
	kept := map[string]string{}
	ids := map[string]int64{}
	for _, r := range j.rows {
		if r.filed() == "" {
			for text, url := range kept {
				if url != r.URL && near(text, r.Text) {
					return fmt.Errorf("%s and %s are both kept, and have one text", url, r.URL)
				}
			}
			kept[r.Text], ids[r.MID] = r.URL, r.offset
			continue
		}
		if strings.HasPrefix(r.filed(), "dup.") && !has(ids, r.Of) {
			return fmt.Errorf("the row at %d is dropped as a copy of %s, which no row before it keeps", r.offset, r.Of)
		}
	}
	return nil
}

// positions is invariant 4: Positions and marks never go down, the chain of entries holds, and the rows of an entry are
// the messages between two Positions that are above the marks.
func (j *judge) positions() error {
	made := map[int64]bool{}
	for _, r := range j.rows {
		made[r.offset] = true
	}
	x := &reader{marks: map[string]int64{}}
	next, prev := int64(0), &entry{}
	feed := j.w.at(j.h.feed())
	for _, e := range j.entries {
		if e.previous != prev.sum {
			return fmt.Errorf("entry %d continues %q, the entry before is %q", e.number, e.previous, prev.sum)
		}
		if e.from != next || e.to < e.from {
			return fmt.Errorf("entry %d covers %d to %d, the one before ends at %d", e.number, e.from, e.to, next)
		}
		for p, n := range prev.next {
			if e.next[p] < n {
				return fmt.Errorf("entry %d stands at %d in %s, the one before at %d", e.number, e.next[p], p, n)
			}
		}
		for p, n := range prev.marks {
			if m, ok := e.marks[p]; !ok || m < n {
				return fmt.Errorf("entry %d has the mark %d of %s, the one before %d", e.number, m, p, n)
			}
		}
		for o := e.from; o < e.to; o++ {
			gap := slices.ContainsFunc(e.gaps, func(g [2]int64) bool { return g[0] <= o && o < g[1] })
			if above := x.take(&feed.records[o], j.inForce(o)); above != made[o] || gap == above {
				return fmt.Errorf("entry %d: offset %d counts: %v; it is in a row: %v; it is a gap: %v", e.number, o, above, made[o], gap)
			}
		}
		if n, ok := e.next[j.h.feed().String()]; ok && n != e.to {
			return fmt.Errorf("entry %d ends at %d, and its Position is %d", e.number, e.to, n)
		}
		for p, mark := range x.marks {
			if e.marks[p] != mark {
				return fmt.Errorf("entry %d has the mark %d of %s, its rows have %d", e.number, e.marks[p], p, mark)
			}
		}
		next, prev = e.to, e
	}
	return nil
}

// order is invariant 5: in each topic the first appearances of a source's offsets are those that its reader takes there,
// in their order and without a hole, and none follows what has not come.
func (j *judge) order() error {
	for p, l := range j.w.log {
		if p.Topic == "pages" {
			var all []int64
			for i := range j.h.inputs[p.Index] {
				all = append(all, int64(hole*i))
			}
			if err := j.appearances(l, warc(int(p.Index)).String(), all); err != nil {
				return fmt.Errorf("%s: %w", p, err)
			}
		}
	}
	if !j.h.parts {
		return nil
	}
	for p := range j.h.inputs {
		x := &reader{marks: map[string]int64{}}
		var all []int64
		for i := range j.w.at(pages(p)).records {
			if m := &j.w.at(pages(p)).records[i]; x.take(m, "u1") {
				all = append(all, m.at)
			}
		}
		if err := j.appearances(j.w.at(docs()), pages(p).String(), all); err != nil {
			return fmt.Errorf("docs: %w", err)
		}
	}
	return nil
}

// appearances holds the messages of one source, by recipe, against what can come of it.
func (j *judge) appearances(l *topicLog, source string, all []int64) error {
	last := map[string]int{} // by recipe: the place in all of the highest that has come
	for i := range l.records {
		m := &l.records[i]
		part, offset := split("/" + m.head("src"))
		if m.head("src") == "" || part != "/"+source {
			continue
		}
		place, known := slices.BinarySearch(all, offset)
		if !known {
			return fmt.Errorf("offset %d is of %s/%d, which no reader takes", m.at, source, offset)
		}
		prev, err := strconv.ParseInt(m.head("prev"), 10, 64)
		if err != nil {
			return err
		}
		before := int64(-1)
		if place > 0 {
			before = all[place-1]
		}
		if prev != before {
			return fmt.Errorf("offset %d is of %s/%d and follows %d there, not %d", m.at, source, offset, prev, before)
		}
		highest, begun := last[m.head("recipe")]
		if begun && place > highest+1 || !begun && prev > j.markAtStart(m.head("recipe"), source) {
			return fmt.Errorf("offset %d is of %s/%d, and of the same recipe number %d of that source has not come", m.at, source, offset, highest+1)
		}
		last[m.head("recipe")] = max(highest, place)
	}
	return nil
}

// markAtStart is what was committed of a source when a recipe came into force.
func (j *judge) markAtStart(recipe, source string) int64 {
	for _, e := range j.entries {
		if mark, ok := e.marks[source]; ok && e.operation == "SET RECIPE" && strings.HasSuffix(recipe, "2") {
			return mark
		}
	}
	return -1
}

// files is the second half of invariant 9: no row is live twice. That every live file exists with its checksum, with
// the collector running behind every step, is held while the history runs.
func (j *judge) files() error {
	for i := range j.rows {
		if i > 0 && j.rows[i].offset == j.rows[i-1].offset {
			return fmt.Errorf("the row at %d is live twice", j.rows[i].offset)
		}
	}
	for name, s := range j.w.book.now(len(j.entries) - 1) {
		again := &shard{path: name, sum: s.sum}
		if err := again.read(j.w.dir, nil); err != nil {
			return err
		}
	}
	return nil
}

// hidden is invariant 10, for what is built of it: a page's older version, and one that was withdrawn, is hidden by the
// very commit that brings the reason, is in no file that comes after, and in the end in no file of kept rows.
func (j *judge) hidden() error {
	gone := map[int64]string{}
	visible := map[string]int64{} // by URL
	rows := map[int64]row{}
	for _, r := range j.rows {
		rows[r.offset] = r
	}
	for _, e := range j.entries {
		due := map[int64]string{}
		for o := e.from; o < e.to && e.operation == "WRITE"; o++ {
			r, ok := rows[o]
			older, there := visible[r.URL]
			switch {
			case !ok:
			case r.filed() == "":
				if there {
					due[older] = string(millrace.Superseded)
				}
				visible[r.URL] = o
			case (millrace.Verdict{Reason: millrace.Reason(r.filed())}).Withdraws() && there:
				due[older] = r.filed()
				delete(visible, r.URL)
			}
		}
		if !maps.Equal(due, e.hidden) {
			return fmt.Errorf("entry %d hides %v, its rows replace or withdraw %v", e.number, e.hidden, due)
		}
		for _, s := range e.added {
			for _, r := range s.rows {
				if r.data && gone[r.offset] != "" {
					return fmt.Errorf("entry %d brings the row at %d back, which is %s", e.number, r.offset, gone[r.offset])
				}
			}
		}
		maps.Copy(gone, e.hidden)
	}
	for _, r := range j.rows {
		if r.data && gone[r.offset] != "" {
			return fmt.Errorf("the row at %d is still in data, and is %s", r.offset, gone[r.offset])
		}
		if !r.data && r.moved() && gone[r.offset] != r.Reason {
			return fmt.Errorf("the row at %d is %s, its entry says %q", r.offset, r.Reason, gone[r.offset])
		}
	}
	return nil
}

// recipes is invariant 12: no row is made of a message of another recipe than its commit's.
func (j *judge) recipes() error {
	for _, r := range j.rows {
		e := j.owner[r.offset]
		if e == nil {
			return fmt.Errorf("no commit made the row at %d", r.offset)
		}
		if got := j.w.at(j.h.feed()).records[r.offset].head("recipe"); got != j.upstream(e.recipe) {
			return fmt.Errorf("the row at %d is made by %s, its commit by %s", r.offset, got, e.recipe)
		}
	}
	return nil
}
