package extract

// class says what an element does to the text around it.
type class uint8

const (
	inline    class = iota // its text runs on; it is not kept on the stack
	void                   // has no content
	paragraph              // starts a block of text
	container              // starts a block of text and may be the main one
	skipped                // its text is never the page's
)

// tag is an element that means something here; 0 is any other one, whose text runs on.
type tag uint8

const (
	other tag = iota
	tagA
	tagAddress
	tagArea
	tagArticle
	tagAside
	tagAudio
	tagBase
	tagBlockquote
	tagBody
	tagBr
	tagButton
	tagCanvas
	tagCaption
	tagCenter
	tagCode
	tagCol
	tagDatalist
	tagDd
	tagDetails
	tagDialog
	tagDiv
	tagDl
	tagDt
	tagEmbed
	tagFieldset
	tagFigcaption
	tagFigure
	tagFooter
	tagForm
	tagH1
	tagH2
	tagH3
	tagH4
	tagH5
	tagH6
	tagHeader
	tagHgroup
	tagHr
	tagHtml
	tagIframe
	tagImg
	tagInput
	tagKbd
	tagLegend
	tagLi
	tagLink
	tagListing
	tagMain
	tagMeta
	tagNav
	tagNoembed
	tagNoframes
	tagNoscript
	tagObject
	tagOl
	tagP
	tagParam
	tagPlaintext
	tagPre
	tagRp
	tagRt
	tagSamp
	tagScript
	tagSection
	tagSelect
	tagSource
	tagSpan
	tagStyle
	tagSummary
	tagSvg
	tagTable
	tagTbody
	tagTd
	tagTemplate
	tagTextarea
	tagTfoot
	tagTh
	tagThead
	tagTime
	tagTitle
	tagTr
	tagTrack
	tagUl
	tagVideo
	tagWbr
	tagXmp
	tags // how many there are
)

// element is a row of the table of elements.
type element struct {
	name  string
	class class
}

// elements is the table, by tag.
var elements = [tags]element{
	tagA:          {"a", inline},
	tagAddress:    {"address", paragraph},
	tagArea:       {"area", void},
	tagArticle:    {"article", container},
	tagAside:      {"aside", skipped},
	tagAudio:      {"audio", skipped},
	tagBase:       {"base", void},
	tagBlockquote: {"blockquote", container},
	tagBody:       {"body", container},
	tagBr:         {"br", void},
	tagButton:     {"button", skipped},
	tagCanvas:     {"canvas", skipped},
	tagCaption:    {"caption", paragraph},
	tagCenter:     {"center", container},
	tagCode:       {"code", inline},
	tagCol:        {"col", void},
	tagDatalist:   {"datalist", skipped},
	tagDd:         {"dd", paragraph},
	tagDetails:    {"details", container},
	tagDialog:     {"dialog", skipped},
	tagDiv:        {"div", container},
	tagDl:         {"dl", container},
	tagDt:         {"dt", paragraph},
	tagEmbed:      {"embed", void},
	tagFieldset:   {"fieldset", container},
	tagFigcaption: {"figcaption", paragraph},
	tagFigure:     {"figure", container},
	tagFooter:     {"footer", skipped},
	tagForm:       {"form", container},
	tagH1:         {"h1", paragraph},
	tagH2:         {"h2", paragraph},
	tagH3:         {"h3", paragraph},
	tagH4:         {"h4", paragraph},
	tagH5:         {"h5", paragraph},
	tagH6:         {"h6", paragraph},
	tagHeader:     {"header", container},
	tagHgroup:     {"hgroup", paragraph},
	tagHr:         {"hr", void},
	tagHtml:       {"html", inline},
	tagIframe:     {"iframe", skipped},
	tagImg:        {"img", void},
	tagInput:      {"input", void},
	tagKbd:        {"kbd", inline},
	tagLegend:     {"legend", paragraph},
	tagLi:         {"li", paragraph},
	tagLink:       {"link", void},
	tagListing:    {"listing", paragraph},
	tagMain:       {"main", container},
	tagMeta:       {"meta", void},
	tagNav:        {"nav", skipped},
	tagNoembed:    {"noembed", skipped},
	tagNoframes:   {"noframes", skipped},
	tagNoscript:   {"noscript", skipped},
	tagObject:     {"object", skipped},
	tagOl:         {"ol", container},
	tagP:          {"p", paragraph},
	tagParam:      {"param", void},
	tagPlaintext:  {"plaintext", inline},
	tagPre:        {"pre", paragraph},
	tagRp:         {"rp", skipped},
	tagRt:         {"rt", skipped},
	tagSamp:       {"samp", inline},
	tagScript:     {"script", skipped},
	tagSection:    {"section", container},
	tagSelect:     {"select", skipped},
	tagSource:     {"source", void},
	tagSpan:       {"span", inline},
	tagStyle:      {"style", skipped},
	tagSummary:    {"summary", paragraph},
	tagSvg:        {"svg", skipped},
	tagTable:      {"table", container},
	tagTbody:      {"tbody", paragraph},
	tagTd:         {"td", container},
	tagTemplate:   {"template", skipped},
	tagTextarea:   {"textarea", skipped},
	tagTfoot:      {"tfoot", paragraph},
	tagTh:         {"th", container},
	tagThead:      {"thead", paragraph},
	tagTime:       {"time", inline},
	tagTitle:      {"title", inline},
	tagTr:         {"tr", paragraph},
	tagTrack:      {"track", void},
	tagUl:         {"ul", container},
	tagVideo:      {"video", skipped},
	tagWbr:        {"wbr", void},
	tagXmp:        {"xmp", paragraph},
}

// maxName is the length of the longest name in the table.
const maxName = 10

// slots is how many buckets the names of the table are hashed to.
const slots = 512

// hashName spreads the names of the table well; TestElements knows the longest bucket.
func hashName(name []byte) int {
	h := uint32(len(name))
	for _, c := range name {
		h = h*31 + uint32(c)
	}
	return int((h ^ h>>9) % slots)
}

// named is the table by name: a bucket holds up to four tags.
var named = func() (t [slots][4]tag) {
	for i := 1; i < int(tags); i++ {
		b := &t[hashName([]byte(elements[i].name))]
		for j := range b {
			if b[j] == other {
				b[j] = tag(i)
				break
			}
		}
	}
	return t
}()

// lookup finds an element by its name, in any case.
func lookup(name string) tag {
	if len(name) > maxName {
		return other
	}
	var b [maxName]byte
	for i := range len(name) {
		b[i] = lower(name[i])
	}
	low := b[:len(name)]
	for _, t := range named[hashName(low)] {
		if t == other {
			break
		}
		if string(low) == elements[t].name {
			return t
		}
	}
	return other
}

// lower makes an ASCII letter small.
func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// kind is the part that a block plays in the text.
type kind uint8

const (
	prose kind = iota
	heading
	item // of a list
	term // of a definition list: a term or its definition
	cell // of a table
	pre
	caption // of a figure
)

// kindOf is the kind of the blocks directly inside t, where it has one of its own.
func kindOf(t tag, outer kind) kind {
	switch t {
	case tagH1, tagH2, tagH3, tagH4, tagH5, tagH6:
		return heading
	case tagPre, tagListing, tagXmp:
		return pre
	case tagLi:
		return item
	case tagDt, tagDd:
		return term
	case tagTd, tagTh:
		return cell
	case tagFigcaption:
		return caption
	case tagP, tagDiv:
		if outer == item || outer == term || outer == cell || outer == caption {
			return outer
		}
	}
	return prose
}

// level is a heading's depth, 1 to 6.
func level(t tag) uint8 {
	if t < tagH1 || t > tagH6 {
		return 0
	}
	return uint8(t-tagH1) + 1
}
