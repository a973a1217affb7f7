package piiplant

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

func TestSameSeed(t *testing.T) {
	a, b, c := Documents(1, 200), Documents(1, 200), Documents(2, 200)
	if !reflect.DeepEqual(a, b) || reflect.DeepEqual(a, c) {
		t.Error("the seed does not decide")
	}
	kinds := map[string]int{}
	for _, d := range a {
		for _, l := range d.Lines {
			kinds[l.Kind]++
			if l.Value == "" || !strings.Contains(d.Text(), l.Text()) {
				t.Errorf("line %+v", l)
			}
			if len(d.Lines) > 1 && strings.Contains(l.Text(), "\n") {
				t.Errorf("a line of several: %q", l.Text())
			}
		}
	}
	if len(kinds) != 9 || kinds[""] < 300 {
		t.Errorf("kinds %v", kinds)
	}
}

// Numbers that are printed in the papers of those who give them out, as examples.
func TestKnownNumbers(t *testing.T) {
	if got := brazilian(brazilian("529982247", 10, 9, 8, 7, 6, 5, 4, 3, 2), 11, 10, 9, 8, 7, 6, 5, 4, 3, 2); got != "52998224725" {
		t.Errorf("CPF %s", got)
	}
	if got := brazilian(brazilian("112223330001", 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2), 6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2); got != "11222333000181" {
		t.Errorf("CNPJ %s", got)
	}
	if got := spanishLetters[12345678%23]; got != 'Z' {
		t.Errorf("DNI %c", got)
	}
	if got := "10X98765432"[sum("11010519491231002", 7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)%11]; got != 'X' {
		t.Errorf("resident %c", got)
	}
	if s := sum("9434765919", 10, 9, 8, 7, 6, 5, 4, 3, 2, 1); s%11 != 0 {
		t.Errorf("NHS %d", s)
	}
	p := planter{rand.New(rand.NewPCG(1, 2))}
	if got := p.luhn("7992739871", 11); got != "79927398713" {
		t.Errorf("Luhn %s", got)
	}
}
