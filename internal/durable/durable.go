// Package durable replaces files so that a crash, or a loss of power, leaves the
// old content or the new, and nothing between. The caller sees to it that one
// writer is at work on a file.
package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Replace writes a file in one step, and makes its name durable.
func Replace(path string, data []byte, mode fs.FileMode) error {
	if err := Write(path, data, mode); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// Write writes a file in one step. Its name is durable after SyncDir of its
// directory, which may wait until many are written.
func Write(path string, data []byte, mode fs.FileMode) error {
	next := path + ".next"
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	if _, err := f.Write(data); err != nil {
		return fmt.Errorf("writing: %w", errors.Join(err, f.Close()))
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	if err := os.Rename(next, path); err != nil {
		return fmt.Errorf("replacing: %w", err)
	}
	return nil
}

// SyncDir makes new names in a directory durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("opening the directory: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("making the name durable: %w", err)
	}
	return nil
}
