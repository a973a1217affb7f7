package charset_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"

	"millrace/clean/charset"
)

// samples are everyday sentences with the encodings that their languages came in before UTF-8.
var samples = []struct{ encodings, text string }{
	{"windows-1252", "Le garçon mangeait déjà des crêpes à la fenêtre, où sa sœur naïve l’attendait depuis Noël."},
	{"windows-1252", "Die Bären fraßen süße Äpfel über den Dächern von Köln, während die Käfer schliefen."},
	{"windows-1252", "El niño comió piñas y plátanos en la montaña; ¿quién sabía que mañana llovería?"},
	{"windows-1252", "A ligação não está disponível; verifique a configuração e as opções da aplicação."},
	{"windows-1252", "På søndag går vi til stranda og spiser blåbær, sier Åse og Øyvind."},
	{"windows-1250 iso-8859-2", "Zażółć gęślą jaźń. Wczoraj świeciło słońce, a dziś pada śnieg i wieje wiatr z północy."},
	{"windows-1250 iso-8859-2", "Příliš žluťoučký kůň úpěl ďábelské ódy, když přišel večer a začalo pršet."},
	{"windows-1250", "Az öreg tűzoltó este hétkor érkezett, és rögtön az őrült árvíztűrő gépet kereste."},
	{"windows-1251 koi8-r ibm866 iso-8859-5", "Съешь же ещё этих мягких французских булок, да выпей чаю. Вчера мы ходили в лес за грибами."},
	{"windows-1251", "Щастя приходить до тих, хто вміє чекати. Її сестра живе у Києві вже п'ять років."},
	{"windows-1253 iso-8859-7", "Ο γρήγορος σκύλος πήδηξε πάνω από την τεμπέλα αλεπού και έτρεξε στο δάσος."},
	{"windows-1254", "Öğleden sonra güneş açtı, çocuklar dışarı çıkıp bahçede oynadılar; İzmir çok güzeldi."},
	{"windows-1255", "השועל החום המהיר קופץ מעל הכלב העצלן, ואחר כך הולך לישון בבית."},
	{"windows-1256", "ذهب الولد إلى المدرسة في الصباح الباكر وعاد إلى البيت بعد الظهر مع أصدقائه."},
	{"windows-1257", "Šiandien ryte mažas ežiukas išėjo į mišką ieškoti grybų ir uogų žiemai."},
	{"windows-874", "วันนี้อากาศดีมาก เราจึงไปเที่ยวทะเลกับครอบครัวและกินอาหารอร่อย"},
	{"shift_jis euc-jp", "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。"},
	{"gb18030 gbk", "今天天气很好，我们一起去公园散步，看到了许多美丽的花。"},
	{"big5", "今天天氣很好，我們一起去公園散步，看到了許多美麗的花。"},
	{"euc-kr", "오늘은 날씨가 매우 좋아서 우리는 공원에 산책을 갔습니다."},
}

func encode(t testing.TB, name, text string) []byte {
	t.Helper()
	e, err := htmlindex.Get(name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := e.NewEncoder().Bytes([]byte(text))
	if err != nil {
		t.Fatalf("encode %q as %s: %v", text, name, err)
	}
	return b
}

// Undeclared text of one sentence is read right.
func TestGuess(t *testing.T) {
	for _, s := range samples {
		for name := range strings.FieldsSeq(s.encodings) {
			got := charset.Decode(encode(t, name, s.text), "", true)
			if got.Text != s.text {
				t.Errorf("%s read as %s: %q, want %q", name, got.Name, got.Text, s.text)
			}
		}
	}
}

// The order of evidence: mark, UTF-16, valid UTF-8, header, declaration, statistics.
func TestDecodeOrder(t *testing.T) {
	const latin = "caf\xe9 cr\xe8me"
	tests := []struct {
		name, body, header      string
		text, encoding, how     string
		invalid                 int
		overridden, plainNoMeta bool
	}{
		{name: "mark before header", body: "\xef\xbb\xbfcaf\xc3\xa9", header: "iso-8859-1", text: "café", encoding: "utf-8", how: "bom"},
		{name: "mark of UTF-16LE", body: "\xff\xfec\x00a\x00f\x00\xe9\x00", text: "café", encoding: "utf-16le", how: "bom"},
		{name: "mark of UTF-16BE", body: "\xfe\xff\x00c\x00a\x00f\x00\xe9", text: "café", encoding: "utf-16be", how: "bom"},
		{name: "UTF-16 without mark", body: "h\x00e\x00l\x00l\x00o\x00 \x00w\x00o\x00r\x00l\x00d\x00", text: "hello world", encoding: "utf-16le", how: "utf16"},
		{name: "UTF-8 against its label", body: "caf\xc3\xa9", header: "iso-8859-1", text: "café", encoding: "utf-8", how: "utf8"},
		{name: "ASCII", body: "plain", text: "plain", encoding: "utf-8", how: "utf8"},
		{name: "header", body: latin, header: "ISO-8859-1", text: "café crème", encoding: "windows-1252", how: "header"},
		{name: "header before meta", body: "<meta charset=koi8-r>" + latin, header: "latin1", text: "<meta charset=koi8-r>café crème", encoding: "windows-1252", how: "header"},
		{name: "meta", body: "<meta charset='windows-1251'>\xcf\xf0\xe8\xe2\xe5\xf2", text: "<meta charset='windows-1251'>Привет", encoding: "windows-1251", how: "meta"},
		{name: "http-equiv", body: `<META http-equiv="Content-Type" content="text/html; charset=koi8-r">` + "\xf0\xd2\xc9", text: `<META http-equiv="Content-Type" content="text/html; charset=koi8-r">При`, encoding: "koi8-r", how: "meta"},
		{name: "XML declaration", body: "<?xml version='1.0' encoding='iso-8859-2'?>\xb1", text: "<?xml version='1.0' encoding='iso-8859-2'?>ą", encoding: "iso-8859-2", how: "meta"},
		{name: "nothing", body: latin, text: "café crème", encoding: "windows-1252", how: "guess"},
		{name: "unknown label", body: latin, header: "x-none", text: "café crème", encoding: "windows-1252", how: "guess"},
		{name: "a wrong UTF-8 label", body: latin, header: "utf-8", text: "café crème", encoding: "windows-1252", how: "guess", overridden: true},
		{name: "a little damage", body: strings.Repeat("é", 2000) + "\xff", header: "utf-8", text: strings.Repeat("é", 2000) + "\uFFFD", encoding: "utf-8", how: "header", invalid: 1},
		{name: "damage without label", body: strings.Repeat("déjà ", 50) + "\xff", text: strings.Repeat("déjà ", 50) + "\uFFFD", encoding: "utf-8", how: "guess", invalid: 1},
		{name: "meta in plain text", body: "<meta charset=koi8-r>" + latin, plainNoMeta: true, text: "<meta charset=koi8-r>café crème", encoding: "windows-1252", how: "guess"},
		{name: "empty", text: "", encoding: "utf-8", how: "utf8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := charset.Decode([]byte(tt.body), tt.header, !tt.plainNoMeta)
			want := charset.Result{Text: tt.text, Name: tt.encoding, How: tt.how, Invalid: tt.invalid, Overridden: tt.overridden}
			if got != want {
				t.Errorf("Decode = %+v, want %+v", got, want)
			}
		})
	}
}

func TestDeclared(t *testing.T) {
	tests := []struct{ body, want string }{
		{`<meta charset="utf-8">`, "utf-8"},
		{`<!-- <meta charset="koi8-r"> --><meta charset=gbk>`, "gbk"},
		{`<!-- <meta charset="koi8-r">`, ""},
		{`<meta name=x content="charset=koi8-r">`, ""},
		{`<meta content='text/html; charset = "big5"' http-equiv=content-type>`, "big5"},
		{`<metadata charset=koi8-r>`, ""},
		{`<meta charset=utf-16>`, "utf-8"},
		{strings.Repeat(" ", 1100) + `<meta charset=koi8-r>`, ""},
		{`<meta / charset=koi8-r`, "koi8-r"},
	}
	for _, tt := range tests {
		if got := charset.Declared([]byte(tt.body)); got != tt.want {
			t.Errorf("Declared(%.40q) = %q, want %q", tt.body, got, tt.want)
		}
	}
}

// Whatever comes in, valid UTF-8 comes out, and never much more than went in.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("<meta charset=shift_jis>\x82\xa0\x81"), "")
	f.Add([]byte("\xff\xfe\x00\xd8"), "utf-16")
	f.Add([]byte("\x1b$B$\x22"), "iso-2022-jp")
	f.Add([]byte("caf\xe9"), "latin1")
	f.Add([]byte("\xed\xa0\xbd\xed\xb8\x80\xc0\x80\x92s"), "utf-8")
	f.Fuzz(func(t *testing.T, body []byte, header string) {
		r := charset.Decode(body, header, true)
		if s, err := charset.Strict.Decode(body, header, true); (err != nil) != (s.Invalid > 0) || err != nil && s.Text != "" {
			t.Errorf("Strict.Decode(%q, %q) = %+v, %v", body, header, s, err)
		}
		if s, err := charset.Replace.Decode(body, header, true); err != nil || s.Salvaged > 0 || !utf8.ValidString(s.Text) {
			t.Errorf("Replace.Decode(%q, %q) = %+v, %v", body, header, s, err)
		}
		if !utf8.ValidString(r.Text) {
			t.Errorf("Decode(%q, %q) is no valid UTF-8", body, header)
		}
		if len(r.Text) > 3*len(body)+3 {
			t.Errorf("%d bytes became %d", len(body), len(r.Text))
		}
		if r.Name == "" || r.How == "" {
			t.Errorf("Decode(%q, %q) does not say what it did: %+v", body, header, r)
		}
	})
}
