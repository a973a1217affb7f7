package broker

import (
	"os"
	"time"
)

// timed is sync, and tells how long it took.
func timed(sync func(*os.File) error, tell func(time.Duration)) func(*os.File) error {
	if tell == nil {
		return sync
	}
	return func(f *os.File) error {
		began := time.Now()
		err := sync(f)
		tell(time.Since(began))
		return err
	}
}
