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
// A refusal is a *problem.Error.
func (d *Desk) Send(ctx context.Context, o Order) (id, caseID message.ID, err error) {
	body, err := convention.ParseBody(o.Body)
	if err != nil {
		return "", "", err
	}
	if !convention.MayTravel(body.Kind(), string(o.Act)) {
		return "", "", problem.Newf(problem.InvalidValue, "kind", "A %s cannot travel with the act %s.", body.Kind(), o.Act)
	}
	if _, err := d.Directory().Check(o.To, d.now()); err != nil {
		return "", "", err
	}
	attached, err := d.attach(o, body)
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
	err = d.db.Write(ctx, func(w store.DeskWriter) error {
		if err := d.sendable(ctx, w); err != nil {
			return err
		}
		if o.Lane, err = d.allowed(ctx, w, o); err != nil {
			return err
		}
		if _, ok := body.(*convention.Request); ok { // nothing else has warnings
			if err := d.complete(ctx, w, o); err != nil {
				return err
			}
		}
		if err := w.PutOrder(ctx, store.Order{
			ID: string(id), Case: string(o.Case), From: o.From, To: o.To, Act: string(o.Act), Final: o.Final,
			Lane: string(o.Lane), NotAfter: unix(o.NotAfter), Body: o.Body, CreatedAt: d.now().Unix(), State: store.OrderWaiting,
			Evidence: attached,
		}); err != nil {
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
