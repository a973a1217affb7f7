package repair

import (
	"strings"
	"testing"
)

// BenchmarkText mends pages of 1 MB: clean ones of one script, a clean one of all, and one of all with damage in each
// twentieth line.
func BenchmarkText(b *testing.B) {
	list := sentences()
	page := func(lines ...string) string {
		s := strings.Join(lines, "\n") + "\n"
		return strings.Repeat(s, 1<<20/len(s))
	}
	var damaged []string
	for i, s := range list {
		damaged = append(damaged, list...)
		damaged = append(damaged, misread(s, i%codecCount))
	}
	pages := []struct{ name, text string }{
		{"ascii", page("The mill stands at the end of the lane, where the brook comes down from the hills. In wet years it turns.")},
		{"chinese", page("今天天气很好，我们一起去公园散步，看到了许多美丽的花。")},
		{"russian", page("Съешь же ещё этих мягких булок, да выпей чаю. Вчера мы ходили в лес и видели зайца.")},
		{"hindi", page("वह कल बाज़ार गया था और उसने ताज़े फल ख़रीदे।")},
		{"french", page(list[0])},
		{"clean", page(list...)},
		{"damaged", page(damaged...)},
		{"all damaged", page(misread(list[0], windows1252), misread(list[9], windows1251))},
	}
	for _, p := range pages {
		b.Run(p.name, func(b *testing.B) {
			b.SetBytes(int64(len(p.text)))
			for b.Loop() {
				Text(p.text, nil)
			}
		})
	}
	for name, text := range families() {
		s := text(1 << 18)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(s)))
			for b.Loop() {
				Text(s, nil)
			}
		})
	}
}
