// Command up runs a real Apache Kafka in the foreground until it is interrupted.
// What comes in is a folder and a port; what goes out is the broker's address on stdout.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"millrace/internal/sim/kafka"
)

func main() {
	dir := flag.String("dir", "", "data folder; needed")
	port := flag.Int("port", 19092, "port on 127.0.0.1; 0 takes a free one")
	flag.Parse()
	if *dir == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(4)
	}
	if err := run(*dir, *port); err != nil {
		fmt.Fprintln(os.Stderr, "up:", err)
		os.Exit(1)
	}
}

func run(dir string, port int) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	starting, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	b, err := kafka.Start(starting, kafka.Options{Dir: dir, Port: port})
	if err != nil {
		return err
	}
	fmt.Println(b.Addr())
	<-ctx.Done()
	stopping, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return b.Stop(stopping)
}
