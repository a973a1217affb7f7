package millrace

// Document is a page on its way to becoming a row.
type Document struct {
	ID       ID
	UserID   string // the user's own id where the input has one
	Page     Page
	URLKey   string // canonical form of Page.URL, for comparing; never fetched
	Title    string
	Text     string
	Code     []Span // parts of Text that are code: kept in the text, left out of the signals
	Charset  string
	Lang     string // BCP 47 or ISO 639; "" where not decided
	Script   string // ISO 15924
	LangSure float32
	Extract  string // which extractor gave Text: "fast", "slow", "none"
	Signals  Signals
	Edits    []Edit
	Meta     string // JSON object of the input fields that millrace does not know; "" where none
	Cluster  ID     // the root of the duplicate cluster; of a kept document its own ID
	Keys     []byte // content hash, band keys and verification sketch (package dedup)
	Verdict  Verdict
	Attempts int
	Position Position // where this belt read it
	Via      Position // where the belt before had read it
	Origin   Position // where the belt before that one had; zero where there is none
	Cleaned  bool     // the stateless stages have seen it, in a belt before
	Notes    any      // what stages of one package have found out about Text and hand on to each other; stored nowhere
	Settles  Position // of a replayed dead letter: the Position it settles
}

// Span is a half-open range of bytes.
type Span struct{ From, To int }

// Signals are the numbers measured so far, indexed by the recipe's order. NaN is not measured.
type Signals []float32

// Edit says what was rewritten in a text, and how often.
type Edit struct {
	Kind  string // "pii.email", "repair.mojibake", …
	Count int32
}

// AddEdit counts n rewrites of one kind. n = 0 leaves no trace.
func (d *Document) AddEdit(kind string, n int) {
	if n == 0 {
		return
	}
	for i := range d.Edits {
		if d.Edits[i].Kind == kind {
			d.Edits[i].Count += int32(n)
			return
		}
	}
	d.Edits = append(d.Edits, Edit{Kind: kind, Count: int32(n)})
}

// DisplayID is the user's id where there is one, else the ID in hex.
func (d *Document) DisplayID() string {
	if d.UserID != "" {
		return d.UserID
	}
	return d.ID.String()
}
