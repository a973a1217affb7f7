// Package atomicfile writes files that exist whole or not at all: those of internal/durable, for what no crash is
// tried on: checkpoints of a model, and what the user asks for by hand.
package atomicfile

import "millrace/internal/durable"

// plain makes the steps with nobody watching.
func plain() *durable.Disk { return nil }

// Write replaces path by data. After a crash path holds the old bytes or the new ones.
func Write(path string, data []byte) error { return plain().Replace("plain", path, data) }

// Create writes data to path if and only if nothing of that name exists; otherwise the error
// wraps fs.ErrExist. Of several callers at once, exactly one succeeds.
func Create(path string, data []byte) error { return plain().Create("plain", path, data) }

// SyncDir makes the names in dir durable.
func SyncDir(dir string) error { return plain().SyncDir("plain", dir) }
