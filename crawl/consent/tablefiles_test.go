package consent

import (
	"fmt"
	"strings"

	"millrace"
)

func tdmPages() (out []page) {
	file := func(name, body string, want ...said) {
		for i := range want {
			want[i].source = "file:tdmrep.json"
		}
		out = append(out, page{name: "file, " + name, tdm: body, want: want})
	}
	const here, open = `{"location":"/a/","tdm-reservation":1}`, `{"location":"/a/","tdm-reservation":0}`
	file("1", "["+here+"]", said{raw: here, value: no})
	file("0", "["+open+"]", said{raw: open, value: yes})
	file("one entry without an array", here, said{raw: here, value: no})
	file("first match, no", "["+here+","+open+"]", said{raw: here, value: no})
	file("first match, yes", "["+open+","+here+"]", said{raw: open, value: yes})
	file("another path", `[{"location":"/b/","tdm-reservation":1}]`)
	file("wildcard", `[{"location":"*/page$","tdm-reservation":1}]`, said{raw: `{"location":"*/page$","tdm-reservation":1}`, value: no})
	file("a string", `[{"location":"/","tdm-reservation":"1"}]`, said{raw: `{"location":"/","tdm-reservation":"1"}`, value: no})
	file("with a policy", `[{"location":"/","tdm-reservation":1,"tdm-policy":"https://h.example/p"}]`,
		said{raw: `{"location":"/","tdm-reservation":1,"tdm-policy":"https://h.example/p"}`, value: no})
	file("2", `[{"location":"/","tdm-reservation":2}]`)
	file("no reservation", `[{"location":"/"},`+here+`]`, said{raw: here, value: no})
	file("entries that are none", `[7,"x",null,[],`+here+`]`, said{raw: here, value: no})
	file("cut off", "["+here+`,{"loc`, said{raw: here, value: no})
	file("HTML", "<html>not found")
	file("a byte order mark", "\ufeff["+here+"]", said{raw: here, value: no})
	is := func(source, raw string, v millrace.Consent) said { return said{source, raw, v} }
	for raw, v := range map[string]millrace.Consent{"1": no, "0": yes, "2": none, "true": none, "": none} {
		out = append(out, page{name: "header " + raw, header: []string{"Tdm-Reservation: " + raw}, want: []said{is("header:TDM-Reservation", raw, v)}},
			page{name: "meta " + raw, html: `<meta name="TDM-Reservation" content="` + raw + `">`, want: []said{is("meta:tdm-reservation", raw, v)}})
	}
	// meta goes before the header, and that before the file
	return append(out,
		page{name: "header over file", header: []string{"Tdm-Reservation: 0"}, tdm: here, want: []said{is("header:TDM-Reservation", "0", yes), is("file:tdmrep.json", here, none)}},
		page{name: "meta over header", header: []string{"Tdm-Reservation: 1"}, html: "<meta name=tdm-reservation content=0>",
			want: []said{is("meta:tdm-reservation", "0", yes), is("header:TDM-Reservation", "1", none)}},
		page{name: "meta over both", header: []string{"Tdm-Reservation: 0"}, html: "<meta name=tdm-reservation content=1>", tdm: open,
			want: []said{is("meta:tdm-reservation", "1", no), is("header:TDM-Reservation", "0", none), is("file:tdmrep.json", open, none)}},
		page{name: "what cannot be read overrules nothing", header: []string{"Tdm-Reservation: x"}, tdm: here, want: []said{is("header:TDM-Reservation", "x", none), is("file:tdmrep.json", here, no)}},
		page{name: "two headers", header: []string{"Tdm-Reservation: 0", "Tdm-Reservation: 1"}, want: []said{is("header:TDM-Reservation", "0", yes), is("header:TDM-Reservation", "1", no)}},
		page{name: "a policy", header: []string{"Tdm-Reservation: 1", "Tdm-Policy: https://h.example/p"}, want: []said{is("header:TDM-Reservation", "1", no), is("header:TDM-Policy", "https://h.example/p", none)}},
	)
}

func rslPages() (out []page) {
	const link = "<link rel=license type=application/rsl+xml href=/rsl.xml>"
	doc := func(contents string) string {
		return `<?xml version="1.0"?><rsl xmlns="https://rslstandard.org/rsl">` + contents + `</rsl>`
	}
	add := func(name, contents string, v millrace.Consent) {
		raw := strings.NewReplacer("</content>", "").Replace(contents)
		out = append(out, page{name: name, html: link, rsl: doc(contents), want: []said{{"rsl:link", "https://h.example/rsl.xml " + raw, v}}})
	}
	for terms, v := range map[string]millrace.Consent{
		`<permits type="usage">search</permits><prohibits type="usage">ai-train</prohibits>`:    no,
		`<prohibits type="usage">all</prohibits>`:                                               no,
		`<prohibits type="usage">ai-all,search</prohibits>`:                                     no,
		`<prohibits type="usage">ai-input</prohibits>`:                                          none,
		`<prohibits>AI-Train</prohibits>`:                                                       no,
		`<permits type="usage">ai-train</permits>`:                                              yes,
		`<permits type="usage">search ai-train</permits>`:                                       yes,
		`<permits type="usage">all</permits>`:                                                   yes,
		`<permits type="usage">all</permits><prohibits type="usage">ai-train</prohibits>`:       no,
		`<permits type="usage">all</permits><payment type="free"/>`:                             yes,
		`<permits type="usage">all</permits><payment type="crawl"><amount>1</amount></payment>`: no,
		`<payment type="purchase"/>`:                                                            no,
		`<permits type="usage">search</permits>`:                                                none,
		`<permits type="usage">all</permits><permits type="user">education</permits>`:           none,
		`<permits type="usage">all</permits><prohibits type="geo">US</prohibits>`:               none,
	} {
		add(terms, `<content url="/"><license>`+terms+`</license></content>`, v)
	}
	const refuse, allow = `<license><prohibits type="usage">ai-train</prohibits></license>`, `<license><permits type="usage">ai-train</permits></license>`
	add("a server", `<content url="/" server="https://l.example/">`+allow+`</content>`, no)
	add("two licences", `<content url="/">`+allow+refuse+`</content>`, no)
	add("whole address", `<content url="https://h.example/a/*">`+refuse+`</content>`, no)
	at := func(contents string) page { return page{html: link, rsl: doc(contents)} }
	is := func(p page, name string, want ...said) { p.name, p.want = name, want; out = append(out, p) }
	is(at(`<content url="https://other.example/">`+refuse+`</content>`), "another host")
	is(at(`<content url="/b">`+refuse+`</content>`), "another path")
	is(at(`<content url="/">`+refuse+`</content><content url="/a/">`+allow+`</content>`), "longest path",
		said{"rsl:link", `https://h.example/rsl.xml <content url="/a/">` + allow, yes})
	is(at(`<content url="/a/">`+allow+`</content><content url="/">`+refuse+`</content>`), "longest path, other order",
		said{"rsl:link", `https://h.example/rsl.xml <content url="/a/">` + allow, yes})
	is(at(`<content url="/a/">`+allow+`</content><content url="/a/">`+refuse+`</content>`), "equal paths",
		said{"rsl:link", `https://h.example/rsl.xml <content url="/a/">` + allow, yes}, said{"rsl:link", `https://h.example/rsl.xml <content url="/a/">` + refuse, no})
	unread := said{"rsl:link", "https://h.example/rsl.xml", none}
	is(page{html: link}, "not fetched", unread)
	is(at(""), "no content", unread)
	is(page{html: link, rsl: "<html><body>404"}, "HTML", unread)
	is(page{html: link, rsl: doc(`<content url="/">` + refuse + `</content><content url="/a/"><lic`)}, "cut off",
		said{"rsl:link", `https://h.example/rsl.xml <content url="/">` + refuse, no})
	full := doc(`<content url="/">` + refuse + `</content>`)
	raw := `https://h.example/rsl.xml <content url="/">` + refuse
	is(page{header: []string{`Link: </x>; rel=next, </rsl.xml>; rel="license"; type="application/rsl+xml"`}, rsl: full}, "Link header", said{"rsl:header", raw, no})
	is(page{robots: "License: https://h.example/rsl.xml\nUser-agent: *\nAllow: /", rsl: full}, "robots.txt", said{"rsl:robots", raw, no})
	is(page{robots: "User-agent: *\nLicense: /rsl.xml", rsl: full}, "robots.txt, in a group", said{"rsl:robots", raw, no})
	is(page{robots: "User-agent: otherbot\nLicense: /rsl.xml\nUser-agent: *\nAllow: /", rsl: full}, "robots.txt, another's group")
	is(page{html: `<script type="application/rsl+xml">` + full + `</script>`}, "in the page", said{"rsl:inline", `<content url="/">` + refuse, no})
	return out
}

func aiTxtPages() (out []page) {
	add := func(name, file, rule string) {
		p := page{name: name, html: "<p>text", aiTxt: file}
		if rule != "" {
			p.want = []said{{"file:ai.txt", rule, no}}
		}
		out = append(out, p)
	}
	all := "# Spawning AI\nUser-Agent: *\n"
	add("everything", all+"Disallow: /", "Disallow: /")
	add("pages", all+"Disallow: *.html", "Disallow: *.html")
	add("pages, short ending", all+"Disallow: *.htm$", "Disallow: *.htm$")
	add("pictures", all+"Disallow: *.png\nDisallow: *.jpg", "")
	add("allowed", all+"Allow: *.html\nDisallow: *.png", "")
	add("allowed again", all+"Disallow: /\nAllow: /a/page", "")
	add("our name", "User-Agent: otherbot\nDisallow:\nUser-Agent: millbot\nDisallow: /a/", "Disallow: /a/")
	add("another's name", "User-Agent: otherbot\nDisallow: /", "")
	add("a path", all+"Disallow: /a/*", "Disallow: /a/*")
	add("another path", all+"Disallow: /b/", "")
	add("Markdown", "# About this site\n\nUser-Agent: *\nDisallow: /\nWe like robots.", "")
	add("key and value", "Title: x\nUser-Agent: *\nDisallow: /", "")
	add("no rules", all, "")
	add("no agent", "Disallow: /", "")
	add("HTML", "<html>User-Agent: *\nDisallow: /", "")
	add("a byte order mark", "\ufeff"+all+"Disallow: /", "Disallow: /")
	out = append(out, page{name: "a file of its kind", url: "https://h.example/a/b.pdf", aiTxt: all + "Disallow: *.pdf", want: []said{{"file:ai.txt", "Disallow: *.pdf", no}}})
	return append(out, page{name: "a file of another kind", url: "https://h.example/a/b.txt", aiTxt: all + "Disallow: *.html"})
}

func licencePages() (out []page) {
	const cc = "https://creativecommons.org/"
	is := func(where, raw string, v millrace.Consent) said { return said{"licence:" + where, raw, v} }
	for path, v := range map[string]millrace.Consent{
		"licenses/by/4.0/": yes, "licenses/by-sa/3.0/deed.de": yes, "licenses/by/2.0/fr/": yes, "publicdomain/zero/1.0/": yes, "publicdomain/mark/1.0/": yes, "licenses/BY/4.0/legalcode": yes,
		"licenses/by-nc/4.0/": none, "licenses/by-nd/4.0/": none, "licenses/by-nc-sa/4.0/": none, "licenses/by-nc-nd/2.5/": none, "licenses/sampling/1.0/": none,
	} {
		out = append(out, page{name: path, html: "<p><a rel='nofollow license' href='" + cc + path + "'>", want: []said{is("rel", cc+path, v)}})
	}
	const by, sa = cc + "licenses/by/4.0/", cc + "licenses/by-sa/4.0/"
	add := func(name string, p page, want ...said) { p.name, p.want = name, want; out = append(out, p) }
	places := map[string]func(url string) page{
		"rel":    func(url string) page { return page{html: "<link rel=license href=" + url + " >"} },
		"header": func(url string) page { return page{header: []string{"Link: <" + url + ">; rel=license"}} },
		"meta":   func(url string) page { return page{html: "<meta name=DCTERMS.rights content=" + url + ">"} },
		"json-ld": func(url string) page {
			return page{html: `<script type="application/ld+json">{"@type":"Article","license":"` + url + `"}</script>`}
		},
		"rdfa": func(url string) page { return page{html: "<span property='cc:license' resource='" + url + "'>"} },
	}
	for where, at := range places {
		add(where, at(by), is(where, by, yes))
		both := at(by).with(page{html: "<a rel=license href='" + by + "'>"})
		add(where+", the same twice", both, is(where, by, yes), is("rel", by, yes))
		other := at(by).with(page{html: "<a rel=license href='" + sa + "'>"})
		add(where+", a conflict", other, is(where, by, none), is("rel", sa, none))
	}
	add("dc.rights", page{html: "<meta name=dc.rights content='CC (" + by + ")'>"}, is("meta", "CC ("+by+")", yes))
	add("rights in words", page{html: "<meta name=dcterms.rights content='All rights reserved'>"})
	add("terms of one's own", page{html: "<a rel=license href=/terms>"}, is("rel", "/terms", none))
	add("terms beside a licence", page{html: "<a rel=license href=/terms><a rel=license href=" + by + ">"}, is("rel", "/terms", none), is("rel", by, none))
	add("no relation", page{html: "<a href=" + by + ">"})
	add("of something else", page{html: "<a rel=license about=/picture href=" + by + ">"})
	add("of a picture", page{html: `<script type="application/ld+json">{"@type":"ImageObject","license":"` + by + `"}</script>`})
	add("in a graph", page{html: `<script type="application/ld+json">{"@graph":[{"@type":"WebPage","license":{"@id":"` + by + `"}}]}</script>`}, is("json-ld", by, yes))
	add("JSON that is none", page{html: `<script type="application/ld+json">{"license":"` + by + `"</script>`})
	add("behind 64 KiB", page{html: "<p>" + strings.Repeat("x ", headSize) + "<a rel=license href=" + by + ">"}, is("rel", by, yes))
	add("a look-alike", page{html: "<a rel=license href=https://notcreativecommons.org/licenses/by/4.0/>"}, is("rel", "https://notcreativecommons.org/licenses/by/4.0/", none))
	add("anchored elsewhere", page{header: []string{"Link: <" + by + `>; rel=license; anchor="/picture"`}})
	return out
}

func tokenPages() (out []page) {
	add := func(name, file string, closed string) {
		p := page{name: name, robots: file}
		if closed != "" {
			p.want = []said{{"robots:ai-tokens", fmt.Sprintf("closed to %s (list 2026-10)", closed), no}}
		}
		out = append(out, p)
	}
	for _, name := range []string{"GPTBot", "CCBot", "AI2Bot", "Ai2Bot-Dolma", "Google-Extended", "anthropic-ai"} {
		add(name, "User-agent: "+name+"\nDisallow: /", name)
	}
	add("a version behind", "User-agent: GPTBot/1.2\nDisallow: /", "GPTBot")
	add("any case", "User-agent: gptbot\nDisallow: /", "GPTBot")
	add("two in a group", "User-agent: CCBot\nUser-agent: GPTBot\nDisallow: /", "CCBot, GPTBot")
	add("two groups", "User-agent: GPTBot\nDisallow: /\nUser-agent: CCBot\nDisallow: /a", "CCBot, GPTBot")
	add("open", "User-agent: GPTBot\nAllow: /", "")
	add("another path", "User-agent: GPTBot\nDisallow: /b", "")
	add("open again", "User-agent: GPTBot\nDisallow: /\nAllow: /a/", "")
	add("closed to all", "User-agent: GPTBot\nDisallow: /\nUser-agent: *\nDisallow: /", "")
	add("search", "User-agent: OAI-SearchBot\nUser-agent: PerplexityBot\nDisallow: /", "")
	add("user", "User-agent: ChatGPT-User\nDisallow: /", "")
	add("tools", "User-agent: Scrapy\nDisallow: /", "")
	add("a part of a name", "User-agent: AI\nUser-agent: GPTBot-Mini\nDisallow: /", "")
	out = append(out, page{name: "a managed file", robots: "User-agent: *\nContent-Signal: search=yes,ai-train=no\nAllow: /\n\nUser-agent: Bytespider\nDisallow: /\n\nUser-agent: CCBot\nDisallow: /",
		want: []said{{"robots:Content-Signal", "search=yes,ai-train=no", no}, {"robots:ai-tokens", "closed to Bytespider, CCBot (list 2026-10)", no}}})
	return out
}
