package home_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/broker"
	"github.com/entraide/entraide/internal/broker/home"
	"github.com/entraide/entraide/internal/guard"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/testkit/pgserver"
)

// open opens a home and hands it to fn.
func open(t *testing.T, dir string, fn func(*home.Server)) error {
	t.Helper()
	s, err := home.Open(t.Context(), dir, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	fn(s)
	return s.Close()
}

// send sends n messages of one pair, each once.
func (w *world) send(t *testing.T, s *home.Server, first, n int64, prev string) string {
	t.Helper()
	for seq := first; seq < first+n; seq++ {
		m, err := w.seal(w.from[0], w.to[0], seq, prev)
		if err != nil {
			t.Fatal(err)
		}
		data, err := m.Wire()
		if err != nil {
			t.Fatal(err)
		}
		a, err := s.Broker.Submit(t.Context(), w.from, data)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.trust.Message(m, a.Receipt, w.dirState); err != nil {
			t.Fatal(err)
		}
		prev = m.Digest()
	}
	return prev
}

// copyFile copies one file.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// copyDatabase puts a copy of an SQLite database, with the write-ahead log that
// may stand beside it, in the place of another.
func copyDatabase(t *testing.T, from, to string) {
	t.Helper()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(to + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	copyFile(t, from, to)
	if _, err := os.Stat(from + "-wal"); err == nil {
		copyFile(t, from+"-wal", to+"-wal")
	}
}

// TestRestoredDatabase restores an older copy of the database: the guard
// refuses to sign over what was signed, at start and while running (audit.md,
// threats 14 and 21).
func TestRestoredDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sqlite:broker.db")
	database, backup := filepath.Join(w.dir, "broker.db"), filepath.Join(t.TempDir(), "backup.db")
	var prev string
	if err := open(t, w.dir, func(s *home.Server) { prev = w.send(t, s, 1, 5, "") }); err != nil {
		t.Fatal(err)
	}
	copyDatabase(t, database, backup)
	if err := open(t, w.dir, func(s *home.Server) { w.send(t, s, 6, 5, prev) }); err != nil {
		t.Fatal(err)
	}
	copyDatabase(t, backup, database)
	err := open(t, w.dir, func(*home.Server) { t.Error("a broker started on a restored database") })
	if !errors.Is(err, broker.ErrRewound) {
		t.Errorf("starting on a restored database: %v, want ErrRewound", err)
	}
	if _, err := home.Check(t.Context(), w.dir, time.Now); !errors.Is(err, broker.ErrInconsistent) {
		t.Errorf("checking a restored database: %v, want ErrInconsistent", err)
	}
}

// TestForkedDatabase lets a database restored without its guard grow beyond
// what was signed, and puts the guard back: the tree is another one.
func TestForkedDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sqlite:broker.db")
	database, backup := filepath.Join(w.dir, "broker.db"), filepath.Join(t.TempDir(), "backup.db")
	guardFile, guardBackup := filepath.Join(w.dir, "guard", "checkpoint"), filepath.Join(t.TempDir(), "guard")
	copyDatabase(t, database, backup)
	copyFile(t, guardFile, guardBackup)
	if err := open(t, w.dir, func(s *home.Server) { w.send(t, s, 1, 3, "") }); err != nil {
		t.Fatal(err)
	}
	truth := filepath.Join(t.TempDir(), "guard")
	copyFile(t, guardFile, truth)
	copyDatabase(t, backup, database)
	copyFile(t, guardBackup, guardFile)
	if err := open(t, w.dir, func(s *home.Server) { w.send(t, s, 1, 6, "") }); err != nil {
		t.Fatal(err)
	}
	copyFile(t, truth, guardFile)
	if err := open(t, w.dir, func(*home.Server) {}); !errors.Is(err, broker.ErrRewound) {
		t.Errorf("starting on a forked database: %v, want ErrRewound", err)
	}
}

// TestMissingGuard refuses to start without the guard, and to make another.
func TestMissingGuard(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sqlite:broker.db")
	if err := os.Remove(filepath.Join(w.dir, "guard", "checkpoint")); err != nil {
		t.Fatal(err)
	}
	if err := open(t, w.dir, func(*home.Server) {}); !errors.Is(err, guard.ErrMissing) {
		t.Errorf("starting without a guard: %v, want ErrMissing", err)
	}
}

// TestEmptiedDatabase refuses an empty database under a guard that has signed.
func TestEmptiedDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sqlite:broker.db")
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(filepath.Join(w.dir, "broker.db"+suffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	if err := open(t, w.dir, func(*home.Server) {}); !errors.Is(err, broker.ErrRewound) {
		t.Errorf("starting on an emptied database: %v, want ErrRewound", err)
	}
}

// TestUnsafeDatabase refuses a PostgreSQL that may lose what it acknowledged.
func TestUnsafeDatabase(t *testing.T) {
	t.Parallel()
	server := pgserver.Start(t, "fsync=off")
	now := time.Now().UTC().Truncate(time.Second)
	_, err := home.Init(t.Context(), filepath.Join(t.TempDir(), "broker"), home.InitOptions{
		URL: "https://127.0.0.1:1", Listen: "127.0.0.1:0", Origin: "broker.example/log", Database: server.Database(t),
		Depositary: depositaryStatement(t, generate(t, "Depositary <depositary@entraide.example>", now), now),
		Now:        time.Now, Log: slog.New(slog.DiscardHandler),
	})
	if !errors.Is(err, store.ErrUnsafe) {
		t.Errorf("beginning on fsync=off: %v, want ErrUnsafe", err)
	}
}

// TestConfigurationIsStrict refuses unknown keys and senseless values.
func TestConfigurationIsStrict(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sqlite:broker.db")
	file := filepath.Join(w.dir, "broker.toml")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"unknown key":    {"listen =", "listens = \"x\"\nlisten ="},
		"not https":      {"https://", "http://"},
		"no database":    {`database = "sqlite:broker.db"`, ""},
		"other database": {"sqlite:broker.db", "mysql://x"},
	} {
		altered := bytes.Replace(good, []byte(change[0]), []byte(change[1]), 1)
		if err := os.WriteFile(file, altered, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := open(t, w.dir, func(*home.Server) {}); !errors.Is(err, home.ErrConfig) {
			t.Errorf("%s: %v, want ErrConfig", name, err)
		}
	}
}

// fsckVariable names Tessera's log checker.
const fsckVariable = "ENTRAIDE_FSCK"

// fsck runs Tessera's checker over an exported log. Its exit status says
// nothing; its last line does.
func fsck(t *testing.T, dir string) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Getenv(fsckVariable), "--storage_url=file://"+dir+"/",
		"--public_key="+filepath.Join(dir, "log.vkey"), "--ui=false", "-N=8")
	out, _ := cmd.CombinedOutput()
	return strings.Contains(string(out), "Successfully fsck'd log")
}

// TestForeignVerifier exports a log of several tiles for a checker that we
// did not write: it accepts the log, and rejects it with one byte flipped.
func TestForeignVerifier(t *testing.T) {
	t.Parallel()
	if os.Getenv(fsckVariable) == "" {
		t.Skipf("Tessera's fsck is not built (%s)", fsckVariable)
	}
	w := newWorld(t, "sqlite:broker.db")
	if err := open(t, w.dir, func(s *home.Server) { w.send(t, s, 1, 300, "") }); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "log")
	size, err := home.ExportLog(t.Context(), w.dir, time.Now, slog.New(slog.DiscardHandler), dir, "test")
	if err != nil || size < 300 {
		t.Fatalf("exporting: size %d, %v", size, err)
	}
	if !fsck(t, dir) {
		t.Fatal("fsck does not accept the log")
	}
	for _, file := range []string{"tile/entries/000", "tile/0/000", "tile/1/000.p/1"} {
		path := filepath.Join(dir, filepath.FromSlash(file))
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		data[len(data)/2] ^= 1
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if fsck(t, dir) {
			t.Errorf("fsck accepts the log with a byte of %s flipped", file)
		}
		data[len(data)/2] ^= 1
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
