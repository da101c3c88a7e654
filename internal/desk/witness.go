package desk

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"time"

	"github.com/entraide/entraide/internal/witness"
	"github.com/entraide/entraide/pkg/translog"
)

// cosignAgain is how old the desk's cosignature of the newest checkpoint may
// become.
const cosignAgain = 5 * time.Minute

// openWitness opens the desk's part as a witness. A home that was made before
// desks were witnesses has none.
func (d *Desk) openWitness() error {
	w, err := witness.Open(filepath.Join(d.home, witnessDir), d.Now, d.Log)
	if errors.Is(err, witness.ErrNoHome) {
		return nil
	}
	d.witness = w
	return err
}

// cosign vouches for a checkpoint that the desk has verified, if the log's
// policy counts on this desk. Trouble with it stops nothing else.
func (d *Desk) cosign(ctx context.Context, cp translog.Checkpoint, signed []byte) {
	policy := d.trust.Policy()
	if policy == nil || d.witness == nil || !slices.ContainsFunc(policy.Witnesses, func(w translog.Witness) bool {
		return w.Key.String() == d.witness.Key().String()
	}) {
		return
	}
	own, err := translog.ReadCosignature(cp, signed[len(cp.Text())+1:], d.witness.Key())
	if err == nil && d.Now().Sub(own.At) < cosignAgain {
		return
	}
	if err := d.handCosignature(ctx, cp, signed); err != nil {
		d.Log.Warn("checkpoint not cosigned", "err", err)
	}
}

// handCosignature cosigns the checkpoint, unless the desk has gone beyond it,
// and hands it in.
func (d *Desk) handCosignature(ctx context.Context, cp translog.Checkpoint, signed []byte) error {
	old, err := d.witness.Size(ctx, cp.Origin)
	if err != nil || old > cp.Size {
		return err
	}
	proof, err := translog.ProveConsistency(ctx, old, cp.Size, translog.TileReader(cp, d.client.Fetch))
	if err != nil {
		return err
	}
	line, err := d.witness.Add(ctx, translog.AddCheckpoint{Old: old, Proof: proof, Checkpoint: signed})
	if err != nil {
		return err
	}
	return d.client.Cosign(ctx, slices.Concat(signed, line))
}
