package extract

import "strings"

// names is what the class names and the id of an element say about it. They are in English on most pages of the
// world, for they come with the software that makes them.
type names struct {
	reason  Reason // what such a part is for, if that is not the page's text
	content bool   // a word for content is among them
	body    bool   // they say that this is the text itself
	code    bool   // they are those of highlighted code
}

// Reason says why a part of a page was left out of its text.
type Reason uint8

// The reasons. The first group goes by what an element is, the second by its names, the third by its text.
const (
	None       Reason = iota
	Element           // nav, footer, aside, form controls and the like
	Hidden            // not to be seen
	Role              // role= says that it is not the main part
	Navigation        // menus, breadcrumbs, page numbers
	Layout            // sidebars, widgets, footers
	Sharing
	Related // other pages
	Comments
	Advert
	Signup // newsletters, cookie notices, logins
	Byline // author, date, tags
	Caption
	Links    // most of it is links
	Outside  // not in the main part
	NoText   // a heading with nothing under it
	Trailing // short lines at the main part's end
	reasons  // how many there are
)

// String names the reason.
func (r Reason) String() string {
	return [reasons]string{"", "element", "hidden", "role", "navigation", "layout", "sharing", "related", "comments", "advert",
		"signup", "byline", "caption", "links", "outside", "no_text", "trailing"}[min(r, reasons-1)]
}

// add takes in the value of a class or id attribute.
func (n *names) add(val string) {
	const most = 256
	val = val[:min(len(val), most)]
	for i := 0; i < len(val); {
		if space(val[i]) {
			i++
			continue
		}
		from := i
		for i < len(val) && !space(val[i]) {
			i++
		}
		n.name(val[from:i])
	}
}

// name takes in one class name: its words begin behind a sign, or with a capital letter.
func (n *names) name(s string) {
	var buf [32]byte
	word := buf[:0]
	first := true
	for i := 0; i <= len(s); i++ {
		if i < len(s) && (letter(s[i]) || s[i] >= 0x80) {
			upper := 'A' <= s[i] && s[i] <= 'Z'
			if upper && i > 0 && 'a' <= s[i-1] && s[i-1] <= 'z' {
				n.word(word, first)
				word, first = buf[:0], false
			}
			if len(word) < len(buf) {
				word = append(word, lower(s[i]))
			}
			continue
		}
		if len(word) > 0 {
			n.word(word, first)
			word, first = buf[:0], false
		}
	}
	n.whole(s)
}

// whole looks at names that mean something as they stand.
func (n *names) whole(s string) {
	var buf [24]byte
	low := buf[:0]
	for i := range len(s) {
		if s[i] == '-' || s[i] == '_' {
			continue
		}
		if len(low) == len(buf) {
			break
		}
		low = append(low, lower(s[i]))
	}
	switch string(low) {
	case "articlebody", "articletext", "articlecontent", "articlebodycontent", "articlecontentbody", "articlemaintext", "storybody", "storycontent", "storytext", "storybodytext",
		"postbody", "postcontent", "posttext", "entrycontent", "entrybody", "entrytext", "contentbody", "bodycontent", "bodytext", "bodycopy",
		"newsbody", "newstext", "newscontent", "maintext", "textcontent", "fulltext", "singlecontent", "tdpostcontent",
		"blogcontent", "blogbody", "blogpostbody", "blogpostcontent", "articledetail", "articledetails", "mwparseroutput", "mwcontenttext":
		n.body, n.content = true, true
	case "code", "chroma", "prettyprint", "sourcecode":
		n.code = true
	}
	for _, p := range [...]string{"language-", "lang-", "highlight", "brush"} {
		n.code = n.code || strings.HasPrefix(s, p)
	}
}

// word takes in one word of a name.
func (n *names) word(w []byte, first bool) {
	var r Reason
	switch string(w) {
	case "article", "content", "contents", "story", "body", "entry", "post", "main", "text", "doc", "docs", "documentation":
		n.content = true
		return
	case "menu", "menus", "submenu", "subnav", "breadcrumb", "breadcrumbs", "nav", "navbar", "navigation", "pagination", "pager", "toolbar", "toc", "skip",
		"lineno", "linenos", "gutter", "editsection", "topnav", "mainnav", "navmenu":
		r = Navigation
	case "sidebar", "footer", "masthead", "widget", "widgets", "hidden", "noprint", "rightrail", "siderail", "rail":
		r = Layout
	case "share", "shares", "sharing", "sharebar", "sharetools", "social", "socials", "sociable", "sharedaddy", "addthis", "addtoany", "socialmedia", "follow":
		r = Sharing
	case "related", "relateds", "recommended", "recommendation", "recommendations", "recirc", "recirculation", "teaser", "teasers", "trending", "popular",
		"mostread", "mostpopular", "outbrain", "taboola", "zergnet", "readmore", "relatedposts", "jp", "morefrom", "upnext", "latest", "suggested", "suggestions":
		r = Related
	case "comments", "commentlist", "respond", "disqus", "commenting", "livefyre", "fbcomments":
		r = Comments
	case "comment":
		if first {
			r = Comments
		}
	case "promo", "promos", "promotion", "promoted", "sponsor", "sponsors", "sponsored", "advert", "adverts", "advertisement", "advertising", "ad", "ads", "adsense",
		"adslot", "adbox", "adwrapper", "banner", "banners", "dfp", "advertorial", "affiliate":
		r = Advert
	case "newsletter", "newsletters", "subscribe", "subscription", "signup", "login", "signin", "register", "cookie", "cookies", "popup", "modal", "consent", "gdpr", "paywall", "optin", "lightbox":
		r = Signup
	case "byline", "dateline", "timestamp", "pubdate", "tags", "taglist", "authorbox", "bio", "postmeta", "entrymeta", "articlemeta", "avatar":
		r = Byline
	case "caption", "captions", "figcaption", "imgcaption", "photocaption", "imagecaption", "credit", "credits", "photocredit", "imagecredit":
		r = Caption
	default:
		n.long(w)
		return
	}
	if n.reason == None {
		n.reason = r
	}
}

// long looks into a word that may be several in one.
func (n *names) long(w []byte) {
	const least = 8
	if len(w) < least {
		return
	}
	s := string(w)
	for _, p := range [...]string{"article", "content", "story", "entry", "main"} {
		if strings.HasPrefix(s, p) || strings.HasSuffix(s, p) {
			n.content = true
		}
	}
}
