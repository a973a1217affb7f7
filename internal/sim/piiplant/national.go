package piiplant

import (
	"fmt"
	"strconv"
	"strings"
)

// national draws an identity number. Those that are like other numbers stand in a sentence that says what they are.
func (p planter) national() (kind, sort, value string, sentences []string) {
	makers := []func() (sort, value string){p.ssn, p.nino, p.nhs, p.nir, p.steuerID, p.dni, p.nie, p.codiceFiscale, p.resident, p.aadhaar, p.cpf, p.cnpj}
	sort, value = makers[p.IntN(len(makers))]()
	return "id", "id." + sort, value, nationalSentences[sort]
}

func (p planter) ssn() (sort, value string) {
	for {
		area := 1 + p.IntN(898)
		if area == 666 {
			continue
		}
		return "us_ssn", fmt.Sprintf("%03d-%02d-%04d", area, 1+p.IntN(99), 1+p.IntN(9999))
	}
}

func (p planter) nino() (sort, value string) {
	value = pick(p, []string{"AB", "CE", "JK", "LM", "PW", "SR", "TY", "WE", "ZY", "HH", "NA", "OA"}) + p.digits(6) + p.signs(1, "ABCD")
	if p.IntN(2) == 0 {
		value = grouped(value, " ", 2, 2, 2, 2, 1)
	}
	return "uk_nino", value
}

// check finds the last sign with which a number is right.
func check(digits, signs string, right func(string) bool) (string, bool) {
	for i := range signs {
		if s := digits + signs[i:i+1]; right(s) {
			return s, true
		}
	}
	return "", false
}

// sum adds up the digits times weights.
func sum(digits string, weights ...int) int {
	total := 0
	for i, w := range weights {
		total += w * int(digits[i]-'0')
	}
	return total
}

func (p planter) nhs() (sort, value string) {
	for {
		// Its eleven weights fall to 1, so that the whole sum is a multiple of 11.
		value, ok := check(strconv.Itoa(1+p.IntN(9))+p.digits(8), digitSigns, func(s string) bool { return sum(s, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1)%11 == 0 })
		if !ok {
			continue
		}
		if p.IntN(3) > 0 {
			value = grouped(value, pick(p, []string{" ", "-"}), 3, 3, 4)
		}
		return "uk_nhs", value
	}
}

func (p planter) nir() (sort, value string) {
	place := fmt.Sprintf("%02d", 1+p.IntN(95))
	number := place
	if p.IntN(8) == 0 {
		place, number = "2A", "19"
	}
	if place == "20" {
		place, number = "2B", "18"
	}
	head := pick(p, []string{"1", "2"}) + fmt.Sprintf("%02d%02d", p.IntN(100), 1+p.IntN(12))
	tail := fmt.Sprintf("%03d%03d", 1+p.IntN(990), 1+p.IntN(999))
	n, err := strconv.ParseInt(head+number+tail, 10, 64)
	if err != nil {
		panic(err) // digits are a number
	}
	value = head + place + tail + fmt.Sprintf("%02d", 97-n%97)
	if p.IntN(2) == 0 {
		value = grouped(value, " ", 1, 2, 2, 2, 3, 3, 2)
	}
	return "fr_nir", value
}

// steuerID draws ten digits of which one is there twice, and the check digit of ISO 7064.
func (p planter) steuerID() (sort, value string) {
	for {
		order := p.Perm(10)
		order[p.IntN(10)] = order[p.IntN(10)]
		digits, different := "", map[int]bool{}
		for _, d := range order {
			digits += strconv.Itoa(d)
			different[d] = true
		}
		if digits[0] == '0' || len(different) != 9 {
			continue
		}
		m := 10
		for _, r := range digits {
			m = (m + int(r-'0')) % 10
			if m == 0 {
				m = 10
			}
			m = m * 2 % 11
		}
		value = digits + strconv.Itoa((11-m)%10)
		if p.IntN(2) == 0 {
			value = grouped(value, " ", 2, 3, 3, 3)
		}
		return "de_id", value
	}
}

const spanishLetters = "TRWAGMYFPDXBNJZSQVHLCKE"

func (p planter) dni() (sort, value string) {
	n := p.IntN(100000000)
	letter := spanishLetters[n%23 : n%23+1]
	switch p.IntN(3) {
	case 0:
		return "es_dni", fmt.Sprintf("%02d.%03d.%03d-%s", n/1000000, n/1000%1000, n%1000, letter)
	case 1:
		return "es_dni", fmt.Sprintf("%08d-%s", n, letter)
	}
	return "es_dni", fmt.Sprintf("%08d%s", n, letter)
}

func (p planter) nie() (sort, value string) {
	first, n := p.IntN(3), p.IntN(10000000)
	letter := spanishLetters[(first*10000000+n)%23]
	if p.IntN(2) == 0 {
		return "es_nie", fmt.Sprintf("%c-%07d-%c", "XYZ"[first], n, letter)
	}
	return "es_nie", fmt.Sprintf("%c%07d%c", "XYZ"[first], n, letter)
}

func (p planter) codiceFiscale() (sort, value string) {
	const consonants = "BCDFGLMNPRSTVZ"
	day := 1 + p.IntN(28) + 40*p.IntN(2)
	code := p.signs(6, consonants) + p.digits(2) + p.signs(1, "ABCDEHLMPRST") + fmt.Sprintf("%02d", day) + p.signs(1, "ABCDEFGHILZ") + p.digits(3)
	// What a sign counts at odd places, for 0 to 9 and for A to Z, of which the first ten count the same.
	odd := strings.Fields("1 0 5 7 9 13 15 17 19 21 2 4 18 20 11 3 6 8 12 14 16 10 22 25 24 23")
	total := 0
	for i, r := range code {
		v := strings.IndexRune(digitSigns, r)
		if v < 0 {
			v = strings.IndexRune(largeSigns, r)
		}
		if i%2 == 0 {
			n, err := strconv.Atoi(odd[v])
			if err != nil {
				panic(err) // the list above holds numbers
			}
			v = n
		}
		total += v
	}
	return "it_cf", code + largeSigns[total%26:total%26+1]
}

func (p planter) resident() (sort, value string) {
	region := pick(p, []string{"110105", "310101", "440106", "510107", "320102", "420103", "610104", "650102"})
	digits := region + fmt.Sprintf("%04d%02d%02d", 1940+p.IntN(70), 1+p.IntN(12), 1+p.IntN(28)) + p.digits(3)
	return "cn_id", digits + "10X98765432"[sum(digits, 7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)%11:][:1]
}

// verhoeff multiplies in the group of a pentagon's symmetries, as a table.
var verhoeff = [10]string{"0123456789", "1234067895", "2340178956", "3401289567", "4012395678", "5987604321", "6598710432", "7659821043", "8765932104", "9876543210"}

func (p planter) aadhaar() (sort, value string) {
	places := [8]string{"0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258"}
	value, _ = check(strconv.Itoa(2+p.IntN(8))+p.digits(10), digitSigns, func(s string) bool {
		c := byte('0')
		for i := range s {
			c = verhoeff[c-'0'][places[i%8][s[len(s)-1-i]-'0']-'0']
		}
		return c == '0'
	})
	if p.IntN(3) > 0 {
		value = grouped(value, " ", 4, 4, 4)
	}
	return "in_aadhaar", value
}

// brazilian appends a check digit.
func brazilian(digits string, weights ...int) string {
	d := 11 - sum(digits, weights...)%11
	if d > 9 {
		d = 0
	}
	return digits + strconv.Itoa(d)
}

func (p planter) cpf() (sort, value string) {
	value = brazilian(brazilian(p.digits(9), 10, 9, 8, 7, 6, 5, 4, 3, 2), 11, 10, 9, 8, 7, 6, 5, 4, 3, 2)
	if p.IntN(2) == 0 {
		value = value[:3] + "." + value[3:6] + "." + value[6:9] + "-" + value[9:]
	}
	return "br_cpf", value
}

func (p planter) cnpj() (sort, value string) {
	value = brazilian(brazilian(p.digits(8)+"0001", 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2), 6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
	if p.IntN(2) == 0 {
		value = value[:2] + "." + value[2:5] + "." + value[5:8] + "/" + value[8:12] + "-" + value[12:]
	}
	return "br_cnpj", value
}
