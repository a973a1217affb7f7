package cli

import (
	"context"
	"fmt"
	"time"
)

// askPatience is how long a command that only looks waits for the log. A run waits for as long as it takes.
const askPatience = 20 * time.Second

// askLog asks the log at addr, and says that it does not answer instead of waiting for ever.
func askLog(ctx context.Context, addr string, patience time.Duration, ask func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := ask(limited)
	if err == nil || limited.Err() == nil || ctx.Err() != nil {
		return err
	}
	return &Error{Exit: Failure, Err: fmt.Errorf("the log at %s has not answered within %v: %w", addr, patience, err), Means: "nothing was changed",
		Try: "the address of log: in pipeline.yaml, and the network to it; a run that waits there says the same in /readyz"}
}
