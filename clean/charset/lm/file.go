package lm

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// magic opens a model file. Behind it comes a deflated stream: for each script its letters, then for each
// language the table of pairs and, for large scripts, the costs of single characters.
const magic = "millrace charset model 1\n"

// maxFile is the largest model, unpacked: no more is read.
const maxFile = 16 << 20

// Write writes the model as a file.
func (m *Model) Write(w io.Writer) error {
	if _, err := io.WriteString(w, magic); err != nil {
		return err
	}
	z, err := flate.NewWriter(w, flate.BestCompression)
	if err != nil {
		return err
	}
	for _, s := range m.Scripts {
		letters := []byte(string(s.letters))
		var n [2]byte
		binary.LittleEndian.PutUint16(n[:], uint16(len(letters)))
		parts := [][]byte{n[:], letters}
		for _, l := range s.Langs {
			parts = append(parts, l.pairs, l.within)
		}
		for _, p := range parts {
			if _, err := z.Write(p); err != nil {
				return err
			}
		}
	}
	return z.Close()
}

// Read reads a model from a file. Which languages it has is not written in it: they are those of this package.
func Read(file []byte) (*Model, error) {
	rest, ok := bytes.CutPrefix(file, []byte(magic))
	if !ok {
		return nil, fmt.Errorf("no model of encodings, or one of another version")
	}
	b, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(rest)), maxFile))
	if err != nil {
		return nil, fmt.Errorf("read model: %w", err)
	}
	m := &Model{}
	take := func(n int) []byte {
		if len(b) < n {
			err = io.ErrUnexpectedEOF
			return make([]byte, n)
		}
		part := b[:n:n]
		b = b[n:]
		return part
	}
	var script *Script
	for _, s := range speeches() {
		if script == nil || script.Name != s.script {
			letters := []rune(string(take(int(binary.LittleEndian.Uint16(take(2))))))
			if firstLetter+len(letters) > 256 || !strings.HasPrefix(string(letters), latin) {
				return nil, fmt.Errorf("read model: script %s has the letters %q", s.script, string(letters))
			}
			script = newScript(s.script, letters)
			m.Scripts = append(m.Scripts, script)
		}
		l := &Lang{Code: s.code, Encodings: s.encodings, script: script, pairs: take(script.width * script.width)}
		if script.large {
			l.within = take(0x10000)
		}
		script.Langs = append(script.Langs, l)
	}
	if err == nil && len(b) > 0 {
		err = fmt.Errorf("%d bytes too many", len(b))
	}
	if err != nil {
		return nil, fmt.Errorf("read model: %w", err)
	}
	m.link()
	return m, nil
}
