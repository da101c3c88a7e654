package parts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/entraide/entraide/internal/durable"
)

// Files keeps parts in files: DIR/ab/abcdef…/digest, where abcdef… is the set.
// Several brokers may share the directory.
type Files struct{ dir string }

// Names in the directory of Files.
const (
	// incoming holds what is being written.
	incoming = "incoming"
	// abandoned is the age at which something incoming is nobody's: a part takes
	// minutes.
	abandoned = 24 * time.Hour
)

// OpenFiles opens a directory, which is made if need be, and removes what a crash
// had left in it long before now.
func OpenFiles(dir string, now time.Time) (*Files, error) {
	f := &Files{dir}
	if err := os.MkdirAll(f.path(incoming), 0o700); err != nil {
		return nil, fmt.Errorf("parts: opening: %w", err)
	}
	for _, made := range []string{dir, filepath.Dir(filepath.Clean(dir))} {
		if err := durable.SyncDir(made); err != nil {
			return nil, fmt.Errorf("parts: opening: %w", err)
		}
	}
	left, err := os.ReadDir(f.path(incoming))
	if err != nil {
		return nil, fmt.Errorf("parts: opening: %w", err)
	}
	for _, e := range left {
		info, err := e.Info()
		if err == nil && now.Sub(info.ModTime()) > abandoned {
			err = os.Remove(f.path(incoming, e.Name()))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("parts: removing what a crash has left: %w", err)
		}
	}
	return f, nil
}

// path joins names to the directory.
func (f *Files) path(names ...string) string {
	return filepath.Join(append([]string{f.dir}, names...)...)
}

// set is the directory of a set.
func (f *Files) set(set string) string { return f.path(set[:2], set) }

// Put implements [Store].
func (f *Files) Put(ctx context.Context, set, name string, size int64, r io.Reader) error {
	if err := checkNames(set, name); err != nil {
		return err
	}
	if size < 1 || size > MaxBytes {
		return ErrSize
	}
	written, err := f.write(ctx, name, size, r)
	if err == nil {
		err = f.place(written, set, name)
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) {
		err = fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}

// write puts a part on disk under a name that nobody looks for, and returns it.
func (f *Files) write(ctx context.Context, name string, size int64, r io.Reader) (path string, err error) {
	out, err := os.CreateTemp(f.path(incoming), name+".*")
	if err != nil {
		return "", fmt.Errorf("parts: making a file: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, out.Close(), os.Remove(out.Name()))
		}
	}()
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, hash), &limited{ctx, io.LimitReader(r, size+1)})
	switch {
	case err != nil:
		return "", fmt.Errorf("parts: writing: %w", err)
	case n != size:
		return "", ErrSize
	case hex.EncodeToString(hash.Sum(nil)) != name:
		return "", ErrDigest
	}
	if err := out.Sync(); err != nil {
		return "", fmt.Errorf("parts: writing: %w", err)
	}
	if err := out.Close(); err != nil {
		return "", fmt.Errorf("parts: writing: %w", err)
	}
	return out.Name(), nil
}

// place gives a file its name, for good, or removes it.
func (f *Files) place(written, set, name string) error {
	err := os.MkdirAll(f.set(set), 0o700)
	if err == nil {
		err = os.Rename(written, filepath.Join(f.set(set), name))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("parts: naming a part: %w", err), os.Remove(written))
	}
	for _, dir := range []string{f.set(set), f.path(set[:2]), f.dir} {
		if err := durable.SyncDir(dir); err != nil {
			return fmt.Errorf("parts: naming a part: %w", err)
		}
	}
	return nil
}

// A limited reader ends with its context.
type limited struct {
	ctx context.Context
	in  io.Reader
}

// Read implements io.Reader.
func (l *limited) Read(b []byte) (int, error) {
	if err := l.ctx.Err(); err != nil {
		return 0, err
	}
	return l.in.Read(b)
}

// Open implements [Store].
func (f *Files) Open(_ context.Context, set, name string) (Part, error) {
	if err := checkNames(set, name); err != nil {
		return nil, err
	}
	file, err := os.Open(filepath.Join(f.set(set), name))
	if err != nil {
		return nil, absent(err)
	}
	return file, nil
}

// Stat implements [Store].
func (f *Files) Stat(_ context.Context, set, name string) (int64, error) {
	if err := checkNames(set, name); err != nil {
		return 0, err
	}
	info, err := os.Stat(filepath.Join(f.set(set), name))
	if err != nil {
		return 0, absent(err)
	}
	return info.Size(), nil
}

// absent turns the absence of a file into ErrNotFound.
func absent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNotFound
	}
	return fmt.Errorf("parts: %w", err)
}

// RemoveSet implements [Store].
func (f *Files) RemoveSet(_ context.Context, set string) error {
	if err := checkNames(set); err != nil {
		return err
	}
	if err := os.RemoveAll(f.set(set)); err != nil {
		return fmt.Errorf("parts: removing: %w", err)
	}
	return nil
}

// Sets implements [Store].
func (f *Files) Sets(ctx context.Context, fn func(string) error) error {
	for i := range 256 {
		if err := ctx.Err(); err != nil {
			return err
		}
		entries, err := os.ReadDir(f.path(fmt.Sprintf("%02x", i)))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("parts: listing: %w", err)
		}
		for _, e := range entries {
			if checkNames(e.Name()) != nil {
				continue // not ours
			}
			if err := fn(e.Name()); err != nil {
				return err
			}
		}
	}
	return nil
}

// Check implements [Store].
func (f *Files) Check(context.Context) error {
	probe, err := os.CreateTemp(f.path(incoming), "check.*")
	if err != nil {
		return fmt.Errorf("parts: nothing can be written in %s; make it writable: %w", f.dir, err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}
