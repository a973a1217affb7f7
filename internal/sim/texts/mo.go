package texts

import (
	"encoding/binary"
	"errors"
	"strings"
)

// message is one entry of a gettext catalogue.
type message struct{ id, text string }

// parseMO reads a compiled gettext catalogue. Its plural forms become messages of their own.
func parseMO(b []byte) ([]message, error) {
	const magic = 0x950412de
	if len(b) < 20 {
		return nil, errors.New("a catalogue of less than 20 bytes")
	}
	var order binary.ByteOrder = binary.LittleEndian
	if order.Uint32(b) != magic {
		order = binary.BigEndian
	}
	if order.Uint32(b) != magic {
		return nil, errors.New("no gettext catalogue")
	}
	n, ids, texts := int64(order.Uint32(b[8:])), int64(order.Uint32(b[12:])), int64(order.Uint32(b[16:]))
	at := func(table, i int64) (string, error) {
		p := table + 8*i
		if p+8 > int64(len(b)) {
			return "", errors.New("a table of a catalogue ends early")
		}
		size, from := int64(order.Uint32(b[p:])), int64(order.Uint32(b[p+4:]))
		if from+size > int64(len(b)) {
			return "", errors.New("a string of a catalogue ends early")
		}
		return string(b[from : from+size]), nil
	}
	if n > int64(len(b))/8 {
		return nil, errors.New("a catalogue with more messages than bytes")
	}
	var list []message
	for i := range n {
		id, err := at(ids, i)
		if err != nil {
			return nil, err
		}
		text, err := at(texts, i)
		if err != nil {
			return nil, err
		}
		if _, rest, ok := strings.Cut(id, "\x04"); ok {
			id = rest // behind its context
		}
		id, _, _ = strings.Cut(id, "\x00")
		if id == "" {
			continue // the header
		}
		for form := range strings.SplitSeq(text, "\x00") {
			list = append(list, message{id, form})
		}
	}
	return list, nil
}
