package pii

import "strings"

// isIdentity reports whether the first groups of the chain are digits of a national identity number with a right checksum, in one of the
// ways in which it is written, and which word has to stand beside it: 0 where the checksum and the way are enough.
func isIdentity(c *chain, groups int) (cue, bool) {
	digits, layout, sign := c.digits[:c.groups[groups-1].n], c.groups[groups-1].layout, c.groups[groups-1].joints
	plain := groups == 1
	spaced := sign == ' ' || sign == '-'
	switch len(digits) {
	case 9:
		return cueUS, (plain || layout == 0x324 && spaced) && isSSN(digits)
	case 10:
		return cueNHS, (plain || layout == 0x334 && spaced) && isNHS(digits)
	case 11:
		switch {
		case layout == 0x3332 && sign == 0 && c.groups[1].joint == '.' && c.groups[2].joint == '.' && c.groups[3].joint == '-':
			return 0, isCPF(digits)
		case layout == 0x2333 && sign == ' ':
			return cueDE, isSteuerID(digits)
		case !plain:
			return 0, false
		case isCPF(digits):
			if isSteuerID(digits) {
				return cueBR | cueDE, true
			}
			return cueBR, true
		}
		return cueDE, isSteuerID(digits)
	case 12:
		return cueIN, (plain || layout == 0x444 && spaced) && isAadhaar(digits)
	case 14:
		if layout == 0x23342 && c.groups[1].joint == '.' && c.groups[2].joint == '.' && c.groups[3].joint == '/' && c.groups[4].joint == '-' {
			return 0, isCNPJ(digits)
		}
		return cueBR, plain && isCNPJ(digits)
	case 15:
		if plain {
			return cueFR, isNIR(digits)
		}
		return 0, (layout == 0x1222332 || layout == 0xd2) && spaced && isNIR(digits)
	case 18:
		return 0, plain && isResident(digits)
	}
	return 0, false
}

// number gives the value of a few digits.
func number(digits []byte) int {
	n := 0
	for _, c := range digits {
		n = n*10 + int(c-'0')
	}
	return n
}

// weighted sums the digits times their weights, which begin at first and go by step.
func weighted(digits []byte, first, step int) int {
	sum := 0
	for i, c := range digits {
		sum += int(c-'0') * (first + i*step)
	}
	return sum
}

// isSSN knows the Social Security numbers that are never given out. There is no checksum.
func isSSN(d []byte) bool {
	area := number(d[:3])
	return area != 0 && area != 666 && area < 900 && number(d[3:5]) != 0 && number(d[5:]) != 0
}

// isNHS checks a number of the National Health Service of England, Wales and the Isle of Man.
func isNHS(d []byte) bool {
	return (11-weighted(d[:9], 10, -1)%11)%11 == int(d[9]-'0')
}

// isSteuerID checks a German tax identification number (ISO 7064, MOD 11,10). Of its first ten digits one stands there two or three times.
func isSteuerID(d []byte) bool {
	var times [10]int
	product := 10
	for _, c := range d[:10] {
		times[c-'0']++
		sum := (int(c-'0') + product) % 10
		if sum == 0 {
			sum = 10
		}
		product = sum * 2 % 11
	}
	repeated := 0
	for _, n := range times {
		if n > 3 {
			return false
		}
		if n > 1 {
			repeated++
		}
	}
	return d[0] != '0' && repeated == 1 && (11-product)%10 == int(d[10]-'0')
}

// isCPF checks the number of a person in Brazil.
func isCPF(d []byte) bool {
	return strings.Trim(string(d), string(d[:1])) != "" && weighted(d[:9], 10, -1)*10%11%10 == int(d[9]-'0') && weighted(d[:10], 11, -1)*10%11%10 == int(d[10]-'0')
}

// isCNPJ checks the number of a company, or of somebody who is one, in Brazil.
func isCNPJ(d []byte) bool {
	check := func(n int) bool {
		sum := 0
		for i, c := range d[:n] {
			sum += int(c-'0') * ((n-1-i)%8 + 2)
		}
		return sum*10%11%10 == int(d[n]-'0')
	}
	return strings.Trim(string(d), string(d[:1])) != "" && check(12) && check(13)
}

// isAadhaar checks an Indian number by Verhoeff's scheme: its digits, each permuted by its place, give 0 in the group of the pentagon's symmetries.
func isAadhaar(d []byte) bool {
	if d[0] < '2' {
		return false
	}
	permuted := [10]int{1, 5, 7, 6, 2, 8, 3, 0, 9, 4}
	sum := 0
	for i := range d {
		v := int(d[len(d)-1-i] - '0')
		for range i % 8 {
			v = permuted[v]
		}
		sum = pentagon(sum, v)
	}
	return sum == 0
}

// pentagon multiplies two symmetries of a pentagon: 0 to 4 turn it, 5 to 9 turn it over as well.
func pentagon(a, b int) int {
	switch {
	case a < 5 && b < 5:
		return (a + b) % 5
	case a < 5:
		return (a+b-5)%5 + 5
	case b < 5:
		return (a-5+5-b)%5 + 5
	}
	return (a + 5 - b) % 5
}

// isNIR checks a French social security number in digits: sex, year, month, place, number, key.
func isNIR(d []byte) bool {
	month := number(d[3:5])
	if d[0] != '1' && d[0] != '2' || month == 0 || month > 12 && (month < 20 || month > 42) && month < 50 || number(d[5:7]) == 0 {
		return false
	}
	return 97-number(d[:13])%97 == number(d[13:])
}

// isResident checks the number of a resident of China: region, date of birth, number, check sign.
func isResident(d []byte) bool {
	region, year, month, day := number(d[:2]), number(d[6:10]), number(d[10:12]), number(d[12:14])
	if region < 11 || region > 82 && region != 91 || region%10 == 0 && region != 50 || year < 1880 || year > 2100 || month < 1 || month > 12 || day < 1 || day > 31 {
		return false
	}
	sum, weight := 0, 1
	for i := 16; i >= 0; i-- {
		weight = weight * 2 % 11
		sum += int(d[i]-'0') * weight
	}
	return "10X98765432"[sum%11] == d[17]
}

// checked looks at a number that ends with a letter.
func (s *scan) checked(c *chain) (hit, bool) {
	text, g := s.text, c.groups[0]
	h := hit{from: g.from, kind: ID}
	digits := c.digits[:g.n]
	switch {
	case g.n == 17 && g.to < len(text) && text[g.to]|32 == 'x' && ends(text, g.to+1):
		h.to, h.key = g.to+1, string(digits)+"X"
		return h, isResident([]byte(h.key))
	case c.size >= 3 && c.groups[2].layout == 0x233 && c.groups[2].joints == '.':
		return s.dni(h, c.digits[:8], c.groups[2].to, 0)
	case g.n == 8:
		return s.dni(h, digits, g.to, cueES)
	case c.size >= 3 && c.groups[2].layout == 0x122:
		return s.corsican(h)
	}
	return hit{}, false
}

// letters23 are the check letters of Spanish numbers.
const letters23 = "TRWAGMYFPDXBNJZSQVHLCKE"

// dni looks at the letter at text[at:] behind the eight digits of a Spanish identity number.
func (s *scan) dni(h hit, digits []byte, at int, need cue) (hit, bool) {
	if at < len(s.text) && (s.text[at] == '-' || s.text[at] == ' ') {
		at++
	}
	if at == len(s.text) || s.text[at] != letters23[number(digits)%23] || !ends(s.text, at+1) {
		return hit{}, false
	}
	h.to, h.key = at+1, string(digits)+s.text[at:at+1]
	return h, need == 0 || s.says(h.from, h.to, need)
}

// corsican looks at a French social security number of somebody born in 2A or 2B.
func (s *scan) corsican(h hit) (hit, bool) {
	const size = 15
	var digits [size]byte
	key := make([]byte, 0, size)
	at := h.from
	for n := 0; n < size; at++ {
		if at == len(s.text) {
			return hit{}, false
		}
		c := s.text[at]
		switch {
		case isDigit(c):
			digits[n] = c
		case n == 6 && c == 'A' && digits[5] == '2':
			digits[5], digits[6] = '1', '9'
		case n == 6 && c == 'B' && digits[5] == '2':
			digits[5], digits[6] = '1', '8'
		case c == ' ' && (n == 1 || n == 3 || n == 5 || n == 7 || n == 10 || n == 13) && s.text[at-1] != ' ':
			continue
		default:
			return hit{}, false
		}
		key = append(key, c)
		n++
	}
	h.to, h.key = at, string(key)
	return h, ends(s.text, at) && !isDigit(key[6]) && isNIR(digits[:])
}

// lettered looks at the value that has letters before the n digits at text[at:].
func (s *scan) lettered(at, n int) (hit, bool) {
	text, start := s.text, at
	for start > s.done && at-start < 7 && isASCII(text[start-1]) {
		start--
	}
	if start > s.done && (isWord(text[start-1]) || strings.IndexByte(".-@#$%&/\\", text[start-1]) >= 0) {
		return hit{}, false
	}
	switch letters := at - start; {
	case letters == 2 && n >= 2 && isUpper(text[start]) && isUpper(text[start+1]):
		if h, ok := s.iban(start); ok {
			return h, true
		}
		if n == 6 {
			return s.nino(start, at)
		}
	case letters == 1 && n == 7:
		return s.nie(start, at)
	case letters == 6 && n == 2:
		return s.fiscal(start)
	}
	return hit{}, false
}

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

// prefixed looks at a value that has letters, and a space or hyphen, before the n digits at text[at:].
func (s *scan) prefixed(at, n int) (hit, bool) {
	text := s.text
	if at-3 < s.done || text[at-1] != ' ' && text[at-1] != '-' || !isUpper(text[at-2]) {
		if at-2 >= s.done && at >= 2 && n == 7 && text[at-1] == '-' && isUpper(text[at-2]) && (at-3 < s.done || !isWord(text[at-3])) {
			return s.nie(at-2, at)
		}
		return hit{}, false
	}
	switch {
	case n == 7 && !isWord(text[at-3]):
		return s.nie(at-2, at)
	case isUpper(text[at-3]) && (at-4 < s.done || !isWord(text[at-4])):
		return s.nino(at-3, at)
	}
	return hit{}, false
}

// nino looks at a British National Insurance number: two letters, six digits, a letter from A to D. It has no checksum. Written
// in pairs it is like nothing else.
func (s *scan) nino(start, at int) (hit, bool) {
	text := s.text
	a, b := text[start], text[start+1]
	if strings.IndexByte("DFIQUV", a) >= 0 || strings.IndexByte("DFIOQUV", b) >= 0 {
		return hit{}, false
	}
	switch text[start : start+2] {
	case "BG", "GB", "NK", "KN", "TN", "NT", "ZZ":
		return hit{}, false
	}
	key := []byte{a, b}
	gaps := at - start - 2
	for ; at < len(text) && len(key) < 9; at++ {
		c := text[at]
		switch {
		case isDigit(c) && len(key) < 8, len(key) == 8 && 'A' <= c && c <= 'D':
			key = append(key, c)
		case (c == ' ' || c == '-') && len(key)%2 == 0 && !isWordGap(text[at-1]):
			gaps++
		default:
			return hit{}, false
		}
	}
	if len(key) < 9 || !ends(text, at) {
		return hit{}, false
	}
	h := hit{from: start, to: at, kind: ID, key: string(key)}
	return h, gaps == 4 || s.says(start, at, cueNINO)
}

func isWordGap(c byte) bool { return c == ' ' || c == '-' }

// nie looks at the number of a foreigner in Spain: X, Y or Z, seven digits at text[at:], a check letter.
func (s *scan) nie(start, at int) (hit, bool) {
	text, first := s.text, s.text[start]
	if first < 'X' || 'Z' < first || at+7 > len(text) {
		return hit{}, false
	}
	return s.dni(hit{from: start, kind: ID}, append([]byte{'0' + first - 'X'}, text[at:at+7]...), at+7, cueES)
}

// fiscal looks at an Italian codice fiscale, sixteen signs at text[start:]: RSSMRA85T10A562S. Its digits may have become letters, where two
// people would have had the same one.
func (s *scan) fiscal(start int) (hit, bool) {
	const size = 16
	if start+size > len(s.text) || !ends(s.text, start+size) {
		return hit{}, false
	}
	code := strings.ToUpper(s.text[start : start+size])
	digits := [size]int{}
	for i := range size {
		isNumber := i == 6 || i == 7 || i == 9 || i == 10 || i >= 12 && i <= 14
		c := code[i]
		switch {
		case isNumber && isDigit(c):
			digits[i] = int(c - '0')
		case isNumber:
			digits[i] = strings.IndexByte("LMNPQRSTUV", c)
		case !isUpper(c):
			digits[i] = -1
		}
		if digits[i] < 0 {
			return hit{}, false
		}
	}
	day := digits[9]*10 + digits[10]
	if strings.IndexByte("ABCDEHLMPRST", code[8]) < 0 || day == 0 || day > 71 || day > 31 && day < 41 {
		return hit{}, false
	}
	odd := [26]int{1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23}
	sum := 0
	for i := range size - 1 {
		v := int(code[i] - 'A')
		if isDigit(code[i]) {
			v = int(code[i] - '0')
		}
		if i%2 == 0 {
			v = odd[v]
		}
		sum += v
	}
	return hit{from: start, to: start + size, kind: ID, key: code}, byte('A'+sum%26) == code[size-1]
}
