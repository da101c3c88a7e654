package desk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/workflow"
)

// An Order is a message that an officer wants to send.
type Order struct {
	From, To string
	// Case is empty for the first message of a case: an id is minted.
	Case  message.ID
	Act   workflow.Act
	Final bool
	// Lane may be empty in a case that exists: its lane is taken.
	Lane workflow.Lane
	Body []byte // JSON
	// Evidence names directories of sealed evidence (see [Desk.SealEvidence]) that
	// travel with a delivery.
	Evidence []string
	// NotAfter is when the broker must no longer take it; zero for a week.
	NotAfter time.Time
}

// Send checks the order as far as can be done without the broker, mints the
// message's id, and puts it into the outbox: when Send returns, the message
// will be sent once, however often the desk is stopped or the line breaks. It
// returns the ids of message and case.
//
// A refusal is a *problem.Error. Where the office wants a second person for the
// lane of the message, only [Desk.SendReleased] sends.
func (d *Desk) Send(ctx context.Context, o Order) (id, caseID message.ID, err error) {
	return d.send(ctx, o, nil)
}

// SendReleased sends an order that an officer released as the content with that
// digest (see [Desk.Content]); it is refused if it has another. What note does
// commits with the order or not at all. The release is noted under the id of the
// message, and nothing else is ever sealed under it.
func (d *Desk) SendReleased(ctx context.Context, o Order, r store.Release, note func(w store.DeskWriter, id, caseID string) error) (id, caseID message.ID, err error) {
	return d.send(ctx, o, func(w store.DeskWriter, put store.Order) error {
		if _, digest, err := contentOf(put); err != nil || digest != r.Digest {
			return errors.Join(problem.New(problem.WrongDigest, "digest", "This is not what was shown: look at it again."), err)
		}
		r.Message = put.ID
		if err := w.PutRelease(ctx, r); err != nil {
			return err
		}
		return note(w, put.ID, put.Case)
	})
}

// Try checks all that Send checks, and sends nothing.
func (d *Desk) Try(ctx context.Context, o Order) error {
	put, body, err := d.prepare(o)
	if err != nil {
		return err
	}
	return d.db.Read(ctx, func(r store.DeskReader) error {
		_, err := d.fits(ctx, r, o, put, body)
		return err
	})
}

// prepare checks what needs no database, and makes the order but for its lane
// and ids.
func (d *Desk) prepare(o Order) (store.Order, convention.Body, error) {
	none := store.Order{}
	body, err := convention.ParseBody(o.Body)
	if err != nil {
		return none, nil, err
	}
	if !convention.MayTravel(body.Kind(), string(o.Act)) {
		return none, nil, problem.Newf(problem.InvalidValue, "kind", "A %s cannot travel with the act %s.", body.Kind(), o.Act)
	}
	if _, err := d.Directory().Check(o.To, d.now()); err != nil {
		return none, nil, err
	}
	attached, err := d.attach(o, body)
	return store.Order{
		Case: string(o.Case), From: o.From, To: o.To, Act: string(o.Act), Final: o.Final, NotAfter: unix(o.NotAfter), Body: o.Body,
		CreatedAt: d.now().Unix(), State: store.OrderWaiting, Evidence: attached,
	}, body, err
}

// fits checks an order against the case file and returns it with its lane.
func (d *Desk) fits(ctx context.Context, r store.DeskReader, o Order, put store.Order, body convention.Body) (store.Order, error) {
	if err := d.sendable(ctx, r); err != nil {
		return put, err
	}
	lane, err := d.allowed(ctx, r, o)
	if err != nil {
		return put, err
	}
	put.Lane = string(lane)
	if _, ok := body.(*convention.Request); ok { // nothing else has warnings
		return put, d.complete(ctx, r, o)
	}
	return put, nil
}

// send puts an order into the outbox, with what else is to commit with it.
func (d *Desk) send(ctx context.Context, o Order, also func(store.DeskWriter, store.Order) error) (id, caseID message.ID, err error) {
	put, body, err := d.prepare(o)
	if err != nil {
		return "", "", err
	}
	if id, err = message.NewID(); err != nil {
		return "", "", err
	}
	if o.Case == "" {
		if o.Case, err = message.NewID(); err != nil {
			return "", "", err
		}
	}
	put.ID, put.Case = string(id), string(o.Case)
	err = d.db.Write(ctx, func(w store.DeskWriter) error {
		if put, err = d.fits(ctx, w, o, put, body); err != nil {
			return err
		}
		if also == nil {
			also = func(w store.DeskWriter, put store.Order) error { return unreleased(ctx, w, put) }
		}
		if err := w.PutOrder(ctx, put); err != nil {
			return err
		}
		if err := also(w, put); err != nil {
			return err
		}
		return d.record(ctx, w, "message ordered", string(id))
	})
	return id, o.Case, err
}

func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// allowed asks the procedure, as far as this desk knows the case, and returns
// the case's lane.
func (d *Desk) allowed(ctx context.Context, r store.DeskReader, o Order) (workflow.Lane, error) {
	letters, err := r.Letters(ctx, string(o.Case))
	if err != nil {
		return "", err
	}
	c, err := derive(ctx, r, letters)
	if err != nil {
		return "", err
	}
	if len(letters) > 0 {
		o.Lane = c.state.Lane
	}
	actor := workflow.Requesting
	if len(letters) > 0 && o.From != c.requesting {
		actor = workflow.Requested
	}
	e := workflow.Event{Act: o.Act, Actor: actor, Lane: o.Lane, Final: o.Final}
	e.Idle = len(letters) > 0 && d.now().Unix()-c.lastByRequesting >= int64(365*24*time.Hour/time.Second)
	_, err = workflow.Procedure().Next(c.state, e)
	return o.Lane, err
}

// pollInterval is how often a process looks for what another has done.
const pollInterval = 100 * time.Millisecond

// Await waits until the broker has accepted the message, and returns it, or
// refused it for good, which is a *problem.Error. It uploads evidence and moves
// the outbox itself unless another process of this desk does.
func (d *Desk) Await(ctx context.Context, id message.ID) (Message, error) {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		for _, step := range []func(context.Context) error{d.Upload, d.Sync} {
			if err := step(ctx); err != nil && !errors.Is(err, errBusy) {
				return Message{}, err
			}
		}
		m, done, err := d.outcome(ctx, id)
		if done || err != nil {
			return m, err
		}
		select {
		case <-ctx.Done():
			return Message{}, ctx.Err()
		case <-tick.C:
		}
	}
}

// Sent reports what has become of a message that was ordered: the message, whose
// Created is empty while it waits, or why the broker refused it for good, which is
// a *problem.Error.
func (d *Desk) Sent(ctx context.Context, id string) (Message, error) {
	m, _, err := d.outcome(ctx, message.ID(id))
	return m, err
}

// outcome reports what has become of a message.
func (d *Desk) outcome(ctx context.Context, id message.ID) (m Message, done bool, err error) {
	err = d.db.Read(ctx, func(r store.DeskReader) error {
		letter, err := r.Letter(ctx, string(id))
		if err == nil {
			m, done = viewOf(letter), true
			return nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		order, err := r.Order(ctx, string(id))
		if errors.Is(err, store.ErrNotFound) {
			return problem.New(problem.NotFound, "id", "This desk has no such message.")
		}
		if err != nil {
			return err
		}
		if order.State == store.OrderRefused {
			done = true
			return refusalOf(order)
		}
		return nil
	})
	return m, done, err
}

// refusalOf reads why an order was refused.
func refusalOf(o store.Order) error {
	p, err := readProblem(o.Problem)
	if err != nil {
		return fmt.Errorf("reading why %s was refused: %w", o.ID, err)
	}
	return p
}
