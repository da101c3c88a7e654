package keyring

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/entraide/entraide/internal/durable"
	"github.com/entraide/entraide/pkg/pgp"
)

// Files keeps keys in a directory, each in a file locked with the one passphrase
// of the home. A key is unlocked when it is first asked for, and again when
// another process has changed its file.
type Files struct {
	dir string
	// ask returns the passphrase. It is called when the first key is needed.
	ask func() ([]byte, error)

	mu     sync.Mutex
	secret []byte
	open   map[string]unlocked // by name
	next   map[string]unlocked // that wait to be put in their places
}

// unlocked is a key with the digest of the file that it was read from.
type unlocked struct {
	digest [sha256.Size]byte
	key    *pgp.Key
}

// NewFiles returns the keyring of a directory.
func NewFiles(dir string, passphrase func() ([]byte, error)) *Files {
	return &Files{dir: dir, ask: passphrase, open: map[string]unlocked{}, next: map[string]unlocked{}}
}

// List implements Keyring.
func (k *Files) List() ([]Entry, error) { return listDir(k.dir, extKey) }

// Key implements Keyring. An altered public part in a file is refused, as
// [pgp.Unlock] says.
func (k *Files) Key(name string) (*pgp.Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	locked, err := readPrivate(filepath.Join(k.dir, name+extKey))
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(locked)
	for _, keys := range []map[string]unlocked{k.open, k.next} {
		if known, ok := keys[name]; ok && known.digest == digest {
			k.open[name] = known
			return known.key, nil
		}
	}
	secret, err := k.passphrase()
	if err != nil {
		return nil, err
	}
	key, err := pgp.Unlock(locked, secret)
	if err != nil {
		if errors.Is(err, pgp.ErrPassphrase) {
			k.forget()
		}
		return nil, fmt.Errorf("unlocking %s: %w", name, err)
	}
	if err := k.seal(name, digest[:], key); err != nil {
		return nil, err
	}
	k.open[name] = unlocked{digest, key}
	return key, nil
}

// Copy returns a copy of a key for itself, to be changed: what is lent out stays as
// it is until the copy is stored.
func (k *Files) Copy(name string) (*pgp.Key, error) {
	key, err := k.Key(name)
	if err != nil {
		return nil, err
	}
	return key.Clone(), nil
}

// Locked returns a key as a file of the home holds it, for who puts it in its place
// under a name later.
func (k *Files) Locked(name string, key *pgp.Key) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	secret, err := k.passphrase()
	if err != nil {
		return nil, err
	}
	locked, err := key.Lock(secret)
	if err != nil {
		return nil, fmt.Errorf("locking the key %s: %w", name, err)
	}
	k.next[name] = unlocked{sha256.Sum256(locked), key} // it need not be unlocked there
	return locked, nil
}

// Keep implements Keyring. The key is locked with the passphrase of the home.
func (k *Files) Keep(name string, key *pgp.Key) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	secret, err := k.passphrase()
	if err != nil {
		return err
	}
	locked, err := key.Lock(secret)
	if err != nil {
		return fmt.Errorf("locking the key %s: %w", name, err)
	}
	if err := durable.Replace(filepath.Join(k.dir, name+extKey), locked, 0o600); err != nil {
		return fmt.Errorf("storing the key %s: %w", name, err)
	}
	digest := sha256.Sum256(locked)
	k.open[name] = unlocked{digest, key}
	return k.seal(name, digest[:], key)
}

// Lock forgets the passphrase and every key. Keys that have been lent out live
// until the borrower lets go of them.
func (k *Files) Lock() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.forget()
	clear(k.open)
	clear(k.next)
}

// Unlocked reports whether a key is held in the clear: it, or the passphrase, is in
// the memory of this process.
func (k *Files) Unlocked() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.secret != nil || len(k.open) > 0
}

// Unlock takes the passphrase and opens every key with it.
func (k *Files) Unlock(passphrase []byte) error {
	entries, err := k.List()
	if err != nil {
		return err
	}
	k.mu.Lock()
	k.forget()
	k.secret = append([]byte(nil), passphrase...)
	k.mu.Unlock()
	for _, e := range entries {
		if _, err := k.Key(e.Name()); err != nil {
			return err
		}
	}
	return nil
}

// Locked is the passphrase function of a keyring that is unlocked by Unlock
// alone.
func Locked() ([]byte, error) {
	return nil, fmt.Errorf("%w: unlock them with `entraide key unlock`", ErrLocked)
}

// passphrase asks for the passphrase unless it is known. It is called with k.mu
// held.
func (k *Files) passphrase() ([]byte, error) {
	if k.secret == nil {
		secret, err := k.ask()
		if err != nil {
			return nil, err
		}
		// A copy: it is wiped when it is forgotten.
		k.secret = append([]byte(nil), secret...)
	}
	return k.secret, nil
}

// forget wipes the passphrase.
func (k *Files) forget() {
	clear(k.secret)
	k.secret = nil
}
