package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/entraide/entraide/internal/durable"
	"github.com/entraide/entraide/internal/keyring"
	"github.com/entraide/entraide/pkg/pgp"
)

// extCertificate ends the file of a certificate whose secret keys are in the
// device.
const extCertificate = ".pgp"

// A store is a keyring.Keyring of keys in a device. Their certificates, which
// are public but which nobody else may change, are in a directory.
type store struct {
	dir    string
	device pgp.Device

	mu   sync.Mutex
	keys map[string]opened
}

// opened is a key with the digest of its certificate's file.
type opened struct {
	digest [sha256.Size]byte
	key    *pgp.Key
}

// openStore returns the keyring of a directory, made if there is none.
func openStore(dir string, d pgp.Device) (*store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%w: make %s private with chmod 700", keyring.ErrExposed, dir)
	}
	return &store{dir: dir, device: d, keys: map[string]opened{}}, nil
}

// List implements keyring.Keyring.
func (s *store) List() ([]keyring.Entry, error) {
	files, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, err
	}
	var entries []keyring.Entry
	for _, f := range files {
		name, ok := strings.CutSuffix(f.Name(), extCertificate)
		if !ok {
			continue
		}
		authority, _ := strings.CutSuffix(name, "."+string(pgp.HSM4))
		entries = append(entries, keyring.Entry{File: f.Name(), Authority: authority, Suite: pgp.HSM4})
	}
	slices.SortFunc(entries, func(a, b keyring.Entry) int { return strings.Compare(a.File, b.File) })
	return entries, nil
}

// Key implements keyring.Keyring.
func (s *store) Key(name string) (*pgp.Key, error) {
	path, err := s.path(name)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	certificate, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", keyring.ErrNoKey, name)
	}
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(certificate)
	if known, ok := s.keys[name]; ok && known.digest == digest {
		return known.key, nil
	}
	key, err := pgp.OpenIn(s.device, certificate)
	if err != nil {
		return nil, err
	}
	s.keys[name] = opened{digest, key}
	return key, nil
}

// Keep implements keyring.Keyring.
func (s *store) Keep(name string, key *pgp.Key) error {
	path, err := s.path(name)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	certificate := key.Certificate().Bytes()
	if err := durable.Replace(path, certificate, 0o600); err != nil {
		return err
	}
	s.keys[name] = opened{sha256.Sum256(certificate), key}
	return nil
}

// Generate implements keyring.Generator.
func (s *store) Generate(name string, suite pgp.Suite, userID string, at time.Time) (*pgp.Key, error) {
	if suite != pgp.HSM4 {
		return nil, fmt.Errorf("%w: a device makes keys of %s, not of %s", keyring.ErrUnsupported, pgp.HSM4, suite)
	}
	if _, err := s.Key(name); !errors.Is(err, keyring.ErrNoKey) {
		return nil, errors.Join(fmt.Errorf("%w: there is a key %s already", keyring.ErrUnsupported, name), err)
	}
	key, err := pgp.GenerateIn(s.device, userID, at, 0)
	if err != nil {
		return nil, err
	}
	return key, s.Keep(name, key)
}

// path returns the file of a key; a name that could be another place is refused.
func (s *store) path(name string) (string, error) {
	if name == "" || name[0] == '.' || strings.ContainsAny(name, "/\\\x00") || len(name) > 128 {
		return "", fmt.Errorf("%w: %q is no name of a key", keyring.ErrNoKey, name)
	}
	return filepath.Join(s.dir, name+extCertificate), nil
}
