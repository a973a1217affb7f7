package s3

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// The keys of a Server.
const (
	AccessKey = "millrace"
	SecretKey = "millrace-secret"
)

// Ports from 32768 on are handed to outgoing connections.
const (
	firstPort = 27000
	lastPort  = 32000
)

// Options say where a Server runs.
type Options struct {
	Dir  string // its objects, as files, and server.log; one server a folder
	Port int    // 0 is a free one
}

// Server is versitygw as a process: a real S3 server, whose objects are files in a folder.
type Server struct {
	dir  string
	port int
	cmd  *exec.Cmd
	done chan struct{} // closed when the process is gone
}

// Install builds versitygw into the cache folder, once (about two minutes), and returns the file. The working folder
// has to lie in the repository, which pins the version and its checksums.
func Install(ctx context.Context) (string, error) {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "millrace").Output()
	if err != nil {
		return "", fmt.Errorf("install versitygw: find the repository: %w", err)
	}
	module := filepath.Join(strings.TrimSpace(string(root)), "internal", "sim", "s3", "gateway")
	sums, err := os.ReadFile(filepath.Join(module, "go.sum"))
	if err != nil {
		return "", fmt.Errorf("install versitygw: %w", err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("install versitygw: %w", err)
	}
	bin := filepath.Join(cache, "millrace", "versitygw", fmt.Sprintf("%x", sha256.Sum256(sums))[:12])
	if _, err := os.Stat(bin); err == nil {
		return bin, nil
	}
	if err := os.MkdirAll(filepath.Dir(bin), 0o755); err != nil {
		return "", fmt.Errorf("install versitygw: %w", err)
	}
	tmp := fmt.Sprintf("%s.%d", bin, os.Getpid())
	cmd := exec.CommandContext(ctx, "go", "build", "-o", tmp, "github.com/versity/versitygw/cmd/versitygw")
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false", "GOWORK=off", "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("install versitygw: go build: %w\n%s", err, said)
	}
	return bin, os.Rename(tmp, bin)
}

// Start installs versitygw when it is not there, starts it and waits until it answers. ctx bounds the start only: the
// server runs until Stop or Kill.
func Start(ctx context.Context, o Options) (*Server, error) {
	bin, err := Install(ctx)
	if err != nil {
		return nil, err
	}
	s := &Server{port: o.Port, done: make(chan struct{})}
	if s.dir, err = filepath.Abs(o.Dir); err != nil {
		return nil, fmt.Errorf("start versitygw: %w", err)
	}
	if s.port == 0 {
		if s.port, err = freePort(); err != nil {
			return nil, fmt.Errorf("start versitygw: %w", err)
		}
	}
	if err := os.MkdirAll(s.root(), 0o755); err != nil {
		return nil, fmt.Errorf("start versitygw: %w", err)
	}
	log, err := os.OpenFile(filepath.Join(s.dir, "server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("start versitygw: %w", err)
	}
	defer log.Close() // the child has its own handle
	s.cmd = exec.Command(bin, "--port", s.addr(), "--access", AccessKey, "--secret", SecretKey, "--keep-alive", "--quiet", "posix", s.root())
	s.cmd.Stdout, s.cmd.Stderr = log, log
	dieWithParent(s.cmd)
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start versitygw: %w", err)
	}
	go func() {
		_ = s.cmd.Wait() // the exit code says only how it was ended
		close(s.done)
	}()
	if err := s.waitReady(ctx); err != nil {
		s.Kill()
		said, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("start versitygw: %w\n%s", err, said[max(0, len(said)-2000):])
	}
	return s, nil
}

func (s *Server) root() string { return filepath.Join(s.dir, "buckets") }

func (s *Server) addr() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// Endpoint is where clients find it.
func (s *Server) Endpoint() string { return "http://" + s.addr() }

// Port is its port, for a start in the same place.
func (s *Server) Port() int { return s.port }

// NewBucket makes an empty bucket; a folder is one.
func (s *Server) NewBucket(name string) error { return os.Mkdir(s.Bucket(name), 0o755) }

// Bucket is the folder with the objects of a bucket, for a judge that asks no server.
func (s *Server) Bucket(name string) string { return filepath.Join(s.root(), name) }

// Env names the keys as pipeline.yaml expects them where it names no other variables.
func (s *Server) Env() []string {
	return []string{"AWS_ACCESS_KEY_ID=" + AccessKey, "AWS_SECRET_ACCESS_KEY=" + SecretKey}
}

// YAML is the part of pipeline.yaml that keeps a corpus there.
func (s *Server) YAML(bucket, prefix string) string {
	return fmt.Sprintf("store: s3://%s/%s\ns3: {endpoint: '%s'}\n", bucket, prefix, s.Endpoint())
}

// Stop ends it in order. When ctx ends first, it is killed.
func (s *Server) Stop(ctx context.Context) error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.Kill()
		return fmt.Errorf("stop versitygw: %w", err)
	}
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		s.Kill()
		return fmt.Errorf("stop versitygw: killed: %w", ctx.Err())
	}
}

// Kill ends it at once and waits until it is gone.
func (s *Server) Kill() {
	s.cmd.Process.Kill() // fails only when the process is gone already
	<-s.done
}

func (s *Server) waitReady(ctx context.Context) error {
	client := &http.Client{Timeout: 2 * time.Second}
	defer client.CloseIdleConnections()
	for {
		r, err := client.Get(s.Endpoint())
		if err == nil {
			r.Body.Close()
			return nil
		}
		select {
		case <-s.done:
			return errors.New("it ended while it started")
		case <-ctx.Done():
			return fmt.Errorf("not ready: %w: %w", ctx.Err(), err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// freePort finds one; different processes begin at different places, so that they rarely meet.
func freePort() (int, error) {
	for i := range 500 {
		p := firstPort + (os.Getpid()*7+i)%(lastPort-firstPort)
		if l, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", p)); err == nil {
			return p, l.Close()
		}
	}
	return 0, fmt.Errorf("no free port between %d and %d", firstPort, lastPort)
}
