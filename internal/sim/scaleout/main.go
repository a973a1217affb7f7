// Command scaleout proves that a line on two machines loses nothing and doubles nothing. Feeder, clean workers and mill
// are processes with a folder each, on two networks where the system gives them, each with a zombie on a third folder;
// between them are a real Apache Kafka and a real versitygw. One of all these is killed every 0.45 seconds. It needs Java
// 17 and Maven. What is compared stands in internal/sim/stream; the last line that it prints is its bar.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"millrace/internal/sim"
	"millrace/internal/sim/kafka"
	"millrace/internal/sim/s3"
	"millrace/internal/sim/stream"
)

func main() {
	o := stream.Options{}
	o.NetworkFlags(flag.CommandLine, 90, "kills; a sixth is of Kafka, and as many of the object store")
	network := flag.String("network", "", "internal: hold a network whose doors are in this folder")
	ports := flag.String("ports", "", "internal: of the doors")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if *network != "" {
		if err := stream.HoldNetwork(ctx, *network, *ports); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	o.Brokers = max(2, o.Kills/6)
	o.NetworkDocs()
	os.Exit(sim.Prove("scale-out", func(dir string, b *sim.Bar) error {
		if why := kafka.Missing(ctx); why != "" {
			return errors.New(why)
		}
		if _, err := kafka.Install(ctx); err != nil {
			return err
		}
		if _, err := s3.Install(ctx); err != nil {
			return err
		}
		o.Server = func(name string) (stream.Server, error) { return stream.NewKafka(filepath.Join(dir, "kafka-"+name)) }
		w, err := o.Build(ctx, dir)
		if err != nil {
			return err
		}
		return o.Apart(ctx, w, b)
	}))
}
