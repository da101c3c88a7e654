// Package filelock holds what one process at a time may work on.
package filelock

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// ErrHeld says that another process, or another part of this one, holds the
// lock.
var ErrHeld = errors.New("the lock is held")

// A Lock is held until it is released, or its process ends.
type Lock struct{ file *os.File }

// Try takes the lock on a file, which is made if it is not there, and does not
// wait: it returns [ErrHeld] if it cannot be had now.
func Try(path string) (*Lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock file: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = ErrHeld
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("locking: %w", err), f.Close())
	}
	return &Lock{f}, nil
}

// Release gives the lock back. Closing the file alone would not, while a process
// that is being started has a copy of it.
func (l *Lock) Release() error {
	return errors.Join(syscall.Flock(int(l.file.Fd()), syscall.LOCK_UN), l.file.Close())
}
