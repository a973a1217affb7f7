// Command conform tries the same things on millrace's broker, on kfake and on Apache Kafka, through kafka-go, franz-go
// and kcat. It prints where the three differ, and holds only if ours is right in all.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"

	"millrace/internal/sim"
	apache "millrace/internal/sim/kafka"
	"millrace/internal/sim/kafkapeers"
)

// leastCases have to be tried for the bar to hold. Our broker sees so many of them at most: it has 256 partitions.
const leastCases, atOnce = 80, 100

func main() {
	kafkapeers.Serve()
	only := flag.String("only", "", "only the cases whose names hold this; the bar then does not hold")
	brokers := flag.String("brokers", "millrace,kfake,kafka", "which brokers")
	documents := flag.Int("documents", 1000, "documents of 1 MiB through each broker")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(sim.Prove("kafka-conformance", func(dir string, b *sim.Bar) error {
		return prove(ctx, dir, strings.Split(*brokers, ","), *only, *documents, b)
	}))
}

func prove(ctx context.Context, dir string, brokers []string, only string, documents int, b *sim.Bar) error {
	all := slices.Concat(metadataCases(), createCases(), settingCases(), produceCases(), compressionCases(), fetchCases(), offsetCases(), lagCases(), deleteCases(), franzCases())
	if _, err := exec.LookPath("kcat"); err == nil {
		all = append(all, kcatCases()...)
	} else {
		fmt.Fprintln(os.Stderr, "not run: kcat's cases, for there is no kcat (Debian's package kcat)")
	}
	all = append(all, bigCase(documents))
	all = slices.DeleteFunc(all, func(k kase) bool { return !strings.Contains(k.client+": "+k.name, only) })
	answers := map[string][]string{}
	logged, failed := 0, []string(nil)
	for _, name := range brokers {
		if name == kafkapeers.Apache {
			if why := apache.Missing(ctx); why != "" {
				fmt.Fprintln(os.Stderr, "not run: Apache Kafka:", why)
				b.Beside[name] = "not run: " + why
				continue
			}
		}
		began := time.Now()
		var said []string
		size := max(1, len(all))
		if name == kafkapeers.Millrace {
			size = atOnce
		}
		for part := range slices.Chunk(all, size) {
			more, err := try(ctx, filepath.Join(dir, fmt.Sprint(len(said))), name, part)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			said = append(said, more...)
		}
		answers[name] = said
		if name != kafkapeers.Millrace && (only == "" || strings.Contains("secure", only)) {
			n, bad, err := secure(ctx, dir, name)
			if err != nil {
				return fmt.Errorf("%s with TLS and a login: %w", name, err)
			}
			logged, failed = logged+n, append(failed, bad...)
		}
		if name != kafkapeers.Millrace {
			b.Beside[name] = map[string]any{"seconds": time.Since(began).Seconds()}
		}
	}
	b.Figures["logins"], b.Figures["logins_wrong"] = logged, len(failed)
	for _, what := range failed {
		fmt.Fprintln(os.Stderr, "WRONG", what)
	}
	if err := judge(all, answers, b); err != nil || len(failed) == 0 {
		return err
	}
	return fmt.Errorf("our client is wrong in %d of %d logins", len(failed), logged)
}

// try runs all cases on one broker, each with a topic of its own.
func try(ctx context.Context, dir, name string, all []kase) ([]string, error) {
	p, err := kafkapeers.Start(ctx, name, dir, "broker.session.timeout.ms=9000") // a busy machine may stop it for a while
	if err != nil {
		return nil, err
	}
	defer p.Kill()
	pool := &kafka.Transport{MetadataTTL: 50 * time.Millisecond}
	defer pool.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(p.Addr), Timeout: 30 * time.Second, Transport: pool}
	at := func(i int) *env {
		return &env{ctx: ctx, addr: p.Addr, topic: fmt.Sprintf("case-%d", i), other: fmt.Sprintf("other-%d", i), kg: client}
	}
	if err := at(0).prepare(len(all), at); err != nil {
		return nil, err
	}
	var said []string
	for i, k := range all {
		said = append(said, run(k, at(i)))
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return said, nil
}

// run runs one case; a panic is its answer.
func run(k kase, e *env) (said string) {
	defer func() {
		if p := recover(); p != nil {
			said = fmt.Sprint("panic: ", p)
		}
	}()
	return k.run(e)
}

func judge(all []kase, answers map[string][]string, b *sim.Bar) error {
	wrong, differ := 0, map[string]int{}
	clients := map[string]int{}
	ours := answers[kafkapeers.Millrace]
	for i, k := range all {
		clients[k.client]++
		if ours == nil {
			continue
		}
		if !slices.Contains(k.want, ours[i]) {
			wrong++
			fmt.Fprintf(os.Stderr, "WRONG %s: %s: %s, want %s\n", k.client, k.name, ours[i], strings.Join(k.want, " or "))
		}
		for _, name := range []string{kafkapeers.Kfake, kafkapeers.Apache} {
			if said := answers[name]; said != nil && said[i] != ours[i] {
				differ[name]++
				fmt.Fprintf(os.Stderr, "differs: %s: %s: ours %s, %s %s\n", k.client, k.name, ours[i], name, said[i])
			}
		}
	}
	b.Figures["cases"], b.Figures["wrong"], b.Figures["clients"] = len(all), wrong, clients
	b.Figures["brokers"] = len(answers)
	for name, n := range differ {
		if m, ok := b.Beside[name].(map[string]any); ok {
			m["differs"] = n
		}
	}
	switch {
	case ours == nil:
		return errors.New("our broker was not asked")
	case wrong > 0:
		return fmt.Errorf("our broker is wrong in %d of %d cases", wrong, len(all))
	case len(all) < leastCases:
		return fmt.Errorf("%d cases, at least %d are needed", len(all), leastCases)
	case len(answers) < 3:
		return fmt.Errorf("only %d of 3 brokers were asked", len(answers))
	}
	return nil
}
