package keyring

import (
	"bytes"
	"crypto/rand"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/durable"
	"github.com/entraide/entraide/internal/recovery"
	"github.com/entraide/entraide/pkg/pgp"
)

// Files of a keyring whose keys can be recovered: below RecoveryDir, copies of its
// keys that are sealed to a recovery key, which is locked with a secret that only
// enough shareholders together have.
const (
	// RecoveryDir is the directory, below that of the keys. Whoever has it, but
	// not the shares, has nothing.
	RecoveryDir = "recovery"

	recoveryFile = "recovery.json"
	recoveryKey  = "recovery.key"
	extSealed    = ".sealed"
)

// ErrNoRecovery says that there is nothing to recover keys from.
var ErrNoRecovery = errors.New("no recovery of keys has been set up here")

// A Recovery describes how the keys can be recovered.
type Recovery struct {
	recovery.Set
	Made        int64  `json:"made"` // Unix time in seconds
	Certificate []byte `json:"certificate"`
}

// A sealedKey is what a sealed copy holds: a key, locked with a passphrase of its
// own, which nobody has typed.
type sealedKey struct {
	Name       string `json:"name"`
	Passphrase []byte `json:"passphrase"`
	Key        []byte `json:"key"`
}

// SetUpRecovery seals every key in a file, now and whenever one changes, to a new
// recovery key, and returns a text for each shareholder. Shares of an earlier set
// are worthless afterwards.
func (k *Files) SetUpRecovery(shares, threshold int, at time.Time) (texts []string, r Recovery, err error) {
	secret, texts, set, err := recovery.Split(shares, threshold)
	if err != nil {
		return nil, r, err
	}
	defer clear(secret)
	key, err := pgp.Generate(pgp.PQ6, "recovery of keys", at, 0)
	if err != nil {
		return nil, r, err
	}
	locked, err := key.Lock(passphraseOf(secret))
	if err != nil {
		return nil, r, err
	}
	r = Recovery{Set: set, Made: at.Unix(), Certificate: key.Certificate().Bytes()}
	text, err := json.Marshal(r)
	if err != nil {
		return nil, r, err
	}
	dir := filepath.Join(k.dir, RecoveryDir)
	if err := os.RemoveAll(dir); err != nil {
		return nil, r, err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, r, err
	}
	for name, content := range map[string][]byte{recoveryKey: locked, recoveryFile: text} {
		if err := durable.Replace(filepath.Join(dir, name), content, 0o600); err != nil {
			return nil, r, err
		}
	}
	k.Lock() // so that each is unlocked, and sealed, anew
	return texts, r, k.SealAll()
}

// SealAll unlocks every key, which seals those that are not sealed yet.
func (k *Files) SealAll() error {
	entries, err := k.List()
	if err != nil {
		return err
	}
	for _, e := range entries {
		if _, err := k.Key(e.Name()); err != nil {
			return err
		}
	}
	return nil
}

// passphraseOf writes a secret as a passphrase.
func passphraseOf(secret []byte) []byte { return []byte(base32.StdEncoding.EncodeToString(secret)) }

// ReadRecovery reads how the keys of a directory can be recovered. The error is
// ErrNoRecovery if they cannot.
func ReadRecovery(dir string) (r Recovery, err error) {
	text, err := os.ReadFile(filepath.Join(dir, recoveryFile))
	if errors.Is(err, fs.ErrNotExist) {
		return r, ErrNoRecovery
	}
	if err != nil {
		return r, fmt.Errorf("reading the recovery of keys: %w", err)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("reading the recovery of keys: %w", err)
	}
	return r, nil
}

// seal keeps a sealed copy of a key that was read from a file with a digest, if
// recovery is set up and there is none yet. It is called with k.mu held.
func (k *Files) seal(name string, digest []byte, key *pgp.Key) error {
	dir := filepath.Join(k.dir, RecoveryDir)
	r, err := ReadRecovery(dir)
	if errors.Is(err, ErrNoRecovery) {
		return nil
	}
	if err != nil {
		return err
	}
	path := filepath.Join(dir, name+"."+hex.EncodeToString(digest[:8])+extSealed)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	sealed, err := r.sealed(name, key)
	if err != nil {
		return fmt.Errorf("sealing the key %s for recovery: %w", name, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	earlier, err := filepath.Glob(filepath.Join(dir, name+".????????????????"+extSealed))
	if err != nil {
		return err
	}
	if err := durable.Replace(path, sealed, 0o600); err != nil {
		return fmt.Errorf("sealing the key %s for recovery: %w", name, err)
	}
	for _, old := range earlier {
		if err := os.Remove(old); err != nil {
			return err
		}
	}
	return nil
}

// sealed encrypts a key to the recovery key.
func (r Recovery) sealed(name string, key *pgp.Key) ([]byte, error) {
	c, err := pgp.ParseCertificate(r.Certificate)
	if err != nil {
		return nil, err
	}
	random := make([]byte, 32)
	if _, err := rand.Read(random); err != nil {
		return nil, err
	}
	s := sealedKey{Name: name, Passphrase: passphraseOf(random)}
	if s.Key, err = key.Lock(s.Passphrase); err != nil {
		return nil, err
	}
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	defer clear(text)
	var out bytes.Buffer
	_, err = pgp.Encrypt(&out, bytes.NewReader(text), []*pgp.Certificate{c}, time.Unix(r.Made, 0))
	return out.Bytes(), err
}

// Recover opens the sealed copies in a directory with shares, and returns the keys
// by name.
//
// The error wraps ErrNoRecovery, recovery.ErrShare or recovery.ErrTooFew.
func Recover(dir string, shares []string) (map[string]*pgp.Key, error) {
	r, err := ReadRecovery(dir)
	if err != nil {
		return nil, err
	}
	secret, err := r.Combine(shares)
	if err != nil {
		return nil, err
	}
	defer clear(secret)
	locked, err := os.ReadFile(filepath.Join(dir, recoveryKey))
	if err != nil {
		return nil, fmt.Errorf("reading the recovery key: %w", err)
	}
	opener, err := pgp.Unlock(locked, passphraseOf(secret))
	if err != nil {
		return nil, fmt.Errorf("unlocking the recovery key: %w", err)
	}
	keys := map[string]*pgp.Key{}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, extSealed) {
			return err
		}
		name, key, err := r.open(opener, path)
		if err != nil {
			return fmt.Errorf("opening %s: %w", path, err)
		}
		keys[name] = key
		return nil
	})
	return keys, err
}

// open opens one sealed copy.
func (r Recovery) open(by *pgp.Key, path string) (string, *pgp.Key, error) {
	sealed, err := os.ReadFile(path)
	if err != nil {
		return "", nil, err
	}
	subkey, err := by.Certificate().EncryptionSubkey(time.Unix(r.Made, 0))
	if err != nil {
		return "", nil, err
	}
	var out bytes.Buffer
	if _, err := by.Decrypt(&out, bytes.NewReader(sealed), []string{subkey}); err != nil {
		return "", nil, err
	}
	defer clear(out.Bytes())
	var s sealedKey
	if err := json.Unmarshal(out.Bytes(), &s); err != nil {
		return "", nil, err
	}
	if !filepath.IsLocal(s.Name) {
		return "", nil, fmt.Errorf("%w: %q is no name of a key", ErrNoKey, s.Name)
	}
	key, err := pgp.Unlock(s.Key, s.Passphrase)
	return s.Name, key, err
}

// Adopt takes over from another directory how keys are recovered, unless that is
// settled here, so that the same shares stay good.
func (k *Files) Adopt(from string) error {
	dir := filepath.Join(k.dir, RecoveryDir)
	if _, err := ReadRecovery(dir); !errors.Is(err, ErrNoRecovery) {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, name := range []string{recoveryKey, recoveryFile} {
		content, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return err
		}
		if err := durable.Replace(filepath.Join(dir, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}
