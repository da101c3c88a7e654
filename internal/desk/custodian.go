package desk

import (
	"context"
	"time"

	"github.com/entraide/entraide/internal/keyring"
	"github.com/entraide/entraide/internal/store"
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
