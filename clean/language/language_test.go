package language

import (
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

func TestIdentify(t *testing.T) {
	tests := []struct{ lang, script, text string }{
		{"en", "Latn", "The demo serves a real website on the machine, and it is the documentation of the code that was found there."},
		{"de", "Latn", "Die Dokumentation wird von einem kleinen Programm gelesen, das auf der Maschine läuft und nicht viel Platz braucht."},
		{"fr", "Latn", "Le programme lit les pages qui sont dans le dossier et ne garde que le texte pour la suite."},
		{"es", "Latn", "El programa lee las páginas que están en la carpeta y guarda el texto para los pasos que siguen."},
		{"pt", "Latn", "O programa lê as páginas que estão na pasta e guarda o texto para os passos seguintes, mas não as imagens."},
		{"it", "Latn", "Il programma legge le pagine che sono nella cartella e conserva il testo per i passi che seguono."},
		{"nl", "Latn", "Het programma leest de bladzijden die in de map staan en bewaart de tekst voor de stappen die volgen."},
		{"sv", "Latn", "Programmet läser sidorna som finns i mappen och sparar texten för de steg som följer, men inte bilderna."},
		{"fi", "Latn", "Ohjelma lukee sivut, jotka ovat kansiossa, ja se säilyttää tekstin, mutta ei kuvia, kun niin on sanottu."},
		{"pl", "Latn", "Program czyta strony, które są w folderze, i nie zapisuje obrazów, ale tylko tekst dla dalszych kroków."},
		{"cs", "Latn", "Program čte stránky, které jsou ve složce, a ukládá jen text pro další kroky, ale ne obrázky."},
		{"hu", "Latn", "A program elolvassa az oldalakat, és csak a szöveget őrzi meg, de nem a képeket, mint az már volt."},
		{"ro", "Latn", "Programul citește paginile care sunt în dosar și păstrează textul pentru pașii care urmează, dar nu și imaginile."},
		{"tr", "Latn", "Program klasördeki sayfaları okur ve bir sonraki adım için metni saklar, ancak bu olarak daha çok yer ister."},
		{"vi", "Latn", "Chương trình đọc các trang trong thư mục và giữ lại văn bản cho những bước sau, không giữ hình ảnh."},
		{"id", "Latn", "Program ini membaca halaman yang ada di dalam folder dan menyimpan teks untuk langkah yang akan datang."},
		{"ru", "Cyrl", "Программа читает страницы, которые лежат в папке, и сохраняет только текст для следующих шагов, а не картинки."},
		{"uk", "Cyrl", "Програма читає сторінки, що лежать у теці, і зберігає тільки текст для наступних кроків, а не зображення."},
		{"bg", "Cyrl", "Програмата чете страниците, които са в папката, и запазва само текста за следващите стъпки, а не картините."},
		{"ar", "Arab", "يقرأ البرنامج الصفحات التي في المجلد ويحفظ النص الذي يأتي بعد ذلك من دون الصور."},
		{"fa", "Arab", "این برنامه صفحه\u200cهایی را که در پوشه است می\u200cخواند و متن آن را برای گام\u200cهای بعد نگه می\u200cدارد."},
		{"el", "Grek", "Το πρόγραμμα διαβάζει τις σελίδες του φακέλου και κρατά μόνο το κείμενο."},
		{"he", "Hebr", "התוכנית קוראת את הדפים שבתיקייה ושומרת רק את הטקסט."},
		{"zh", "Hani", "程序读取文件夹里的网页，只保留文字，不保留图片，供以后的步骤使用。"},
		{"ja", "Jpan", "プログラムはフォルダの中のページを読み、画像ではなく本文だけを残します。"},
		{"ko", "Hang", "프로그램은 폴더에 있는 페이지를 읽고 그림이 아니라 글만 남깁니다."},
		{"th", "Thai", "โปรแกรมอ่านหน้าที่อยู่ในโฟลเดอร์และเก็บเฉพาะข้อความ"},
		{"hi", "Deva", "यह कार्यक्रम फ़ोल्डर के पन्ने पढ़ता है और केवल पाठ रखता है।"},
		{"ca", "Latn", "El programa llegeix les pàgines que hi ha a la carpeta i només desa el text per als passos següents."},
		{"gl", "Latn", "O programa le as páxinas que están no cartafol e garda só o texto para os pasos seguintes."},
		{"af", "Latn", "Die program lees die bladsye wat in die vouer is en hou net die teks vir die stappe wat volg."},
		{"is", "Latn", "Forritið les síðurnar sem eru í möppunni og geymir aðeins textann fyrir næstu skref."},
		{"cy", "Latn", "Mae'r rhaglen yn darllen y tudalennau sydd yn y ffolder ac yn cadw'r testun yn unig."},
		{"ga", "Latn", "Léann an ríomhchlár na leathanaigh atá san fhillteán agus ní choimeádann sé ach an téacs."},
		{"eu", "Latn", "Programak karpetan dauden orriak irakurtzen ditu eta testua bakarrik gordetzen du hurrengo urratsetarako."},
		{"et", "Latn", "Programm loeb kaustas olevaid lehti ja säilitab järgmiste sammude jaoks ainult teksti."},
		{"lv", "Latn", "Programma lasa lapas, kas atrodas mapē, un nākamajiem soļiem saglabā tikai tekstu."},
		{"lt", "Latn", "Programa skaito puslapius, kurie yra aplanke, ir kitiems žingsniams išsaugo tik tekstą."},
		{"sl", "Latn", "Program bere strani, ki so v mapi, in za naslednje korake shrani samo besedilo."},
		{"sk", "Latn", "Program číta stránky, ktoré sú v priečinku, a pre ďalšie kroky ukladá iba text."},
		{"sq", "Latn", "Programi lexon faqet që janë në dosje dhe ruan vetëm tekstin për hapat që vijnë."},
		{"sw", "Latn", "Programu husoma kurasa zilizo katika folda na huhifadhi maandishi tu kwa ajili ya hatua zinazofuata."},
		{"eo", "Latn", "La programo legas la paĝojn, kiuj estas en la dosierujo, kaj konservas nur la tekston."},
		{"tl", "Latn", "Binabasa ng programa ang mga pahina na nasa folder at itinatago lamang ang teksto para sa mga susunod na hakbang."},
		{"sr", "Cyrl", "Програм чита странице које су у фасцикли и за следеће кораке чува само текст."},
		{"mk", "Cyrl", "Програмата ги чита страниците што се во папката и за следните чекори го чува само текстот."},
		{"be", "Cyrl", "Праграма чытае старонкі, якія ляжаць у тэчцы, і захоўвае толькі тэкст для наступных крокаў."},
		{"kk", "Cyrl", "Бағдарлама қалтадағы беттерді оқып, келесі қадамдар үшін тек мәтінді сақтайды."},
		{"ur", "Arab", "یہ پروگرام فولڈر میں موجود صفحات کو پڑھتا ہے اور اگلے مراحل کے لیے صرف متن محفوظ رکھتا ہے۔"},
		{"mr", "Deva", "हा कार्यक्रम फोल्डरमधील पाने वाचतो आणि पुढील पायऱ्यांसाठी फक्त मजकूर ठेवतो."},
		{"und", "Latn", "xqzt brlg wmpf kzzt plomb grrk vnnt"},
		{"und", "Latn", "ok then"},
		{"und", "", "12345 … !!"},
		{"und", "", ""},
	}
	for _, tt := range tests {
		got := Identify(tt.text)
		if got.Lang != tt.lang || got.Script != tt.script {
			t.Errorf("Identify(%q) = %+v, want %s %s", tt.text, got, tt.lang, tt.script)
		}
		if got.Score < 0 || got.Score > 1 || (got.Lang != "und" && got.Score < 0.5) {
			t.Errorf("Identify(%q) has score %v", tt.text, got.Score)
		}
	}
}

// TestModel holds the embedded model to what is promised of it.
func TestModel(t *testing.T) {
	m, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(m.Languages()); n < 100 {
		t.Errorf("the model knows %d languages", n)
	}
	if len(file) > 8_000_000 {
		t.Errorf("the model has %d bytes", len(file))
	}
	for _, name := range m.names {
		lang, _, _ := strings.Cut(name, "-")
		if len(lang) < 2 || len(lang) > 3 {
			t.Errorf("class %q", name)
		}
	}
}

// blank is a model that has learned nothing.
func blank(bits uint) Parts {
	return Parts{Classes: []string{"de-Latn", "en-Latn"}, RowBits: bits, Warmth: make([]float32, Warmths), Priors: make([]float32, 2),
		Heads: make([]float32, 2*(dims+1)), Rows: make([]float32, dims<<bits)}
}

func TestOpenRefuses(t *testing.T) {
	good, err := Build(blank(4))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(good); err != nil {
		t.Fatalf("a good model is refused: %v", err)
	}
	for name, b := range map[string][]byte{
		"empty": nil, "other": []byte("{}\n"), "cut": good[:len(good)-1], "long": append(good[:len(good):len(good)], 0),
		"script": []byte(strings.Replace(string(good), "en-Latn", "en-Nope", 1)),
		"rows":   []byte(strings.Replace(string(good), `"row_bits":4`, `"row_bits":60`, 1)),
	} {
		if _, err := Open(b); err == nil {
			t.Errorf("%s: it was opened", name)
		}
	}
}

func FuzzOpen(f *testing.F) {
	good, err := Build(blank(1))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := Open(b); err == nil {
			m.Identify("Some words for any model that can be opened.")
		}
	})
}

// TestMixed wants the parts of a page in several languages.
func TestMixed(t *testing.T) {
	german := strings.Repeat("Die Mühle steht am Ende des Weges, wo der Bach von den Hügeln kommt und das Rad treibt.\n", 6)
	english := strings.Repeat("The mill stands at the end of the lane, where the brook comes down and turns the wheel.\n", 2)
	russian := strings.Repeat("Мельница стоит в конце дороги, там, где ручей спускается с холмов.\n", 4)
	r, shares := Mixed(german + english + russian)
	if r.Lang != "de" {
		t.Errorf("the whole is %+v", r)
	}
	var got []string
	for _, s := range shares {
		got = append(got, s.Lang)
	}
	if strings.Join(got, " ") != "de ru en" {
		t.Errorf("shares %+v", shares)
	}
	if p := shares[0].Part; p < 0.4 || p > 0.65 {
		t.Errorf("German is %v of it", p)
	}
}

// TestNormalForms: how accents are encoded does not matter.
func TestNormalForms(t *testing.T) {
	const text = "Chương trình đọc các trang trong thư mục và giữ lại văn bản cho những bước sau."
	if a, b := Identify(norm.NFC.String(text)), Identify(norm.NFD.String(text)); a != b || a.Lang != "vi" {
		t.Errorf("%+v and %+v", a, b)
	}
}

// TestLaws: any text has shares that add up, probabilities that are some, and one answer.
func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { laws(t, rapid.String().Draw(t, "text")) })
}

func FuzzIdentify(f *testing.F) {
	for _, s := range []string{"", "The mill.\n\nДва слова и ещё одно.", "漢字かな交じり文", "\xff\xfe\x00a", "a\u0301\u0301\u0301", strings.Repeat("ѐ́\n", 90)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) { laws(t, text) })
}

type failer interface {
	Errorf(format string, args ...any)
}

func laws(t failer, text string) {
	r, shares := Mixed(text)
	if again := Identify(text); again != r {
		t.Errorf("Identify says %+v, Mixed %+v", again, r)
	}
	if r.Score < 0 || r.Score > 1 || r.Lang == "" || r.Lang == NoLanguage {
		t.Errorf("%+v", r)
	}
	sum := 0.0
	for _, s := range shares {
		sum += float64(s.Part)
		if s.Part <= 0 {
			t.Errorf("share %+v", s)
		}
	}
	if len(shares) > 0 && math.Abs(sum-1) > 1e-3 {
		t.Errorf("shares add up to %v: %+v", sum, shares)
	}
}

// TestSample: what lies behind the sample changes nothing, and a letter that the sample's end cuts does no harm.
func TestSample(t *testing.T) {
	text := strings.Repeat("é", sampleBytes/2-1) + "x"
	a := Identify(text + strings.Repeat("漢", 3))
	if b := Identify(text + strings.Repeat("漢", sampleBytes)); a != b {
		t.Errorf("%+v and %+v", a, b)
	}
}

// TestAlphabet holds the quick paths against the tables.
func TestAlphabet(t *testing.T) {
	a := letters()
	for r := rune(0); r <= utf8.MaxRune; r++ {
		quick, slow := a.of(r), a.find(r)
		if quick == slow || slow == 0 && script(quick>>scriptAt) == han && r >= 0x9ffd { // not yet given out
			continue
		}
		if s := script(quick >> scriptAt); s == kana && script(slow>>scriptAt) <= inherited {
			continue // marks and signs that only Japanese uses
		}
		t.Fatalf("U+%04X is %x, should be %x", r, quick, slow)
	}
}

func BenchmarkIdentify(b *testing.B) {
	for name, text := range map[string]string{
		"en": "The mill stands at the end of the lane, where the brook comes down from the hills. ",
		"ru": "Мельница стоит в конце дороги, там, где ручей спускается с холмов. ",
		"zh": "程序读取文件夹里的网页，只保留文字，不保留图片，供以后的步骤使用。",
	} {
		text = strings.Repeat(text, 20_000/len(text))
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				Mixed(text)
			}
		})
	}
}

// TestLinear: twice the text is at most twice the work, whatever it is, and behind the sample there is none.
func TestLinear(t *testing.T) {
	m := embedded()
	steps := func(text string) int {
		n := 0
		var p pieces
		for p.begin(m, text); p.next(); {
			n += 40 // what a piece costs
			for s := range p.t.scripts {
				n += int(p.t.letters[s] + p.t.grams[s])
			}
		}
		return n
	}
	for _, unit := range []string{"a", "é", "a\u0301", "\u0301", "漢a", "яa", "\n", "a\n", "ab ", "\xff", "\u202e", strings.Repeat("x", pieceBytes) + "\n"} {
		text := strings.Repeat(unit, sampleBytes/4/len(unit))
		one, two := steps(text), steps(text+text)
		if float64(two) > 2.2*float64(one)+100 {
			t.Errorf("%q: %d steps, %d for twice the text", unit, one, two)
		}
		if long := steps(strings.Repeat(unit, 40*sampleBytes/len(unit))); long > 8*sampleBytes {
			t.Errorf("%q: %d steps for 40 samples", unit, long)
		}
	}
}
