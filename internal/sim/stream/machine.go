package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// machine is a network of its own, in which processes run that reach the log and the store by one door each, and nobody
// else; nil is the network of everybody.
type machine struct {
	pid  int // of the process that holds it
	stop func()
}

// put lets a process run there.
func (m *machine) put(p *process) {
	if m == nil {
		return
	}
	p.args = append([]string{fmt.Sprintf("--net=/proc/%d/ns/net", m.pid), "--", p.path}, p.args...)
	p.path = "nsenter"
}

// startMachines makes two networks, where that can be had; else two times nil, and says why.
func startMachines(ctx context.Context, dir, log, store string) (all []*machine, stop func(), err error) {
	u, err := url.Parse(store)
	if err != nil {
		return nil, nil, err
	}
	var ports []string
	for _, addr := range []string{log, u.Host} {
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, nil, err
		}
		ports = append(ports, port)
	}
	stop = func() {
		for _, m := range all {
			if m != nil {
				m.stop()
			}
		}
	}
	for i := range 2 {
		folder, err := os.MkdirTemp(dir, fmt.Sprintf("net%d-", i))
		if err != nil {
			return nil, nil, err
		}
		m, err := newMachine(ctx, folder, ports)
		if err != nil {
			stop()
			fmt.Fprintf(os.Stderr, "network namespaces cannot be had, all processes share one: %v\n", err)
			return []*machine{nil, nil}, func() {}, nil
		}
		all = append(all, m)
	}
	return all, stop, nil
}

func door(dir, port string) string { return filepath.Join(dir, port+".sock") }

// doors lets what comes in by the sockets in dir go on to the same ports of this network, until stop.
func doors(ctx context.Context, dir string, ports []string) (stop func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	stop = func() { cancel(); all.Wait() }
	for _, port := range ports {
		l, err := net.Listen("unix", door(dir, port))
		if err != nil {
			stop()
			return nil, err
		}
		all.Go(func() { relay(ctx, l, "tcp", "127.0.0.1:"+port) })
	}
	return stop, nil
}

// relay carries connections of l to another address until ctx ends.
func relay(ctx context.Context, l net.Listener, network, addr string) {
	var all sync.WaitGroup
	defer all.Wait()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		all.Go(func() {
			defer in.Close()
			var d net.Dialer
			out, err := d.DialContext(ctx, network, addr)
			if err != nil {
				return // nobody is there: the client sees its connection end
			}
			defer out.Close()
			defer context.AfterFunc(ctx, func() { in.Close(); out.Close() })()
			back := make(chan struct{})
			go func() {
				defer close(back)
				io.Copy(in, out) // either end may be killed
				in.Close()
			}()
			io.Copy(out, in)
			out.Close()
			<-back
		})
	}
}

// HoldNetwork is the process that holds a machine's network: it opens the doors from inside, says so, and waits for the
// end of its standard input.
func HoldNetwork(ctx context.Context, dir, ports string) error {
	if err := raiseLoopback(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	for port := range strings.SplitSeq(ports, ",") {
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			return err
		}
		all.Go(func() { relay(ctx, l, "unix", door(dir, port)) })
	}
	fmt.Println("ready")
	_, err := io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, ctx.Err())
}
