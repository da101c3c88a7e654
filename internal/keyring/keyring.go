// Package keyring keeps the secret keys of a home and lends them out to sign and
// to decrypt. A key is in a locked file, unlocked in this process or, if the home
// has a key agent, in that one; or in a device that a helper speaks for. Whoever
// borrows a [pgp.Key] need not know which.
package keyring

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/entraide/entraide/pkg/pgp"
)

var (
	// ErrNoKey says that the home has no key of an authority in a suite.
	ErrNoKey = errors.New("this home has no such key")
	// ErrExposed says that others than the owner may read a secret.
	ErrExposed = errors.New("others may read this")
)

// Party is the name of the key of the State itself: in classic-4, or in hsm-4 if
// a device has it.
const Party = "party"

// extKey ends the file of a locked key.
const extKey = ".key"

// A Keyring keeps keys under names: Party, and those of NameOf. It is safe for
// concurrent use.
type Keyring interface {
	// List returns what is kept, ordered by authority, the party's first. It
	// unlocks nothing.
	List() ([]Entry, error)
	// Key lends a key. The error wraps ErrNoKey, or pgp.ErrUnavailable if it is
	// locked or its holder cannot be asked, or pgp.ErrPassphrase.
	Key(name string) (*pgp.Key, error)
	// Keep stores a new or a changed key. A key that is Elsewhere has been
	// stored by its holder when it changed.
	Keep(name string, key *pgp.Key) error
}

// An Entry is a key that is kept.
type Entry struct {
	File      string    `json:"file"`
	Authority string    `json:"authority"` // empty for the party's key
	Suite     pgp.Suite `json:"suite"`
}

// Name returns the name that the key is kept under.
func (e Entry) Name() string { return strings.TrimSuffix(e.File, filepath.Ext(e.File)) }

// NameOf returns the name of an authority's key in a suite.
func NameOf(authority string, suite pgp.Suite) string { return authority + "." + string(suite) }

// entryOf reads the name of a file; it is false if no key is in it.
func entryOf(file string, extensions ...string) (Entry, bool) {
	if !slices.Contains(extensions, filepath.Ext(file)) {
		return Entry{}, false
	}
	e := Entry{File: file, Suite: pgp.Classic4}
	name := e.Name()
	if name == Party && filepath.Ext(file) == extHSM {
		e.Suite = pgp.HSM4
	}
	if name == Party {
		return e, true
	}
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return Entry{}, false
	}
	e.Authority, e.Suite = name[:i], pgp.Suite(name[i+1:])
	return e, true
}

// listDir returns the keys of a directory.
func listDir(dir string, extensions ...string) ([]Entry, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("reading the keys: %w", err)
	}
	var entries []Entry
	for _, f := range files {
		if e, ok := entryOf(f.Name(), extensions...); ok {
			entries = append(entries, e)
		}
	}
	slices.SortFunc(entries, func(a, b Entry) int {
		if c := strings.Compare(a.Authority, b.Authority); c != 0 {
			return c
		}
		return strings.Compare(string(a.Suite), string(b.Suite))
	})
	return entries, nil
}

// readPrivate reads a file that nobody but its owner may read.
func readPrivate(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrNoKey, strings.TrimSuffix(filepath.Base(path), extKey))
	}
	if err != nil {
		return nil, fmt.Errorf("reading a key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%w: make %s private with chmod 600", ErrExposed, path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading a key: %w", err)
	}
	return data, nil
}
