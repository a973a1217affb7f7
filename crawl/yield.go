package crawl

import (
	"fmt"
	"hash/maphash"
	"maps"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"time"

	"millrace"
)

// Numbers of the rule that freezes what yields nothing new.
const (
	yieldRun     = 12      // pages of a shape in a row without a fresh one
	yieldFew     = 6       // fresh ones among the last 64, at most, that do not save it
	yieldGood    = 3       // fresh ones that keep it open when what is around it is frozen
	yieldShare   = 6       // pages of a part that count for the whole
	yieldFolders = 6       // folders of a path that are watched
	maxWatched   = 1 << 16 // of each kind; beyond that what is not decided is forgotten
	noiseProofs  = 3       // copies after which a parameter is known to say nothing
	maxParams    = 8       // of one URL that are looked at
	verdictWait  = 10 * time.Second
)

// outcome is what a page was worth.
type outcome uint8

const (
	neutral outcome = iota // says nothing about the place: consent, our own failure
	fresh                  // its row was kept
	copied                 // of another page
	poor                   // dropped for another reason
)

// outcomeOf reads a row's verdict.
func outcomeOf(v millrace.Verdict) outcome {
	switch r := v.Reason; {
	case r == "":
		return fresh
	case r == millrace.DupExact, r == millrace.DupNear, r == millrace.DupSame:
		return copied
	case strings.HasPrefix(string(r), "consent."), r == millrace.RobotsDisallow, strings.HasPrefix(string(r), "failed."):
		return neutral
	}
	return poor
}

// yields freezes the parts of a site that go on and on and bring nothing new. It judges by what became of
// the rows, so it needs to know no trap by name.
//
// A shape is a folder, or a path with the names of its parameters, both with digits and hex blanked. A page
// is fresh if its row was kept, or if it led to unknown URLs of a shape that has fresh pages. A shape with no fresh
// page among the last 12, and hardly any among the last 64, is frozen: nothing of it is fetched any more. The pages of a folder count
// for the folders around it too, but only the first few of each: a mirror below a good folder closes the
// mirror alone, a tree of made-up folders closes its root. In the same way hosts count for their
// registrable domain, where names cost nothing, and a part that is known to be good stays open.
//
// It also learns which parameters say nothing: where a URL with another value of the parameter was a copy
// three times, and fresh never, a known URL with a further value is not fetched.
type yields struct {
	shapes map[string]*yield
	frozen map[string]int64 // links not followed, by shape
	led    map[urlID]lead   // of pages that are not judged yet
	seed   maphash.Seed
	params map[string]*param   // by authority and name
	noise  map[string][]string // names of the parameters that say nothing, by authority
	judged map[uint64]struct{} // URLs without one of their parameters
	taken  map[uint64]struct{} // URLs without the noise
}

// yield is what the last pages of a shape were worth.
type yield struct {
	window uint64 // a bit for each of the last 64 pages, 1 is fresh
	n      int
	given  int // pages that have counted for the whole around it
}

func (y *yield) add(fresh bool) {
	y.window <<= 1
	if fresh {
		y.window |= 1
	}
	y.n++
}

func (y *yield) fresh() int { return bits.OnesCount64(y.window) }

func (y *yield) nothing() bool {
	return y.n >= yieldRun && y.window&(1<<yieldRun-1) == 0 && y.fresh() <= yieldFew
}

// lead is the shape of a URL that a page has led to.
type lead struct {
	to        string
	elsewhere bool // in another first folder
}

type param struct{ copies, fresh int }

func newYields() *yields {
	return &yields{
		shapes: map[string]*yield{}, frozen: map[string]int64{}, led: map[urlID]lead{},
		seed: maphash.MakeSeed(), params: map[string]*param{}, noise: map[string][]string{},
		judged: map[uint64]struct{}{}, taken: map[uint64]struct{}{},
	}
}

// leads notes that a page led to an unknown URL of another shape of its host. Other hosts do not count, for
// they cost a farm of them nothing.
func (y *yields) leads(from task, a address) {
	if from.addr.authority != a.authority || len(y.led) >= maxWatched {
		return
	}
	shape := shapesAround(a)[0]
	switch {
	case folderOf(from.addr) != folderOf(a):
		y.led[from.id] = lead{folderOf(a), true}
	case shapesAround(from.addr)[0] != shape && y.led[from.id].to == "":
		y.led[from.id] = lead{shape, false}
	}
}

// hasLed reports whether a page led to something: to a shape with fresh pages, or into a folder of which
// nothing is known yet.
func (y *yields) hasLed(a address) bool {
	id := idOf(a.key)
	l := y.led[id]
	delete(y.led, id)
	s := y.shapes[l.to]
	return s != nil && s.fresh() > 0 || s == nil && l.elsewhere
}

// judge takes in what the page at a was worth. It returns what is to be frozen for it: shapes, and parameters
// that say nothing. worthy says that the page was fresh.
func (y *yields) judge(a address, o outcome) (worthy bool, froze []string) {
	led := y.hasLed(a)
	if o == neutral {
		return false, nil
	}
	if led {
		o = fresh
	}
	froze = y.learn(a, o)
	for _, shape := range shapesAround(a) {
		s := y.shapes[shape]
		if s == nil {
			y.forget()
			s = &yield{}
			y.shapes[shape] = s
		}
		s.add(o == fresh)
		_, already := y.frozen[shape]
		if s.nothing() && !already && !isHostShape(shape) {
			froze = append(froze, shape)
		}
		if s.given++; s.given > yieldShare {
			break
		}
	}
	return o == fresh, froze
}

// forget makes room by dropping what is not decided.
func (y *yields) forget() {
	if len(y.shapes) >= maxWatched {
		clear(y.shapes)
	}
}

// stops names the frozen shape, or the parameter, for which a is not to be fetched; "" if it may be.
// discovered says that a has just been found, and is taken if nothing stops it.
func (y *yields) stops(a address, discovered bool) string {
	if len(y.frozen) > 0 {
		for _, shape := range shapesAround(a) {
			n, ok := y.frozen[shape]
			if ok {
				if discovered {
					y.frozen[shape] = n + 1
				}
				return fmt.Sprintf("%s: the last %d pages held nothing new", shape, yieldRun)
			}
			if s := y.shapes[shape]; s != nil && s.fresh() >= yieldGood {
				break // good itself, whatever stands around it
			}
		}
	}
	names := y.noise[a.authority]
	if len(names) == 0 {
		return ""
	}
	bare, had := without(a.key, names)
	if !had {
		return ""
	}
	h := maphash.String(y.seed, bare)
	_, known := y.judged[h]
	if _, promised := y.taken[h]; known || promised && discovered {
		if discovered {
			y.frozen[noiseShape+a.authority+"?"+names[0]]++
		}
		return fmt.Sprintf("the parameters %s say nothing on this host", strings.Join(names, ", "))
	}
	if discovered && len(y.taken) < maxWatched {
		y.taken[h] = struct{}{}
	}
	return ""
}

// freeze does what judge has found.
func (y *yields) freeze(shape string, links int64) {
	y.frozen[shape] = max(y.frozen[shape], links)
	if name, ok := strings.CutPrefix(shape, noiseShape); ok {
		authority, name, _ := strings.Cut(name, "?")
		if !slices.Contains(y.noise[authority], name) {
			y.noise[authority] = append(y.noise[authority], name)
		}
	}
}

// counts is how many shapes are frozen, and how many links into them were not followed.
func (y *yields) counts() (frozen, links int64) {
	for _, n := range y.frozen {
		links += n
	}
	return int64(len(y.frozen)), links
}

// learn looks whether a parameter of a makes a difference. It returns those that have turned out not to.
func (y *yields) learn(a address, o outcome) (noise []string) {
	for _, name := range paramNames(a.key) {
		bare, _ := without(a.key, []string{name})
		h := maphash.String(y.seed, bare)
		if _, ok := y.judged[h]; !ok {
			if len(y.judged) >= maxWatched {
				clear(y.judged)
			}
			y.judged[h] = struct{}{}
			continue
		}
		key := a.authority + "?" + name
		p := y.params[key]
		if p == nil {
			if len(y.params) >= maxWatched {
				clear(y.params)
			}
			p = &param{}
			y.params[key] = p
		}
		switch o {
		case fresh:
			p.fresh++
		case copied:
			p.copies++
		}
		if p.copies >= noiseProofs && p.fresh == 0 && !slices.Contains(y.noise[a.authority], name) {
			noise = append(noise, noiseShape+key)
		}
	}
	return noise
}

// paramNames lists the parameters of a key's query, each once.
func paramNames(key string) []string {
	_, query, ok := strings.Cut(key, "?")
	if !ok {
		return nil
	}
	var out []string
	for pair := range strings.SplitSeq(query, "&") {
		if name, _, _ := strings.Cut(pair, "="); !slices.Contains(out, name) && len(out) < maxParams {
			out = append(out, name)
		}
	}
	return out
}

// without takes parameters off a key. had says whether one was there.
func without(key string, names []string) (bare string, had bool) {
	path, query, ok := strings.Cut(key, "?")
	if !ok {
		return key, false
	}
	var b strings.Builder
	b.WriteString(path)
	sep := byte('?')
	for pair := range strings.SplitSeq(query, "&") {
		if name, _, _ := strings.Cut(pair, "="); slices.Contains(names, name) {
			had = true
			continue
		}
		b.WriteByte(sep)
		b.WriteString(pair)
		sep = '&'
	}
	return b.String(), had
}

// shapesAround lists the shapes that a belongs to, the narrowest first: its path with its parameters'
// names, its folders, its host, the host's registrable domain.
func shapesAround(a address) []string {
	path, query, hasQuery := strings.Cut(a.key[len(originOf(a.key)):], "?")
	path = blankRuns(path)
	var out []string
	if hasQuery {
		names := paramNames("?" + query)
		slices.Sort(names)
		out = append(out, a.authority+path+"?"+blankRuns(strings.Join(names, "&")))
	}
	path = path[:strings.LastIndexByte(path, '/')+1]
	segments := strings.SplitAfter(path, "/") // "/", "a/", "b/", ""
	segments = segments[:max(1, len(segments)-1)]
	for n := min(len(segments), yieldFolders+1); n > 1; n-- {
		out = append(out, a.authority+strings.Join(segments[:n], ""))
	}
	if len(segments) == 1 {
		out = append(out, a.authority+"/")
	}
	return append(out, hostShape+a.authority, hostsOf+registrable(strings.TrimSuffix(a.host, ".")))
}

// How the shapes of hosts and of domains begin.
const (
	hostShape  = "host "
	hostsOf    = "hosts of "
	noiseShape = "parameter "
)

// isHostShape tells that a shape only stands between folders and domain.
func isHostShape(s string) bool { return strings.HasPrefix(s, hostShape) }

// folderOf is the shape of the first folder of a's path.
func folderOf(a address) string {
	path := blankRuns(pathOf(a.key))
	if i := strings.IndexByte(path[1:], '/'); i >= 0 {
		return a.authority + path[:i+2]
	}
	return a.authority + "/"
}

// blankRuns replaces runs of digits, and words of eight or more hex digits of which one is a digit.
func blankRuns(s string) string {
	if !strings.ContainsAny(s, "0123456789") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		j, digits, letters := i, 0, 0
		for j < len(s) && isWordByte(s[j]) {
			switch c := s[j]; {
			case c >= '0' && c <= '9':
				digits++
			case c|0x20 >= 'a' && c|0x20 <= 'f':
				letters++
			}
			j++
		}
		switch {
		case j == i:
			b = append(b, s[i])
			j++
		case j-i >= 8 && digits > 0 && digits+letters == j-i:
			b = append(b, '#')
		default:
			word, _ := blankDigits(s[i:j])
			b = append(b, word...)
		}
		i = j
	}
	return string(b)
}

func isWordByte(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// verdicts takes in what became of pages, from any goroutine, and hands it to the engine's.
type verdicts struct {
	mu   sync.Mutex
	news []judged
}

type judged struct {
	url  string
	what outcome
}

// Judge tells the crawler what became of a page's row. It never blocks; what comes too fast is let go.
func (c *Crawler) Judge(url string, v millrace.Verdict) {
	c.verdicts.mu.Lock()
	defer c.verdicts.mu.Unlock()
	if len(c.verdicts.news) < maxWatched {
		c.verdicts.news = append(c.verdicts.news, judged{url, outcomeOf(v)})
	}
}

func (v *verdicts) take() []judged {
	v.mu.Lock()
	defer v.mu.Unlock()
	news := v.news
	v.news = nil
	return news
}

// takeVerdicts learns from what became of pages.
func (e *engine) takeVerdicts() error {
	for _, j := range e.verdicts.take() {
		e.unjudged, e.heard = max(0, e.unjudged-1), time.Now()
		a, err := parseAddress(j.url, nil)
		if err != nil {
			continue
		}
		worthy, froze := e.front.yields.judge(a, j.what)
		for _, shape := range froze {
			e.log.Info("URLs of one shape yield nothing new: frozen", "shape", shape)
			e.front.record(event{kind: evFrozen, url: shape})
		}
		if worthy {
			if err := e.front.prove(a); err != nil {
				return err
			}
		}
	}
	return nil
}

// awaits reports whether verdicts may still come that let go what is held back.
func (e *engine) awaits(now time.Time) bool {
	return e.opts.Judged && len(e.front.traps.held) > 0 && e.unjudged > 0 && now.Sub(e.heard) < verdictWait
}

// end refuses what is still held back, and writes down how many links into frozen shapes were not followed.
func (e *engine) end() error {
	y := e.front.yields
	for _, shape := range slices.Sorted(maps.Keys(y.frozen)) {
		if y.frozen[shape] > 0 {
			e.front.record(event{kind: evFrozen, url: shape, attempts: uint64(y.frozen[shape])})
		}
	}
	return e.front.refuseHeld()
}
