package desk

import (
	"context"
	"errors"
	"fmt"

	"github.com/entraide/entraide/internal/keyring"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/verify"
	"github.com/entraide/entraide/pkg/wire"
	"github.com/entraide/entraide/pkg/workflow"
)

// pumpInbox takes what waits for an authority, item by item. An item that is
// not what it should be is recorded and never blocks those behind it. At the end
// what has come is held against what the broker has said would.
func (d *Desk) pumpInbox(ctx context.Context, authority string) error {
	var said *statement
	for {
		var after int64
		if err := d.db.Read(ctx, func(r store.DeskReader) (err error) {
			after, err = r.Cursor(ctx, authority)
			return err
		}); err != nil {
			return err
		}
		in, err := d.client.Inbox(ctx, authority, after)
		if err != nil {
			return fmt.Errorf("%w: %w", errLater, err)
		}
		if said == nil {
			if said, err = d.stated(ctx, authority, []byte(in.Mailbox)); err != nil {
				return err
			}
		}
		if len(in.Items) == 0 {
			return d.reconcile(ctx, said)
		}
		// Whoever wrote these may be younger than our directory.
		if err := errors.Join(d.followDirectory(ctx), d.settle(ctx)); err != nil {
			return err
		}
		for _, item := range in.Items {
			if err := d.take(ctx, authority, item); err != nil {
				return err
			}
		}
	}
}

// take handles one item and moves the cursor behind it.
func (d *Desk) take(ctx context.Context, authority string, item wire.InboxItem) error {
	var put func(store.DeskWriter) error
	var err error
	switch item.Kind {
	case wire.KindMessage:
		put, err = d.takeMessage(ctx, authority, item)
	case wire.KindReceipt:
		put, err = d.takeReceipt(ctx, item)
	case wire.KindDeadline:
		put, err = d.takeDeadline(item)
	default:
		err = fmt.Errorf("%w: the broker sends an item of unknown kind", verify.ErrMisbehaviour)
	}
	if errors.Is(err, errFork) {
		return err
	}
	if errors.Is(err, verify.ErrMisbehaviour) {
		if err := d.keepIncident(ctx, err, []byte(item.Ref), []byte(item.Receipt)); err != nil {
			return err
		}
		put, err = func(store.DeskWriter) error { return nil }, nil
	}
	if err != nil {
		return err
	}
	return d.db.Write(ctx, func(w store.DeskWriter) error {
		if err := put(w); err != nil {
			return err
		}
		return w.PutCursor(ctx, authority, item.Index)
	})
}

// takeMessage fetches a message, makes every check of protocol section 2.6,
// and returns what to write: the message with its verdict, and the delivery
// receipt or the report of a failure.
func (d *Desk) takeMessage(ctx context.Context, authority string, item wire.InboxItem) (func(store.DeskWriter) error, error) {
	found, err := d.client.Message(ctx, item.Ref)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errLater, err)
	}
	m, err := message.Parse(found.Message)
	if err != nil {
		return nil, fmt.Errorf("%w: the broker delivers what is not a message: %w", verify.ErrMisbehaviour, err)
	}
	a, err := d.trust.Message(m, []byte(found.Receipt), d.Directory())
	if err != nil {
		return nil, err
	}
	if a.Index != item.Index || m.Core.To.Authority != authority || string(m.Core.ID) != item.Ref {
		return nil, fmt.Errorf("%w: the broker delivers another message than it announced", verify.ErrMisbehaviour)
	}
	if err := d.observe(ctx, a.Checkpoint, []byte(found.Receipt)); err != nil {
		return nil, err
	}
	if err := d.follows(ctx, m, []byte(found.Receipt)); err != nil {
		return nil, err
	}
	letter := letterOf(m, a, true, nil, found.Message, []byte(found.Receipt))
	key, err := d.reader(m, true)
	if d.lost(m, err) {
		letter.Verdict = string(problem.WrongEncryptionKey)
		return func(w store.DeskWriter) error { return d.putFailed(ctx, w, letter) }, nil
	}
	if err != nil {
		return nil, err
	}
	payload, err := m.Open(key, d.Directory().AsOf(a.Index))
	if errors.Is(err, pgp.ErrUnavailable) {
		return nil, err // it stays with the broker
	}
	if err != nil {
		letter.Verdict = string(problem.CodeOf(err))
		return func(w store.DeskWriter) error { return d.putFailed(ctx, w, letter) }, nil
	}
	if err := d.compare(ctx, payload.Seen, a.Index); err != nil {
		return nil, err
	}
	letter.Body, letter.Code = payload.Body, codeOf(m, payload)
	signer, err := d.keys.Key(keyring.NameOf(authority, m.Core.Suite))
	if err != nil {
		return nil, err
	}
	receipt, err := message.SignReceipt(message.Receipt{
		Kind: message.Delivered, Message: message.Digest(m.Digest()), ID: m.Core.ID, Case: m.Core.Case,
		By: authority, At: message.At(d.now()),
	}, signer)
	if err != nil {
		return nil, err
	}
	return func(w store.DeskWriter) error { return d.putReceived(ctx, w, m, letter, receipt) }, nil
}

// compare holds the checkpoint that the sender of a message had seen against
// what the broker shows this desk. Neither side can be shown another log than
// the other for longer than it takes to write to each other.
func (d *Desk) compare(ctx context.Context, seen string, index int64) error {
	if seen == "" {
		return nil
	}
	checkpoint, err := d.trust.Checkpoint([]byte(seen))
	if err != nil {
		d.Log.Warn("the checkpoint in a message is not of this log")
		return nil //nolint:nilerr // the broker does not answer for what a sender writes
	}
	if checkpoint.Size > index {
		err := fmt.Errorf("%w: %w: the sender had seen a log of %d entries before its message became entry %d",
			errFork, verify.ErrMisbehaviour, checkpoint.Size, index)
		return d.incident(ctx, err, []byte(seen), nil)
	}
	_, _, err = d.agrees(ctx, checkpoint, []byte(seen)) // it is smaller than the receipt's, which is kept
	return err
}

// putReceived stores a good message and queues its delivery receipt.
func (d *Desk) putReceived(ctx context.Context, w store.DeskWriter, m *message.Message, l store.Letter, receipt message.SignedReceipt) error {
	if known, err := w.Letter(ctx, l.ID); err == nil && known.Digest == l.Digest {
		return nil // taken before a restore of the cursor
	}
	var err error
	if l.Note, err = remarks(ctx, w, m, l); err != nil {
		return err
	}
	if err := keep(ctx, w, l); err != nil {
		return err
	}
	if err := w.PutConfirmation(ctx, ownConfirmation(receipt, message.Delivered, l, d.now().Unix())); err != nil {
		return err
	}
	return d.record(ctx, w, recordReceived, l.ID)
}

// ownConfirmation is a receipt of ours that the broker has not logged yet.
func ownConfirmation(r message.SignedReceipt, kind message.ReceiptKind, l store.Letter, at int64) store.Confirmation {
	return store.Confirmation{
		Digest: r.Digest(), Kind: string(kind), Message: l.ID, By: l.To, At: at, Own: true,
		Text: []byte(r.Receipt), Signature: r.Signature, Index: -1,
	}
}

// remarks says what an officer should know of a good message: a message of the
// sender that never arrived, or a stage that the broker and this desk derive
// differently.
func remarks(ctx context.Context, r store.DeskReader, m *message.Message, l store.Letter) (string, error) {
	seq, digest, err := r.Newest(ctx, store.Pair{From: l.From, To: l.To})
	if err != nil {
		return "", err
	}
	if m.Core.Seq != seq+1 || m.Core.Prev != digest {
		return fmt.Sprintf(remarkMissing, seq+1, m.Core.Seq-1), nil
	}
	letters, err := r.Letters(ctx, l.Case)
	if err != nil {
		return "", err
	}
	c, misfit := derive(ctx, r, append(letters, l))
	if misfit != nil {
		return remarkMisfit + misfit.Error(), nil //nolint:nilerr // told to the officer
	}
	held := workflow.Stage(l.BrokerStage)
	if held != workflow.StageDelivered && !workflow.Procedure().Reached(c.state.Stage, held) {
		return fmt.Sprintf(remarkStage, l.BrokerStage, c.state.Stage), nil
	}
	return "", nil
}

// putFailed stores a message that could not be opened, with its verdict, and
// tells its sender by code.
func (d *Desk) putFailed(ctx context.Context, w store.DeskWriter, l store.Letter) error {
	if err := keep(ctx, w, l); err != nil {
		return err
	}
	if err := d.record(ctx, w, recordUnreadable, l.ID+" "+l.Verdict); err != nil {
		return err
	}
	body, err := convention.Marshal(&convention.Failure{
		Head: convention.HeadOf("failure"), Message: l.Digest, Code: l.Verdict,
	})
	if err != nil {
		return err
	}
	id, err := message.NewID()
	if err != nil {
		return err
	}
	return w.PutOrder(ctx, store.Order{
		ID: string(id), Case: l.Case, From: l.To, To: l.From, Act: string(workflow.Notify), Lane: l.Lane,
		Body: body, CreatedAt: d.now().Unix(), State: store.OrderWaiting,
	})
}

// takeReceipt verifies a delivery or opening receipt of a message we sent.
func (d *Desk) takeReceipt(ctx context.Context, item wire.InboxItem) (func(store.DeskWriter) error, error) {
	if item.Signed == nil {
		return nil, fmt.Errorf("%w: the broker announces a receipt and sends none", verify.ErrMisbehaviour)
	}
	r, a, err := d.trust.Delivery(*item.Signed, []byte(item.Receipt), d.Directory())
	if err != nil {
		return nil, err
	}
	if err := d.observe(ctx, a.Checkpoint, []byte(item.Receipt)); err != nil {
		return nil, err
	}
	var letter store.Letter
	err = d.db.Read(ctx, func(v store.DeskReader) (err error) {
		letter, err = v.Letter(ctx, string(r.ID))
		return err
	})
	// A message that this desk has lost is learned again when it next sends.
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if err == nil && (letter.Digest != string(r.Message) || letter.To != r.By) {
		return nil, fmt.Errorf("%w: the broker logged a receipt that fits another message", verify.ErrMisbehaviour)
	}
	return func(w store.DeskWriter) error {
		return w.PutConfirmation(ctx, store.Confirmation{
			Digest: item.Signed.Digest(), Kind: string(r.Kind), Message: string(r.ID), By: r.By, At: r.At.Unix(),
			Text: []byte(item.Signed.Receipt), Signature: item.Signed.Signature, Proof: []byte(item.Receipt), Index: a.Index,
		})
	}, nil
}

// takeDeadline verifies a passed deadline.
func (d *Desk) takeDeadline(item wire.InboxItem) (func(store.DeskWriter) error, error) {
	fact, a, err := d.trust.Deadline([]byte(item.Receipt))
	if err != nil {
		return nil, err
	}
	return func(w store.DeskWriter) error {
		return w.PutDeadline(context.Background(), store.Deadline{
			Index: a.Index, Case: fact.Case, Clock: fact.Clock, Due: fact.Due, Proof: []byte(item.Receipt),
		})
	}, nil
}
