package language

import "testing"

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
