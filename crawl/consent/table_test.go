package consent

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"millrace"
	"millrace/crawl/robots"
)

// said is a statement that is wanted of a page.
type said struct {
	source, raw string
	value       millrace.Consent
}

// page is a page of https://h.example with all that speaks about it.
type page struct {
	name   string
	url    string // "" is https://h.example/a/page
	header []string
	html   string // "" is no HTML
	robots string
	tdm    string
	rsl    string // behind https://h.example/rsl.xml
	aiTxt  string
	want   []said
}

// around are the surroundings in which each page of a table is looked at, with what they add.
var around = []struct {
	name string
	not  string // the table in which it would say the same as the page
	page page
}{
	{"alone", "", page{}},
	{"beside a licence", "licence", page{html: "<link rel=license href=https://creativecommons.org/licenses/by/4.0/>",
		want: []said{{"licence:rel", "https://creativecommons.org/licenses/by/4.0/", yes}}}},
	{"beside a refusal", "", page{header: []string{"X-Robots-Tag: noml"}, want: []said{{"header:X-Robots-Tag", "noml", no}}}},
	{"beside a permission", "Content-Signal", page{header: []string{"Content-Signal: ai-train=yes"}, want: []said{{"header:Content-Signal", "ai-train=yes", yes}}}},
	{"beside what others are told", "ai-tokens", page{robots: "User-agent: GPTBot\nDisallow: /\n",
		want: []said{{"robots:ai-tokens", "closed to GPTBot (list 2026-10)", no}}}},
	{"beside a word about indexes", "", page{header: []string{"X-Robots-Tag: noindex"}, want: []said{{"header:X-Robots-Tag", "noindex", none}}}},
}

// tables has the pages of each signal. Each is looked at in all surroundings.
func tables() map[string][]page {
	return map[string][]page{
		"Content-Usage header": usageHeaderPages(), "Content-Usage rule": usageRulePages(), "Content-Signal": signalPages(),
		"X-Robots-Tag": robotsTagPages(), "meta robots": metaRobotsPages(), "TDMRep": tdmPages(), "RSL": rslPages(),
		"ai.txt": aiTxtPages(), "licence": licencePages(), "ai-tokens": tokenPages(),
	}
}

// TestSignals looks at each page in each surrounding: sources, raw texts, values and what they combine to.
func TestSignals(t *testing.T) {
	for signal, pages := range tables() {
		n := 0
		for _, p := range pages {
			for _, a := range around {
				if a.not == signal {
					continue
				}
				n++
				checkPage(t, signal+", "+p.name+", "+a.name, p.with(a.page))
			}
		}
		if n < 60 {
			t.Errorf("%s: only %d pages", signal, n)
		}
	}
}

// with puts a page into its surroundings.
func (p page) with(a page) page {
	p.header = append(slices.Clone(p.header), a.header...)
	p.want = append(slices.Clone(p.want), a.want...)
	p.html = a.html + p.html
	if a.robots != "" { // a rule between them, for User-agent lines join across any other line
		p.robots += "\nAllow: /never\n" + a.robots
	}
	return p
}

func (p page) input() Input {
	in := Input{URL: p.url, Token: "millbot", Resolve: func(ref string) string {
		if strings.HasPrefix(ref, "/") {
			return "https://h.example" + ref
		}
		return ref
	}}
	if in.URL == "" {
		in.URL = "https://h.example/a/page"
	}
	for _, h := range p.header {
		name, value, _ := strings.Cut(h, ": ")
		in.Header = append(in.Header, millrace.Field{Name: name, Value: value})
	}
	if p.html != "" {
		in.Head = Scan([]byte(p.html), in.Token)
	}
	in.Rules = ReadRules(robots.Parse([]byte(p.robots)), in.Token, when)
	if p.tdm != "" {
		in.Site = in.Site.Add(TDM, "https://h.example"+TDMPath, when, 200, []byte(p.tdm))
	}
	if p.rsl != "" {
		in.Site = in.Site.Add(RSL, "https://h.example/rsl.xml", when, 200, []byte(p.rsl))
	}
	if p.aiTxt != "" {
		in.Site = in.Site.Add(AITxt, "https://h.example"+AITxtPath, when, 200, []byte(p.aiTxt))
	}
	return in
}

func checkPage(t *testing.T, name string, p page) {
	t.Helper()
	by := Statements(p.input())
	var got, want []string
	for _, s := range by {
		got = append(got, fmt.Sprint(said{s.Source, s.Raw, s.Value}))
		if inferred := s.Source == "robots:ai-tokens"; s.Inferred != inferred {
			t.Errorf("%s: inferred %v: %+v", name, s.Inferred, s)
		}
	}
	combined := none
	for _, s := range p.want {
		want = append(want, fmt.Sprint(s))
		switch {
		case s.source == "robots:ai-tokens":
		case s.value == no:
			combined = no
		case s.value == yes && combined != no:
			combined = yes
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if want = slices.Compact(want); !slices.Equal(got, want) {
		t.Errorf("%s:\n got  %s\n want %s", name, strings.Join(got, "\n      "), strings.Join(want, "\n      "))
	}
	if c := Combine(by); c != combined {
		t.Errorf("%s: combined %v, want %v", name, c, combined)
	}
}

func usageHeaderPages() (out []page) {
	for raw, v := range map[string]millrace.Consent{
		"train-ai=n": no, "train-ai=y": yes, "search=y, train-ai=n": no, "train-ai=n, train-ai=y": yes, "train-ai=y,train-ai=n": no,
		"train-ai=n;note=1;x": no, "train-ai=y, other=(a b);c, n=1.5, t=@17, b=?1, s=\"q,\\\"\", d=:YQ==:": yes,
		// nothing that the vocabulary knows
		"train-ai": none, "train-ai=?0": none, "train-ai=\"n\"": none, "train-ai=no": none, "train-ai=N": none, "TRAIN-AI=n": none, "search=n": none, "ai-use=n": none,
		// no dictionary
		"train-ai=n,": none, "train-ai=y,": none, "train-ai=": none, "train-ai=n search=y": none, "train-ai=n, =": none, "\"train-ai\"=n": none, "train-ai=n, x=\"open": none, "train-ai=n, x=(1": none,
	} {
		out = append(out, page{name: raw, header: []string{"Content-Usage: " + raw}, want: []said{{"header:Content-Usage", raw, v}}})
	}
	return append(out, page{name: "two lines are one", header: []string{"Content-Usage: train-ai=n", "Content-Usage: train-ai=y"},
		want: []said{{"header:Content-Usage", "train-ai=n, train-ai=y", yes}}})
}

func usageRulePages() (out []page) {
	rule := func(name, file string, want ...said) {
		for i := range want {
			want[i].source = "robots:Content-Usage"
		}
		out = append(out, page{name: name, robots: file, want: want})
	}
	all := "User-agent: *\n"
	rule("whole site, no", all+"Content-Usage: train-ai=n", said{raw: "train-ai=n", value: no})
	rule("whole site, yes", all+"Content-Usage: train-ai=y", said{raw: "train-ai=y", value: yes})
	rule("path, no", all+"Content-Usage: /a/ train-ai=n", said{raw: "/a/ train-ai=n", value: no})
	rule("path, yes", all+"Content-Usage: /a/ train-ai=y", said{raw: "/a/ train-ai=y", value: yes})
	rule("another path", all+"Content-Usage: /b/ train-ai=n")
	rule("longest path", all+"Content-Usage: / train-ai=n\nContent-Usage: /a/ train-ai=y", said{raw: "/a/ train-ai=y", value: yes})
	rule("longest path, other order", all+"Content-Usage: /a/p train-ai=n\nContent-Usage: /a/ train-ai=y", said{raw: "/a/p train-ai=n", value: no})
	rule("equal paths", all+"Content-Usage: /a/ train-ai=y\nContent-Usage: /a/ train-ai=n", said{raw: "/a/ train-ai=y", value: yes}, said{raw: "/a/ train-ai=n", value: no})
	rule("site and path", all+"Content-Usage: train-ai=n\nContent-Usage: /a/ train-ai=y", said{raw: "train-ai=n", value: no}, said{raw: "/a/ train-ai=y", value: yes})
	rule("wildcard", all+"Content-Usage: /*/page$ train-ai=n", said{raw: "/*/page$ train-ai=n", value: no})
	rule("our group", "User-agent: millbot\nContent-Usage: train-ai=n\nUser-agent: *\nContent-Usage: train-ai=y", said{raw: "train-ai=n", value: no})
	rule("our group says nothing", "User-agent: millbot\nAllow: /\nUser-agent: *\nContent-Usage: train-ai=n")
	rule("another's group", "User-agent: otherbot\nContent-Usage: train-ai=n\nUser-agent: *\nAllow: /")
	rule("unknown value", all+"Content-Usage: train-ai=maybe", said{raw: "train-ai=maybe", value: none})
	rule("no dictionary", all+"Content-Usage: train-ai=n;;", said{raw: "train-ai=n;;", value: none})
	rule("outside of groups", "Content-Usage: train-ai=n\n"+all+"Allow: /")
	rule("a comment behind", all+"Content-Usage: train-ai=n # please", said{raw: "train-ai=n", value: no})
	rule("empty", all+"Content-Usage:")
	return out
}

func signalPages() (out []page) {
	for raw, v := range map[string]millrace.Consent{
		"ai-train=no": no, "ai-train=yes": yes, "search=yes, ai-train=no": no, "search=yes,ai-train=no,use=reference": no, "ai-train=yes, ai-input=no": yes,
		"AI-Train=No": no, "ai-train = no": no, "ai-train=yes, ai-train=no": no, "search=no": none, "ai-input=no": none, "ai-train": none, "ai-train=": none,
		"ai-train=perhaps": none, "train-ai=n": none,
	} {
		out = append(out, page{name: raw, robots: "User-agent: *\nContent-Signal: " + raw, want: []said{{"robots:Content-Signal", raw, v}}})
	}
	return append(out,
		page{name: "header", header: []string{"Content-Signal: ai-train=no, search=yes"}, want: []said{{"header:Content-Signal", "ai-train=no, search=yes", no}}},
		page{name: "path", robots: "User-agent: *\nContent-Signal: /a/ ai-train=no\nContent-Signal: /b/ ai-train=yes", want: []said{{"robots:Content-Signal", "/a/ ai-train=no", no}}},
		page{name: "our group", robots: "User-agent: *\nContent-Signal: ai-train=no\nUser-agent: Millbot\nContent-Signal: ai-train=yes", want: []said{{"robots:Content-Signal", "ai-train=yes", yes}}},
		page{name: "both carriers", header: []string{"Content-Usage: train-ai=y"}, robots: "User-agent: *\nContent-Signal: ai-train=no",
			want: []said{{"robots:Content-Signal", "ai-train=no", no}, {"header:Content-Usage", "train-ai=y", yes}}},
	)
}

// robotsTags are the texts of robots tags that speak to us, and what they say; nothing is wanted of the rest.
var robotsTags = []struct {
	raw  string
	kept bool
	v    millrace.Consent
}{
	{"noai", true, no}, {"noml", true, no}, {"NoAI, noimageai", true, no}, {"noimageai", true, none}, {"noindex, nofollow", true, none}, {"none", true, none}, {"noindex, noai", true, no},
	{"index, follow", false, none}, {"max-snippet:20, noai", true, no}, {"unavailable_after: Wed, 25 Jun 2035 15:00:00 GMT, noai", true, no}, {"noai2", false, none}, {"ai", false, none}, {"", false, none}, {" ,, noai ,", true, no},
}

func robotsTagPages() (out []page) {
	add := func(raw string, kept bool, v millrace.Consent) {
		p := page{name: raw, header: []string{"X-Robots-Tag: " + raw}}
		if kept {
			p.want = []said{{"header:X-Robots-Tag", strings.TrimSpace(raw), v}}
		}
		out = append(out, p)
	}
	for _, tag := range robotsTags {
		add(tag.raw, tag.kept, tag.v)
	}
	add("millbot: noai", true, no)
	add("MILLBOT: noindex, noai", true, no)
	add("otherbot: noai", false, none)
	add("otherbot: noai, millbot: noimageai", true, none)
	add("otherbot: noai, *: noml", true, no)
	add("noai, otherbot: all", true, no)
	add("Kangaroo Bot: noai", false, none)
	return append(out, page{name: "two lines", header: []string{"X-Robots-Tag: otherbot: noai", "X-Robots-Tag: noai"}, want: []said{{"header:X-Robots-Tag", "noai", no}}})
}

func metaRobotsPages() (out []page) {
	add := func(name, html string, want ...said) { out = append(out, page{name: name, html: html, want: want}) }
	for _, tag := range robotsTags {
		var want []said
		if tag.kept {
			want = []said{{"meta:robots", strings.TrimSpace(tag.raw), tag.v}}
		}
		add(tag.raw, `<meta name="robots" content="`+tag.raw+`">`, want...)
	}
	is := said{"meta:robots", "noai", no}
	add("our name", "<head><META NAME=MillBot CONTENT=noai>", is)
	add("another's name", "<meta name=googlebot content=noai>")
	add("blanks for commas", `<meta name=robots content="noai noimageai">`, said{"meta:robots", "noai noimageai", no})
	add("in a comment", "<!-- <meta name=robots content=noai> -->")
	add("in a script", "<script>'<meta name=robots content=noai>'</script>")
	add("behind 64 KiB", "<p>"+strings.Repeat("x ", headSize/2)+"<meta name=robots content=noai>")
	add("behind 64 KiB, before the word license", "<p>"+strings.Repeat("x ", headSize/2)+"<meta name=robots content=noai><p>A license.")
	add("twice", "<meta name=robots content=index><meta name=robots content=noai>", is)
	add("cut off", "<meta name=robots content=noai")
	add("content first", "<meta content='noai' name='robots' />", is)
	return out
}
