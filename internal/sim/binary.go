package sim

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Binary is the real program.
type Binary struct{ path string }

// Build builds it in dir. The working folder has to lie in the repository.
func Build(ctx context.Context, dir string) (Binary, error) {
	b := Binary{filepath.Join(dir, "millrace")}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", b.path, "millrace/cmd/millrace")
	if out, err := cmd.CombinedOutput(); err != nil {
		return b, fmt.Errorf("build millrace: %w\n%s", err, out)
	}
	return b, nil
}

// Program prepares any other command.
func (b Binary) Program(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, b.path, args...)
}

// Command prepares `millrace run` on a corpus; the configuration lies beside it. Its words go to the buffer.
func (b Binary) Command(ctx context.Context, corpus, yaml string, flags ...string) (*exec.Cmd, *bytes.Buffer, error) {
	file := corpus + ".yaml"
	if err := os.WriteFile(file, []byte(yaml), 0o644); err != nil {
		return nil, nil, err
	}
	cmd := exec.CommandContext(ctx, b.path, append([]string{"run", "--json", "--dir", corpus, file}, flags...)...)
	stderr := &bytes.Buffer{}
	cmd.Stderr = stderr
	return cmd, stderr, nil
}

// deadLetters is the exit code of a run that finished, though some documents failed.
const deadLetters = 3

// Run runs it to its end.
func (b Binary) Run(ctx context.Context, corpus, yaml string, flags ...string) error {
	cmd, stderr, err := b.Command(ctx, corpus, yaml, flags...)
	if err != nil {
		return err
	}
	if err := cmd.Run(); err != nil && cmd.ProcessState.ExitCode() != deadLetters {
		return fmt.Errorf("%w: %s", err, stderr)
	}
	return nil
}
