// Command race holds millrace's log against others: produce and fetch beside kfake without fsync and Apache Kafka that
// flushes each message, what a hop costs beside cleaning, and how soon a large log takes writes again after kill -9.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"

	"millrace/internal/sim"
	"millrace/internal/sim/kafkapeers"
)

// The limits.
const (
	leastProduceKfake = 0.6
	leastFetchKfake   = 0.8
	leastProduceKafka = 0.7
	mostHop           = 0.25
	mostRestartMS     = 1000
	mostRestartMB     = 64
)

type options struct {
	seed     uint64
	messages int
	rounds   int
	restarts int
	gigabyte float64
}

func main() {
	kafkapeers.Serve()
	var o options
	flag.Uint64Var(&o.seed, "seed", 1, "which broker begins")
	flag.IntVar(&o.messages, "messages", 80000, "messages of 1 KiB a round")
	flag.IntVar(&o.rounds, "rounds", 7, "rounds, each with every broker")
	flag.IntVar(&o.restarts, "restarts", 100, "kill -9 and start")
	flag.Float64Var(&o.gigabyte, "gigabytes", 10, "size of the log that is started; 2 where the disk is short")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(sim.Prove("race-log", func(dir string, b *sim.Bar) error {
		// All are tried, so that one bar shows all that does not hold. The last one fills the disk's queues.
		var errs []error
		for _, part := range []func(context.Context, string, options, *sim.Bar) error{throughput, hop, restart} {
			errs = append(errs, part(ctx, dir, o, b))
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		return errors.Join(errs...)
	}))
}

// median of what was measured, and the least and the most of it.
func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return x[len(x)/2]
}

// least and most say what does not hold.
func least(what string, have, want float64) error {
	if have < want {
		return fmt.Errorf("%s is %.2f, it has to be %.2f at least", what, have, want)
	}
	return nil
}

func most(what string, have, want float64) error {
	if have > want {
		return fmt.Errorf("%s is %.2f, it may be %.2f at most", what, have, want)
	}
	return nil
}
