package shards

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"math"
	"strings"

	"millrace"
)

//go:embed card.html.tmpl
var cardTemplate string

// cardPage is what the template is given. Everything in it is escaped there.
type cardPage struct {
	Info                      CardInfo
	Newest                    *Entry
	Day                       string
	In, Kept, Dropped, Failed int64
	Rows                      int64
	Moved                     string // "" where every kept row is in the corpus
	Stages                    []cardStage
	Mixes                     []mix
	Train, Val                string // points of the curves
	Low, High                 float64
	Steps                     int
	KeptRows, DroppedRows     []cardRow
	Recipes                   []CardFact
}

type cardStage struct {
	millrace.StageTally
	Width int64
	Why   []part
}

type cardRow struct{ Title, Where, Why, Head string }

// html is the corpus card for people: one file without scripts, and nothing that it loads.
func (s *survey) html(info CardInfo) ([]byte, error) {
	t, err := template.New("card").Parse(cardTemplate)
	if err != nil {
		return nil, err
	}
	p := cardPage{Info: info, Newest: s.newest(), Day: day(s.newest()), Mixes: s.mixes, Recipes: s.recipes(), Rows: s.tally.Rows(), Moved: s.moved()}
	p.In, p.Kept, p.Dropped, p.Failed = s.tally.Totals()
	for _, st := range s.tally.Stages {
		p.Stages = append(p.Stages, cardStage{st, 240 * st.Kept / max(s.tally.In, 1), reasons(st)})
	}
	for _, r := range s.kept {
		p.KeptRows = append(p.KeptRows, newCardRow(r))
	}
	for _, r := range s.dropped {
		p.DroppedRows = append(p.DroppedRows, newCardRow(r))
	}
	p.curves(info.Points)
	var b bytes.Buffer
	err = t.Execute(&b, p)
	return b.Bytes(), err
}

func newCardRow(r *Row) cardRow {
	c := cardRow{Title: head(r.Title, 120), Where: head(r.URL, 200), Why: head(r.Verdict.String(), 300), Head: head(r.Text, 400)}
	if c.Title == "" {
		c.Title = head(r.ID, 120)
	}
	return c
}

// curves scales the points into the drawing: x from 50 to 630, y from 10 (highest loss) to 220.
func (p *cardPage) curves(points []Point) {
	p.Low, p.High = math.Inf(1), math.Inf(-1)
	for _, x := range points {
		for _, y := range []float64{x.Train, x.Val} {
			if drawable(y) {
				p.Low, p.High = min(p.Low, y), max(p.High, y)
			}
		}
		p.Steps = max(p.Steps, x.Step)
	}
	if p.Low > p.High {
		return // nothing was measured
	}
	line := func(y func(Point) float64) string {
		var b strings.Builder
		for _, x := range points {
			if v := y(x); drawable(v) {
				fmt.Fprintf(&b, "%.1f,%.1f ", 50+580*float64(x.Step)/float64(max(p.Steps, 1)), 220-210*(v-p.Low)/max(p.High-p.Low, 1e-9))
			}
		}
		return strings.TrimSpace(b.String())
	}
	p.Train = line(func(x Point) float64 { return x.Train })
	p.Val = line(func(x Point) float64 { return x.Val })
}

func drawable(y float64) bool { return !math.IsNaN(y) && !math.IsInf(y, 0) }
