// Package fields tells, of each kind of file that a corpus holds, where each of its fields stands: so that a test can
// damage every one of them and miss none. It shares no code with what writes the files, and knows their formats from
// their descriptions alone; parquet-go tells where the parts of a Parquet file lie.
//
// Read in this order: fields.go, binary.go (what has a layout of its own), text.go (JSON, lines), parquet.go, warc.go.
package fields

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Field is a run of bytes with one meaning. Fields of one name mean the same in another place of the file.
type Field struct {
	Name     string
	From, To int // bytes of the file
}

// ErrKind says that nobody knows the format of a file: it has to be described here.
var ErrKind = errors.New("a kind of file that has no description")

// Kind is what a file is, by its name below the corpus.
func Kind(name string) string {
	base := path.Base(name)
	switch ext := path.Ext(base); {
	case strings.HasPrefix(base, ".tmp-"):
		return "unfinished"
	case strings.HasPrefix(name, "data/_delta_log/"):
		return "commit entry"
	case strings.HasSuffix(base, ".warc.gz"):
		return "WARC"
	case ext == ".cdxj":
		return "CDXJ"
	case ext == ".parquet":
		return strings.SplitN(name, "/", 2)[0] + " Parquet"
	case strings.HasPrefix(name, "log/") && ext == ".log":
		return "segment"
	case strings.HasPrefix(name, "log/") && ext == ".idx":
		return "segment index"
	case base == "acked":
		return "acked"
	case strings.HasPrefix(name, "state/frontier") && (base == "log" || base == "snapshot"):
		return "frontier " + base
	case strings.HasPrefix(base, "attempts-"):
		return "attempts"
	case strings.HasPrefix(base, "crash-loops-"):
		return "crash loops"
	}
	return base
}

// Of lists the fields of a file. Together they cover every byte of it.
func Of(name string, raw []byte) ([]Field, error) {
	var list []Field
	var err error
	switch Kind(name) {
	case "unfinished": // nobody reads it
	case "segment":
		list, err = segment(raw)
	case "segment index":
		list, err = index(raw)
	case "acked":
		list, err = acked(raw)
	case "frontier log", "frontier snapshot":
		list, err = frontier(raw)
	case "attempts", "crash loops":
		list = lines(raw)
	case "WARC":
		list, err = members(raw)
	case "data Parquet", "rejects Parquet":
		list, err = parquetFile(raw)
	case "CDXJ":
		list = lines(raw)
	case "commit entry":
		list, err = jsonLines(raw)
	default:
		switch {
		case path.Base(name) == "croissant.json": // which is for others, and made anew
			list = lines(raw)
		case slices.Contains([]string{".json", ".jsonl"}, path.Ext(name)):
			list, err = jsonLines(raw)
		case slices.Contains([]string{"", ".md", ".html", ".yaml", ".holder", ".addr"}, path.Ext(name)):
			list = lines(raw)
		default:
			return nil, fmt.Errorf("%s: %w", name, ErrKind)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return fill(list, len(raw)), nil
}

// fill adds what no field covers.
func fill(list []Field, size int) []Field {
	slices.SortStableFunc(list, func(a, b Field) int { return a.From - b.From })
	at := 0
	for _, f := range slices.Clone(list) {
		if f.From > at {
			list = append(list, Field{"between", at, f.From})
		}
		at = max(at, f.To)
	}
	if at < size {
		list = append(list, Field{"rest", at, size})
	}
	return slices.DeleteFunc(list, func(f Field) bool { return f.From >= f.To })
}
