package desk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/verify"
	"github.com/entraide/entraide/pkg/wire"
)

const (
	// freshFor is how old the newest cosignature may be before the desk asks for a
	// checkpoint that has newer ones: the broker has them made every five minutes.
	freshFor = 10 * time.Minute
	// oldAfter is how old it may be before that is an incident.
	oldAfter = time.Hour
	// witnessedWithin is how long a message may be without a witnessed receipt, and
	// answeredWithin without any answer, before that is an incident.
	witnessedWithin = time.Minute
	answeredWithin  = time.Minute
	// waitPage bounds the receipts that are asked for at a time.
	waitPage = 64
)

// ErrOld says that the broker shows an old state of its log, or that its
// witnesses are silent.
var ErrOld = errors.New("nobody vouches for the present state of the broker's log")

// ErrSilent says that the broker does not answer what it was sent.
var ErrSilent = errors.New("the broker has not answered")

// freshAt returns when the log was last known to be in its present state; the
// zero time before the first look.
func freshAt(ctx context.Context, r store.DeskReader) (time.Time, error) {
	_, at, err := r.Seen(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return time.Time{}, nil
	}
	return time.Unix(at, 0).UTC(), err
}

// demanding returns the policy of the log if it takes somebody besides this desk
// to vouch for a checkpoint; else nil.
func (d *Desk) demanding() *translog.Policy {
	policy := d.trust.Policy()
	if policy == nil || policy.Met(nil) {
		return nil
	}
	if d.witness != nil && policy.Met([]translog.Cosignature{{Key: d.witness.Key()}}) {
		return nil
	}
	return policy
}

// vouchedAt returns when somebody else last vouched for the state of the log: the
// time of the newest cosignature of a checkpoint, or before. A log without
// witnesses has no such time, and what it shows is taken for the present.
func (d *Desk) vouchedAt(signed []byte, before time.Time) time.Time {
	now, policy := d.now(), d.demanding()
	if policy == nil || before.IsZero() {
		before = now
	}
	if policy == nil {
		return before
	}
	open, err := policy.Open(signed, d.trust.Origin, d.trust.Keys()...)
	if err != nil {
		return before
	}
	for _, c := range open.By {
		own := d.witness != nil && c.Key.String() == d.witness.Key().String()
		if !own && c.At.After(before) && !c.At.After(now) {
			before = c.At
		}
	}
	return before
}

// freshen makes sure that somebody vouches for what the broker shows as the
// present state of its log: yesterday's is signed as well as today's. What is too
// old is an incident.
func (d *Desk) freshen(ctx context.Context, shown []byte) error {
	if d.demanding() == nil {
		return nil
	}
	at, err := d.freshness(ctx)
	if err != nil || d.now().Sub(at) <= freshFor {
		return err
	}
	witnessed, err := d.client.Fetch(ctx, "checkpoint/witnessed")
	if err != nil && problem.CodeOf(err) != problem.NotFound {
		return fmt.Errorf("%w: %w", errLater, err)
	}
	if err == nil {
		checkpoint, err := d.trust.Checkpoint(witnessed)
		if err != nil {
			return d.incident(ctx, err, witnessed, nil)
		}
		if err := d.observe(ctx, checkpoint, witnessed); err != nil {
			return err
		}
		if at, err = d.freshness(ctx); err != nil {
			return err
		}
	}
	if d.now().Sub(at) <= oldAfter {
		return nil
	}
	return d.accuse(ctx, fmt.Errorf("%w: the newest cosignature that it shows is of %s; an old state of the log looks like that, and so do witnesses that are silent",
		ErrOld, at.Format(time.RFC3339)), shown, witnessed)
}

// freshness reads when the log was last known to be in its present state.
func (d *Desk) freshness(ctx context.Context) (at time.Time, err error) {
	err = d.db.Read(ctx, func(r store.DeskReader) (err error) {
		at, err = freshAt(ctx, r)
		return err
	})
	return at, err
}

// pumpReceipts fetches the witnessed receipts of own messages, in the place of
// those under the broker's signature alone. One that does not come is an incident;
// the receipt there is stays, as evidence of what the broker accepted.
func (d *Desk) pumpReceipts(ctx context.Context) error {
	var waits []store.Wait
	if err := d.db.Read(ctx, func(r store.DeskReader) (err error) {
		waits, err = r.Waits(ctx, waitPage)
		return err
	}); err != nil {
		return err
	}
	for _, w := range waits {
		witnessed, err := d.witnessedReceipt(ctx, w)
		if err != nil {
			return err
		}
		if since := time.Unix(w.Since, 0).UTC(); !witnessed && d.now().Sub(since) > witnessedWithin {
			return d.unwitnessed(ctx, w, since)
		}
	}
	return nil
}

// witnessedReceipt fetches the best receipt of a message and keeps it if a quorum
// vouches for it.
func (d *Desk) witnessedReceipt(ctx context.Context, w store.Wait) (bool, error) {
	best, err := d.client.Receipt(ctx, w.Message)
	if problem.CodeOf(err) == problem.NotFound {
		return true, d.waitNoMore(ctx, w) // it was erased
	}
	if err != nil {
		return false, fmt.Errorf("%w: %w", errLater, err)
	}
	if best.Grade != wire.GradeWitnessed {
		return false, nil
	}
	var l store.Letter
	err = d.db.Read(ctx, func(r store.DeskReader) (err error) {
		l, err = r.Letter(ctx, w.Message)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return true, d.waitNoMore(ctx, w) // it was erased here
	}
	if err != nil {
		return false, err
	}
	m, err := message.Parse(l.Sealed)
	if err != nil {
		return false, err
	}
	a, err := d.trust.Message(m, []byte(best.Receipt), d.Directory())
	if err == nil && a.Index != l.Index {
		err = fmt.Errorf("%w: the broker gives another place in its log to a message that it accepted before", verify.ErrMisbehaviour)
	}
	if err != nil {
		return false, d.accuse(ctx, err, l.Receipt, []byte(best.Receipt))
	}
	if err := d.observe(ctx, a.Checkpoint, []byte(best.Receipt)); err != nil || !a.Witnessed {
		return false, err
	}
	return true, d.db.Write(ctx, func(t store.DeskWriter) error {
		l, err := t.Letter(ctx, w.Message)
		if err != nil {
			return err
		}
		l.Receipt = []byte(best.Receipt)
		if err := t.PutLetter(ctx, l); err != nil {
			return err
		}
		return t.DeleteWait(ctx, w.Message)
	})
}

func (d *Desk) waitNoMore(ctx context.Context, w store.Wait) error {
	return d.db.Write(ctx, func(t store.DeskWriter) error { return t.DeleteWait(ctx, w.Message) })
}

// unwitnessed makes an incident of a receipt that nobody vouches for.
func (d *Desk) unwitnessed(ctx context.Context, w store.Wait, since time.Time) error {
	var l store.Letter
	if err := d.db.Read(ctx, func(r store.DeskReader) (err error) {
		l, err = r.Letter(ctx, w.Message)
		return err
	}); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return d.accuse(ctx, fmt.Errorf("%w: no quorum of witnesses has vouched for what the broker has accepted since %s, first message %s",
		ErrOld, since.Format(time.RFC3339), w.Message), l.Receipt, nil)
}

// unanswered makes an incident of a message that was handed in a while ago and got
// neither a receipt nor a refusal, although the broker answers otherwise: it may
// be dropping it (row 9 of the threats). Nothing proves that; another line to the
// broker may show it.
func (d *Desk) unanswered(ctx context.Context, m *message.Message, cause error) error {
	at := m.Core.Created.Time
	if d.now().Sub(at) <= answeredWithin {
		return nil
	}
	return d.accuse(ctx, fmt.Errorf("%w: message %s was handed in first at %s, and got neither a receipt nor a refusal",
		ErrSilent, m.Core.ID, at.Format(time.RFC3339)), []byte(m.HeaderText), []byte(cause.Error()))
}
