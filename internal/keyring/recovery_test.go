package keyring

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/recovery"
)

// sealedCopies returns the names of the sealed copies of a keyring.
func sealedCopies(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, RecoveryDir, "*"+extSealed))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestRecovery(t *testing.T) {
	t.Parallel()
	dir, _ := stored(t)
	keys := NewFiles(dir, func() ([]byte, error) { return []byte("secret"), nil })
	shares, _, err := keys.SetUpRecovery(3, 2, born)
	if err != nil {
		t.Fatal(err)
	}
	first := sealedCopies(t, dir)
	if len(first) != 1 {
		t.Fatalf("sealed are %v", first)
	}
	// A changed key is sealed by itself, and takes the place of what it was.
	key, err := keys.Copy(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(key.RotateEncryption(born.Add(time.Hour)), keys.Keep(name, key)); err != nil {
		t.Fatal(err)
	}
	if now := sealedCopies(t, dir); len(now) != 1 || now[0] == first[0] {
		t.Errorf("after a rotation, sealed are %v", now)
	}
	from := filepath.Join(dir, RecoveryDir)
	restored, err := Recover(from, shares[1:])
	if err != nil || len(restored) != 1 || !bytes.Equal(restored[name].Certificate().Bytes(), key.Certificate().Bytes()) {
		t.Fatalf("restored are %v, error %v", restored, err)
	}
	if _, err := Recover(from, shares[:1]); !errors.Is(err, recovery.ErrTooFew) {
		t.Errorf("with one share: %v", err)
	}
	if _, err := Recover(t.TempDir(), shares); !errors.Is(err, ErrNoRecovery) {
		t.Errorf("from nothing: %v", err)
	}
	// What is sealed is not readable, and what was altered is refused.
	path := sealedCopies(t, dir)[0]
	sealed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte(name)) {
		t.Error("a sealed copy says whose it is")
	}
	sealed[len(sealed)-60] ^= 1
	if err := os.WriteFile(path, sealed, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Recover(from, shares); err == nil {
		t.Error("an altered copy is restored")
	}
}
