package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Unpacked fetches a package of Debian into the folder cache, once, and gives the folder that it is unpacked in. Without
// a cache, it is one of the user's.
func Unpacked(ctx context.Context, cache, name string) (string, error) {
	if cache == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		cache = filepath.Join(base, "millrace", "docs")
	}
	dir := filepath.Join(cache, name)
	done := filepath.Join(dir, "complete")
	if _, err := os.Stat(done); err == nil {
		return dir, nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	for _, args := range [][]string{{"apt-get", "download", "-q", name}, {"sh", "-c", "dpkg-deb -x ./*.deb . && rm ./*.deb && touch complete"}} {
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("fetch the Debian package %s: %w\n%s", name, err, out)
		}
	}
	return dir, nil
}

// Module fetches a Go module, named with its version, and gives its folder.
func Module(ctx context.Context, name string) (string, error) {
	dir, err := os.MkdirTemp("", "millrace-module-") // outside of any module
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", name)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off")
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("fetch %s: %w\n%s", name, err, out)
	}
	var module struct{ Dir string }
	return module.Dir, json.Unmarshal(out, &module)
}
