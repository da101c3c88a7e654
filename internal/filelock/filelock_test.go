package filelock_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/entraide/entraide/internal/filelock"
)

// TestTry checks that a lock is held once, and free when it is released, even
// while somebody has a copy of the open file, as a process that is being started
// has.
func TestTry(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	lock, err := filelock.Try(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := filelock.Try(path); !errors.Is(err, filelock.ErrHeld) {
		t.Fatalf("a second holder: %v", err)
	}
	copied := copyOf(t, path)
	defer syscall.Close(copied)
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	again, err := filelock.Try(path)
	if err != nil {
		t.Fatalf("after the release: %v", err)
	}
	if err := again.Release(); err != nil {
		t.Fatal(err)
	}
}

// copyOf duplicates the descriptor of an open file.
func copyOf(t *testing.T, path string) int {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range open {
		name, err := os.Readlink(filepath.Join("/proc/self/fd", e.Name()))
		if err != nil || name != path {
			continue
		}
		fd, err := strconv.Atoi(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		if fd, err = syscall.Dup(fd); err != nil {
			t.Fatal(err)
		}
		return fd
	}
	t.Fatal("the lock file is not open")
	return -1
}
