package clean

import (
	"strings"

	"millrace"
	"millrace/clean/words"
)

// notes are what several steps need to know of a text. They go along with the document while its text stays.
type notes struct {
	text  string
	spans int    // of code
	prose string // the text without its code: code is kept, but rules made for prose say nothing about it
	words []string
}

// notesOf gives the notes on d's text as it is now.
func notesOf(d *millrace.Document) *notes {
	if n, ok := d.Notes.(*notes); ok && n.text == d.Text && n.spans == len(d.Code) {
		return n
	}
	n := &notes{text: d.Text, spans: len(d.Code), prose: d.Text}
	if len(d.Code) > 0 {
		var b strings.Builder
		at := 0
		for _, s := range d.Code {
			b.WriteString(d.Text[at:s.From])
			at = s.To
		}
		b.WriteString(d.Text[at:])
		n.prose = b.String()
	}
	d.Notes = n
	return n
}

// list gives the words of the prose.
func (n *notes) list() []string {
	if n.words == nil {
		n.words = words.Words(n.prose)
	}
	return n.words
}
