package cli

import (
	"bytes"
	"io"
)

// hushed is where the standard log goes. net/http writes there, with the bytes, when a server sends more than it has
// announced. On the web that is nothing special, and a stranger's bytes are none for the terminal.
type hushed struct{ w io.Writer }

func (h hushed) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte("Unsolicited response received on idle HTTP channel")) {
		return len(line), nil
	}
	return h.w.Write(line)
}
