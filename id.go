package millrace

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// ID names one capture of one text for ever: 128 bits of
// SHA-256("millrace/1" NUL url NUL digest). The same bytes under the same URL
// have the same ID, whenever and however often they are fetched.
type ID [16]byte

// NewID derives the ID of the bytes with SHA-256 digest as they came from url.
// For files, url is "file:" path "#" record.
func NewID(url string, digest [32]byte) ID {
	h := sha256.New()
	h.Write([]byte("millrace/1\x00"))
	h.Write([]byte(url))
	h.Write([]byte{0})
	h.Write(digest[:])
	var id ID
	copy(id[:], h.Sum(nil))
	return id
}

// ParseID reads the 32 hex digits that String writes.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != 2*len(id) {
		return ID{}, fmt.Errorf("parse ID %q: want 32 hex digits", s)
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return ID{}, fmt.Errorf("parse ID %q: %w", s, err)
	}
	return id, nil
}

// String gives 32 hex digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// IsZero reports whether id is unset.
func (id ID) IsZero() bool { return id == ID{} }
