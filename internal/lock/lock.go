// Package lock keeps two processes from working on one folder: an advisory lock on a file that says who
// holds it. The operating system drops it with the process, however that ends.
package lock

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Holder is who has the lock.
type Holder struct {
	PID   int       `json:"pid"`
	Host  string    `json:"host"`
	Start time.Time `json:"start"`
}

// HeldError says that another process has the lock.
type HeldError struct {
	Path string
	Holder
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("%s is held by process %d on %s since %s", e.Path, e.PID, e.Host, e.Start.Format(time.RFC3339))
}

// errHeld is what tryLock returns when somebody else has the lock.
var errHeld = errors.New("held")

// Lock is a held lock.
type Lock struct{ f *os.File }

// Acquire takes the lock on path or returns a *HeldError.
func Acquire(path string) (*Lock, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := tryLock(f); err != nil {
		f.Close()
		if !errors.Is(err, errHeld) {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		held := &HeldError{Path: path}
		if b, err := os.ReadFile(path + ".holder"); err == nil {
			_ = json.Unmarshal(b, &held.Holder) // half a note is better than none
		}
		return nil, held
	}
	host, _ := os.Hostname()
	note, err := json.Marshal(Holder{PID: os.Getpid(), Host: host, Start: time.Now().UTC()})
	if err == nil {
		err = os.WriteFile(path+".holder", note, 0o644)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return &Lock{f}, nil
}

// Release gives the lock back.
func (l *Lock) Release() error { return l.f.Close() }
