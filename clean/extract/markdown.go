package extract

import (
	"bytes"
	"strconv"
	"strings"
)

// marker writes blocks as Markdown: headings, lists, quotations, tables and code. Words carry no marks.
type marker struct {
	row  int32 // of the open table; 0 none
	col  int32
	rows int // of the open table
}

// write adds one block, and gives the place of its text.
func (m *marker) write(b *strings.Builder, last, cur *block, text []byte, code bool) (from, to int) {
	const longCell = 200
	if cur.kind == cell && cur.row > 0 && cur.chars < longCell {
		return m.cell(b, last, cur, text)
	}
	m.end(b)
	if last != nil {
		if cur.kind == item && last.kind == item && cur.quote == last.quote || cur.kind == term && last.kind == term {
			b.WriteByte('\n')
		} else {
			b.WriteString("\n\n")
		}
	}
	quote := strings.Repeat("> ", int(cur.quote))
	indent := ""
	if cur.depth > 0 && cur.item > 0 {
		indent = strings.Repeat("    ", int(cur.depth)-1)
	}
	switch cur.kind {
	case heading:
		b.WriteString(quote + strings.Repeat("#", int(cur.level)) + " ")
		from = b.Len()
		b.Write(bytes.ReplaceAll(text, []byte("\n"), []byte(" ")))
		return from, b.Len()
	case pre:
		return m.fence(b, quote+indent, cur, text)
	}
	first := quote + indent
	if cur.item > 0 {
		switch {
		case last != nil && last.item == cur.item, cur.kind != item:
			indent += "    "
			first = quote + indent
		case cur.ordinal > 0:
			first += strconv.Itoa(int(cur.ordinal)) + ". "
			indent += "   "
		default:
			first += "- "
			indent += "  "
		}
	}
	from = b.Len()
	lines(b, first, quote+indent, text, true)
	return from, b.Len()
}

// lines writes text line by line.
func lines(b *strings.Builder, first, prefix string, text []byte, escape bool) {
	for line := range bytes.Lines(text) {
		b.WriteString(first)
		first = prefix
		if escape {
			line = escaped(b, line)
		}
		b.Write(line)
	}
}

// escaped writes a backslash where a line would begin like markup, and gives the rest of it.
func escaped(b *strings.Builder, line []byte) []byte {
	i := 0
	for i < len(line) && '0' <= line[i] && line[i] <= '9' {
		i++
	}
	next := byte(' ')
	if i+1 < len(line) {
		next = line[i+1]
	}
	switch {
	case i >= len(line):
		return line
	case i > 0 && i < 10 && (line[i] == '.' || line[i] == ')') && space(next):
		b.Write(line[:i])
		line = line[i:]
	case i > 0:
		return line
	case line[0] == '#', line[0] == '>', line[0] == '|', bytes.HasPrefix(line, []byte("```")), bytes.HasPrefix(line, []byte("~~~")):
	case (line[0] == '-' || line[0] == '+' || line[0] == '*') && space(next):
	default:
		return line
	}
	b.WriteByte('\\')
	return line
}

// fence writes code between lines of backticks, more of them than stand in it.
func (m *marker) fence(b *strings.Builder, prefix string, cur *block, text []byte) (from, to int) {
	marks, run := 3, 0
	for _, c := range text {
		if c != '`' {
			run = 0
			continue
		}
		run++
		marks = max(marks, run+1)
	}
	fence := strings.Repeat("`", marks)
	b.WriteString(prefix + fence + cur.lang + "\n")
	from = b.Len()
	lines(b, prefix, prefix, text, false)
	to = b.Len()
	b.WriteString("\n" + prefix + fence)
	return from, to
}

// cell writes a cell of a table: a row is a line.
func (m *marker) cell(b *strings.Builder, last, cur *block, text []byte) (from, to int) {
	switch {
	case m.row == 0 || last.table != cur.table:
		m.end(b)
		if last != nil {
			b.WriteString("\n\n")
		}
		m.rows, m.row, m.col = 0, cur.row, 1
		b.WriteByte('|')
	case m.row != cur.row:
		m.endRow(b)
		m.row, m.col = cur.row, 1
		b.WriteString("\n|")
	}
	const most = 100
	for m.col < min(cur.col, most) {
		b.WriteString(" |")
		m.col++
	}
	b.WriteByte(' ')
	from = b.Len()
	b.Write(bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\n"), []byte(" ")), []byte("|"), []byte(`\|`)))
	return from, b.Len()
}

// endRow ends the line of a row. Behind the first one stands the line that makes it a table.
func (m *marker) endRow(b *strings.Builder) {
	b.WriteString(" |")
	if m.rows++; m.rows == 1 {
		b.WriteString("\n|" + strings.Repeat(" --- |", int(m.col)))
	}
}

// end ends the open table.
func (m *marker) end(b *strings.Builder) {
	if m.row != 0 {
		m.endRow(b)
		m.row = 0
	}
}
