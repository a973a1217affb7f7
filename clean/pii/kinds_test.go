package pii

import (
	"strings"
	"testing"
)

// cases holds texts with the values to be masked in braces.
type cases map[string][]string

func (c cases) run(t *testing.T, kind Kind) {
	for name, texts := range c {
		t.Run(name, func(t *testing.T) {
			for _, marked := range texts {
				want, values := strings.Builder{}, 0
				rest := marked
				for {
					before, after, ok := strings.Cut(rest, "{")
					want.WriteString(before)
					if !ok {
						break
					}
					_, rest, _ = strings.Cut(after, "}")
					values++
					want.WriteString("<" + kind.tag() + "_" + string(rune('0'+values)) + ">")
				}
				in := strings.NewReplacer("{", "", "}", "").Replace(marked)
				got, _, n := Mask(in, nil)
				if got != want.String() || n[kind] != values || n.Total() != values {
					t.Errorf("Mask(%q) = %q, %v, want %q", in, got, n, want.String())
				}
				if again, _, n := Mask(got, nil); again != got || n.Any() {
					t.Errorf("Mask(%q) = %q", got, again)
				}
			}
		})
	}
}

func TestPhone(t *testing.T) {
	cases{
		"with country": {"{+49 30 901820} now", "({+1 415-555-2671})", "{+14155552671}, {+44 20 7946 0958}", "{+33 6 12 34 56 78}.", "tel:{+4930901820}", "{+49 (0)30 901820}", "{(+49) 30 901820}", "{+39 06 1234567}", "{+7 495 123-45-67}",
			"{+86 138 0013 8000}", "请拨打{+86 138 0013 8000}。", "{+1 (415) 555-2671} ext. 5", "{+91\u00a098765\u00a043210}", "{+81-3-1234-5678}", "{(+44) 0333 7591 018}", "(from {+44 020 7946 0958})", "{+49-30-901820}, 12 rooms"},
		"no country": {"+0 30 901820", "+999 123456789", "+1 123 456 7890", "+49", "+4930", "x+4930901820", "1+4930901820", "C++14155552671", "+1234567890", "+33 0 12 34 56 78", "+1 911 555 2671"},
		"with a word": {"text me on {07700 900123}", "T: {030 12345678}", "rufen Sie {089/12345678} an", "llámame al {612 345 678}", "Mijn telefoonnummer is {06-12345678}", "You can reach me at {(415) 555-2671}.", "contact: {415-555-2671}", "Meine Nummer ist {030 1234567}", "phone_number: {415-555-2671}", "Handy {0171 1234567}", "Tel. {030 901820}", "Phone: {(415) 555-2671}", "call {415.555.2671} now", "Tél. : {01 42 68 53 00}", "telefonisch unter {0171/1234567}.", "Mobiltelefon {0171 1234567}", "电话：{010-62781234}", "手机号{13800138000}，谢谢", "Телефон: {8 (495) 123-45-67}",
			"携帯 {090-1234-5678}", "전화 {02-1234-5678}", "Teléfono {612 345 678}", "हमारा फ़ोन {9876543210} है", "Fax {030 901820}, {030 901821} or {030 901822}", "Phone\n{415-555-2671}", "{415-555-2671} (mobile)", "DNI? no: tel {612345678}"},
		"without a word": {"415-555-2671", "(415) 555-2671", "030 901820", "13800138000", "Telescope 415-555-2671", "hotel 415-555-2671", "We sat on the phone. Later we counted some 4155552671 sheep", "the phone rang and then, after many years and more words, 4155552671"},
		"another number": {"Call about order 4155552671", "phone order no. 4155552671", "Tel 12.05.2019", "call before 2019-05-12", "call before 20190512", "Phone 1999-2000", "phones sold: 1 234 567", "Tel 3.14159265", "Phone version 12.0.4567.1", "Tel ISBN 9783161484100", "phone 0000000", "phone 0 0 1792 1792", "mobile_300x250: 93484976", "call_gmon_start, 4195340", "call1048576, 1048576", "a handy list of the words in 4155552671",
			"call 12345", "PO number 415-555-0123", "the text 4155552671", "order number 415-555-2671", "the number 4155552671", "reach 415.555.2671", "Call 12:30:45", "phone id 550e8400-e29b-41d4-a716-446655440000", "电话订单号12345678"},
	}.run(t, Phone)
}

func TestCard(t *testing.T) {
	cases{
		"card": {"{4111 1111 1111 1111}", "card {4111-1111-1111-1111}.", "{4111111111111111},12/27", "{5500000000000004}", "{3400 000000 00009}", "{30000000000004}", "{6011 0000 0000 0004}", "{3530111333300000}", "{2223003122003222}", "卡号{4111111111111111}。", "5 {4111 1111 1111 1111}", "{4111 1111 1111 1111} 12/27 123",
			"{6200000000000005}", "pan={4111111111111111}"},
		"none": {"4111 1111 1111 1112", "1234567812345670", "7992739871300000", "4111-1111 1111-1111", "4111 1111 1111 1111 1111", "0x4111111111111111", "#4111111111111111", "a4111111111111111", "4111111111111111a", "4111.1111111111111", "x-4111111111111111", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "41111111111111111111111",
			"12.4111111111111111", "978-3-16-148410-0"},
	}.run(t, Card)
}

func TestIBAN(t *testing.T) {
	cases{
		"iban": {"{DE89 3704 0044 0532 0130 00}", "{DE89370400440532013000}.", "IBAN:{GB29NWBK60161331926819}", "{GB29 NWBK 6016 1331 9268 19} is", "{FR1420041010050500013M02606}", "{NO9386011117947}", "账户{DE89370400440532013000}", "{MT84MALT011000012345MTLCAST001S}", "{NL91-ABNA-0417-1643-00}"},
		"none": {"DE88 3704 0044 0532 0130 00", "DE89 3704 0044 0532 0130", "XX89370400440532013000", "DE89370400440532013000A", "aDE89370400440532013000", "de89370400440532013000", "DE8 93704", "ISO27001"},
	}.run(t, IBAN)
}

func TestIdentity(t *testing.T) {
	cases{
		"US":      {"SSN {123-45-6789}", "social security number is {123 45 6789}.", "ssn={123456789}", "{123-45-6789} (SSN)", "123-45-6789", "SSN 000-12-3456", "SSN 666-12-3456", "SSN 912-12-3456", "SSN 123-00-6789", "SSN 123-45-0000"},
		"UK":      {"{AB 12 34 56 C}", "NI number {AB123456C}", "AB123456C", "NINO BG123456C", "NINO AB123456E", "NHS {943 476 5919}", "NHS no. {9434765919}", "NHS 943 476 5918", "943 476 5919"},
		"France":  {"{1 85 05 78 006 084 91}", "NIR {185057800608491}", "185057800608491", "{2 85 05 2A 006 084 82}", "{285052A00608482}", "1 85 05 78 006 084 36", "1 85 13 78 006 084 91"},
		"Germany": {"Steuer-ID {86 095 742 719}", "IdNr. {86095742719}", "86095742719", "Steuer-ID 86095742718", "Steueridentifikationsnummer: {86095742719}"},
		"Spain":   {"DNI {12345678Z}", "D.N.I. {12345678-Z}", "{12.345.678-Z}", "NIE {X1234567L}", "NIE {X-1234567-L}", "12345678Z", "DNI 12345678A", "NIE X1234567M"},
		"Italy":   {"{RSSMRA85T10A562S}", "C.F. {rssmra85t10a562s}", "RSSMRA85T10A562T", "xRSSMRA85T10A562S", "RSSMRA85F10A562S"},
		"China":   {"{11010519491231002X}", "身份证号{11010519491231002x}。", "110105194912310021", "11010519491331002X", "{440524188001010014}", "111111111111111111"},
		"India":   {"Aadhaar {2341 2341 2346}", "आधार {234123412346}", "2341 2341 2346", "Aadhaar 2341 2341 2347", "Aadhaar 1341 2341 2346"},
		"Brazil":  {"{529.982.247-25}", "CPF {52998224725}", "52998224725", "529.982.247-26", "111.111.111-11", "{11.222.333/0001-81}", "CNPJ {11222333000181}", "11222333000181", "11.222.333/0001-82"},
	}.run(t, ID)
}

func TestKey(t *testing.T) {
	jwt := "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
	pem := "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAx0Zq2mLr8vTnW5bQyH3sKj7dPfGuXcRtYiOaElNhMwBvCzDk\nS9pJ6gU4oI1eF==\n"
	foot := "-----END RSA PRIVATE KEY-----"
	cases{
		"key": {"AWS {AKIAIOSFODNN7EXAMPLE}.", "{ghp_16C7e42F292c6912E7710c838347Ae178B4a}", "{glpat-Zx7Qm2_pLk9RtY4vBn8s}", "\"{sk_live_4eC39HqLyjWDarjtT1zdp7dc}\"", "{AIzaSyD3f5G7h9J1k2L3m4N5o6P7q8R9s0T1u2V}", "{xoxb-123456789012-123456789012-AbCdEfGhIjKlMnOpQrStUvWx}",
			"Bearer {" + jwt + "}", "{sk-proj-a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6}", "hf_token={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}", "密钥{ghp_16C7e42F292c6912E7710c838347Ae178B4a}。"},
		"private": {"{" + pem + foot + "}\nend", "a {" + pem + foot + "}{" + strings.TrimSuffix(strings.ReplaceAll(pem, "RSA ", ""), "\n") + "}\nb d"},
		"none": {"ghp_example", "AKIA", "xAKIAIOSFODNN7EXAMPLE", "sk-learn-contrib-hierarchical-clustering", "glpat-xxxxxxxxxxxxxxxxxxxx", "eyJ.eyJ.x", "-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY----- is the first line of such a file.\n-----END PRIVATE KEY-----", "-----BEGIN CERTIFICATE-----\n" + strings.Repeat("MIIB", 16) + "\n-----END CERTIFICATE-----",
			"ghp_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "sk-estimator-toggle-button-label-2"},
	}.run(t, Key)
}

func TestEmailAtItsEdges(t *testing.T) {
	cases{
		"unspaced":  {"请联系{ann@acme.io}，谢谢", "邮箱是{ann@acme.io}或者打电话", "メールは{ann@acme.io}まで", "发送到 {张三@例子.中国}。"},
		"no domain": {"logo@2x.png", "@user@mastodon.social", "react@18.2.0", "a@b.c", "ssh://git@github.com/a", "git@github.com", "x@y.htmlx"},
		"domains":   {"{a@b.museum}", "{a@server.local}", "{A@B.CO.UK}", "{x@xn--mnchen-3ya.de}", "{a@b.ck}", "{андрей@почта.рф}"},
	}.run(t, Email)
}

func TestAddressOrVersion(t *testing.T) {
	cases{
		"version": {"Chrome 2.4.1.7", "version is 5.14.2.60", "firmware 93.184.216.34", "OID 93.184.216.34"},
		"address": {"{93.184.216.34}", "version 2 of the server at {93.184.216.134}", "host {2.4.1.7}", "{2.4.1.7}:80", "ip {5.6.7.8}", "{1.1.1.1}", "服务器{93.184.216.34}无响应"},
	}.run(t, IPv4)
}

func TestPolicy(t *testing.T) {
	in := "ann@acme.io, 8.8.8.8, 4111 1111 1111 1111, SSN 123-45-6789"
	p := Policy{}
	p.Do[Email], p.Do[Card] = KeepValue, DropDocument
	r := p.Apply(in, nil)
	if want := "ann@acme.io, <IP_1>, <CARD_1>, SSN <ID_1>"; r.Text != want || r.Counts != (Counts{IPv4: 1, Card: 1, ID: 1}) {
		t.Errorf("Apply = %+v, want %q", r, want)
	}
	for _, name := range []string{"mask", "drop", "keep"} {
		if _, err := ParseAction(name); err != nil {
			t.Error(err)
		}
	}
	if _, err := ParseAction("hide"); err == nil {
		t.Error("hide is an action")
	}
	if k, err := ParseKind("iban"); k != IBAN || err != nil {
		t.Errorf("iban is %v, %v", k, err)
	}
	if _, err := ParseKind("name"); err == nil {
		t.Error("name is a kind")
	}
}

// With a key, a value becomes the same thing in every document, another key makes another one of it, and nobody owns it.
func TestPolicyKey(t *testing.T) {
	values := []string{"ann@acme.io", "93.184.216.34", "2606:4700::1111", "+49 30 901820", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00", "RSSMRA85T10A562S", "AKIAIOSFODNN7EXAMPLE"}
	shapes := []string{"@example.com", "198.1", "2001:db8:", "-555-01", "9999 ", "ZZ", "<ID_x", "<KEY_x"}
	one, two := Policy{Key: []byte("one")}, Policy{Key: []byte("two")}
	for i, v := range values {
		a := one.Apply("x "+v+" y", nil)
		b := one.Apply(values[(i+1)%len(values)]+" and "+v+".", nil)
		fake := strings.TrimSuffix(strings.TrimPrefix(a.Text, "x "), " y")
		if !strings.Contains(fake, shapes[i]) || !strings.HasSuffix(b.Text, " and "+fake+".") {
			t.Errorf("%s became %q, and %q", v, a.Text, b.Text)
		}
		if c := two.Apply("x "+v+" y", nil); c.Text == a.Text || a.Counts.Total() != 1 {
			t.Errorf("%s became %q under either key", v, c.Text)
		}
		if again := one.Apply(a.Text, nil); again.Text != a.Text || again.Counts.Any() {
			t.Errorf("%q became %q", a.Text, again.Text)
		}
	}
}
