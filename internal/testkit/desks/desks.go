// Package desks gives tests the desk of a fictitious State that is not
// connected with anybody: for what a desk does without a broker.
package desks

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/store/postgres"
	"github.com/entraide/entraide/internal/testkit/pgserver"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/wire"
)

// passphrase locks the keys of every desk of the tests.
const passphrase = "five fictitious words for tests"

// home holds the files of a home, made once for each process: keys take time.
var home = sync.OnceValues(func() (fs.FS, error) {
	temporary, err := os.MkdirTemp("", "entraide-desk-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(temporary)
	_, verifier, err := translog.GenerateKey("broker.example/log")
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(temporary, "QM")
	_, err = desk.Init(context.Background(), dir, desk.InitOptions{
		Party: "QM", Names: map[string]string{"en": "Republic of Meridia", "ar": "جمهورية ميريديا", "zh": "梅里迪亚共和国"},
		Suites: []pgp.Suite{pgp.Modern6}, Passphrase: []byte(passphrase), Now: time.Now,
		Broker: wire.Broker{
			URL: "https://192.0.2.1:1", Transport: digest, Origin: "broker.example/log", LogKey: verifier, Depositary: digest,
		},
		Authorities: []desk.AuthorityOptions{{
			Label: "24-7", Roles: []string{"24-7"}, Names: map[string]string{"en": "24/7 contact point"}, Hours: "24/7", TimeZone: "UTC",
			Languages: map[string][]string{"emergency": {"en"}, "urgent": {"en"}, "routine": {"en"}},
		}},
	})
	if err != nil {
		return nil, err
	}
	files := fstest.MapFS{}
	return files, fs.WalkDir(os.DirFS(dir), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, path))
		files[path] = &fstest.MapFile{Data: data, Mode: 0o600}
		return err
	})
})

// digest stands for keys that nobody meets.
const digest = "0000000000000000000000000000000000000000000000000000000000000000"

// engine names the database of the desks of tests: "postgres", or SQLite.
const engine = "ENTRAIDE_TEST_DESKS"

// InFile reports whether the desks of the tests keep their database in their home.
func InFile() bool { return os.Getenv(engine) != "postgres" }

// move gives a home a database in PostgreSQL in the place of its own.
func move(t testing.TB, dir string) {
	t.Helper()
	address := pgserver.DatabaseFor(t)
	vkey, err := os.ReadFile(filepath.Join(dir, "log.vkey"))
	if err != nil {
		t.Fatal(err)
	}
	name, _, _ := strings.Cut(string(vkey), "+")
	db, err := postgres.BeginDesk(t.Context(), address, name)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Close(), os.Remove(filepath.Join(dir, "desk.db")),
		os.WriteFile(filepath.Join(dir, "desk.toml"), fmt.Appendf(nil, "database = %q\n", address), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// New returns the desk of the State QM, which a test has for itself.
func New(t testing.TB, now func() time.Time) *desk.Desk {
	t.Helper()
	made, err := home()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "QM")
	if err := os.CopyFS(dir, made); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if !InFile() {
		move(t, dir)
	}
	d, err := desk.Open(t.Context(), dir, desk.Options{
		Passphrase: func() ([]byte, error) { return []byte(passphrase), nil }, Now: now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}
