package ingest

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// fieldsOf splits a JSON object of strings, numbers and words into its fields, as the library does. ok is false where it
// holds anything else or is not JSON: that is for the library, which takes several times as long. The fields are parts of b.
func fieldsOf(b []byte) (fields map[string]json.RawMessage, ok bool) {
	b = bytes.TrimRight(b, jsonSpace)
	if len(b) < 2 || b[0] != '{' || b[len(b)-1] != '}' {
		return nil, false
	}
	b = trimSpace(b[1 : len(b)-1])
	fields = map[string]json.RawMessage{}
	for len(b) > 0 {
		n := stringLen(b)
		if n == 0 || bytes.IndexByte(b[:n], '\\') >= 0 || !utf8.Valid(b[:n]) {
			return nil, false
		}
		name := string(b[1 : n-1])
		if b = trimSpace(b[n:]); len(b) == 0 || b[0] != ':' {
			return nil, false
		}
		b = trimSpace(b[1:])
		if n = stringLen(b); n == 0 {
			if n = bytes.IndexAny(b, ","+jsonSpace); n < 0 {
				n = len(b)
			}
			if n == 0 || b[0] == '{' || b[0] == '[' || !json.Valid(b[:n]) {
				return nil, false
			}
		}
		fields[name] = b[:n]
		if b = trimSpace(b[n:]); len(b) == 0 {
			return fields, true
		}
		if b[0] != ',' {
			return nil, false
		}
		if b = trimSpace(b[1:]); len(b) == 0 {
			return nil, false
		}
	}
	return fields, true
}

const jsonSpace = " \t\r\n"

func trimSpace(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t' || b[0] == '\r' || b[0] == '\n') {
		b = b[1:]
	}
	return b
}

// stringLen is the length of the JSON string at the front of b, its quotes included, or 0.
func stringLen(b []byte) int {
	if len(b) == 0 || b[0] != '"' {
		return 0
	}
	for i := 1; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c < ' ':
			return 0
		case c == '\\':
			n := escapeLen(b[i:])
			if n == 0 {
				return 0
			}
			i += n - 1
		}
	}
	return 0
}

// escapeLen is the length of the escape at the front of b, or 0.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(b) < 6 {
			return 0
		}
		for _, c := range b[2:6] {
			if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
				return 0
			}
		}
		return 6
	}
	return 0
}
