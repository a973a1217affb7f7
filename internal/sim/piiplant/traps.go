package piiplant

import (
	"fmt"
	"strconv"
	"strings"
)

// trap makes a line with something that is nobody's.
func (p planter) trap() Line {
	makers := []func() (sort, value string, sentences []string){
		p.version, p.version, p.oid, p.book, p.serial, p.hash, p.uuid, p.remote, p.mention, p.moment, p.order, p.order, p.wrongCard, p.noIssuer, p.wrongIBAN,
		p.privateNet, p.exampleMail, p.wrongID, p.keyLike, p.name,
	}
	sort, value, sentences := makers[p.IntN(len(makers))]()
	before, after, _ := strings.Cut(pick(p, sentences), "%")
	return Line{Before: before, Value: value, After: after, Sort: "trap." + sort}
}

func (p planter) version() (sort, value string, sentences []string) {
	switch p.IntN(3) {
	case 0:
		value = fmt.Sprintf("v%d.%d.%d.%d", p.IntN(20), p.IntN(30), p.IntN(30), p.IntN(200))
	case 1:
		value = fmt.Sprintf("%d.0.%d.%d", 80+p.IntN(60), 1000+p.IntN(6000), p.IntN(250))
	default:
		return "version", fmt.Sprintf("%d.%d.%d.%d", p.IntN(20), p.IntN(30), p.IntN(99), p.IntN(99)), []string{"Please update to version % before Friday.", "The firmware % fixes it.", "Die Version % behebt den Fehler.", "La versión % ya está disponible.", "Release %, of last March"}
	}
	return "version", value, []string{"It needs Chrome % or newer.", "The release is called %.", "Die Datei gehört zu %.", "本次更新为 %。"}
}

func (p planter) oid() (sort, value string, sentences []string) {
	value = pick(p, []string{"1.3.6.1.4.1.", "2.16.840.1.", "1.2.840.113549.", "2.5.29."}) + strconv.Itoa(p.IntN(400)) + "." + strconv.Itoa(p.IntN(60)) + "." + strconv.Itoa(p.IntN(9))
	return "oid", value, []string{"The extension % is critical.", "OID % names the policy.", "See the object % in the tree."}
}

func (p planter) book() (sort, value string, sentences []string) {
	if p.IntN(3) == 0 {
		return "issn", p.digits(4) + "-" + p.digits(3) + "X", []string{"The journal has the ISSN %.", "ISSN %, four issues a year"}
	}
	value = "978" + p.digits(10)
	if p.IntN(2) == 0 {
		value = grouped(value, "-", 3, 1, 2, 6, 1)
	}
	return "isbn", value, []string{"The book (ISBN %) is out of print.", "ISBN: %", "Das Buch hat die ISBN %.", "书号 %"}
}

func (p planter) serial() (sort, value string, sentences []string) {
	value = pick(p, []string{"SN", "PN-", "X", "MK2-", "LOT"}) + p.digits(8+p.IntN(8))
	return "serial", value, []string{"The label reads %.", "Serial number % is on the back.", "Seriennummer %", "The part % fits both."}
}

func (p planter) hash() (sort, value string, sentences []string) {
	value = p.signs(pick(p, []int{7, 32, 40, 64}), hexSigns)
	if p.IntN(8) == 0 {
		value = strconv.Itoa(1500000000 + p.IntN(200000000))
	}
	return "hash", value, []string{"The commit % broke it.", "sha: %", "Der Hash % stimmt.", "checksum=%"}
}

func (p planter) uuid() (sort, value string, sentences []string) {
	return "uuid", grouped(p.signs(32, hexSigns), "-", 8, 4, 4, 4), []string{"The request % failed.", "id: %", "Job % is done."}
}

func (p planter) remote() (sort, value string, sentences []string) {
	value = pick(p, []string{"git@github.com:mill/race.git", "git@gitlab.com:tools/wheel.git", "deploy@build7.net:/srv/www", "ssh://git@code.mill.io/race.git"})
	return "remote", value, []string{"git clone %", "Push it to %, please.", "The remote is %."}
}

func (p planter) mention() (sort, value string, sentences []string) {
	value = pick(p, []string{"@ann_lee", "@millrace", "@user@mastodon.social", "@types/node@20.1", "react@18.2.0", "logo@2x.png"})
	return "mention", value, []string{"Thanks to % for the hint.", "see %", "We use % here."}
}

func (p planter) moment() (sort, value string, sentences []string) {
	y, m, d := 1980+p.IntN(50), 1+p.IntN(12), 1+p.IntN(28)
	clock := fmt.Sprintf("%02d:%02d:%02d", p.IntN(24), p.IntN(60), p.IntN(60))
	value = pick(p, []string{
		fmt.Sprintf("%04d-%02d-%02d", y, m, d), fmt.Sprintf("%02d.%02d.%04d", d, m, y), fmt.Sprintf("%d/%d/%d", m, d, y), fmt.Sprintf("%04d-%02d-%02dT%sZ", y, m, d, clock),
		clock, fmt.Sprintf("%04d%02d%02d", y, m, d), fmt.Sprintf("%d %02d %02d", y, m, d), fmt.Sprintf("%d-%d", y, y+1),
	})
	return "moment", value, []string{"It was published on %.", "Call us before %.", "Stand: %", "Our phone lines were closed on %.", "Ruft bis % an.", "时间：%"}
}

func (p planter) order() (sort, value string, sentences []string) {
	value = pick(p, []string{p.digits(3) + "-" + p.digits(3) + "-" + p.digits(4), p.digits(10), p.digits(4) + " " + p.digits(4), p.digits(3) + "-" + p.digits(7) + "-" + p.digits(7), p.digits(8), "1" + p.digits(3) + " " + p.digits(3) + " " + p.digits(3)})
	return "order", value, []string{"Your order % has been shipped.", "Order number %, of Monday", "Die Bestellnummer lautet %.", "The population grew to % in ten years.", "Numéro de commande : %", "Su pedido % llega mañana.", "订单号：%", "Ticket % is closed.", "Rechnung % ist bezahlt.", "Tracking number: %"}
}

func (p planter) wrongCard() (sort, value string, sentences []string) {
	value = p.luhn(pick(p, []string{"4", "51", "6011"}), 16)
	value = value[:15] + string(digitSigns[(int(value[15]-'0')+1+p.IntN(9))%10])
	if p.IntN(2) == 0 {
		value = grouped(value, " ", 4, 4, 4, 4)
	}
	return "card_checksum", value, []string{"The reading was %.", "It counts % cells.", "Die Zahl % ist keine Primzahl.", "The parcel % is here."}
}

// noIssuer is right by its check digit, and one in ten numbers is.
func (p planter) noIssuer() (sort, value string, sentences []string) {
	value = p.luhn(pick(p, []string{"1", "7", "90", "0", "21", "89"}), 16)
	if p.IntN(2) == 0 {
		value = grouped(value, " ", 4, 4, 4, 4)
	}
	return "card_issuer", value, []string{"The reading was %.", "The device reports %.", "Es waren % Schritte.", "The library card % is lost."}
}

func (p planter) wrongIBAN() (sort, value string, sentences []string) {
	value = p.account(int64(1 + p.IntN(96)))
	if p.IntN(2) == 0 {
		value = inFours(value)
	}
	return "iban_checksum", value, []string{"Such as % does not exist.", "The form refused %.", "Die Nummer % ist falsch."}
}

func (p planter) privateNet() (sort, value string, sentences []string) {
	x := func() string { return strconv.Itoa(p.IntN(254) + 1) }
	value = pick(p, []string{"10." + x() + "." + x() + "." + x(), "192.168." + x() + "." + x(), "172.16." + x() + "." + x(), "127.0.0.1", "169.254." + x() + "." + x(), "192.0.2." + x(), "198.51.100." + x(), "203.0.113." + x(),
		"255.255.255.0", "0.0.0.0", "::1", "fe80::" + x(), "fd00:1::" + x(), "2001:db8::" + x(), "ff02::1", "256." + x() + ".1.2", "224.0.0." + x()})
	return "private_ip", value, []string{"The server listens at %.", "ping %", "Der Rechner hat die Adresse %.", "connect to % first"}
}

func (p planter) exampleMail() (sort, value string, sentences []string) {
	value = pick(p, []string{"user", "ann.lee", "info", "no-reply"}) + "@" + pick(p, []string{"example.com", "example.org", "mail.example.net", "host.example", "site.test", "name.invalid"})
	return "example_mail", value, []string{"Write, say, to %.", "user = %", "Zum Beispiel %"}
}

func (p planter) wrongID() (sort, value string, sentences []string) {
	_, id := p.resident()
	_, cf := p.codiceFiscale()
	_, cpf := p.cpf()
	wrong := func(s string) string {
		last := s[len(s)-1]
		if last >= 'A' && last != 'X' {
			return s[:len(s)-1] + string('A'+(last-'A'+1+byte(p.IntN(24)))%26)
		}
		return s[:len(s)-1] + string(digitSigns[(int(last)+3)%10])
	}
	switch p.IntN(4) {
	case 0:
		return "id_checksum", wrong(id), []string{"The value % is not valid.", "编号 % 不正确。"}
	case 1:
		return "id_checksum", wrong(cf), []string{"The value % is not valid.", "Il valore % è sbagliato."}
	case 2:
		if cpf[len(cpf)-1] == 'X' {
			return p.wrongID()
		}
		return "id_checksum", wrong(cpf), []string{"The value % is not valid.", "O valor % está errado."}
	}
	_, ssn := p.ssn()
	return "id_no_cue", pick(p, []string{ssn, "000-12-3456", "666-12-3456", "987-65-4321"}), []string{"The shelf mark is %.", "Take road % to the mill."}
}

func (p planter) keyLike() (sort, value string, sentences []string) {
	value = pick(p, []string{"sk-learn-contrib-hierarchical-clustering", "ghp_example", "AKIA", "xoxb-your-token-here", "sk_live_key", "glpat-xxxxxxxxxxxxxxxxxxxx", "npm_config_registry", "hf_hub_download", "eyJ", "AIzaExample",
		"-----BEGIN PRIVATE KEY-----", "-----BEGIN CERTIFICATE-----", "sk-estimator-toggle-button-label", "github_pat_name", "pypi-attestations-and-other-packages-of-the-index"})
	return "key_like", value, []string{"The name % is only a name.", "A file that begins with % is a key.", "Set % first."}
}

// name is code that has the signs of addresses.
func (p planter) name() (sort, value string, sentences []string) {
	value = pick(p, []string{"std::vector", "a::b::c", "dead::beef", "12:34:56:78:9a:bc", "C++11", "x+1234567890", "10+10000000", "1,234,567.89", "3.14159265358979", "0x1234567890", "#4111111111111111", "1/2/3/4/5/6/7", "0.1.2.3.4", "5+4915112345678"})
	return "code", value, []string{"The line has % in it.", "where % stands", "Dort steht %."}
}
