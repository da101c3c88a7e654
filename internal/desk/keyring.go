package desk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/entraide/entraide/pkg/pgp"
)

// A keyring unlocks the keys of a home when they are needed.
type keyring struct {
	dir        string
	passphrase func() ([]byte, error)
	mu         sync.Mutex
	secret     []byte
	open       map[string]*pgp.Key // by file
}

// A KeyFile is a locked key of a home.
type KeyFile struct {
	File      string    `json:"file"`
	Authority string    `json:"authority"` // empty for the party's key
	Suite     pgp.Suite `json:"suite"`
}

// list returns the home's keys, ordered by authority, the party's first.
func (k *keyring) list() ([]KeyFile, error) {
	entries, err := os.ReadDir(k.dir)
	if err != nil {
		return nil, fmt.Errorf("reading the keys: %w", err)
	}
	var keys []KeyFile
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".key")
		if !ok {
			continue
		}
		key := KeyFile{File: e.Name(), Suite: pgp.Classic4}
		if i := strings.LastIndexByte(name, '.'); i >= 0 {
			key.Authority, key.Suite = name[:i], pgp.Suite(name[i+1:])
		}
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b KeyFile) int {
		if c := strings.Compare(a.Authority, b.Authority); c != 0 {
			return c
		}
		return strings.Compare(string(a.Suite), string(b.Suite))
	})
	return keys, nil
}

// key returns the unlocked key of an authority in a suite, or ErrNoKey.
func (k *keyring) key(authority string, suite pgp.Suite) (*pgp.Key, error) {
	return k.unlock(keyName(authority, suite))
}

// unlock opens a key file, asking for the passphrase the first time.
func (k *keyring) unlock(file string) (*pgp.Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key, ok := k.open[file]; ok {
		return key, nil
	}
	locked, err := os.ReadFile(filepath.Join(k.dir, file))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrNoKey, strings.TrimSuffix(file, ".key"))
	}
	if err != nil {
		return nil, fmt.Errorf("reading a key: %w", err)
	}
	if k.secret == nil {
		if k.secret, err = k.passphrase(); err != nil {
			return nil, err
		}
	}
	key, err := pgp.Unlock(locked, k.secret)
	if err != nil {
		if errors.Is(err, pgp.ErrPassphrase) {
			k.secret = nil
		}
		return nil, fmt.Errorf("unlocking %s: %w", strings.TrimSuffix(file, ".key"), err)
	}
	k.open[file] = key
	return key, nil
}
