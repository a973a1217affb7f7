package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kmsg"

	"millrace/internal/sim"
	"millrace/internal/sim/kafkapeers"
)

const (
	largeTopic = "large"
	spareDisk  = 20 << 30
)

// restart fills a log, and then kills the broker again and again: how soon does the next one acknowledge something
// new, and how much memory has it taken by then?
func restart(ctx context.Context, dir string, o options, b *sim.Bar) error {
	size := int64(o.gigabyte * 1e9)
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		return err
	}
	if int64(disk.Bavail)*disk.Bsize < size+spareDisk {
		size = 2e9
		fmt.Fprintln(os.Stderr, "the disk is short: the log that is started has 2 GB")
	}
	defer os.RemoveAll(filepath.Join(dir, kafkapeers.Millrace)) // the next part begins with nothing
	p, err := kafkapeers.Start(ctx, kafkapeers.Millrace, dir)
	if err != nil {
		return err
	}
	if err := fillLog(ctx, p.Addr, size); err != nil {
		p.Kill()
		return fmt.Errorf("fill the log: %w", err)
	}
	p.Kill()
	var took, memory []float64
	for range o.restarts {
		began := time.Now()
		p, err := kafkapeers.Start(ctx, kafkapeers.Millrace, dir)
		if err != nil {
			return err
		}
		err = onceMore(p.Addr)
		ms := float64(time.Since(began).Microseconds()) / 1000
		mb, memErr := peakMB(p.PID)
		p.Kill()
		if err = errors.Join(err, memErr); err != nil {
			return err
		}
		took, memory = append(took, ms), append(memory, mb)
	}
	slices.Sort(took)
	p99 := took[(len(took)*99+99)/100-1]
	b.Figures["log_bytes"], b.Figures["restarts"] = size, len(took)
	b.Figures["restart_p50_ms"], b.Figures["restart_p99_ms"], b.Figures["restart_rss_mb"] = median(took), p99, slices.Max(memory)
	return errors.Join(most("p99 of a restart to a new acknowledgement, in ms,", p99, mostRestartMS), most("memory at a restart, in MB,", slices.Max(memory), mostRestartMB))
}

// fillLog writes batches of almost 4 MiB.
func fillLog(ctx context.Context, addr string, size int64) error {
	pool := &kafka.Transport{}
	defer pool.CloseIdleConnections()
	c := &kafka.Client{Addr: kafka.TCP(addr), Timeout: time.Minute, Transport: pool}
	r, err := c.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{Topic: largeTopic, NumPartitions: 1, ReplicationFactor: 1}}})
	if err == nil {
		err = r.Errors[largeTopic]
	}
	if err != nil {
		return err
	}
	value := make([]byte, 4<<20-256)
	rand.Read(value)
	batch := kafkapeers.Batch(value)
	w, err := kafkapeers.Dial(addr)
	if err != nil {
		return err
	}
	defer w.Close()
	for done := int64(0); done < size && ctx.Err() == nil; done += int64(len(batch)) {
		if err := produce(w, batch); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func produce(w *kafkapeers.Wire, batch []byte) error {
	r := kmsg.NewPtrProduceRequest()
	r.Acks, r.TimeoutMillis = -1, 10000
	r.SetVersion(7)
	t := kmsg.NewProduceRequestTopic()
	t.Topic = largeTopic
	p := kmsg.NewProduceRequestTopicPartition()
	p.Records = batch
	t.Partitions = append(t.Partitions, p)
	r.Topics = append(r.Topics, t)
	resp, err := w.Ask(r)
	if err != nil {
		return err
	}
	if code := resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode; code != 0 {
		return kafka.Error(code)
	}
	return nil
}

// onceMore writes one batch that has to be acknowledged.
func onceMore(addr string) error {
	w, err := kafkapeers.Dial(addr)
	if err != nil {
		return err
	}
	defer w.Close()
	return produce(w, kafkapeers.Batch(make([]byte, 1000)))
}

// peakMB is the most memory that a process has held so far.
func peakMB(pid int) (float64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(raw) {
		if f := bytes.Fields(line); len(f) > 1 && string(f[0]) == "VmHWM:" {
			kb, err := strconv.ParseFloat(string(f[1]), 64)
			return kb * 1024 / 1e6, err
		}
	}
	return 0, errors.New("the system does not say how much memory a process has held")
}
