package ingest

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"millrace"
)

// What the system could not do just now is tried again; what is not what it was ends the line.
func TestChangedOrBusy(t *testing.T) {
	for _, c := range []struct {
		err       error
		transient bool
	}{
		{&fs.PathError{Op: "open", Path: "x", Err: syscall.EMFILE}, true},
		{fmt.Errorf("read: %w", syscall.ETIMEDOUT), true},
		{&fs.PathError{Op: "open", Path: "x", Err: syscall.ENOENT}, false},
		{errDigest, false},
	} {
		err := changed(millrace.Claim{Kind: kindFile}, c.err)
		if errors.Is(err, millrace.ErrTransient) != c.transient || errors.Is(err, millrace.ErrStop) == c.transient {
			t.Errorf("%v: %v", c.err, err)
		}
	}
}
