package desk

import (
	"context"
	"errors"
	"fmt"

	"github.com/entraide/entraide/internal/keyring"
	"github.com/entraide/entraide/pkg/directory"
)

// ErrNotOwn says that an authority is not one of this desk's State.
var ErrNotOwn = errors.New("this is not an authority of this desk's State")

// SignStanding suspends, restores or revokes an authority of the State with the
// State's key, and returns the signed statement, to be carried to the broker. It is checked
// here as the broker will check it.
func (d *Desk) SignStanding(ctx context.Context, authority, standing, reason string) (directory.Signed, error) {
	none := directory.Signed{}
	party, err := d.party()
	if err != nil {
		return none, err
	}
	if directory.PartyOf(authority) != party || authority == party {
		return none, fmt.Errorf("%w: %s", ErrNotOwn, authority)
	}
	key, err := d.keys.Key(keyring.Party)
	if err != nil {
		return none, err
	}
	dir, now := d.Directory(), d.now()
	h := directory.Heading{Typ: directory.TypStanding, Subject: authority, Signer: party}
	h.Number, h.Previous = dir.Next(authority)
	signed, err := directory.Sign(key, directory.StandingStatement{Heading: h, Standing: standing, Reason: reason}, now)
	if err != nil {
		return none, err
	}
	if _, err := dir.Apply(signed, dir.Size()); err != nil {
		return none, err
	}
	return signed, d.asked(ctx, signed)
}

// SetStanding signs as [Desk.SignStanding] does and publishes, with the newest
// directory.
func (d *Desk) SetStanding(ctx context.Context, authority, standing, reason string) error {
	if err := d.followDirectory(ctx); err != nil {
		return err
	}
	signed, err := d.SignStanding(ctx, authority, standing, reason)
	if err != nil {
		return err
	}
	return d.Submit(ctx, []directory.Signed{signed})
}

// Submit hands signed statements to the broker, in order, and takes them into the
// desk's own directory. It does not matter who has signed them; those that the
// directory has already may be among them.
func (d *Desk) Submit(ctx context.Context, statements []directory.Signed) error {
	for i, signed := range statements {
		if _, err := d.client.Publish(ctx, signed); err != nil {
			return fmt.Errorf("statement %d of %d: %w", i+1, len(statements), err)
		}
	}
	return d.followDirectory(ctx)
}
