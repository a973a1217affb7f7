package piiplant

import (
	"fmt"
	"strconv"
	"strings"
)

// email draws an address: of any form that people have, with names in several scripts.
func (p planter) email() (kind, sort, value string, sentences []string) {
	name := pick(p, []string{"anna", "bob.miller", "c_okafor", "d-lindqvist", "e.garcia+news", "wei.zhang", "o'brien", "j.p.martin", "support", "sales", "k9", "maria.da.silva", "info", "x", "yuki1987", "t.nguyen"})
	host := pick(p, []string{"acme", "mill-race", "brook", "posteo", "fastmail", "uni-bonn", "sub.domain.corp", "mx1.relay", "bücher", "northwind", "a1"})
	top := pick(p, []string{"io", "de", "com", "org", "net", "co.uk", "fr", "es", "it", "pl", "com.br", "co.jp", "in", "dev", "info", "museum", "nl"})
	value, sort = name+strconv.Itoa(p.IntN(1000))+"@"+host+strconv.Itoa(p.IntN(90)+2)+"x."+top, "email.plain"
	switch p.IntN(10) {
	case 0:
		value, sort = pick(p, []string{"jörg", "zoë.müller", "łukasz", "андрей", "наталья.петрова", "maría"})+"@"+pick(p, []string{"büro", "почта", "münchen-mail", "correo"})+"."+pick(p, []string{"de", "рф", "es", "eu"}), "email.idn"
	case 1:
		return "email", "email.unspaced", value, []string{"请联系%，我们会尽快回复。", "邮箱是%或者打电话。", "メールは%までお送りください。", "お問い合わせ：%。", "发送到%即可"}
	case 2:
		value = strings.ToUpper(value)
	}
	return "email", sort, value, emailSentences
}

// ipv4 draws an address that somebody has.
func (p planter) ipv4() (kind, sort, value string, sentences []string) {
	for {
		a, b, c, d := p.IntN(223)+1, p.IntN(256), p.IntN(256), p.IntN(256)
		if !specialNet(a, b, c) && max(a, b, c, d) > 30 {
			return "ipv4", "ipv4", fmt.Sprintf("%d.%d.%d.%d", a, b, c, d), ipSentences
		}
	}
}

// specialNet reports whether a network is private, local or for special use.
func specialNet(a, b, c int) bool {
	switch {
	case a == 10, a == 127, a == 0, a >= 224:
		return true
	case a == 100:
		return b >= 64 && b < 128
	case a == 169:
		return b == 254
	case a == 172:
		return b >= 16 && b < 32
	case a == 192:
		return b == 168 || b == 0 && (c == 0 || c == 2) || b == 88 && c == 99
	case a == 198:
		return b == 18 || b == 19 || b == 51 && c == 100
	case a == 203:
		return b == 0 && c == 113
	}
	return false
}

// ipv6 draws an address from blocks that registries have given out.
func (p planter) ipv6() (kind, sort, value string, sentences []string) {
	block := pick(p, []string{"2a00", "2a01", "2a02", "2600", "2607", "2404", "2803", "2c0f"})
	part := func() string { return strconv.FormatInt(int64(p.IntN(65535)+1), 16) }
	switch p.IntN(3) {
	case 0:
		value = block + ":" + part() + "::" + part()
	case 1:
		value = block + ":" + part() + ":" + part() + "::" + part() + ":" + part()
	default:
		parts := []string{block}
		for range 7 {
			parts = append(parts, part())
		}
		value = strings.Join(parts, ":")
	}
	if p.IntN(4) == 0 {
		value = strings.ToUpper(value)
	}
	return "ipv6", "ipv6", value, ipSentences
}

// plan is how a country writes its numbers: d is any digit, n one from 2 to 9.
type plan struct{ code, national, international string }

var plans = []plan{
	{"1", "(ndd) ndd-dddd", "ndd ndd dddd"}, {"1", "ndd-ndd-dddd", "ndd-ndd-dddd"}, {"1", "ndd.ndd.dddd", "(ndd) ndd-dddd"},
	{"44", "020 nddd dddd", "20 nddd dddd"}, {"44", "07ddd dddddd", "7ddd dddddd"}, {"49", "030 nddddddd", "30 nddddddd"}, {"49", "0171 ddddddd", "171 ddddddd"}, {"49", "0221/nddddd", "(0)221 nddddd"},
	{"33", "01 nd dd dd dd", "1 nd dd dd dd"}, {"33", "06.dd.dd.dd.dd", "6 dd dd dd dd"}, {"34", "9nd ddd ddd", "9nd ddd ddd"}, {"34", "6dd dd dd dd", "6dddddddd"},
	{"39", "06 ndddddd", "06 ndddddd"}, {"39", "347 ddddddd", "347 ddddddd"}, {"55", "(11) 9dddd-dddd", "11 9dddd-dddd"}, {"351", "21n ddd ddd", "21n ddd ddd"},
	{"31", "020-ndddddd", "20 ndddddd"}, {"48", "22 ndd dd dd", "22 ndd dd dd"}, {"7", "8 (495) ndd-dd-dd", "495 ndd-dd-dd"}, {"86", "138dddddddd", "138 dddd dddd"}, {"81", "03-nddd-dddd", "3 nddd dddd"},
	{"91", "98dddddddd", "98ddd ddddd"}, {"90", "0532 ndd dd dd", "532 ndd dd dd"}, {"41", "044 ndd dd dd", "44 ndd dd dd"}, {"46", "08-ndd ddd dd", "8 ndd ddd dd"}, {"61", "02 nddd dddd", "2 nddd dddd"},
}

// dialled draws the digits of a plan.
func (p planter) dialled(form string) string {
	b := []byte(form)
	for i, c := range b {
		switch c {
		case 'd':
			b[i] = digitSigns[p.IntN(10)]
		case 'n':
			b[i] = digitSigns[2+p.IntN(8)]
		}
	}
	return string(b)
}

// northAmerican reports whether a part of the number is one that stands for a service, such as 911.
func northAmerican(number string) bool {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, number)
	return len(digits) == 10 && (digits[1:3] == "11" || digits[4:6] == "11")
}

// plusPhone draws a number with its country.
func (p planter) plusPhone() (kind, sort, value string, sentences []string) {
	for {
		plan := pick(p, plans)
		n := p.dialled(plan.international)
		if plan.code == "1" && northAmerican(n) {
			continue
		}
		separator := pick(p, []string{" ", " ", "-"})
		if strings.Contains(n, "(") {
			separator = " "
		}
		value = "+" + plan.code + separator + n
		if p.IntN(5) == 0 {
			value = "+" + plan.code + strings.NewReplacer(" ", "", "-", "", "(0)", "", "(", "", ")", "").Replace(n)
		}
		return "phone", "phone.plus", value, plusSentences
	}
}

// cuePhone draws a number as people of a country write it to each other, in a sentence that says what it is.
func (p planter) cuePhone() (kind, sort, value string, sentences []string) {
	for {
		plan := pick(p, plans)
		n := p.dialled(plan.national)
		if plan.code == "1" && northAmerican(n) {
			continue
		}
		return "phone", "phone.cue", n, phoneSentences
	}
}

// secret draws a key of a service.
func (p planter) secret() (kind, sort, value string, sentences []string) {
	const awsSigns = largeSigns + "234567"
	switch p.IntN(10) {
	case 0:
		value, sort = pick(p, []string{"AKIA", "ASIA"})+p.signs(16, awsSigns), "key.aws"
	case 1:
		value, sort = pick(p, []string{"ghp_", "gho_", "ghs_"})+p.signs(36, wordSigns), "key.github"
	case 2:
		value, sort = "github_pat_"+p.signs(22, wordSigns)+"_"+p.signs(59, wordSigns), "key.github"
	case 3:
		value, sort = "glpat-"+p.signs(20, urlSigns), "key.gitlab"
	case 4:
		value, sort = pick(p, []string{"xoxb-", "xoxp-"})+p.digits(12)+"-"+p.digits(12)+"-"+p.signs(24, wordSigns), "key.slack"
	case 5:
		value, sort = pick(p, []string{"sk_live_", "rk_live_"})+p.signs(24, wordSigns), "key.stripe"
	case 6:
		value, sort = "AIza"+p.signs(35, urlSigns), "key.google"
	case 7:
		value, sort = "sk-"+pick(p, []string{"", "proj-", "ant-api03-"})+p.signs(48, wordSigns), "key.model"
	case 8:
		value, sort = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ"+p.signs(40+p.IntN(60), wordSigns)+"."+p.signs(43, urlSigns), "key.jwt"
	default:
		value, sort = pick(p, []string{"npm_", "hf_"}), "key.registry"
		value += p.signs(map[string]int{"npm_": 36, "hf_": 34}[value], wordSigns)
	}
	if last := value[len(value)-1]; last == '-' || last == '_' {
		value = value[:len(value)-1] + "7"
	}
	return "key", sort, value, keySentences
}
