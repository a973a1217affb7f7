package atomicfile

// SyncDir does nothing: Windows makes names durable with the file.
func SyncDir(string) error { return nil }
