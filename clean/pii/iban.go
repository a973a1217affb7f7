package pii

// ibanLengths has the countries that give out IBANs (ISO 13616), and how long theirs are. ZZ is no country: its accounts stand for others.
var ibanLengths = map[string]int{
	"AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28,
	"CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23,
	"GL": 18, "GR": 27, "GT": 28, "HN": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28,
	"LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28,
	"NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24,
	"SI": 19, "SK": 24, "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30, "ZZ": 22,
}

// maxIBAN is longer than any IBAN.
const maxIBAN = 34

// iban looks at the account number that begins with the two letters at text[start:].
func (s *scan) iban(start int) (hit, bool) {
	text := s.text
	size, ok := ibanLengths[text[start:start+2]]
	if !ok {
		return hit{}, false
	}
	var account [maxIBAN]byte
	n, at, sign := 0, start, byte(0)
	for at < len(text) && n < size {
		c := text[at]
		switch {
		case isDigit(c), 'A' <= c && c <= 'Z':
			account[n] = c
			n++
			at++
		case (c == ' ' || c == '-') && n >= 4 && (sign == 0 && n == 4 || sign == c && n%4 == 0):
			sign = c
			at++
		case c == 0xc2 && at+1 < len(text) && text[at+1] == 0xa0 && n >= 4 && (sign == 0 && n == 4 || sign == c && n%4 == 0):
			sign = c
			at += 2
		default:
			return hit{}, false
		}
	}
	if n < size || !ends(text, at) || !isDigit(account[2]) || !isDigit(account[3]) {
		return hit{}, false
	}
	rest := 0
	for _, c := range account[4:size] {
		rest = mod97(rest, c)
	}
	for _, c := range account[:4] {
		rest = mod97(rest, c)
	}
	return hit{from: start, to: at, kind: IBAN, kept: account[0] == 'Z', key: string(account[:size])}, rest == 1
}

// mod97 goes on with the remainder of a number in which A is 10 and Z is 35.
func mod97(rest int, c byte) int {
	if isDigit(c) {
		return (rest*10 + int(c-'0')) % 97
	}
	return (rest*100 + int(c-'A') + 10) % 97
}
