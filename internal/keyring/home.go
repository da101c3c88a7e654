package keyring

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/durable"
	"github.com/entraide/entraide/pkg/pgp"
)

const (
	// extHSM ends the file that says which helper has a key: its socket.
	extHSM = ".hsm"
	// agentFile names the socket of the key agent of a home that has one.
	agentFile = "agent"
)

// Home is the keyring of a home: its locked files, unlocked here or by its key
// agent, and the keys that devices hold for it.
type Home struct {
	*Files
}

// OpenHome returns the keyring in a directory.
func OpenHome(dir string, passphrase func() ([]byte, error)) Home {
	return Home{NewFiles(dir, passphrase)}
}

// List implements Keyring.
func (h Home) List() ([]Entry, error) { return listDir(h.dir, extKey, extHSM) }

// Key implements Keyring.
func (h Home) Key(name string) (*pgp.Key, error) {
	socket, err := h.socket(name + extHSM)
	if err != nil {
		return nil, err
	}
	if socket != "" {
		return NewHSMClient(socket).Key(name)
	}
	agent, err := h.Agent()
	if err != nil {
		return nil, err
	}
	if agent != "" {
		return NewAgentClient(agent).Key(name)
	}
	return h.Files.Key(name)
}

// Keep implements Keyring.
func (h Home) Keep(name string, key *pgp.Key) error {
	if key.Elsewhere() {
		return nil
	}
	return h.Files.Keep(name, key)
}

// GenerateHSM has the helper behind a socket make a key of hsm-4 and notes where
// it is.
func (h Home) GenerateHSM(socket, name, userID string, at time.Time) (*pgp.Key, error) {
	socket, err := filepath.Abs(socket)
	if err != nil {
		return nil, err
	}
	key, err := NewHSMClient(socket).Generate(name, pgp.HSM4, userID, at)
	if err != nil {
		return nil, err
	}
	return key, durable.Replace(filepath.Join(h.dir, HSMFile(name)), []byte(socket+"\n"), 0o600)
}

// HSMFile returns the name of the file that says which helper has a key: the path
// of its socket on one line.
func HSMFile(name string) string { return name + extHSM }

// InHSM reports whether a device has the key with a name.
func (h Home) InHSM(name string) bool {
	socket, err := h.socket(HSMFile(name))
	return err == nil && socket != ""
}

// Agent returns the socket of the home's key agent, or "" if it has none.
func (h Home) Agent() (string, error) { return h.socket(agentFile) }

// UseAgent has every process of the home ask the agent at a socket, running or
// not; with "" they unlock the keys themselves again.
func (h Home) UseAgent(socket string) error {
	path := filepath.Join(h.dir, agentFile)
	if socket == "" {
		err := os.Remove(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	return durable.Replace(path, []byte(socket+"\n"), 0o600)
}

// socket reads a file that names one; "" if there is no such file.
func (h Home) socket(file string) (string, error) {
	data, err := os.ReadFile(filepath.Join(h.dir, file))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading who holds a key: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}
