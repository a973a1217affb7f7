package ingest

import "time"

// Watch hears how the log does. Each function may be nil, and is called by several goroutines at once.
type Watch struct {
	Retried  func()              // a request failed, and is made again after a pause
	Produced func(time.Duration) // the log has acknowledged a batch, after so long, with all attempts
}

func (w *Watch) retried() {
	if w != nil && w.Retried != nil {
		w.Retried()
	}
}

func (w *Watch) produced(since time.Time) {
	if w != nil && w.Produced != nil {
		w.Produced(time.Since(since))
	}
}
