package desk

import (
	"context"
	"errors"
	"time"

	"github.com/entraide/entraide/internal/keyring"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
)

// ErrNoRecovery says that there is nothing to recover keys from.
var ErrNoRecovery = keyring.ErrNoRecovery

// recordRotated is what the desk's own log says of who had keys rotated.
const recordRotated = "keys rotated on request"

// RotateBy is [Desk.Rotate] for a key custodian, whom the desk's own log names.
func (d *Desk) RotateBy(ctx context.Context, o Officer, r Rotation) error {
	if err := o.Require(KeyCustodian); err != nil {
		return err
	}
	if err := d.Rotate(ctx, r); err != nil {
		return err
	}
	return d.db.Write(ctx, func(w store.DeskWriter) error { return d.Record(ctx, w, o.ID, recordRotated, r.Authority) })
}

// RevokeBy is [Desk.Revoke] for a key custodian, whom the desk's own log names.
func (d *Desk) RevokeBy(ctx context.Context, o Officer, r Revocation) error {
	if err := o.Require(KeyCustodian); err != nil {
		return err
	}
	if err := d.Revoke(ctx, r); err != nil {
		return err
	}
	return d.db.Write(ctx, func(w store.DeskWriter) error { return d.Record(ctx, w, o.ID, recordRevoked, r.Authority+" "+r.Subkey) })
}

// DestroyKeysBy is [Desk.DestroyKeys] for a key custodian, whom the desk's own log
// names.
func (d *Desk) DestroyKeysBy(ctx context.Context, o Officer, before time.Time) (Destruction, error) {
	if err := o.Require(KeyCustodian); err != nil {
		return Destruction{}, err
	}
	if err := d.db.Write(ctx, func(w store.DeskWriter) error {
		return d.Record(ctx, w, o.ID, recordDestroyed, directory.At(before).String())
	}); err != nil {
		return Destruction{}, err
	}
	return d.DestroyKeys(ctx, before)
}

// What the desk's own log says of who had keys revoked or destroyed.
const (
	recordRevoked   = "subkey revoked on request"
	recordDestroyed = "destruction of old keys asked for"
)

// DestroyBefore is the time before which the policy has keys destroyed that were out
// of use by then; zero if it keeps all.
func (d *Desk) DestroyBefore() (time.Time, error) {
	p, err := d.KeyPolicy()
	if err != nil || p.KeepDays == 0 {
		return time.Time{}, err
	}
	return d.now().AddDate(0, 0, -p.KeepDays), nil
}

// Who holds the keys of a home.
const (
	KeysHere  = "here"  // this process, in the clear
	KeysLater = "later" // this process, once one is needed
	KeysAgent = "agent" // the key agent, unlocked
	KeysNone  = "none"  // nobody: they are locked
)

// KeysHeld says who holds the home's keys. It unlocks nothing.
func (d *Desk) KeysHeld() (string, error) {
	socket, err := d.keys.Agent()
	if err != nil {
		return "", err
	}
	if socket != "" {
		names, err := keyring.NewAgentClient(socket).Names()
		if err != nil || len(names) == 0 {
			return KeysNone, nil //nolint:nilerr // an agent that does not answer holds nothing
		}
		_, err = keyring.NewAgentClient(socket).Key(names[0])
		if errors.Is(err, keyring.ErrLocked) {
			return KeysNone, nil
		}
		return KeysAgent, err
	}
	if d.keys.Unlocked() {
		return KeysHere, nil
	}
	return KeysLater, nil
}

// PartyKey returns the fingerprint of the State's key as the directory has it; empty
// if the State is not admitted yet.
func (d *Desk) PartyKey() string {
	p, err := d.Directory().Party(d.Party())
	if err != nil {
		return ""
	}
	return p.Certificate.Fingerprint()
}

// A KeyChange is that an authority has a key in the place of another.
type KeyChange struct {
	Suite  pgp.Suite
	At     time.Time // when the statement with the new key was signed
	Before string    // fingerprint of the key before it
}

// KeyChanges returns the newest exchange of each key that an authority has now;
// renewed subkeys do not count as one.
func (d *Desk) KeyChanges(authority string) []KeyChange {
	dir, changes := d.Directory(), []KeyChange{}
	for _, suite := range pgp.Suites() {
		since, ok := dir.KeySince(authority, suite)
		if !ok {
			continue
		}
		before, err := dir.AsOf(since.Index).Authority(authority)
		if err != nil || before.Certificates[suite] == nil {
			continue // it is the first
		}
		changes = append(changes, KeyChange{Suite: suite, At: since.Issued.Time, Before: before.Certificates[suite].Fingerprint()})
	}
	return changes
}
