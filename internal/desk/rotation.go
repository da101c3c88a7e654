package desk

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/entraide/entraide/internal/durable"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/witness"
	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/verify"
	"github.com/entraide/entraide/pkg/wire"
)

// TakeBroker takes the keys of the broker's log from a new description of it. The
// key that the desk knows must vouch for the new one: it still signs what the
// broker shows, it has signed the log's own entry of the new key, and that entry
// is of the history that the desk has seen. Nothing else of the description is
// taken. Errors wrap [translog.ErrRotation].
//
// With compared, a person has compared the description over another channel, and
// all of it is taken; it must still be of the same log and directory. Other
// processes that have the home open go on with what they have read.
func (d *Desk) TakeBroker(ctx context.Context, b wire.Broker, compared bool) error {
	next, err := verify.NewTrust(b)
	if err != nil {
		return err
	}
	if next.Origin != d.trust.Origin || next.Anchor != d.trust.Anchor {
		return fmt.Errorf("%w: it is about another broker", translog.ErrRotation)
	}
	if !compared {
		if err := d.vouched(ctx, next, b.Rotation); err != nil {
			return err
		}
		keys := b
		b = d.public
		b.LogKey, b.LogKeys, b.Rotation = keys.LogKey, keys.LogKeys, keys.Rotation
	}
	if d.witness != nil {
		if err := witness.SetKeys(filepath.Join(d.home, witnessDir), next.LogKeys()); err != nil {
			return err
		}
	}
	text, err := strictjson.Marshal(b)
	if err != nil {
		return err
	}
	if err := durable.Replace(filepath.Join(d.home, brokerFile), append(text, '\n'), 0o600); err != nil {
		return err
	}
	how := "vouched for by the key before"
	if compared {
		how = "compared over another channel"
	}
	if err := d.db.Write(ctx, func(w store.DeskWriter) error {
		return d.record(ctx, w, "broker's description taken", b.LogKey+", "+how)
	}); err != nil {
		return err
	}
	d.client.Close()
	d.public = wire.Broker{}
	return d.readFiles()
}

// vouched checks that the log's key before vouches for the next.
func (d *Desk) vouched(ctx context.Context, next verify.Trust, rotation string) error {
	if err := next.Succeeds(d.trust, rotation); err != nil {
		return err
	}
	shown, signed, err := d.fetchCheckpoint(ctx)
	if errors.Is(err, translog.ErrOtherKey) {
		return fmt.Errorf("%w: the key that this desk knows does not sign any more, so it can vouch for nothing", translog.ErrRotation)
	}
	if err != nil || rotation == "" {
		return err
	}
	if err := d.observe(ctx, shown, signed); err != nil {
		return err
	}
	entry, err := next.Checkpoint(signedIn([]byte(rotation)))
	if err != nil {
		return d.incident(ctx, err, []byte(rotation), nil)
	}
	if entry.Size > shown.Size {
		return fmt.Errorf("%w: its entry is not in the log that the broker shows", translog.ErrRotation)
	}
	_, _, err = d.agrees(ctx, entry, []byte(rotation))
	return err
}
