package judge

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// written is a row as a stranger would write it. Columns of rejects stay null in kept rows.
type written struct {
	ID         string   `parquet:"id"`
	MID        string   `parquet:"mid"`
	URL        *string  `parquet:"url,optional"`
	Text       *string  `parquet:"text,optional"`
	Position   string   `parquet:"position"`
	Reason     *string  `parquet:"reason,optional"`
	Stage      *string  `parquet:"stage,optional"`
	Of         *string  `parquet:"of,optional"`
	Similarity *float64 `parquet:"similarity,optional"`
	Value      *float64 `parquet:"value,optional"`
	Limit      *float64 `parquet:"limit,optional"`
}

// world is a small corpus, the log of its crawl and the list of what was planted.
type world struct {
	rows    []*row
	lost    map[int64]bool // positions left out of the files but not of the counts
	log     []request
	planted []item
}

const site = "http://127.0.0.2:20000"

// prose is n words of its own for each seed.
func prose(seed, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("word%dx%d", seed, i)
	}
	return out
}

// edited replaces every k-th word.
func edited(words []string, k int) []string {
	out := slices.Clone(words)
	for i := k / 2; i < len(out); i += k {
		out[i] = fmt.Sprintf("edit%d", i)
	}
	return out
}

// goodWorld has two of everything: pages, copies, near-duplicates, decoys, statements, traps.
func goodWorld() *world {
	w := &world{lost: map[int64]bool{}}
	n := 0
	add := func(kind, path string, words []string, reason, stage string, of *row) *row {
		x := &row{id: fmt.Sprintf("%032x", n+1), url: site + path, text: strings.Join(words, " "), offset: int64(n), kept: reason == "", reason: reason, stage: stage}
		x.mid = x.id
		if of != nil {
			x.of = of.id
		}
		n++
		w.rows = append(w.rows, x)
		if kind != "" {
			it := item{Kind: kind, URL: x.url}
			if of != nil {
				it.Of = of.url
			}
			w.planted = append(w.planted, it)
		}
		return x
	}
	expect := func(fate string, reasons ...string) {
		e := &w.planted[len(w.planted)-1].Expect
		e.Fate, e.Reasons = fate, reasons
	}
	for i := range 2 {
		base := prose(i, 300)
		a := add("", fmt.Sprintf("/a%d", i), base, "", "", nil)
		add("exact", fmt.Sprintf("/b%d", i), base, "dup.exact", "dedup", a)
		expect("one_of", "dup.exact")
		add("near", fmt.Sprintf("/c%d", i), edited(base, 60), "dup.near", "dedup", a)
		expect("one_of", "dup.near")
		add("decoy", fmt.Sprintf("/d%d", i), edited(base, 27), "", "", nil)
		w.planted[len(w.planted)-1].Of = a.url
		expect("both")
		add("noai", fmt.Sprintf("/e%d", i), nil, "consent.no_train", "consent", nil)
		expect("dropped", "consent.no_train")
		add("mojibake", fmt.Sprintf("/f%d", i), append(prose(100+i, 60), "Zoë’s café"), "", "", nil)
		expect("row")
		w.planted[len(w.planted)-1].Expect.Contains = []string{"Zoë’s café"}
		add("spam", fmt.Sprintf("/g%d", i), prose(200+i, 3), "quality.word_count", "gopher-quality", nil)
		expect("dropped", "quality.", "repetition.")
	}
	add("trap", "/calendar/2026/1", prose(300, 5), "quality.word_count", "gopher-quality", nil)
	w.planted[len(w.planted)-1].URL = site + "/calendar/"
	expect("at_most")
	w.planted[len(w.planted)-1].Expect.Requests = 3
	w.planted = append(w.planted, item{Kind: "disallowed", URL: site + "/private/x"})
	expect("unfetched")
	w.crawl()
	return w
}

// crawl writes the log of a polite crawl: 200 ms between an answer and the next request.
func (w *world) crawl() {
	const ms = 1_000_000
	t := int64(1_000_000_000_000)
	ask := func(path, kind string, status int) *request {
		w.log = append(w.log, request{T: t, Done: t + 3*ms, Host: "127.0.0.2:20000", IP: "127.0.0.2", Path: path, Kind: kind, Status: status, Allowed: true, DelayMS: 200, IPDelayMS: 200})
		t += 205 * ms
		return &w.log[len(w.log)-1]
	}
	ask("/robots.txt", "robots", 200)
	for i, x := range w.rows {
		path := strings.TrimPrefix(x.url, site)
		if i == 3 {
			q := ask(path, "page", 429)
			q.Closed = q.Done + 1000*ms
			t = q.Closed + 2*ms
		}
		ask(path, "page", 200)
	}
}

// write makes the files: two commits of the rows, by hand.
func (w *world) write(t *testing.T) (dir, access, planted string) {
	t.Helper()
	dir = t.TempDir()
	for _, d := range []string{"data/_delta_log", "rejects"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	half := int64(len(w.rows) / 2)
	w.commit(t, dir, 0, 0, half, 0)
	// One flush mark lies between the commits, so offsets move on by one.
	w.commit(t, dir, 1, half, int64(len(w.rows)), half+1)
	access, planted = filepath.Join(dir, "access.log"), filepath.Join(dir, "planted.json")
	var b bytes.Buffer
	for _, q := range w.log {
		line, _ := json.Marshal(q)
		b.Write(append(line, '\n'))
	}
	list, err := json.Marshal(map[string]any{"items": w.planted})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{access: b.Bytes(), planted: list} {
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir, access, planted
}

// commit writes rows [from, to) at offsets that start with first; behind the first commit stands a flush mark.
func (w *world) commit(t *testing.T, dir string, n int, from, to, first int64) {
	t.Helper()
	var kept, rejects []written
	told := map[string]map[string]int64{}
	var in, nKept int64
	for i := from; i < to; i++ {
		x := w.rows[i]
		x.offset = first + i - from
		in++
		if x.kept {
			nKept++
		} else {
			if told[x.stage] == nil {
				told[x.stage] = map[string]int64{}
			}
			told[x.stage][x.reason]++
		}
		if w.lost[i] {
			continue
		}
		y := written{ID: x.id, MID: x.mid, URL: &x.url, Text: &x.text, Position: fmt.Sprintf("pages/0/%d", x.offset)}
		if x.kept {
			kept = append(kept, y)
			continue
		}
		y.Reason, y.Stage, y.Of = &x.reason, &x.stage, &x.of
		rejects = append(rejects, y)
	}
	names := map[string]string{"data": fmt.Sprintf("kept-%d.parquet", n), "rejects": fmt.Sprintf("no-%d.parquet", n)}
	for kind, rows := range map[string][]written{"data": kept, "rejects": rejects} {
		if err := parquet.WriteFile(filepath.Join(dir, kind, names[kind]), rows); err != nil {
			t.Fatal(err)
		}
	}
	start, end, gaps := first, first+to-from, []gap{}
	if n == 0 {
		gaps = append(gaps, gap{end, end + 1})
		end++
	}
	info := map[string]any{"from": start, "to": end, "gaps": gaps, "tally": tallyOf(in, nKept, told),
		"rejects": []any{map[string]any{"path": names["rejects"], "rows": len(rejects)}}}
	stats := fmt.Sprintf(`{"numRecords":%d}`, len(kept))
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for _, a := range []any{
		map[string]any{"commitInfo": info},
		map[string]any{"txn": map[string]any{"appId": "pages/0", "version": end}},
		map[string]any{"add": map[string]any{"path": names["data"], "stats": stats}},
	} {
		if err := enc.Encode(a); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "data", "_delta_log", fmt.Sprintf("%020d.json", n)), b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func tallyOf(in, kept int64, told map[string]map[string]int64) map[string]any {
	stages := []any{}
	flow := in
	for _, name := range slices.Sorted(maps.Keys(told)) {
		var dropped int64
		for _, n := range told[name] {
			dropped += n
		}
		stages = append(stages, map[string]any{"name": name, "in": flow, "kept": flow - dropped, "dropped": dropped, "reasons": told[name]})
		flow -= dropped
	}
	return map[string]any{"in": in, "kept": kept, "stages": stages}
}

func (w *world) judge(t *testing.T) Report {
	t.Helper()
	r, err := Judge(w.write(t))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestJudgePassesGood(t *testing.T) {
	r := goodWorld().judge(t)
	if f := r.Faults(0); len(f) > 0 || len(r.Problems) > 0 {
		t.Fatalf("faults in a good corpus: %q\n%s", f, strings.Join(r.Problems, "\n"))
	}
	want := map[string]Score{"exact": {2, 2}, "near": {2, 2}, "near_planted": {2, 2}, "decoy": {2, 2}, "noai": {2, 2},
		"mojibake": {2, 2}, "spam": {2, 2}, "trap": {1, 1}, "disallowed": {1, 1}}
	if !maps.Equal(r.Truth, want) {
		t.Errorf("truth: %v, want %v", r.Truth, want)
	}
	if r.Rows != 6 || r.Rejects != 9 || r.Ledger.Positions != 15 || r.Commits != 2 || r.Site.Requests != 17 {
		t.Errorf("rows %d, rejects %d, positions %d, commits %d, requests %d", r.Rows, r.Rejects, r.Ledger.Positions, r.Commits, r.Site.Requests)
	}
}

// TestJudgeCatches breaks one thing at a time. The first five are those that the project promises to catch.
func TestJudgeCatches(t *testing.T) {
	tests := []struct {
		name, says string
		breaks     func(*world)
	}{
		{"a request to a disallowed path", "disallowed", func(w *world) {
			q := w.log[len(w.log)-1]
			q.T, q.Done, q.Path, q.Allowed, q.Status = q.T+1e9, q.Done+1e9, "/private/x", false, 200
			w.log = append(w.log, q)
		}},
		{"a lowered threshold", "without a kept twin", func(w *world) {
			x := w.rows[3]
			x.kept, x.reason, x.stage, x.of = false, "dup.near", "dedup", w.rows[0].id
		}},
		{"a lost row", "without a row", func(w *world) { w.lost[5] = true }},
		{"a swapped verdict", "noai", func(w *world) {
			a, b := w.rows[4], w.rows[6]
			a.reason, b.reason = b.reason, a.reason
			a.stage, b.stage = b.stage, a.stage
		}},
		{"a skipped delay", "too soon", func(w *world) {
			for i := 9; i < len(w.log); i++ {
				w.log[i].T -= 100e6
				w.log[i].Done -= 100e6
			}
		}},
		{"a near-duplicate kept", "near", func(w *world) { x := w.rows[2]; x.kept, x.reason, x.of = true, "", "" }},
		{"a twin that is dropped itself", "without a kept twin", func(w *world) { w.rows[2].of = w.rows[1].id }},
		{"an exact copy of something else", "exact", func(w *world) { w.rows[1].of = w.rows[7].id }},
		{"a request in a pause", "pause", func(w *world) {
			for i := 5; i < len(w.log); i++ {
				w.log[i].T -= 700e6
				w.log[i].Done -= 700e6
			}
		}},
		{"a crawl that dawdles", "the crawl took", func(w *world) {
			w.log[len(w.log)-1].T += 60e9
			w.log[len(w.log)-1].Done += 60e9
		}},
		{"a doubled row", "more than one row", func(w *world) {
			y := *w.rows[len(w.rows)-1]
			w.rows = append(w.rows, &y)
		}},
		{"a text with mojibake", "mojibake", func(w *world) { w.rows[5].text = "ZoÃ«â€™s cafÃ©" }},
		{"a page without a row", "without a row", func(w *world) {
			q := w.log[len(w.log)-1]
			q.T, q.Done, q.Path = q.T+300e6, q.Done+300e6, "/new"
			w.log = append(w.log, q)
		}},
		{"a row out of nothing", "never asked for", func(w *world) { w.rows[6].url = site + "/nobody" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := goodWorld()
			tt.breaks(w)
			r := w.judge(t)
			if f := strings.Join(r.Faults(0), "\n"); !strings.Contains(f, tt.says) {
				t.Errorf("faults %q do not say %q\nproblems: %s", f, tt.says, strings.Join(r.Problems, "\n"))
			}
		})
	}
}

// TestJudgeCatchesEdits damages the files themselves.
func TestJudgeCatchesEdits(t *testing.T) {
	edit := func(name, old, new string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			p := filepath.Join(dir, "data", "_delta_log", name)
			b, err := os.ReadFile(p)
			if err != nil || !bytes.Contains(b, []byte(old)) {
				t.Fatalf("%s lacks %q: %v", name, old, err)
			}
			if err := os.WriteFile(p, bytes.Replace(b, []byte(old), []byte(new), 1), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	const first, second = "00000000000000000000.json", "00000000000000000001.json"
	tests := map[string]func(t *testing.T, dir string){
		"tally":        edit(first, `"dup.exact":1`, `"dup.exact":2`),
		"bounds":       edit(second, `"from":8`, `"from":9`),
		"gap":          edit(first, `"gaps":[{"from":7,"to":8}]`, `"gaps":[]`),
		"false gap":    edit(first, `{"from":7,"to":8}`, `{"from":6,"to":8}`),
		"row count":    edit(first, `numRecords\":3`, `numRecords\":4`),
		"outside":      edit(first, `kept-0.parquet`, `../kept-0.parquet`),
		"doubled file": edit(second, `kept-1.parquet`, `kept-0.parquet`),
		"missing file": func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, "data", "kept-1.parquet")) },
		"torn file": func(t *testing.T, dir string) {
			if err := os.Truncate(filepath.Join(dir, "rejects", "no-0.parquet"), 100); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, breaks := range tests {
		t.Run(name, func(t *testing.T) {
			dir, access, planted := goodWorld().write(t)
			breaks(t, dir)
			r, err := Judge(dir, access, planted)
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Faults(0)) == 0 {
				t.Error("nothing was found")
			}
		})
	}
}

func TestWords(t *testing.T) {
	for in, want := range map[string]string{
		"":                        "",
		"Don't  STOP—now, 3rd.":   "don t stop now 3rd",
		"春眠 ok":                   "春 眠 ok",
		"cafe\u0301 Zo\u00eb":     "cafe\u0301 zo\u00eb",
		"soft\u00adhyphen":        "softhyphen",
		"\xff\xfea \x00b":         "a b",
		"ひらがなカナ ไทย":              "ひ ら が な カ ナ ไ ท ย",
		strings.Repeat("_", 1000): "",
	} {
		if got := strings.Join(words(in), " "); got != want {
			t.Errorf("words(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestJaccardByHand(t *testing.T) {
	a := &row{text: "a b c d e f g"} // abcde bcdef cdefg
	b := &row{text: "a b c d e f h"} // abcde bcdef cdefh
	c := &row{text: "too short"}
	w := newTwins(&table{})
	if j := w.jaccard(a, b); j != 0.5 {
		t.Errorf("jaccard = %v, want 2 of 4", j)
	}
	if j := w.jaccard(c, &row{text: "Too  SHORT!"}); j != 1 {
		t.Errorf("short texts: %v, want 1", j)
	}
	if j := w.jaccard(a, c); j != 0 {
		t.Errorf("strangers: %v, want 0", j)
	}
}

func TestTornLogLine(t *testing.T) {
	dir, access, planted := goodWorld().write(t)
	f, err := os.OpenFile(access, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString(`{"t_ns":12`)
	f.Close()
	if r, err := Judge(dir, access, planted); err != nil || len(r.Faults(0)) > 0 {
		t.Fatalf("%v %v", err, r.Faults(0))
	}
	f, err = os.OpenFile(access, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("\n{}\n")
	f.Close()
	if _, err := Judge(dir, access, planted); err == nil {
		t.Fatal("a broken line in the middle of the log passed")
	}
}
