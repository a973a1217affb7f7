package pii

import "strings"

// How many digits a telephone number has (ITU-T E.164), and the least that is told from another number.
const (
	minPhone = 7
	maxPhone = 15
)

// lengths gives the shortest and the longest national number, without the 0 before it, for each country code.
var lengths = map[string][2]int{
	"1": {10, 10}, "7": {10, 10},
	"20": {8, 10}, "27": {9, 9}, "30": {10, 10}, "31": {9, 9}, "32": {8, 9}, "33": {9, 9}, "34": {9, 9}, "36": {8, 9}, "39": {6, 11},
	"40": {9, 9}, "41": {9, 9}, "43": {7, 13}, "44": {9, 10}, "45": {8, 8}, "46": {7, 10}, "47": {8, 8}, "48": {9, 9}, "49": {7, 12},
	"51": {8, 9}, "52": {10, 11}, "53": {8, 8}, "54": {10, 11}, "55": {10, 11}, "56": {9, 9}, "57": {10, 10}, "58": {10, 10},
	"60": {8, 10}, "61": {9, 9}, "62": {8, 12}, "63": {8, 10}, "64": {8, 10}, "65": {8, 8}, "66": {8, 9},
	"81": {9, 10}, "82": {8, 10}, "84": {9, 10}, "86": {10, 11},
	"90": {10, 10}, "91": {10, 10}, "92": {9, 10}, "93": {9, 9}, "94": {9, 9}, "95": {7, 10}, "98": {10, 10},
	"211": {9, 9}, "212": {9, 9}, "213": {8, 9}, "216": {8, 8}, "218": {8, 9}, "220": {7, 7}, "221": {9, 9}, "222": {8, 8}, "223": {8, 8}, "224": {8, 9},
	"225": {8, 10}, "226": {8, 8}, "227": {8, 8}, "228": {8, 8}, "229": {8, 10}, "230": {7, 8}, "231": {7, 9}, "232": {8, 8}, "233": {9, 9}, "234": {8, 10},
	"235": {8, 8}, "236": {8, 8}, "237": {8, 9}, "238": {7, 7}, "239": {7, 7}, "240": {9, 9}, "241": {7, 8}, "242": {9, 9}, "243": {9, 9}, "244": {9, 9},
	"245": {7, 9}, "248": {7, 7}, "249": {9, 9}, "250": {9, 9}, "251": {9, 9}, "252": {7, 9}, "253": {8, 8}, "254": {9, 9}, "255": {9, 9}, "256": {9, 9},
	"257": {8, 8}, "258": {8, 9}, "260": {9, 9}, "261": {9, 9}, "262": {9, 9}, "263": {9, 10}, "264": {8, 9}, "265": {7, 9}, "266": {8, 8}, "267": {7, 8},
	"268": {8, 8}, "269": {7, 7}, "291": {7, 7}, "297": {7, 7}, "298": {6, 6}, "299": {6, 6},
	"350": {8, 8}, "351": {9, 9}, "352": {6, 9}, "353": {7, 9}, "354": {7, 9}, "355": {8, 9}, "356": {8, 8}, "357": {8, 8}, "358": {7, 11}, "359": {7, 9},
	"370": {8, 8}, "371": {8, 8}, "372": {7, 8}, "373": {8, 8}, "374": {8, 8}, "375": {9, 9}, "376": {6, 9}, "377": {8, 9}, "378": {8, 10}, "380": {9, 9},
	"381": {8, 9}, "382": {8, 8}, "383": {8, 8}, "385": {8, 9}, "386": {8, 8}, "387": {8, 9}, "389": {8, 8}, "420": {9, 9}, "421": {9, 9}, "423": {7, 7},
	"501": {7, 7}, "502": {8, 8}, "503": {8, 8}, "504": {8, 8}, "505": {8, 8}, "506": {8, 8}, "507": {7, 8}, "508": {6, 6}, "509": {8, 8},
	"590": {9, 9}, "591": {8, 8}, "592": {7, 7}, "593": {8, 9}, "594": {9, 9}, "595": {9, 9}, "596": {9, 9}, "597": {6, 7}, "598": {8, 8}, "599": {7, 8},
	"670": {7, 8}, "673": {7, 7}, "674": {7, 7}, "675": {7, 8}, "679": {7, 7}, "680": {7, 7}, "685": {5, 7}, "686": {8, 8}, "687": {6, 6}, "689": {8, 8}, "691": {7, 7}, "692": {7, 7},
	"800": {8, 8}, "850": {8, 10}, "852": {8, 8}, "853": {8, 8}, "855": {8, 9}, "856": {8, 10}, "870": {9, 9}, "880": {8, 10}, "886": {8, 9},
	"960": {7, 7}, "961": {7, 8}, "962": {8, 9}, "963": {9, 9}, "964": {8, 10}, "965": {8, 8}, "966": {9, 9}, "967": {7, 9}, "968": {8, 8},
	"970": {9, 9}, "971": {8, 9}, "972": {8, 9}, "973": {8, 8}, "974": {8, 8}, "975": {7, 8}, "976": {8, 8}, "977": {8, 10},
	"992": {9, 9}, "993": {8, 8}, "994": {9, 9}, "995": {9, 9}, "996": {9, 9}, "998": {9, 9},
}

// zeros are the countries whose national numbers may begin with 0.
const zeros = " 39 225 229 241 242 378 "

// country gives the country code at the start of the digits, and the length of what may follow.
func country(digits []byte) (code string, limits [2]int) {
	for n := 1; n <= 3 && n < len(digits); n++ {
		if l, ok := lengths[string(digits[:n])]; ok {
			return string(digits[:n]), l
		}
	}
	return "", limits
}

// international looks at the number behind the + at text[plus:].
func (s *scan) international(plus int) (hit, bool) {
	text := s.text
	if text[plus+1] == '0' || plus > s.done && !opensPhone(text[:plus]) {
		return hit{}, false
	}
	c := &s.row
	c.read(text, plus+1)
	var digits [maxDigits]byte
	n, best, size := 0, 0, 0
	for i, g := range c.groups[:c.size] {
		first := 0
		if i > 0 {
			first = c.groups[i-1].n
		}
		if i > 0 && g.n-first == 1 && c.digits[first] == '0' && text[g.from-1] == '(' && g.to < len(text) && text[g.to] == ')' {
			continue // +49 (0)30: what is left out after the country
		}
		n += copy(digits[n:], c.digits[first:g.n])
		code, limits := country(digits[:n])
		rest := digits[len(code):n]
		if len(rest) > 0 && rest[0] == '0' && !strings.Contains(zeros, " "+code+" ") {
			rest = rest[1:] // the same without brackets
		}
		if i == 1 && g.joint == '.' && c.size == 2 {
			return hit{}, false // a decimal number with its sign
		}
		if code != "" && limits[0] <= len(rest) && len(rest) <= limits[1] && n <= maxPhone && ends(text, g.to) && plausible(code, rest) {
			best, size = g.to, n
		}
	}
	if best == 0 {
		return hit{}, false
	}
	h := hit{from: plus, to: best, kind: Phone, key: "+" + string(digits[:size])}
	if plus > s.done && text[plus-1] == '(' && strings.IndexByte(text[plus:best], ')') >= 0 && strings.IndexByte(text[plus:best], '(') < 0 {
		h.from-- // (+49) 30
	}
	h.kept = s.fake && film(digits[:size])
	return h, true
}

// opensPhone reports whether a number may begin behind what was before.
func opensPhone(before string) bool {
	c := before[len(before)-1]
	return !isWord(c) && strings.IndexByte("+-.)]*^%", c) < 0
}

// plausible looks at the first digits of a national number.
func plausible(code string, digits []byte) bool {
	switch code {
	case "1":
		return digits[0] >= '2' && digits[3] >= '2' && string(digits[1:3]) != "11"
	case "7":
		return digits[0] >= '3'
	}
	return true
}

// film reports whether nobody can have the number, since it is one of films and books: 555-01xx. Only those in our own form are told.
func film(digits []byte) bool {
	return len(digits) == 11 && digits[0] == '1' && string(digits[4:9]) == "55501"
}

// national looks at a number without its country, which is one only where a word says so.
func (s *scan) national(c *chain) (hit, bool) {
	first := c.groups[0]
	at := first.from
	if at-2 >= s.done && (s.text[at-1] == ' ' || s.text[at-1] == ')') && isDigit(s.text[at-2]) {
		return hit{}, false // the chain has begun before
	}
	groups := c.phoneGroups()
	for groups > 0 && (c.groups[groups-1].n < minPhone || !ends(s.text, c.groups[groups-1].to)) {
		groups--
	}
	if groups == 0 || c.groups[groups-1].n > 13 || c.otherNumber(groups) || !s.called(c, groups) {
		return hit{}, false
	}
	h := hit{from: at, to: c.groups[groups-1].to, kind: Phone, key: string(c.digits[:c.groups[groups-1].n])}
	if at > s.done && s.text[at-1] == '(' && strings.IndexByte(s.text[at:h.to], ')') >= 0 {
		h.from--
	}
	return h, true
}

// phoneGroups gives how many of the groups are one number, where several may follow each other.
func (c *chain) phoneGroups() int {
	if !c.open && c.groups[c.size-1].n <= 13 {
		return c.size
	}
	best := 0
	for i := 1; i < c.size; i++ {
		before := c.groups[i-1]
		if before.n > 13 {
			break
		}
		best = i
		from := before.n
		if before.n >= minPhone && c.groups[i].joint != '-' && (c.digits[from] == '0' || c.groups[i].to-c.groups[i].from == c.groups[0].to-c.groups[0].from) {
			break
		}
	}
	return best
}

// otherNumber reports whether the groups are written as something else is: a date, a decimal, thousands, a version.
func (c *chain) otherNumber(groups int) bool {
	layout, sign := c.groups[groups-1].layout, c.groups[groups-1].joints
	same, ones := true, 0
	for _, g := range c.groups[:groups] {
		if g.layout&15 == 1 {
			ones++
		}
	}
	for _, d := range c.digits[:c.groups[groups-1].n] {
		same = same && d == c.digits[0]
	}
	switch {
	case same, ones > 1:
		return true
	case layout == 0x224 || layout == 0x114 || layout == 0x124 || layout == 0x214 || layout == 0x422:
		return sign == '.' || sign == '/' || sign == '-' || layout == 0x422
	case groups == 1 && c.groups[0].n == 8:
		return isDate(c.digits[:8])
	case layout == 0x44 && sign == '-':
		return isYear(c.digits[:4]) && isYear(c.digits[4:8])
	case groups == 2 && sign == '.':
		return c.digits[0] != '0' || c.groups[0].n < 3
	case layout == 0x133 || layout == 0x233:
		return (sign == ' ' || sign == '.') && c.digits[0] != '0'
	}
	return false
}

// isDate reports whether eight digits are year, month and day of our time.
func isDate(d []byte) bool {
	month, day := number(d[4:6]), number(d[6:])
	return isYear(d[:4]) && month >= 1 && month <= 12 && day >= 1 && day <= 31
}

func isYear(d []byte) bool { return number(d) >= 1800 && number(d) < 2100 }

// called reports whether a word beside the first groups of the chain says that they are a telephone number.
func (s *scan) called(c *chain, groups int) bool {
	from, to := c.groups[0].from, c.groups[groups-1].to
	w := s.words(from, true)
	switch said := w.nearest(cuePhone|cueOther|cueVersion, 7); {
	case said == cuePhone, w.nearest(cueNear|cueOther|cueVersion, 3) == cueNear:
		return true
	case said != 0:
		return false
	case w.nearest(cueWeak, 5) != 0 && c.dialled(groups):
		return true
	}
	return s.follows(from) || s.behind(to)&(cuePhone|cueNear) != 0
}

// dialled reports whether the first groups are written as telephone numbers are, and few other numbers: (415) 555-2671, 030 1234567.
func (c *chain) dialled(groups int) bool {
	first, n := c.groups[0].n, c.groups[groups-1].n
	switch {
	case groups < 2:
		return false
	case c.digits[0] == '0':
		return n >= 9 && first >= 2 && first <= 5
	case c.groups[groups-1].layout == 0x334:
		return c.digits[0] >= '2' && c.digits[3] >= '2' && (c.groups[1].joint == '(' || c.groups[1].joint == ')' || c.groups[2].joint == '-')
	}
	return false
}

// follows reports whether text[from:] comes right behind another telephone number, as in a list of them.
func (s *scan) follows(from int) bool {
	const gap = 8
	before := s.text[max(s.done, from-gap):from]
	if s.n > 0 && s.last == Phone && from-s.done < gap {
		return strings.IndexByte(before, '\n') < 0
	}
	end := strings.LastIndexByte(before, '>')
	return end >= 0 && strings.IndexByte(before[end:], '\n') < 0 && closes(s.text[:from-len(before)+end+1]) == "PHONE"
}
