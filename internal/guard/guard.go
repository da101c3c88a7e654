// Package guard keeps the last checkpoint that the log's key ever signed,
// outside the database and its backups. Before anything is signed, the new
// tree must be proved to extend it; so a restored or forked database cannot be
// signed over, and the operator cannot equivocate by accident.
package guard

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/entraide/entraide/internal/durable"
	"github.com/entraide/entraide/pkg/translog"
)

// ErrMissing says that there is no guard. It is made once, when the log
// begins; a broker whose guard has vanished must not sign.
var ErrMissing = errors.New("guard: the signer guard is missing")

// ErrExists says that a guard is already there.
var ErrExists = errors.New("guard: there is a signer guard already")

// ErrExposed says that others than the owner may write the guard.
var ErrExposed = errors.New("guard: others may write the signer guard")

// A Guard holds the last text that was signed.
type Guard interface {
	// Last returns it; nil before the first signature.
	Last(ctx context.Context) ([]byte, error)

	// Advance calls next with the last text and keeps, durably, what it
	// returns. Nobody else advances the guard meanwhile, in this process or
	// another. What next has signed may be shown only after Advance returned
	// nil.
	Advance(ctx context.Context, next func(last []byte) ([]byte, error)) error
}

// CheckExtends is the one rule of signing: the next tree is at least as large
// as the last signed one, and provably extends it. Errors wrap
// [translog.ErrFork].
func CheckExtends(last, next translog.Checkpoint, proof []translog.Hash) error {
	return translog.CheckConsistency(last, next, proof)
}

// A File is a guard in a file, shared by all brokers of one host that open it.
// It must not lie on the database's volume or in its backups.
type File struct {
	path string
	held chan struct{} // of length 1: full while a goroutine of this process holds the lock
}

// Create makes the guard of a log that begins. It returns [ErrExists] if there
// is one.
func Create(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return ErrExists
	}
	if err != nil {
		return fmt.Errorf("guard: making the file: %w", err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("guard: making the file: %w", err)
	}
	if err := durable.SyncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("guard: %w", err)
	}
	return nil
}

// Open opens an existing guard. It returns [ErrMissing] if there is none and
// [ErrExposed] if others than its owner may write it.
func Open(path string) (*File, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrMissing
	}
	if err != nil {
		return nil, fmt.Errorf("guard: looking at the file: %w", err)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return nil, ErrExposed
	}
	return &File{path: path, held: make(chan struct{}, 1)}, nil
}

// Last implements [Guard].
func (f *File) Last(context.Context) ([]byte, error) {
	text, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrMissing
	}
	if err != nil {
		return nil, fmt.Errorf("guard: reading the file: %w", err)
	}
	if len(text) == 0 {
		return nil, nil
	}
	return text, nil
}

// Advance implements [Guard].
func (f *File) Advance(ctx context.Context, next func(last []byte) ([]byte, error)) error {
	release, err := f.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	last, err := f.Last(ctx)
	if err != nil {
		return err
	}
	text, err := next(last)
	if err != nil {
		return err
	}
	if string(text) == string(last) {
		return nil
	}
	return f.replace(text)
}

// lock waits for this process's turn and then for the file lock, which ends
// with the process that holds it.
func (f *File) lock(ctx context.Context) (release func(), err error) {
	select {
	case f.held <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	l, err := os.OpenFile(f.path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		<-f.held
		return nil, fmt.Errorf("guard: opening the lock: %w", err)
	}
	locked := make(chan error, 1)
	go func() { locked <- flock(l) }()
	select {
	case err = <-locked:
	case <-ctx.Done():
		// The lock may still come; it is then given back at once.
		go func() {
			_ = errors.Join(<-locked, l.Close())
			<-f.held
		}()
		return nil, ctx.Err()
	}
	if err != nil {
		l.Close()
		<-f.held
		return nil, fmt.Errorf("guard: locking: %w", err)
	}
	return func() {
		l.Close()
		<-f.held
	}, nil
}

// flock blocks until the lock is held.
func flock(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// replace writes the text in one step: a crash leaves the old or the new.
func (f *File) replace(text []byte) error {
	if err := durable.Replace(f.path, text, 0o600); err != nil {
		return fmt.Errorf("guard: %w", err)
	}
	return nil
}
