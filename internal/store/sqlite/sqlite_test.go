package sqlite_test

import (
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/store/sqlite"
	"github.com/entraide/entraide/internal/store/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) store.Broker {
		db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "broker.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return db
	})
}

// TestFile keeps the file private and to one broker.
func TestFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a name with ? and #.db")
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v, %v", info.Mode(), err)
	}
	if _, err := sqlite.Open(t.Context(), path); !errors.Is(err, sqlite.ErrInUse) {
		t.Errorf("opening it twice: %v, want ErrInUse", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestNewer refuses a database that a newer program has written.
func TestNewer(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "broker.db")
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if _, err := raw.ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)`); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(t.Context(), path); !errors.Is(err, store.ErrNewer) {
		t.Errorf("opening a newer database: %v, want ErrNewer", err)
	}
}

// TestReleased opens a file as soon as it is closed, while the process starts
// others: until those run their own program they have a copy of everything
// that is open, the lock among it.
func TestReleased(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var starter sync.WaitGroup
	starter.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			if err := exec.Command(program, "-test.run=^$").Run(); err != nil {
				t.Error(err)
				return
			}
		}
	})
	path := filepath.Join(t.TempDir(), "broker.db")
	for range 300 {
		db, err := sqlite.Open(t.Context(), path)
		if err != nil {
			t.Error(err)
			break
		}
		if err := db.Close(); err != nil {
			t.Error(err)
			break
		}
	}
	close(done)
	starter.Wait()
}
