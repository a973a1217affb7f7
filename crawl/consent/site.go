package consent

import (
	"maps"
	"net/http"
	"time"
)

// Kind says what a file of a site is.
type Kind uint8

// The files of a site that may speak about its pages.
const (
	TDM   Kind = iota + 1 // TDMPath
	RSL                   // a document that Wanted has named
	AITxt                 // AITxtPath
)

// Where the files of a site stand.
const (
	TDMPath   = "/.well-known/tdmrep.json"
	AITxtPath = "/ai.txt"
)

// MaxFile is how much of a file is read; more says nothing.
const MaxFile = 512 << 10

// Site is what a host's files say for all its pages. It never changes: Add makes another one, so that
// any number of goroutines can read one. A nil Site knows nothing.
type Site struct {
	tdm   []location
	tdmAt time.Time
	rsl   map[string]*document // by the URL that Wanted gave; nil: it cannot be had
	aiTxt *aiTxtFile
}

// Add gives a Site that knows one more file, fetched at a time. An RSL document that cannot be had is
// added too, with its status, and is not wanted again; the same holds for the other kinds.
func (s *Site) Add(kind Kind, url string, at time.Time, status int, body []byte) *Site {
	var out Site
	if s != nil {
		out = *s
	}
	if status != http.StatusOK || len(body) > MaxFile {
		body = nil
	}
	switch kind {
	case TDM:
		out.addTDM(at, body)
	case RSL:
		out.rsl = maps.Clone(out.rsl)
		if out.rsl == nil {
			out.rsl = map[string]*document{}
		}
		out.rsl[url] = parseRSL(body, at)
	case AITxt:
		out.aiTxt = parseAITxt(body, at)
	}
	return &out
}
