package piiplant

import (
	"math/big"
	"strings"
)

// iban draws an account number: some are written in fours, as on paper.
func (p planter) iban() (kind, sort, value string, sentences []string) {
	value = p.account(0)
	if p.IntN(2) == 0 {
		value = inFours(value)
	}
	return "iban", "iban", value, ibanSentences
}

// account draws an IBAN whose check digits are wrong by off.
func (p planter) account(off int64) string {
	type country struct{ code, form string } // n is a digit, a is a letter
	c := pick(p, []country{
		{"DE", "nnnnnnnnnnnnnnnnnn"}, {"FR", "nnnnnnnnnnnnnnnnnnnnnnn"}, {"GB", "aaaannnnnnnnnnnnnn"}, {"NL", "aaaannnnnnnnnn"}, {"ES", "nnnnnnnnnnnnnnnnnnnn"}, {"IT", "annnnnnnnnnnnnnnnnnnnnn"},
		{"CH", "nnnnnnnnnnnnnnnnn"}, {"AT", "nnnnnnnnnnnnnnnn"}, {"BE", "nnnnnnnnnnnn"}, {"PL", "nnnnnnnnnnnnnnnnnnnnnnnn"}, {"SE", "nnnnnnnnnnnnnnnnnnnn"}, {"NO", "nnnnnnnnnnn"}, {"MT", "aaaannnnnnnnnnnnnnnnnnnnnnn"},
		{"PT", "nnnnnnnnnnnnnnnnnnnnn"}, {"TR", "nnnnnnnnnnnnnnnnnnnnnn"}, {"SA", "nnnnnnnnnnnnnnnnnnnn"}, {"BR", "nnnnnnnnnnnnnnnnnnnnnnnan"}, {"IE", "aaaannnnnnnnnnnnnn"},
	})
	rest := []byte(c.form)
	for i, f := range rest {
		if f == 'a' {
			rest[i] = largeSigns[p.IntN(26)]
		} else {
			rest[i] = digitSigns[p.IntN(10)]
		}
	}
	// The whole number, with letters as two digits, has to leave 1 when it is divided by 97.
	long := ""
	for _, r := range string(rest) + c.code + "00" {
		if r >= 'A' {
			long += big.NewInt(int64(r - 'A' + 10)).String()
		} else {
			long += string(r)
		}
	}
	n, _ := new(big.Int).SetString(long, 10)
	check := (98-new(big.Int).Mod(n, big.NewInt(97)).Int64()+off-2+97)%97 + 2
	return c.code + string([]byte{digitSigns[check/10], digitSigns[check%10]}) + string(rest)
}

// inFours puts a space behind every fourth sign.
func inFours(text string) string {
	var parts []string
	for len(text) > 4 {
		parts = append(parts, text[:4])
		text = text[4:]
	}
	return strings.Join(append(parts, text), " ")
}

// card draws a card of one of the large issuers.
func (p planter) card() (kind, sort, value string, sentences []string) {
	type issuer struct {
		name, head string
		size       int
	}
	i := pick(p, []issuer{
		{"visa", "4", 16}, {"visa", "4", 16}, {"mastercard", "51", 16}, {"mastercard", "55", 16}, {"mastercard", "2221", 16}, {"mastercard", "2720", 16}, {"amex", "34", 15}, {"amex", "37", 15},
		{"diners", "36", 14}, {"diners", "305", 14}, {"discover", "6011", 16}, {"discover", "65", 16}, {"jcb", "3528", 16}, {"unionpay", "62", 16}, {"mir", "2202", 16},
	})
	value = p.luhn(i.head, i.size)
	if form := p.IntN(3); form > 0 {
		separator := []string{"", " ", "-"}[form]
		switch i.size {
		case 16:
			value = grouped(value, separator, 4, 4, 4, 4)
		case 15:
			value = grouped(value, separator, 4, 6, 5)
		case 14:
			value = grouped(value, separator, 4, 6, 4)
		}
	}
	return "card", "card." + i.name, value, cardSentences
}

// luhn draws a number of so many digits that the last one of them checks.
func (p planter) luhn(head string, size int) string {
	digits := head + p.digits(size-len(head)-1)
	for last := range digitSigns {
		total := 0
		for i, r := range digits + digitSigns[last:last+1] {
			v := int(r - '0')
			if (size-1-i)%2 == 1 {
				v = []int{0, 2, 4, 6, 8, 1, 3, 5, 7, 9}[v]
			}
			total += v
		}
		if total%10 == 0 {
			return digits + digitSigns[last:last+1]
		}
	}
	panic("no digit checks the number")
}
