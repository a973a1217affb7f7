package lm_test

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"
	"pgregory.net/rapid"

	"millrace/clean/charset/lm"
)

// tiny is a text in every language of the model: real ones for four, the same few words for the others.
func tiny() map[string][]string {
	texts := map[string][]string{}
	for _, code := range lm.Codes() {
		texts[code] = []string{"la la la", "tra la la"}
	}
	texts["fr"] = []string{"les élèves étaient déjà à la fenêtre", "où est la clé de la forêt"}
	texts["de"] = []string{"die Bären fraßen süße Äpfel", "über den Dächern schliefen die Käfer"}
	texts["ru"] = []string{"съешь же ещё этих мягких булок", "да выпей чаю"}
	texts["ja"] = []string{"吾輩は猫である。名前はまだ無い。"}
	return texts
}

func train(t testing.TB) *lm.Model {
	t.Helper()
	m, err := lm.Train(tiny())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func find(t testing.TB, m *lm.Model, code string) (*lm.Script, *lm.Lang) {
	t.Helper()
	for _, s := range m.Scripts {
		for _, l := range s.Langs {
			if l.Code == code {
				return s, l
			}
		}
	}
	t.Fatalf("no language %s", code)
	return nil, nil
}

// A text is cheapest in its own language, and cheaper than the same bytes read in another encoding.
func TestCost(t *testing.T) {
	m := train(t)
	latin, french := find(t, m, "fr")
	_, german := find(t, m, "de")
	text := latin.String("les clés étaient à la fenêtre")
	if a, b := french.Cost(text), german.Cost(text); a >= b {
		t.Errorf("French costs %d in French, %d in German", a, b)
	}
	cyrillic, russian := find(t, m, "ru")
	b, err := charmap.Windows1251.NewEncoder().Bytes([]byte("ещё чаю"))
	if err != nil {
		t.Fatal(err)
	}
	right := russian.Cost(cyrillic.Bytes(b, cyrillic.NewTable(charmap.Windows1251)))
	wrong := russian.Cost(cyrillic.Bytes(b, cyrillic.NewTable(charmap.KOI8R)))
	if right >= wrong {
		t.Errorf("Russian costs %d, read in another encoding %d", right, wrong)
	}
	if s := m.ScriptOf("la 猫である la"); s.Name != "Hani" {
		t.Errorf("Japanese is written in %s", s.Name)
	}
}

// Bytes of a one-byte encoding cost what their text costs.
func TestBytesAndStringsAgree(t *testing.T) {
	m := train(t)
	cyrillic, russian := find(t, m, "ru")
	table := cyrillic.NewTable(charmap.Windows1251)
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
		text, err := charmap.Windows1251.NewDecoder().Bytes(b)
		if err != nil {
			t.Fatal(err)
		}
		if x, y := russian.Cost(cyrillic.Bytes(b, table)), russian.Cost(cyrillic.String(string(text))); x != y {
			t.Fatalf("%q costs %d, its text %d", b, x, y)
		}
	})
}

// What is written is read again, and the same texts make the same file.
func TestFile(t *testing.T) {
	var file, again bytes.Buffer
	if err := train(t).Write(&file); err != nil {
		t.Fatal(err)
	}
	m, err := lm.Read(file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Write(&again); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(file.Bytes(), again.Bytes()) {
		t.Error("a model that was read is written otherwise")
	}
	for _, bad := range [][]byte{nil, []byte("millrace"), file.Bytes()[:file.Len()/2], file.Bytes()[:30]} {
		if _, err := lm.Read(bad); err == nil {
			t.Errorf("%d bytes of a model are read", len(bad))
		}
	}
}

func TestTrainWants(t *testing.T) {
	texts := tiny()
	delete(texts, "th")
	if _, err := lm.Train(texts); err == nil || !strings.Contains(err.Error(), `"th"`) {
		t.Errorf("trained without Thai: %v", err)
	}
}

// A damaged model is an error, and nothing worse.
func FuzzRead(f *testing.F) {
	var file bytes.Buffer
	if err := train(f).Write(&file); err != nil {
		f.Fatal(err)
	}
	f.Add(file.Bytes())
	f.Add(file.Bytes()[:100])
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := lm.Read(b)
		if err != nil {
			return
		}
		for _, s := range m.Scripts {
			text := s.String("a é я 猫 \uFFFD \u0085")
			for _, l := range s.Langs {
				if l.Cost(text) < 0 {
					t.Errorf("a cost below nothing in %s", l.Code)
				}
			}
		}
	})
}
