package trainer

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// frame is the range that a curve shows.
type frame struct {
	lastStep  int
	low, high float64 // bits a token
}

// point of a curve, in bits a token.
type point struct {
	step int
	loss float64
}

// lines splits evals into the two curves and finds their frame; ok is false if there is nothing
// to draw.
func lines(evals []Eval) (train, val []point, f frame, ok bool) {
	f.low, f.high = math.Inf(1), math.Inf(-1)
	see := func(to []point, step int, loss float64) []point {
		loss /= math.Ln2
		if !(loss > 0 && loss < 100) { // not measured, or diverged
			return to
		}
		f.lastStep = max(f.lastStep, step)
		f.low, f.high = min(f.low, loss), max(f.high, loss)
		return append(to, point{step, loss})
	}
	for _, e := range evals {
		train = see(train, e.Step, e.TrainLoss)
		val = see(val, e.Step, e.ValLoss)
	}
	if f.lastStep == 0 {
		return nil, nil, f, false
	}
	f.low, f.high = math.Floor(f.low*2)/2, math.Ceil(f.high*2)/2
	if f.low == f.high {
		f.high++
	}
	return train, val, f, true
}

// at gives where a point stands in the frame, from 0 to 1; y counts from the top.
func (f frame) at(p point) (x, y float64) {
	return float64(p.step) / float64(f.lastStep), (f.high - p.loss) / (f.high - f.low)
}

// Curve draws training loss (dotted) and validation loss (solid) in braille characters, width
// columns by height lines with the scale. Without a point to draw it is empty.
func Curve(evals []Eval, width, height int) string {
	train, val, f, ok := lines(evals)
	const margin = 6 // "  4.5 "
	width, height = min(max(width, margin+10), 400), min(max(height, 4), 100)
	if !ok {
		return ""
	}
	c := canvas{cols: width - margin, rows: height - 1}
	c.cells = make([]rune, c.cols*c.rows)
	c.line(f, train, 4)
	c.line(f, val, 1)
	var b strings.Builder
	for y := range c.rows {
		label := ""
		switch y {
		case 0:
			label = fmt.Sprintf("%.1f", f.high)
		case c.rows - 1:
			label = fmt.Sprintf("%.1f", f.low)
		}
		fmt.Fprintf(&b, "%*s ", margin-1, label)
		row := make([]rune, c.cols)
		for x := range row {
			row[x] = 0x2800 + c.cells[y*c.cols+x]
		}
		b.WriteString(strings.TrimRight(string(row), "\u2800"))
		b.WriteByte('\n')
	}
	foot := "bits a token: ⣀ held out, ⠄ train"
	end := fmt.Sprintf("step %d", f.lastStep)
	gap := c.cols - len([]rune(foot)) - len(end)
	if gap < 1 {
		foot, gap = "", max(0, c.cols-len(end))
	}
	fmt.Fprintf(&b, "%*s%s%*s%s\n", margin, "", foot, gap, "", end)
	return b.String()
}

// canvas has 2 by 4 braille dots a cell.
type canvas struct {
	cols, rows int
	cells      []rune
}

// line draws straight lines between points, setting every nth dot.
func (c canvas) line(f frame, ps []point, nth int) {
	w, h := float64(2*c.cols-1), float64(4*c.rows-1)
	n := 0
	for i, p := range ps {
		x1, y1 := f.at(p)
		x0, y0 := x1, y1
		if i > 0 {
			x0, y0 = f.at(ps[i-1])
		}
		dots := int(max(math.Abs(x1-x0)*w, math.Abs(y1-y0)*h)) + 1
		for j := range dots {
			if n++; n%nth != 0 {
				continue
			}
			t := float64(j+1) / float64(dots)
			c.dot(int(math.Round((x0+(x1-x0)*t)*w)), int(math.Round((y0+(y1-y0)*t)*h)))
		}
	}
}

// dot sets one dot. Braille numbers its dots down the columns, and the fourth row came later.
func (c canvas) dot(x, y int) {
	bits := [4][2]rune{{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}
	c.cells[y/4*c.cols+x/2] |= bits[y%4][x%2]
}

// CurveSVG draws the same for a page, in the page's text colour. Without a point it is empty.
func CurveSVG(evals []Eval, width, height int) string {
	train, val, f, ok := lines(evals)
	if !ok {
		return ""
	}
	const left, top, right, bottom = 36, 8, 8, 24
	width, height = min(max(width, 120), 4000), min(max(height, 80), 4000)
	w, h := float64(width-left-right), float64(height-top-bottom)
	path := func(ps []point) string {
		var b strings.Builder
		for i, p := range ps {
			x, y := f.at(p)
			fmt.Fprintf(&b, "%s%.1f,%.1f", " "[:min(i, 1)], left+x*w, top+y*h)
		}
		return b.String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" font-family="system-ui,sans-serif" font-size="11" fill="currentColor">`, width, height)
	fmt.Fprintf(&b, "<title>%s</title>", html.EscapeString(fmt.Sprintf("Loss over %d steps, in bits a token", f.lastStep)))
	for i := range 5 {
		v := f.high - (f.high-f.low)*float64(i)/4
		y := top + h*float64(i)/4
		fmt.Fprintf(&b, `<path d="M%d,%.1fH%d" stroke="currentColor" stroke-opacity=".15"/><text x="%d" y="%.1f" text-anchor="end">%.1f</text>`,
			left, y, width-right, left-6, y+4, v)
	}
	fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="#888" stroke-width="1.5" stroke-dasharray="3 3"/>`, path(train))
	fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="#2563eb" stroke-width="2"/>`, path(val))
	fmt.Fprintf(&b, `<text x="%d" y="%d" fill="#2563eb">held out</text><text x="%d" y="%d" fill="#888">train</text>`, left, height-8, left+60, height-8)
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">step %d</text></svg>`, width-right, height-8, f.lastStep)
	return b.String()
}
