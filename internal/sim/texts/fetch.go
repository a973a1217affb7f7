package texts

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The kinds of packages.
const (
	npm    = "npm"
	pypi   = "pypi"
	debian = "debian"
)

// biggest is how many bytes of one file are unpacked.
const biggest = 64 << 20

// fetch unpacks the package into dir and says what it got, with the version.
func (p pack) fetch(ctx context.Context, dir string) (version string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	var command []string
	switch p.kind {
	case npm:
		command = []string{"npm", "pack", "--silent", p.name}
	case pypi:
		command = []string{"python3", "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", p.name}
	case debian:
		command = []string{"apt-get", "download", "-qq", p.name}
	}
	err = call(ctx, dir, command...)
	if err != nil && p.kind == debian {
		// Lists that are missing or old name files that are not there.
		if err = call(ctx, dir, "apt-get", "update", "-qq"); err == nil {
			err = call(ctx, dir, command...)
		}
	}
	if err != nil {
		return "", err
	}
	got, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	if len(got) != 1 {
		return "", fmt.Errorf("%s left %d files, not one", strings.Join(command, " "), len(got))
	}
	file := filepath.Join(dir, got[0].Name())
	switch p.kind {
	case npm:
		err = untar(file, dir)
	case pypi:
		err = unzip(file, dir)
	case debian:
		err = call(ctx, dir, "dpkg-deb", "-x", file, dir)
	}
	version = strings.TrimSuffix(got[0].Name(), filepath.Ext(got[0].Name()))
	return strings.ReplaceAll(version, "%3a", ":"), errors.Join(err, os.Remove(file))
}

// call runs a command in dir. What it prints is shown where it fails.
func call(ctx context.Context, dir string, command ...string) error {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

// untar unpacks the plain files of a tar.gz.
func untar(file, dir string) (err error) {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag == tar.TypeReg {
			if err := put(dir, h.Name, r); err != nil {
				return err
			}
		}
	}
}

// unzip unpacks the plain files of a zip.
func unzip(file, dir string) (err error) {
	z, err := zip.OpenReader(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, z.Close()) }()
	for _, f := range z.File {
		if !f.Mode().IsRegular() {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return err
		}
		if err := errors.Join(put(dir, f.Name, r), r.Close()); err != nil {
			return err
		}
	}
	return nil
}

// put writes one unpacked file below dir.
func put(dir, name string, r io.Reader) error {
	if !filepath.IsLocal(name) {
		return fmt.Errorf("a package names a file %q outside its folder", name)
	}
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, io.LimitReader(r, biggest))
	return errors.Join(err, f.Close())
}
