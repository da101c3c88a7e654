package desk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/entraide/entraide/internal/keyring"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/verify"
	"github.com/entraide/entraide/pkg/workflow"
)

// staleAfter is how old the newest sight of the broker's log may be before
// nothing new is sent (protocol section 7).
const staleAfter = 24 * time.Hour

// maxSeals bounds how often one order is sealed anew in a row.
const maxSeals = 5

// errLater says that an order must wait: for the line, or for the broker.
var errLater = errors.New("the outbox has to wait")

// pumpOutbox sends what waits, oldest first, one in flight for each recipient.
// An order that has to wait keeps those behind it, to the same recipient,
// waiting too: their numbers depend on it.
func (d *Desk) pumpOutbox(ctx context.Context) error {
	orders, err := d.waiting(ctx)
	if err != nil {
		return err
	}
	var later error
	held := map[store.Pair]bool{}
	for _, o := range orders {
		pair := store.Pair{From: o.From, To: o.To}
		if held[pair] {
			continue
		}
		a, err := evidenceOf(o)
		if err != nil {
			return err
		}
		if len(a.Files) > 0 && !a.Uploaded {
			continue // it gets its number when its evidence is with the broker
		}
		err = d.dispatch(ctx, o)
		if errors.Is(err, errLater) {
			held[pair], later = true, errors.Join(later, err)
			continue
		}
		if err != nil {
			return err
		}
	}
	return later
}

// waiting returns the orders that wait, oldest first.
func (d *Desk) waiting(ctx context.Context) (orders []store.Order, err error) {
	err = d.db.Read(ctx, func(r store.DeskReader) (err error) {
		orders, err = r.Orders(ctx, store.OrderWaiting)
		return err
	})
	return orders, err
}

// dispatch sends one order until the broker has answered.
func (d *Desk) dispatch(ctx context.Context, o store.Order) error {
	for range maxSeals {
		m, err := d.sealed(ctx, &o)
		if refusal, ok := errors.AsType[*problem.Error](err); ok {
			return d.refused(ctx, o, refusal)
		}
		if errors.Is(err, ErrNoKey) {
			return fmt.Errorf("%w: %w", errLater, lackingKey(err))
		}
		if err != nil {
			return err
		}
		receipt, err := d.client.Submit(ctx, o.Sealed)
		if err == nil {
			return d.accepted(ctx, o, m, []byte(receipt))
		}
		again, err := d.afterRefusal(ctx, &o, m, err)
		if !again {
			return err
		}
	}
	return fmt.Errorf("%w: message %s was refused again and again", errLater, o.ID)
}

// sealed returns the order's message, sealing it now unless the outcome of an
// earlier attempt is still open. The sealed bytes are stored before they are
// sent, so that a retry repeats them.
func (d *Desk) sealed(ctx context.Context, o *store.Order) (*message.Message, error) {
	if len(o.Sealed) > 0 {
		return message.Parse(o.Sealed)
	}
	if err := d.asReleased(ctx, *o); err != nil {
		return nil, err
	}
	draft, err := d.draft(ctx, *o)
	if err != nil {
		return nil, err
	}
	suite, err := directory.PairSuite(draft.From, draft.To, d.now())
	if err != nil {
		return nil, err
	}
	key, err := d.keys.Key(keyring.NameOf(o.From, suite))
	if err != nil {
		return nil, err
	}
	m, err := message.Seal(draft, key, d.now())
	if err != nil {
		return nil, err
	}
	if o.Sealed, err = m.Wire(); err != nil {
		return nil, err
	}
	o.Attempts++
	return m, d.db.Write(ctx, func(w store.DeskWriter) error {
		if err := w.PutOrder(ctx, *o); err != nil {
			return err
		}
		return d.record(ctx, w, "message sealed and signed", o.ID)
	})
}

// draft completes an order with its place among what was sent and seen.
func (d *Desk) draft(ctx context.Context, o store.Order) (message.Draft, error) {
	dir := d.Directory()
	draft := message.Draft{
		ID: message.ID(o.ID), Case: message.ID(o.Case), Act: workflow.Act(o.Act), Final: o.Final,
		Lane: workflow.Lane(o.Lane), Directory: dir.Size(), Body: o.Body,
	}
	var err error
	if draft.From, err = dir.Check(o.From, d.now()); err != nil {
		return draft, err
	}
	if draft.To, err = dir.Check(o.To, d.now()); err != nil {
		return draft, err
	}
	if o.NotAfter > 0 {
		draft.NotAfter = time.Unix(o.NotAfter, 0)
	}
	a, err := evidenceOf(o)
	if err != nil {
		return draft, err
	}
	for _, f := range a.Files {
		draft.Evidence = append(draft.Evidence, message.Evidence{Ref: f.Ref, File: f.File})
	}
	err = d.db.Read(ctx, func(r store.DeskReader) error {
		seen, freshAt, err := r.Seen(ctx)
		if err != nil {
			return fmt.Errorf("%w: the log has not been seen yet", errLater)
		}
		if d.now().Sub(time.Unix(freshAt, 0)) > staleAfter {
			return fmt.Errorf("%w: the directory is more than a day old: neither the broker nor those who vouch for its log say that it is the present one", errLater)
		}
		seq, digest, err := r.Newest(ctx, store.Pair{From: o.From, To: o.To})
		if err != nil {
			return err
		}
		draft.Seen = string(signedIn(seen))
		draft.Seq, draft.Prev = seq+1, digest
		letters, err := r.Letters(ctx, o.Case)
		draft.After = newest(letters)
		return err
	})
	return draft, err
}

// newest returns the digests of the newest message of each side.
func newest(letters []store.Letter) []message.Digest {
	bySide := map[bool]message.Digest{}
	for _, l := range letters {
		bySide[l.Incoming] = message.Digest(l.Digest)
	}
	var after []message.Digest
	for _, digest := range bySide {
		after = append(after, digest)
	}
	slices.Sort(after)
	return after
}

// accepted verifies the receipt before anybody is told, and moves the message
// from the outbox to the case file.
func (d *Desk) accepted(ctx context.Context, o store.Order, m *message.Message, receipt []byte) error {
	a, err := d.trust.Message(m, receipt, d.Directory())
	if err == nil {
		err = d.observe(ctx, a.Checkpoint, receipt)
	}
	if err != nil {
		return d.incident(ctx, err, o.Sealed, receipt)
	}
	letter := letterOf(m, a, false, o.Body, o.Sealed, receipt)
	if letter.Code, err = d.ownCode(m, a.Index); err != nil {
		return err
	}
	return d.db.Write(ctx, func(w store.DeskWriter) error {
		if err := keep(ctx, w, letter); err != nil {
			return err
		}
		if err := w.DeleteOrder(ctx, o.ID); err != nil {
			return err
		}
		if d.demanding() != nil && !a.Witnessed {
			if err := w.PutWait(ctx, store.Wait{Message: letter.ID, Since: d.now().Unix()}); err != nil {
				return err
			}
		}
		return d.record(ctx, w, recordAccepted, o.ID)
	})
}

// letterOf is a verified message as the case file keeps it.
func letterOf(m *message.Message, a verify.Accepted, incoming bool, body, sealed, receipt []byte) store.Letter {
	c := m.Core
	return store.Letter{
		ID: string(c.ID), Case: string(c.Case), From: c.From.Authority, To: c.To.Authority, Incoming: incoming,
		Act: string(c.Act), Final: c.Final, Lane: string(c.Lane), Suite: string(c.Suite), Seq: c.Seq, Digest: m.Digest(),
		Index: a.Index, AcceptedAt: a.At.Unix(), BrokerStage: a.Stage, Verdict: authentic, Body: body,
		Sealed: sealed, Receipt: receipt,
	}
}

// authentic is the verdict on a message of which everything is right.
const authentic = "authentic"

// afterRefusal decides what a failed submission means: again, with the order
// sealed anew; later, with the same bytes; or never.
func (d *Desk) afterRefusal(ctx context.Context, o *store.Order, m *message.Message, err error) (again bool, _ error) {
	refusal, ok := errors.AsType[*problem.Error](err)
	if !ok {
		return false, errors.Join(fmt.Errorf("%w: %w", errLater, err), d.unanswered(ctx, m, err))
	}
	if refusal.Code.Status() >= 500 || refusal.Code == problem.RateLimited {
		return false, fmt.Errorf("%w: %w", errLater, err)
	}
	switch refusal.Code {
	case problem.StaleTime, problem.ExpiredMessage, problem.DuplicateMessage, problem.SequenceGap:
		taken, err := d.alreadyTaken(ctx, *o, m)
		if taken || err != nil {
			return false, err
		}
		if refusal.Code == problem.DuplicateMessage {
			return false, d.refused(ctx, *o, refusal)
		}
		if err := d.learnSent(ctx, store.Pair{From: o.From, To: o.To}); err != nil {
			return false, err
		}
	case problem.WrongCertificate, problem.WrongEncryptionKey, problem.WrongSuite:
		if err := d.followDirectory(ctx); err != nil {
			return false, err
		}
	case problem.MissingEvidence:
		return false, d.uploadAgain(ctx, *o, err)
	default:
		return false, d.refused(ctx, *o, refusal)
	}
	o.Sealed = nil
	return true, nil
}

// uploadAgain puts an order back to its upload: the broker has given its evidence
// up meanwhile.
func (d *Desk) uploadAgain(ctx context.Context, o store.Order, why error) error {
	o.Sealed = nil
	if err := d.db.Write(ctx, func(w store.DeskWriter) error { return w.PutOrder(ctx, o) }); err != nil {
		return err
	}
	if err := d.markUploaded(ctx, o.ID, false); err != nil {
		return err
	}
	return fmt.Errorf("%w: %w", errLater, why)
}

// alreadyTaken asks whether the broker accepted the message at an earlier
// attempt, whose answer was lost, and if so takes the receipt.
func (d *Desk) alreadyTaken(ctx context.Context, o store.Order, m *message.Message) (bool, error) {
	found, err := d.client.Message(ctx, o.ID)
	if problem.CodeOf(err) == problem.NotFound {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("%w: %w", errLater, err)
	}
	if other, unreadable := message.Parse(found.Message); unreadable != nil || other.Digest() != m.Digest() {
		return false, nil //nolint:nilerr // whatever the broker has there, it is not this message
	}
	return true, d.accepted(ctx, o, m, []byte(found.Receipt))
}

// learnSent fetches accepted messages of this authority that the case file
// lacks: a desk restored from a backup finds its place again.
func (d *Desk) learnSent(ctx context.Context, pair store.Pair) error {
	for {
		var seq int64
		if err := d.db.Read(ctx, func(r store.DeskReader) (err error) {
			seq, _, err = r.Newest(ctx, pair)
			return err
		}); err != nil {
			return err
		}
		sent, err := d.client.Sent(ctx, pair.From, pair.To, seq)
		if err != nil {
			return fmt.Errorf("%w: %w", errLater, err)
		}
		for _, item := range sent.Items {
			if err := d.relearn(ctx, item.ID); err != nil {
				return err
			}
		}
		if !sent.More || len(sent.Items) == 0 {
			return nil
		}
	}
}

// relearn takes one own message back from the broker, opening the copy that
// was sealed to this authority.
func (d *Desk) relearn(ctx context.Context, id string) error {
	found, err := d.client.Message(ctx, id)
	if err != nil {
		return fmt.Errorf("%w: %w", errLater, err)
	}
	m, err := message.Parse(found.Message)
	if err != nil {
		return d.incident(ctx, fmt.Errorf("%w: the broker returns an own message that is none: %w", verify.ErrMisbehaviour, err),
			found.Message, []byte(found.Receipt))
	}
	a, err := d.trust.Message(m, []byte(found.Receipt), d.Directory())
	if err != nil {
		return d.incident(ctx, err, found.Message, []byte(found.Receipt))
	}
	letter := letterOf(m, a, false, nil, found.Message, []byte(found.Receipt))
	letter.Note = remarkRelearned
	key, err := d.reader(m, false)
	if err != nil && !errors.Is(err, ErrNoKey) {
		return err
	}
	if err != nil {
		letter.Verdict = string(problem.WrongEncryptionKey)
	} else if payload, err := m.Open(key, d.Directory().AsOf(a.Index)); errors.Is(err, pgp.ErrUnavailable) {
		return err
	} else if err != nil {
		letter.Verdict = string(problem.CodeOf(err))
	} else {
		letter.Body, letter.Code = payload.Body, codeOf(m, payload)
	}
	return d.db.Write(ctx, func(w store.DeskWriter) error {
		if err := keep(ctx, w, letter); err != nil {
			return err
		}
		return d.record(ctx, w, "own message learned again", id)
	})
}

// refused ends an order for good and keeps why.
func (d *Desk) refused(ctx context.Context, o store.Order, refusal *problem.Error) error {
	document, err := json.Marshal(refusal.Document())
	if err != nil {
		return err
	}
	o.State, o.Problem, o.Sealed = store.OrderRefused, document, nil
	return d.db.Write(ctx, func(w store.DeskWriter) error {
		if err := w.PutOrder(ctx, o); err != nil {
			return err
		}
		return d.record(ctx, w, "message refused", o.ID+" "+string(refusal.Code))
	})
}

// readProblem reads a stored problem document.
func readProblem(data []byte) (*problem.Error, error) {
	var doc problem.Document
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	return doc.Err(), nil
}
