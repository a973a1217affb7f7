package extract

import "testing"

func TestTitleFallsBackToHeading(t *testing.T) {
	if got := HTML("<h1>Only <b>this</b></h1><p>text").Title; got != "Only this" {
		t.Errorf("Title = %q", got)
	}
}
