package pii

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// cue is what a word says of the number beside it, as a set.
type cue uint32

const (
	cuePhone   cue = 1 << iota
	cueNear        // the same, where it stands close by: the word has other meanings
	cueWeak        // perhaps: it is one if it is also written like one
	cueOther       // an order, an article, a book: no telephone number
	cueVersion     // a program's, or a section's
	cueAddress     // of a machine
	cueUS
	cueNHS
	cueNINO
	cueFR
	cueDE
	cueES
	cueIN
	cueBR
	cueCard
)

// cues says what the words mean. They are in lower case, and stand alone.
var cues = map[string]cue{
	"tel": cuePhone, "tél": cuePhone, "telephone": cuePhone, "phone": cuePhone, "phones": cuePhone, "ph": cueNear, "fax": cuePhone, "telefax": cuePhone,
	"mobile": cueNear, "mobil": cueNear, "cell": cueNear, "cellphone": cuePhone, "handy": cueNear, "handynummer": cuePhone, "landline": cuePhone,
	"call": cuePhone, "dial": cuePhone, "sms": cuePhone, "whatsapp": cuePhone, "viber": cuePhone, "hotline": cuePhone, "helpline": cuePhone,
	"rufnummer": cuePhone, "festnetz": cuePhone, "durchwahl": cuePhone, "anrufen": cuePhone, "anruf": cuePhone, "portable": cueNear, "appelez": cuePhone, "appeler": cuePhone, "joignable": cuePhone,
	"telefone": cuePhone, "celular": cuePhone, "telemóvel": cuePhone, "ligue": cuePhone, "móvil": cuePhone, "movil": cuePhone, "llame": cuePhone, "llamar": cuePhone, "llámenos": cuePhone,
	"cellulare": cuePhone, "chiamare": cuePhone, "chiamate": cuePhone, "chiama": cuePhone, "bel": cueNear, "mobiel": cuePhone, "gsm": cuePhone, "telefoon": cuePhone,
	"тел": cuePhone, "моб": cuePhone, "мобильный": cuePhone, "факс": cuePhone, "звоните": cuePhone, "позвоните": cuePhone, "дзвоніть": cuePhone,
	"komórka": cuePhone, "komórkowy": cuePhone, "zadzwoń": cuePhone, "tlf": cuePhone, "tfn": cuePhone, "puh": cuePhone, "mob": cueNear, "cep": cueNear, "faks": cuePhone,
	"đt": cuePhone, "sđt": cuePhone, "telp": cuePhone, "hubungi": cuePhone, "τηλ": cuePhone, "κινητό": cuePhone, "फ़ोन": cuePhone, "फोन": cuePhone, "मोबाइल": cuePhone, "दूरभाष": cuePhone,
	"هاتف": cuePhone, "الهاتف": cuePhone, "جوال": cuePhone, "تلفن": cuePhone, "طلفون": cuePhone, "טלפון": cuePhone, "טל": cuePhone, "נייד": cuePhone,

	"llámame": cuePhone, "llamame": cuePhone, "llámanos": cuePhone, "chiamami": cuePhone, "chiamaci": cuePhone, "appelle": cuePhone, "ligar": cuePhone, "cel": cuePhone, "fono": cuePhone, "tfno": cuePhone, "tlm": cuePhone, "dzwoń": cuePhone, "volejte": cuePhone, "sunați": cuePhone,
	"soita": cuePhone, "arayın": cuePhone, "gọi": cuePhone, "thoại": cuePhone, "اتصل": cuePhone, "موبايل": cuePhone, "الجوال": cuePhone, "موبایل": cuePhone, "تماس": cuePhone, "कॉल": cuePhone,

	"text": cueWeak, "ring": cueWeak, "rufen": cueWeak, "t": cueWeak, "नंबर": cueWeak,
	"reach": cueWeak, "reached": cueWeak, "contact": cueWeak, "number": cueWeak, "kontakt": cueWeak, "erreichen": cueWeak, "erreichbar": cueWeak, "nummer": cueWeak, "joindre": cueWeak, "numéro": cueWeak,
	"contacto": cueWeak, "contactar": cueWeak, "número": cueWeak, "contatto": cueWeak, "numero": cueWeak, "contato": cueWeak, "номер": cueWeak, "номеру": cueWeak, "контакты": cueWeak, "numer": cueWeak, "संपर्क": cueWeak,

	"order": cueOther, "orders": cueOther, "po": cueOther, "purchase": cueOther, "invoice": cueOther, "receipt": cueOther, "isbn": cueOther, "issn": cueOther, "ean": cueOther, "upc": cueOther, "gtin": cueOther, "sku": cueOther, "doi": cueOther,
	"serial": cueOther, "article": cueOther, "item": cueOther, "part": cueOther, "model": cueOther, "ticket": cueOther, "case": cueOther, "tracking": cueOther, "parcel": cueOther, "shipment": cueOther,
	"account": cueOther, "reference": cueOther, "ref": cueOther, "id": cueOther, "patent": cueOther, "lot": cueOther, "batch": cueOther, "build": cueOther | cueVersion, "imei": cueOther,
	"bestellung": cueOther, "bestellnummer": cueOther, "auftrag": cueOther, "auftragsnummer": cueOther, "rechnung": cueOther, "rechnungsnummer": cueOther, "artikel": cueOther, "artikelnummer": cueOther,
	"kundennummer": cueOther, "seriennummer": cueOther, "sendung": cueOther, "sendungsnummer": cueOther, "aktenzeichen": cueOther,
	"commande": cueOther, "facture": cueOther, "référence": cueOther, "dossier": cueOther, "pedido": cueOther, "factura": cueOther, "fatura": cueOther, "referencia": cueOther, "ordine": cueOther, "fattura": cueOther,
	"заказ": cueOther, "заказа": cueOther, "счёт": cueOther, "счет": cueOther, "артикул": cueOther, "zamówienie": cueOther, "zamówienia": cueOther, "faktura": cueOther, "bestelling": cueOther, "factuur": cueOther, "sipariş": cueOther,

	"version": cueVersion, "versions": cueVersion, "ver": cueVersion, "v": cueVersion, "vers": cueVersion, "release": cueVersion, "releases": cueVersion, "revision": cueVersion, "rev": cueVersion, "oid": cueVersion, "oids": cueVersion,
	"section": cueVersion, "sections": cueVersion, "chapter": cueVersion, "rfc": cueVersion, "firmware": cueVersion, "driver": cueVersion, "kernel": cueVersion, "patch": cueVersion, "upgrade": cueVersion, "upgraded": cueVersion,
	"clause": cueVersion, "kapitel": cueVersion, "abschnitt": cueVersion, "versión": cueVersion, "versão": cueVersion, "versione": cueVersion, "versie": cueVersion, "wersja": cueVersion, "версия": cueVersion, "версии": cueVersion, "sürüm": cueVersion,

	"ip": cueAddress, "ips": cueAddress, "ipv": cueAddress, "host": cueAddress, "hosts": cueAddress, "server": cueAddress, "address": cueAddress, "addr": cueAddress, "dns": cueAddress, "ping": cueAddress, "nameserver": cueAddress,
	"gateway": cueAddress, "adresse": cueAddress, "dirección": cueAddress, "indirizzo": cueAddress, "resolver": cueAddress, "servidor": cueAddress, "serveur": cueAddress, "serwer": cueAddress, "сервер": cueAddress, "sunucu": cueAddress, "adres": cueAddress, "адрес": cueAddress,

	"card": cueCard, "cards": cueCard, "credit": cueCard, "debit": cueCard, "visa": cueCard, "maestro": cueCard, "rupay": cueCard, "troy": cueCard, "elo": cueCard, "verve": cueCard, "karte": cueCard, "kreditkarte": cueCard, "carte": cueCard, "bancaire": cueCard,
	"tarjeta": cueCard, "carta": cueCard, "cartão": cueCard, "карта": cueCard, "карты": cueCard, "karta": cueCard, "kart": cueCard, "kaart": cueCard, "pan": cueCard, "कार्ड": cueCard,

	"ssn": cueUS, "ssns": cueUS, "social": cueUS, "security": cueUS,
	"nir": cueFR, "sécurité": cueFR, "securite": cueFR, "sociale": cueFR, "sécu": cueFR, "secu": cueFR, "insee": cueFR, "assuré": cueFR, "assurée": cueFR, "vitale": cueFR, "ss": cueFR,
	"nhs": cueNHS | cueOther, "nino": cueNINO, "insurance": cueNINO, "ni": cueNINO,
	"steuerid": cueDE | cueOther, "stidnr": cueDE | cueOther, "idnr": cueDE | cueOther, "tin": cueDE | cueOther, "tax": cueDE | cueBR | cueES | cueOther, "steuer": cueDE | cueOther, "identifikationsnummer": cueDE | cueOther,
	"dni": cueES | cueOther, "nif": cueES | cueOther, "nie": cueES | cueOther, "identidad": cueES | cueOther, "documento": cueES | cueOther, "identificación": cueES | cueOther, "extranjero": cueES | cueOther,
	"aadhaar": cueIN | cueOther, "aadhar": cueIN | cueOther, "adhaar": cueIN | cueOther, "uid": cueIN | cueOther, "uidai": cueIN | cueOther, "आधार": cueIN | cueOther,
	"cpf": cueBR | cueOther, "cnpj": cueBR | cueOther, "cadastro": cueBR | cueOther, "contribuinte": cueBR | cueOther,
}

// A stem is found anywhere in a word.
type stem struct {
	text string
	cue  cue
}

// stems are those of languages that put words together.
var stems = [...]stem{
	{"telefon", cuePhone}, {"telephon", cuePhone}, {"puhelin", cuePhone}, {"telefoon", cuePhone}, {"telepon", cuePhone}, {"mobilnummer", cuePhone}, {"rufnummer", cuePhone}, {"steuer", cueDE | cueOther}, {"bestell", cueOther}, {"kreditkart", cueCard},
}

// marks are those that are not in ASCII, also of languages that put no spaces between words.
var marks = [...]stem{
	{"téléphon", cuePhone}, {"teléfon", cuePhone}, {"телефон", cuePhone}, {"τηλέφων", cuePhone},
	{"电话", cuePhone}, {"電話", cuePhone}, {"手机", cuePhone}, {"手機", cuePhone}, {"携帯", cuePhone}, {"传真", cuePhone}, {"致电", cuePhone}, {"拨打", cuePhone}, {"热线", cuePhone}, {"전화", cuePhone}, {"휴대폰", cuePhone}, {"핸드폰", cuePhone}, {"โทร", cuePhone},
	{"订单", cueOther}, {"訂單", cueOther}, {"编号", cueOther}, {"注文", cueOther}, {"주문", cueOther}, {"版本", cueVersion}, {"バージョン", cueVersion}, {"地址", cueAddress}, {"服务器", cueAddress}, {"サーバ", cueAddress},
	{"联系", cueWeak}, {"連絡", cueWeak}, {"연락", cueWeak}, {"卡号", cueCard}, {"银行卡", cueCard}, {"信用卡", cueCard}, {"カード", cueCard}, {"카드", cueCard},
}

// How far words are looked for, in bytes and in words.
const (
	reach    = 96
	maxWords = 12
)

// words are what stands before a value, the nearest last.
type words struct {
	cues [maxWords]cue
	n    int
}

// at gives what the i-th word says, counted from the value.
func (w *words) at(i int) cue { return w.cues[w.n-1-i] }

func (w *words) first() cue {
	if w.n == 0 {
		return 0
	}
	return w.at(0)
}

// any gives all that is said.
func (w *words) any() cue {
	var all cue
	for _, c := range w.cues[:w.n] {
		all |= c
	}
	return all
}

// nearest gives what the nearest word says that says one of the two things.
func (w *words) nearest(of cue, within int) cue {
	for i := range min(w.n, within) {
		if c := w.at(i) & of; c != 0 {
			return c
		}
	}
	return 0
}

func (w *words) add(c cue) {
	if w.n == maxWords {
		copy(w.cues[:], w.cues[1:])
		w.n--
	}
	w.cues[w.n] = c
	w.n++
}

// words reads what stands before text[p:] and can speak about what stands there: up to the value or placeholder before, to
// the sentence's beginning, and, if above is set, the last words of the line above.
func (s *scan) words(p int, above bool) words {
	from := max(s.done, p-reach)
	if from > s.done { // the first word may be half a word
		for from < p {
			r, size := utf8.DecodeRuneInString(s.text[from:p])
			if r != utf8.RuneError && !unicode.IsLetter(r) && !unicode.IsMark(r) || r != utf8.RuneError && unspaced(r) {
				break
			}
			from += size
		}
	}
	text := s.text[from:p]
	for k := len(text) - 1; k >= 0; k-- {
		if text[k] == '>' && closes(s.text[:from+k+1]) != "" {
			text = text[k+1:]
			break
		}
	}
	var w words
	var buf [2*reach + utf8.UTFMax]byte
	word := buf[:0]
	runes := 0 // of the word, or behind its last dot where it is one like C.P.F
	for i, r := range text {
		if r < utf8.RuneSelf {
			if isASCII(byte(r)) {
				word = append(word, byte(r)|0x20)
				runes++
				continue
			}
		} else if unicode.IsLetter(r) || unicode.IsMark(r) {
			word = utf8.AppendRune(word, unicode.ToLower(r))
			runes++
			continue
		}
		if r == '.' && runes == 1 && i+1 < len(text) && isASCII(text[i+1]) {
			runes = 0
			continue
		}
		if r == '_' {
			word = append(word, '_')
			continue
		}
		if len(word) > 0 {
			if isDigit(text[i]) && word[len(word)-1] < utf8.RuneSelf {
				word = word[:0] // a name with a number in it
			}
			w.add(meaning(word))
		}
		switch {
		case r == '!', r == '?', r == '。', r == '\n' && (!above || !blank(text[i+1:])),
			r == '.' && runes > 4 && i+1 < len(text) && text[i+1] == ' ':
			w.n = 0
		case r == '\n':
			w.keep(3)
			if runes < 3 { // no heading ends like this
				w.n = 0
			}
		}
		word, runes = word[:0], 0
	}
	if len(word) > 0 {
		w.add(meaning(word))
	}
	return w
}

// keep leaves the last n words.
func (w *words) keep(n int) {
	if w.n > n {
		copy(w.cues[:], w.cues[w.n-n:w.n])
		w.n = n
	}
}

// behind gives what a word in brackets right behind text[p:] says.
func (s *scan) behind(p int) cue {
	text := s.text[p:min(len(s.text), p+40)]
	i := 0
	for i < len(text) && text[i] == ' ' {
		i++
	}
	if i == len(text) || text[i] != '(' && text[i] != '[' {
		return 0
	}
	i++
	var buf [64]byte
	word := buf[:0]
	for _, r := range text[i:] {
		if !unicode.IsLetter(r) && !unicode.IsMark(r) {
			return meaning(word)
		}
		word = utf8.AppendRune(word, unicode.ToLower(r))
	}
	return 0
}

// meaning gives what a word in lower case says. A name such as home_phone or phone_number says what its last part says.
func meaning(word []byte) cue {
	if i := bytes.LastIndexByte(word, '_'); i >= 0 {
		if last := string(word[i+1:]); last == "number" || last == "no" || last == "nr" || last == "num" {
			return meaning(word[:i])
		}
		word = word[i+1:]
	}
	if c, ok := cues[string(word)]; ok {
		return c
	}
	if len(word) < 6 {
		return 0
	}
	for _, s := range stems {
		if bytes.Contains(word, []byte(s.text)) {
			return s.cue
		}
	}
	if bytes.IndexFunc(word, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 {
		return 0
	}
	last, what := -1, cue(0) // the last one is the nearest
	for _, s := range marks {
		if i := bytes.LastIndex(word, []byte(s.text)); i > last {
			last, what = i, s.cue
		}
	}
	return what
}

// blank reports whether text is nothing but spaces and the signs around a value.
func blank(text string) bool {
	for i := range len(text) {
		switch text[i] {
		case ' ', '\t', '\n', '\r', '(', '"', '+':
		default:
			return false
		}
	}
	return true
}
