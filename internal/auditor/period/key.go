package period

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/entraide/entraide/internal/durable"
	"github.com/entraide/entraide/pkg/pgp"
)

// Files of an auditor's key, below the home of a mirror. The key is the auditor's
// own: it signs reports, is no key of any State, and nothing is ever encrypted to it.
const (
	keyFile         = "private/report.key" // locked with a passphrase
	certificateFile = "private/auditor.pgp"
)

// suite is what stock OpenPGP tools verify (protocol section 2.4).
const suite = pgp.Classic4

// Failures.
var (
	// ErrNoKey says that the mirror has no key to sign reports with.
	ErrNoKey = errors.New("period: this mirror has no key yet to sign reports with")
	// ErrKeyExists says that the mirror has one already.
	ErrKeyExists = errors.New("period: this mirror has a key to sign reports with already")
)

// MakeKey makes the key that signs the reports of a mirror, in the name of an
// auditor, and locks it with a passphrase. It returns [ErrKeyExists].
func MakeKey(home, name string, passphrase []byte, now time.Time) (*pgp.Key, error) {
	if _, err := os.Stat(filepath.Join(home, keyFile)); err == nil {
		return nil, ErrKeyExists
	}
	key, err := pgp.Generate(suite, name, now, 0)
	if err != nil {
		return nil, err
	}
	locked, err := key.Lock(passphrase)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(home, filepath.Dir(keyFile)), 0o700); err != nil {
		return nil, fmt.Errorf("period: keeping the key: %w", err)
	}
	for file, content := range map[string][]byte{certificateFile: key.Certificate().Bytes(), keyFile: locked} {
		if err := durable.Replace(filepath.Join(home, file), content, 0o600); err != nil {
			return nil, fmt.Errorf("period: keeping the key: %w", err)
		}
	}
	return key, nil
}

// OpenKey unlocks the key of a mirror. It returns [ErrNoKey], and pgp.ErrPassphrase.
func OpenKey(home string, passphrase []byte) (*pgp.Key, error) {
	locked, err := os.ReadFile(filepath.Join(home, keyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoKey
	}
	if err != nil {
		return nil, fmt.Errorf("period: reading the key: %w", err)
	}
	return pgp.Unlock(locked, passphrase)
}

// Certificate returns the certificate of a mirror's key, to hand out. It needs no
// passphrase, and returns [ErrNoKey].
func Certificate(home string) (*pgp.Certificate, error) {
	data, err := os.ReadFile(filepath.Join(home, certificateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoKey
	}
	if err != nil {
		return nil, fmt.Errorf("period: reading the key: %w", err)
	}
	return pgp.ParseCertificate(data)
}
