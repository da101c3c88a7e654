package desk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/entraide/entraide/internal/keyring"
)

// ErrNoAgent says that a home has no key agent.
var ErrNoAgent = errors.New("this home has no key agent: its commands ask for the passphrase themselves; make one with `entraide key agent`")

// agentSocket is the socket of a key agent that was given no other.
const agentSocket = "agent.sock"

// AgentOptions are what a key agent is started with.
type AgentOptions struct {
	Socket    string        // the home's agent.sock if it is empty
	LockAfter time.Duration // unused; 0 is never
	// Passphrase unlocks the keys at once; nil leaves them locked.
	Passphrase func() ([]byte, error)
	Log        *slog.Logger
	// Ready is told the socket when the agent answers there.
	Ready func(socket string)
}

// keysOf returns the keyring of a home, which must be private.
func keysOf(home string, passphrase func() ([]byte, error)) (keyring.Home, error) {
	info, err := os.Stat(filepath.Join(home, keysDir))
	if err != nil {
		return keyring.Home{}, ErrNoHome
	}
	if outer, err := os.Stat(home); err != nil || (outer.Mode()|info.Mode()).Perm()&0o077 != 0 {
		return keyring.Home{}, errors.Join(ErrExposed, err)
	}
	return keyring.OpenHome(filepath.Join(home, keysDir), passphrase), nil
}

// ServeAgent holds the home's keys for its other processes, until ctx ends.
// From now on these ask the agent and nobody else, until ForgetAgent.
func ServeAgent(ctx context.Context, home string, o AgentOptions) error {
	keys, err := keysOf(home, keyring.Locked)
	if err != nil {
		return err
	}
	if o.Socket == "" {
		o.Socket = filepath.Join(home, agentSocket)
	}
	if o.Socket, err = filepath.Abs(o.Socket); err != nil {
		return err
	}
	if o.Passphrase != nil {
		secret, err := o.Passphrase()
		if err != nil {
			return err
		}
		if err := keys.Unlock(secret); err != nil {
			return err
		}
	}
	listener, err := keyring.Listen(ctx, o.Socket)
	if err != nil {
		return fmt.Errorf("starting the key agent: %w", err)
	}
	if err := keys.UseAgent(o.Socket); err != nil {
		return errors.Join(err, listener.Close())
	}
	o.Ready(o.Socket)
	server := &keyring.Server{Keys: keys.Files, Log: o.Log, LockAfter: o.LockAfter}
	return server.Serve(ctx, listener)
}

// agentOf returns a client of the home's key agent.
func agentOf(home string) (*keyring.Client, error) {
	keys, err := keysOf(home, keyring.Locked)
	if err != nil {
		return nil, err
	}
	socket, err := keys.Agent()
	if err == nil && socket == "" {
		err = ErrNoAgent
	}
	return keyring.NewAgentClient(socket), err
}

// LockAgent has the home's key agent forget the keys.
func LockAgent(home string) error {
	agent, err := agentOf(home)
	if err != nil {
		return err
	}
	return agent.Lock()
}

// UnlockAgent has the home's key agent unlock the keys.
func UnlockAgent(home string, passphrase func() ([]byte, error)) error {
	agent, err := agentOf(home)
	if err != nil {
		return err
	}
	secret, err := passphrase()
	if err != nil {
		return err
	}
	return agent.Unlock(secret)
}

// ForgetAgent has the home's processes unlock the keys themselves again.
func ForgetAgent(home string) error {
	keys, err := keysOf(home, keyring.Locked)
	if err != nil {
		return err
	}
	return keys.UseAgent("")
}
