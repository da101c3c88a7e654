package keyring

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/entraide/entraide/pkg/pgp"
)

const (
	typ    = "entraide/test/1"
	secret = "correct horse"
)

func ask(passphrase string) func() ([]byte, error) {
	return func() ([]byte, error) { return []byte(passphrase), nil }
}

// generate makes a key of an authority.
func generate(t testing.TB, suite pgp.Suite) *pgp.Key {
	t.Helper()
	key, err := pgp.Generate(suite, "QM.24-7 <24-7@qm.example>", born, 0)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestFiles(t *testing.T) {
	t.Parallel()
	dir, name := t.TempDir(), NameOf("QM.24-7", pgp.Modern6)
	keys := NewFiles(dir, ask(secret))
	if err := keys.Keep(name, generate(t, pgp.Modern6)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name+".key")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v, error %v", info.Mode(), err)
	}
	entries, err := keys.List()
	if err != nil || len(entries) != 1 || entries[0] != (Entry{File: name + ".key", Authority: "QM.24-7", Suite: pgp.Modern6}) {
		t.Errorf("kept are %v, error %v", entries, err)
	}
	if _, err := keys.Key(Party); !errors.Is(err, ErrNoKey) {
		t.Errorf("a key that is not there: %v", err)
	}

	running := NewFiles(dir, ask(secret))
	key, err := running.Key(name)
	if err != nil {
		t.Fatal(err)
	}
	// Another process rotates.
	changed, err := keys.Key(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(changed.RotateEncryption(born.Add(time.Hour)), keys.Keep(name, changed)); err != nil {
		t.Fatal(err)
	}
	again, err := running.Key(name)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(again.Certificate().Bytes(), key.Certificate().Bytes()) {
		t.Error("a key that another process has changed is not seen")
	}

	if _, err := NewFiles(dir, ask("wrong")).Key(name); !errors.Is(err, pgp.ErrPassphrase) {
		t.Errorf("a wrong passphrase: %v", err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := running.Key(name); !errors.Is(err, ErrExposed) {
		t.Errorf("a key that the group may read: %v", err)
	}
}
