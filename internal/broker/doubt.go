package broker

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/translog"
)

const (
	// clockTolerance is how far the broker's clock may be from those of its
	// witnesses.
	clockTolerance = 10 * time.Minute
	// DefaultWithoutQuorum is how long messages are accepted while no quorum of
	// witnesses vouches for the log, unless the configuration says otherwise.
	DefaultWithoutQuorum = 72 * time.Hour
	// quorumGrace is how long a broker that starts waits for its witnesses.
	quorumGrace = 10 * time.Minute
)

// A doubt is what speaks against going on: what witnesses have said of this log
// and this clock. A single witness, down, wrong or bribed, stops nothing; it
// takes as many as the policy trusts to make up the quorum, or to prevent it.
type doubt struct {
	mu      sync.Mutex
	started time.Time
	quorum  time.Time                // when a quorum last vouched for the log
	other   map[string]bool          // witnesses that have seen another history
	skew    map[string]time.Duration // how far a witness's clock is ahead of ours
}

// openDoubt reads when a quorum last vouched for the log.
func (b *Broker) openDoubt(ctx context.Context) error {
	b.doubt = &doubt{started: b.Now(), quorum: b.Now(), other: map[string]bool{}, skew: map[string]time.Duration{}}
	if b.Policy == nil {
		return nil
	}
	return b.Store.Read(ctx, func(r store.Reader) error {
		note, err := newestWitnessed(ctx, r)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		open, err := b.Policy.Open(note, b.Origin, b.Keys...)
		if err != nil {
			return err
		}
		b.doubt.quorum = time.Time{}
		for _, c := range open.By {
			if c.At.After(b.doubt.quorum) && !c.At.After(b.doubt.started) {
				b.doubt.quorum = c.At
			}
		}
		return nil
	})
}

// vouched notes that a quorum vouches for the log.
func (d *doubt) vouched(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.quorum = now
}

// heard notes what a witness that was asked has said: that it has seen another
// history, or a time by its clock. answered is how long that took.
func (d *doubt) heard(w translog.Witness, conflict bool, ahead time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := w.Key.String()
	if d.other[key] = conflict; !conflict {
		d.skew[key] = ahead
	}
}

// against returns why messages cannot be accepted now; nil if they can.
func (d *doubt) against(p *translog.Policy, now time.Time, withoutQuorum time.Duration) *problem.Error {
	if p == nil || p.Met(nil) { // the policy demands nobody
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var loyal, astray []translog.Cosignature
	for _, w := range p.Witnesses {
		key := w.Key.String()
		if !d.other[key] {
			loyal = append(loyal, translog.Cosignature{Key: w.Key})
		}
		if d.skew[key].Abs() > clockTolerance {
			astray = append(astray, translog.Cosignature{Key: w.Key})
		}
	}
	switch {
	case !p.Met(loyal):
		return problem.New(problem.LogUnavailable, "", "Witnesses have seen another history of this log; its operator has been alarmed.")
	case p.Met(astray):
		return problem.New(problem.LogUnavailable, "", "The broker's clock is not that of its witnesses; its operator has been alarmed.")
	case now.Sub(d.quorum) > withoutQuorum && now.Sub(d.started) > quorumGrace:
		return problem.New(problem.LogUnavailable, "", "No quorum of witnesses has vouched for the log for too long; its operator has been alarmed.")
	}
	return nil
}

// trusted returns nil if messages can be accepted, as far as the witnesses of the
// log are concerned.
func (b *Broker) trusted() error {
	if p := b.doubt.against(b.Policy, b.Now(), b.WithoutQuorum); p != nil {
		b.Log.Error("no messages are accepted", "err", p)
		return p
	}
	return nil
}

// newestWitnessed returns the newest witnessed checkpoint with all cosignatures
// that it has by now.
func newestWitnessed(ctx context.Context, r store.Reader) ([]byte, error) {
	cp, err := r.LatestWitnessed(ctx)
	if err != nil {
		return nil, err
	}
	signed, err := r.Checkpoint(ctx, cp.Size)
	if err != nil || signed.Size != cp.Size {
		return cp.Note, err
	}
	return cosigned(ctx, r, signed)
}

// Witnessed returns the newest checkpoint that a quorum of witnesses has
// cosigned, with all cosignatures that it has by now.
func (b *Broker) Witnessed(ctx context.Context) (note []byte, err error) {
	err = b.Store.Read(ctx, func(r store.Reader) error {
		note, err = newestWitnessed(ctx, r)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, problem.New(problem.NotFound, "path", "No quorum of witnesses has cosigned a checkpoint of this log yet.")
	}
	return note, err
}
