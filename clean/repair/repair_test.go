package repair

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"millrace"
)

// sentences are everyday ones, in the scripts and with the punctuation that they are printed with.
func sentences() []string {
	return []string{
		"Le garçon naïf mangeait déjà des crêpes — « à la fenêtre » — où sa sœur l’attendait depuis Noël…",
		"Die Bären fraßen süße Äpfel über den Dächern von Köln; „Ärger!“, rief Jürgen.",
		"El niño comió piñas y plátanos en la montaña. ¿Quién sabía que mañana llovería? ¡Nadie!",
		"A ligação não está disponível; verifique a configuração e as opções da aplicação.",
		"På søndag går vi til stranda og spiser blåbær, sier Åse og Øyvind.",
		"Zażółć gęślą jaźń. Wczoraj świeciło słońce, a dziś pada śnieg i wieje wiatr.",
		"Příliš žluťoučký kůň úpěl ďábelské ódy, když přišel večer a začalo pršet.",
		"Az öreg tűzoltó este hétkor érkezett, és rögtön az árvíztűrő gépet kereste.",
		"Öğleden sonra güneş açtı, çocuklar dışarı çıkıp bahçede oynadılar; İzmir güzeldi.",
		"Съешь же ещё этих мягких французских булок, да выпей чаю. «Вчера» мы ходили в лес.",
		"Щастя приходить до тих, хто вміє чекати. Її сестра живе у Києві вже п’ять років.",
		"Ο γρήγορος σκύλος πήδηξε πάνω από την τεμπέλα αλεπού και έτρεξε στο δάσος.",
		"השועל החום המהיר קופץ מעל הכלב העצלן, ואחר כך הולך לישון בבית.",
		"ذهب الولد إلى المدرسة في الصباح الباكر وعاد إلى البيت بعد الظهر.",
		"今天天气很好，我们一起去公园散步，看到了许多美丽的花。",
		"吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。",
		"오늘은 날씨가 매우 좋아서 우리는 공원에 산책을 갔습니다.",
		"वह कल बाज़ार गया था और उसने ताज़े फल ख़रीदे।",
		"Tiếng Việt có nhiều dấu, và người ta vẫn đọc được khi thiếu chúng.",
		"It’s the customer’s “best” choice – really… 25 °C, £30, ½ price, naïve café 😀.",
	}
}

// Mojibake among other text is found, and only that is changed.
func TestMojibakePartly(t *testing.T) {
	tests := []struct{ in, want string }{
		{"Ã©tÃ© – œuvre", "été – œuvre"},
		{"â€œquotedâ€\u009d and “real”", "“quoted” and “real”"},
		{"price: 5Â€ – æ", "price: 5€ – æ"},
		{"itâ€™s Жизнь", "it’s Жизнь"},
		{"ðŸ˜€ ok – й", "😀 ok – й"},
		{"РџСЂРёРІРµС‚, мир", "Привет, мир"},
		{"CAFÉ™ – й", "CAFÉ™ – й"},
	}
	for _, tt := range tests {
		if got, _, _ := Text(tt.in, nil); got != tt.want {
			t.Errorf("Text(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

// Clean text stays, also where capitals and punctuation happen to make valid UTF-8.
func TestCleanUntouched(t *testing.T) {
	more := []string{
		"CAFÉ™ NESTLÉ® CAFÉ’S « É » “É” É…", "A IRMÃ… MAÇÃ NÃO ROMÂNIA", "ВЧЕРА В СССР» РСФСР… Р° С‚", "√π = 1.77", "— Él dijo: —¿Qué?",
		"┌──┐\n│  │\n└──┘", "├── a\n└── b", "ΓΊΓΑΣ", "Ä™", "ÓŁ ŻÓŁĆ", "É\u00a0:", "Ρ° Σ±", "x² + y² ≥ 2·π·r ± 0,5 µm", "ÄÖÜ äöü ß", "«à», «é», “à”",
		"ТІЛЬКИ РІВНЕ, ДІЯ", "Nestlé® n’est pas…", "ÍSLAND ÐÞ þð", "ŠKODA ŽĎÁR ČŘ", "ÂÊÎ", "100 €–200 £", "Ð", "Â", "a\u00a0b", "می\u200cخواهم", "👩‍👩‍👧 ❤️ 1️⃣",
	}
	for _, s := range append(sentences(), more...) {
		if got, _, n := Text(s, nil); got != s || n.Any() {
			t.Errorf("Text(%q) = %q, %+v", s, got, n)
		}
	}
}

func TestCharacters(t *testing.T) {
	tests := []struct {
		name, in, want string
		n              Counts
	}{
		{"line ends", "a\r\nb\rc\u2028d", "a\nb\nc\nd", Counts{Newline: 3}},
		{"controls", "a\x00b\x07c\x7fd\te", "abcd\te", Counts{Control: 3}},
		{"terminal escape", "\x1b[31;1mred\x1b[0m", "red", Counts{Control: 2}},
		{"not an escape", "\x1b[31;1é", "[31;1é", Counts{Control: 1}},
		{"Windows-1252 as Latin-1", "\u0093a\u0094 \u0081", "“a” ", Counts{Control: 3}},
		{"no UTF-8", "a\xffb\xc3", "a\uFFFDb\uFFFD", Counts{Invalid: 2}},
		{"half a character", "a\xed\xa0\x80b", "a\uFFFDb", Counts{Invalid: 1}},
		{"two halves of one", "a\xed\xa0\xbd\xed\xb8\x80b", "a😀b", Counts{Surrogate: 1}},
		{"halves in the wrong order", "\xed\xb8\x80\xed\xa0\xbd", "\uFFFD\uFFFD", Counts{Invalid: 2}},
		{"Java's NUL", "a\xc0\x80b", "ab", Counts{Control: 1}},
		{"noncharacter", "a\uFFFEb", "ab", Counts{Control: 1}},
		{"invisible", "a\u00adb\u200bc\uFEFFd\u202Ee", "abcde", Counts{Invisible: 4}},
		{"joiner in Latin", "a\u200db", "ab", Counts{Invisible: 1}},
		{"space of no width in Thai", "ไทย\u200bไทย", "ไทย\u200bไทย", Counts{}},
		{"tags", "a\U000E0041\U000E0042", "a", Counts{Invisible: 2}},
		{"flag", "\U0001F3F4\U000E0067\U000E0062\U000E007F", "\U0001F3F4\U000E0067\U000E0062\U000E007F", Counts{}},
		{"isolates", "a\u2067b\u2069 \u202Dc\u202C \u200Fd", "ab c \u200Fd", Counts{Invisible: 4}},
		{"joiners in Persian and Hindi", "می\u200cخواهم क्\u200dष", "می\u200cخواهم क्\u200dष", Counts{}},
		{"a joiner behind the last picture", "👩\u200d👧\u200d", "👩\u200d👧", Counts{Invisible: 1}},
		{"forms of signs", "❤\uFE0F 1\uFE0F\u20E3 ≨\uFE00 葛\U000E0100", "❤\uFE0F 1\uFE0F\u20E3 ≨\uFE00 葛\U000E0100", Counts{}},
		{"text in forms of a sign", "❤\uFE0F\uFE01\U000E0154x\uFE0F", "❤\uFE0Fx", Counts{Invisible: 3}},
		{"marks of notes", "a\uFFF9b\uFFFAc\uFFFB\u206E", "abc", Counts{Invisible: 4}},
		{"a hidden end of a line", "aâ€¨b", "a\nb", Counts{Mojibake: 1, Newline: 1}},
		{"marks", "a" + strings.Repeat("\u0301", 12) + "b", "a" + strings.Repeat("\u0301", 8) + "b", Counts{Combining: 4}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, _, n := Text(tt.in, nil); got != tt.want || n != tt.n {
				t.Errorf("Text(%q) = %q, %+v, want %q, %+v", tt.in, got, n, tt.want, tt.n)
			}
		})
	}
}

// Spans keep hold of their code, and code keeps its invisible characters.
func TestSpans(t *testing.T) {
	in := "cafÃ©\r\n\nx := \"\u200b\"\r\n\nend\u200b"
	code := "x := \"\u200b\"\r"
	at := strings.Index(in, code)
	got, spans, _ := Text(in, []millrace.Span{{From: at, To: at + len(code)}})
	if want := "café\n\nx := \"\u200b\"\n\n\nend"; got != want {
		t.Errorf("Text = %q, want %q", got, want)
	}
	if len(spans) != 1 || got[spans[0].From:spans[0].To] != "x := \"\u200b\"\n" {
		t.Errorf("spans = %v", spans)
	}
}

// Of any text and any spans: valid UTF-8, spans inside it and in order, and a second run finds nothing.
func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.SampledFrom(append(sentences(), "Ã©", "â€™", "\r", "\u200b", "\xff", "\u0301", "\n", "x", "\x1b[1m"))).Draw(t, "parts")
		text := strings.Join(parts, "")
		from := rapid.IntRange(0, len(text)).Draw(t, "from")
		to := rapid.IntRange(from, len(text)).Draw(t, "to")
		got, spans, _ := Text(text, []millrace.Span{{From: from, To: to}})
		check(t, got, spans)
		again(t, got, spans)
	})
}

// again wants a second run to find nothing.
func again(t failer, text string, spans []millrace.Span) {
	second, moved, n := Text(text, spans)
	if second != text || n.Any() || !slices.Equal(spans, moved) {
		t.Errorf("a second run makes of %q and %v\n %q and %v (%+v)", text, spans, second, moved, n)
	}
}

type failer interface{ Errorf(string, ...any) }

func check(t failer, text string, spans []millrace.Span) {
	if !utf8.ValidString(text) {
		t.Errorf("no valid UTF-8: %q", text)
	}
	at := 0
	for _, s := range spans {
		if s.From < at || s.To < s.From || s.To > len(text) {
			t.Errorf("span %v of a text of %d bytes", s, len(text))
		}
		at = s.To
	}
}

func FuzzText(f *testing.F) {
	for _, s := range sentences() {
		f.Add(s, 0, 5)
	}
	f.Add("Ã©\r\x00\u200b\xff\x1b[1m", 1, 3)
	f.Fuzz(func(t *testing.T, text string, from, to int) {
		got, spans, _ := Text(text, []millrace.Span{{From: from, To: to}})
		check(t, got, spans)
		again(t, got, spans)
		if len(got) > 3*len(text) {
			t.Errorf("%d bytes became %d", len(text), len(got))
		}
	})
}

// Work that grew with the square of the text would take hours here.
func TestHostileEnds(t *testing.T) {
	for _, piece := range []string{"Ã", "Ã©", "ÃÂ", "РџÃ©", "é–", "\x1b[", "\u0301", "\u200d", "\xc3", "â€", "Ã©\n", "\U0001F3F4\U000E0041"} {
		text := strings.Repeat(piece, 1<<20/len(piece))
		got, spans, _ := Text(text, nil)
		check(t, got, spans)
	}
}
