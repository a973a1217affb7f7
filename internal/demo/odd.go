package demo

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

const (
	bigPage    = 20_000_000
	streamStep = 5 * time.Millisecond // between two pieces of the page that never ends
)

// flaw is how a page fails before it answers.
type flaw struct {
	status int  // of the failing answers
	fails  int  // how many of them
	asDate bool // Retry-After as a date
}

// retryAfter is what a busy page asks for.
const retryAfter = 3 * time.Second

// oddity answers a path that is no page.
type oddity func(w *meter, r *http.Request)

// tongues are sentences that lose their letters in a wrong decoding. Each uses Latin-1 letters or typography.
func tongues() []string {
	return []string{
		"The café in Zürich served crème brûlée to Søren Ångström, who called it a naïve façade of a dessert.",
		"In Göteborg the jury heard Señor Núñez describe the château as très élégant and far too expensive.",
		"The editor’s note says that “Déjà vu” by Zoë Müller – a novel about translators – sold out within days.",
		"José and Françoise walked along the Champs-Élysées until the façades gave way to the trees of the Bois.",
		"Kierkegård’s neighbour in Århus kept a “smörgåsbord” of clocks, none of which agreed with the others.",
		"The Brontë sisters’ résumé lists a governess’s post, a school in Brussels and no fewer than three pen names.",
		"At the fête in Liège the mayor praised the city’s soufflé, its canals and the patience of its bakers.",
	}
}

// encodings are pages that are not UTF-8, with who says so and a sentence that proves the right decoding.
func encodings() []struct {
	charset
	how, sentence string
} {
	const latin = "Le garçon du café près du château a été très étonné de voir l'âne à la fenêtre, où il mangeait des pâtes."
	const german = "Die Bücher über Flüsse und Wälder lagen schön geordnet auf der Straße, größer als jede Tür im Häuschen."
	const czech = "Příliš žluťoučký kůň úpěl ďábelské ódy, a zażółć gęślą jaźń odpowiedział mu ktoś z Łodzi."
	const russian = "Съешь же ещё этих мягких французских булок, да выпей чаю, сказал старый сторож у ворот."
	const japanese1 = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。"
	const chinese = "春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多少。"
	e := func(name string, enc encoding.Encoding, header, meta, bom, how, sentence string) struct {
		charset
		how, sentence string
	} {
		return struct {
			charset
			how, sentence string
		}{charset{name: name, enc: enc, header: header, meta: meta, bom: bom}, how, sentence}
	}
	return []struct {
		charset
		how, sentence string
	}{
		e("windows-1252", charmap.Windows1252, "windows-1252", "", "", "header", "The editor’s note calls “Déjà vu” – the novel by Zoë Müller – a cœur of its own, at € 20."),
		e("windows-1251", charmap.Windows1251, "", "windows-1251", "", "meta", russian),
		e("utf-16le", unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), "", "", "\xff\xfe", "bom", czech+" "+russian),
		e("iso-8859-1", charmap.ISO8859_1, "", "", "", "none", latin),
		e("shift_jis", japanese.ShiftJIS, "Shift_JIS", "", "", "header", japanese1),
		e("iso-8859-2", charmap.ISO8859_2, "", "iso-8859-2", "", "meta", czech),
		e("utf-8", nil, "iso-8859-1", "", "\xef\xbb\xbf", "bom", german+" "+czech),
		e("koi8-r", charmap.KOI8R, "koi8-r", "", "", "header", russian),
		e("gb18030", simplifiedchinese.GB18030, "", "gb18030", "", "meta", chinese),
		e("utf-16be", unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), "", "", "\xfe\xff", "bom", japanese1+" "+chinese),
		e("euc-jp", japanese.EUCJP, "", "euc-jp", "", "meta", japanese1),
		e("iso-8859-1", charmap.ISO8859_1, "", "", "", "none", german),
	}
}

// encode turns a page into one of another encoding.
func (b *planter) encode(p *page, i int) {
	list := encodings()
	x := list[i%len(list)]
	p.charset = x.charset
	p.add(x.sentence)
	b.note("charset", p, Expect{Fate: "row", Contains: []string{x.sentence}})
	n := &b.notes[len(b.notes)-1]
	n.Encoding, n.How = x.name, x.how
}

// behave makes pages fail for a while.
func (b *planter) behave(c counts, docs []*page) {
	for i := range c.flaky + c.busy {
		if i >= len(docs) {
			return
		}
		kind := "flaky"
		docs[i].flaw = flaw{status: http.StatusInternalServerError, fails: 1 + i%2}
		if i >= c.flaky {
			kind = "busy"
			docs[i].flaw = flaw{status: http.StatusTooManyRequests, fails: 1, asDate: i%2 == 1}
		}
		b.note(kind, docs[i], Expect{Fate: "row"})
	}
}

// oddities puts what is no page behind links: things that real sites have and that a crawler must survive.
func (b *planter) oddities(c counts) {
	s := b.site
	b.private(c)
	b.calendar(s.ordinary(3))
	b.loop(s.ordinary(5))
	big, stream := s.ordinary(9), s.ordinary(11)
	big.odd["/files/dump.html"] = serveBig
	stream.odd["/files/stream.html"] = serveEndless
	b.behind(big, big, "/files/dump.html")
	b.behind(stream, stream, "/files/stream.html")
	b.odd("too_large", ref(big.index, "/files/dump.html"), Expect{Fate: "dropped", Reasons: []string{"fetch.too_large"}})
	b.odd("too_large", ref(stream.index, "/files/stream.html"), Expect{Fate: "dropped", Reasons: []string{"fetch.too_large"}})
	for i := range c.missing {
		h := s.ordinary(2*i + 1)
		path := "/gone/page-" + strconv.Itoa(i) + ".html"
		b.behind(s.ordinary(3*i), h, path)
		b.odd("missing", ref(h.index, path), Expect{Fate: "dropped", Reasons: []string{"fetch.status"}})
	}
	docs := s.pages[:len(s.pages)-len(s.hosts)]
	for i := range c.moved {
		h := s.ordinary(4*i + 2)
		path, to := "/moved/"+strconv.Itoa(i)+".html", docs[b.rng.IntN(len(docs))]
		h.odd[path] = func(w *meter, r *http.Request) {
			http.Redirect(w, r, s.expand(to.ref()), http.StatusMovedPermanently)
		}
		b.behind(s.ordinary(i), h, path)
		b.odd("redirect", ref(h.index, path), Expect{Fate: "dropped", Reasons: []string{"fetch.redirect"}})
	}
}

// odd notes something that is no page.
func (b *planter) odd(kind, ref string, e Expect) {
	b.notes = append(b.notes, note{Planted: Planted{Kind: kind, URL: ref, Expect: e}})
}

// behind links from a host's front page to a path.
func (b *planter) behind(from, to *host, path string) {
	from.pages["/"].traps = append(from.pages["/"].traps, ref(to.index, path))
}

// private plants a tree that robots.txt forbids, links to it, and redirects into it.
func (b *planter) private(c counts) {
	s := b.site
	for i := range c.hidden {
		h := s.ordinary(3*i + 1)
		path := "/private/report-" + strconv.Itoa(i) + ".html"
		h.private = append(h.private, path)
		h.odd[path] = serveText("Private report", "You should not be reading this, for robots.txt said so.")
		b.behind(s.ordinary(i), h, path)
		b.odd("disallowed", ref(h.index, path), Expect{Fate: "unfetched"})
	}
	h := s.ordinary(1)
	const press = "/private/press/release.html"
	h.odd[press] = serveText("Press release", "This one page of the private tree is for everybody, and an Allow line says so.")
	b.behind(h, h, press)
	b.odd("allowed", ref(h.index, press), Expect{Fate: "row"})
	for i := range c.intoPrivate {
		from, into := s.ordinary(5*i+4), s.ordinary(i)
		path, target := "/go/"+strconv.Itoa(i), "/private/target-"+strconv.Itoa(i)+".html"
		into.odd[target] = serveText("Private target", "A redirect is no permission.")
		from.odd[path] = func(w *meter, r *http.Request) {
			http.Redirect(w, r, into.base+target, http.StatusFound)
		}
		b.behind(s.ordinary(i+2), from, path)
		b.odd("redirect", ref(from.index, path), Expect{Fate: "dropped", Reasons: []string{"fetch.redirect"}})
		b.odd("trap", ref(into.index, target), Expect{Fate: "unfetched"})
	}
}

// calendar never ends: every month links to the next.
func (b *planter) calendar(h *host) {
	h.odd["/calendar/"] = func(w *meter, r *http.Request) {
		var year, month int
		if n, _ := fmt.Sscanf(r.URL.Path, "/calendar/%d/%d", &year, &month); n != 2 || month < 1 || month > 12 || year < 1 || year > 99999 {
			http.NotFound(w, r)
			return
		}
		next := fmt.Sprintf("/calendar/%d/%d", year+month/12, month%12+1)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, "<!DOCTYPE html><title>%s %d</title><h1>%s %d</h1><p>No events in this month.</p><a href=%q>Next month</a>\n",
			time.Month(month), year, time.Month(month), year, next)
	}
	b.behind(h, h, "/calendar/2026/1")
	b.odd("trap", ref(h.index, "/calendar/"), Expect{Fate: "at_most", Requests: 60})
}

// loop redirects in a circle.
func (b *planter) loop(h *host) {
	steps := []string{"/loop/a", "/loop/b", "/loop/c"}
	for i, path := range steps {
		to := steps[(i+1)%len(steps)]
		h.odd[path] = func(w *meter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
	}
	b.behind(h, h, steps[0])
	b.odd("trap", ref(h.index, "/loop/"), Expect{Fate: "at_most", Requests: 2 * len(steps)})
}

func serveText(title, text string) oddity {
	return func(w *meter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, "<!DOCTYPE html><title>%s</title><h1>%s</h1><p>%s</p>\n", title, title, text)
	}
}

// filler is 64 KiB of HTML.
func filler() []byte {
	line := []byte("<p>This line is one of very many that say the same, and the page goes on for longer than anybody reads.</p>\n")
	return bytes.Repeat(line, 64<<10/len(line)+1)[:64<<10]
}

func serveBig(w *meter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(bigPage))
	chunk := filler()
	for left := bigPage; left > 0; {
		n, err := w.Write(chunk[:min(left, len(chunk))])
		if err != nil {
			return
		}
		left -= n
	}
}

func serveEndless(w *meter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	chunk := filler()
	out := http.NewResponseController(w)
	tick := time.NewTicker(streamStep)
	defer tick.Stop()
	for {
		if _, err := w.Write(chunk); err != nil || out.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			w.err = r.Context().Err()
			return
		case <-tick.C:
		}
	}
}

// robots is one host's robots.txt, and what it says of a path.
func (h *host) robots() string {
	var b strings.Builder
	b.WriteString("# The demo's website\nUser-agent: badbot\nDisallow: /\n\nUser-agent: *\nDisallow: /private/\nAllow: /private/press/\n")
	if h.slow {
		fmt.Fprintf(&b, "Crawl-delay: %d\n", int(slowDelay.Seconds()))
	}
	if h.sitemap != "" {
		fmt.Fprintf(&b, "\nSitemap: %s%s\n", h.base, h.sitemap)
	}
	return b.String()
}

// allowed reads the rules above for every agent but badbot: the longest match decides.
func allowed(path string) bool {
	return !strings.HasPrefix(path, "/private/") || strings.HasPrefix(path, "/private/press/")
}
