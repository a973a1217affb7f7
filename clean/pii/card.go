package pii

// fakeIssuer begins the cards that stand for others under a key: no issuer has it.
const fakeIssuer = "9999"

// isCard reports whether the first groups of the chain are the number of a payment card: written in one of the ways in which
// cards are, by an issuer that there is, with a right check digit. Of such numbers that are no cards there are too many where the issuer
// is a small one, or the length is not the usual one: they are not sure without a word that says so.
func isCard(c *chain, groups int) (card, sure bool) {
	n := c.groups[groups-1].n
	if n < 13 || n > 19 {
		return false, false
	}
	dots := false
	if groups > 1 {
		dots = c.groups[groups-1].joints == '.'
		switch c.groups[groups-1].joints {
		case ' ', '-', '.':
		default:
			return false, false
		}
		switch c.groups[groups-1].layout {
		case 0x4444, 0x44441, 0x44442, 0x44443, 0x4441, 0x465, 0x464, 0x456, 0x445, 0x4443, 0x6d, 0x88:
		default:
			return false, false
		}
	}
	if !luhn(c.digits[:n]) {
		return false, false
	}
	card, sure = issued(c.digits[:n])
	return card, sure && !dots
}

// issuers lists what the numbers of cards begin with (ISO/IEC 7812), as ranges, and how long those are.
var issuers = [...]struct {
	low, high int // of as many digits as they have
	least     int
	most      int
	sure      bool
}{
	{4, 4, 16, 16, true}, {4, 4, 13, 13, false}, {4, 4, 19, 19, false}, // Visa
	{51, 55, 16, 16, true}, {2221, 2720, 16, 16, true}, // Mastercard
	{34, 34, 15, 15, true}, {37, 37, 15, 15, true}, // American Express
	{300, 305, 14, 14, true}, {3095, 3095, 14, 14, true}, {36, 36, 14, 14, true}, {38, 39, 14, 14, true}, // Diners Club
	{6011, 6011, 16, 16, true}, {644, 649, 16, 16, true}, {65, 65, 16, 16, true}, // Discover, RuPay
	{62, 62, 16, 16, true}, {62, 62, 17, 19, false}, // UnionPay
	{3528, 3589, 16, 16, true},                                                                                                                      // JCB
	{2200, 2204, 16, 16, true},                                                                                                                      // Mir
	{5018, 5020, 13, 19, false}, {5038, 5038, 13, 19, false}, {5893, 5893, 13, 19, false}, {6304, 6304, 13, 19, false}, {6759, 6763, 13, 19, false}, // Maestro
	{60, 60, 16, 16, false}, {508, 508, 16, 16, false}, {81, 82, 16, 19, false}, // RuPay, UnionPay
	{5060, 5061, 16, 19, false}, {5067, 5067, 16, 16, false}, {5090, 5090, 16, 16, false}, {6362, 6363, 16, 16, false}, // Verve, Elo
	{9792, 9792, 16, 16, false}, // Troy
	{9999, 9999, 13, 19, true},  // ours
}

// issued reports whether there is an issuer of such cards, and whether the number is one by that alone.
func issued(digits []byte) (issuer, sure bool) {
	head := [5]int{}
	for i := range 4 {
		head[i+1] = head[i]*10 + int(digits[i]-'0')
	}
	for _, r := range issuers {
		size := 1
		for limit := 10; r.low >= limit; limit *= 10 {
			size++
		}
		if r.low <= head[size] && head[size] <= r.high && r.least <= len(digits) && len(digits) <= r.most {
			return true, r.sure
		}
	}
	return false, false
}

// luhn reports whether the last digit checks the others (ISO/IEC 7812-1, annex B).
func luhn(digits []byte) bool {
	sum := 0
	for i, c := range digits {
		d := int(c - '0')
		if (len(digits)-i)%2 == 0 {
			d *= 2
			if d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}
