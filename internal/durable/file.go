package durable

import (
	"io"
	"io/fs"
	"os"
)

// File is an open file.
type File struct {
	f    *os.File
	disk *Disk
}

// Open opens a file for reading and writing; flag has what os.OpenFile knows besides, O_CREATE for example.
func (d *Disk) Open(at, path string, flag int, perm os.FileMode) (*File, error) {
	return d.open(at, path, func() (*os.File, error) { return os.OpenFile(path, flag|os.O_RDWR, perm) })
}

// OpenToRead opens a file of which nothing is to be changed: writes to it fail.
func OpenToRead(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return &File{f: f}, nil
}

// Temp makes a new file in dir, whose name follows from pattern as that of os.CreateTemp does.
func (d *Disk) Temp(at, dir, pattern string) (*File, error) {
	return d.open(at, dir, func() (*os.File, error) {
		f, err := os.CreateTemp(dir, pattern)
		if err != nil {
			return nil, err
		}
		if err := f.Chmod(0o644); err != nil {
			f.Close()
			os.Remove(f.Name())
			return nil, err
		}
		return f, nil
	})
}

func (d *Disk) open(at, path string, open func() (*os.File, error)) (*File, error) {
	if d == nil {
		f, err := open()
		if err != nil {
			return nil, err
		}
		return &File{f: f}, nil
	}
	s := &Step{Point: at, Op: OpOpen, Path: path}
	if err := d.w.Before(s); err != nil {
		return nil, err
	}
	f, err := open()
	if err == nil {
		s.File, s.Path = &File{f: f, disk: d}, f.Name()
	}
	if err = d.w.After(s, err); err != nil {
		if f != nil {
			f.Close()
		}
		return nil, err
	}
	return s.File, nil
}

// WriteAt writes b at offset.
func (f *File) WriteAt(at string, b []byte, offset int64) (n int, err error) {
	err = f.disk.do(Step{Point: at, Op: OpWrite, Path: f.f.Name(), File: f, Offset: offset, Data: b}, func() error {
		n, err = f.f.WriteAt(b, offset)
		return err
	})
	return n, err
}

// Truncate cuts the file at size.
func (f *File) Truncate(at string, size int64) error {
	return f.disk.do(Step{Point: at, Op: OpTruncate, Path: f.f.Name(), File: f, Offset: size}, func() error { return f.f.Truncate(size) })
}

// Sync makes the bytes of the file durable.
func (f *File) Sync(at string) error {
	return f.disk.do(Step{Point: at, Op: OpSync, Path: f.f.Name(), File: f}, func() error { return f.f.Sync() })
}

// Writer writes to the file from its beginning, one write behind the other.
func (f *File) Writer(at string) io.Writer { return &writer{f: f, at: at} }

type writer struct {
	f   *File
	at  string
	pos int64
}

func (w *writer) Write(b []byte) (int, error) {
	n, err := w.f.WriteAt(w.at, b, w.pos)
	w.pos += int64(n)
	return n, err
}

// Name is the name that the file was opened by.
func (f *File) Name() string { return f.f.Name() }

// Stat tells about the file.
func (f *File) Stat() (fs.FileInfo, error) { return f.f.Stat() }

// ReadAt reads at offset, as os.File does.
func (f *File) ReadAt(b []byte, offset int64) (int, error) { return f.f.ReadAt(b, offset) }

// Size is how long the file is.
func (f *File) Size() (int64, error) {
	info, err := f.f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Close closes the file. It makes nothing durable.
func (f *File) Close() error { return f.f.Close() }
