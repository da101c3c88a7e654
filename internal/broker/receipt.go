package broker

import (
	"context"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/workflow"
)

// kinds of inbox items, as the API names them.
const (
	kindMessage  = "message"
	kindReceipt  = "receipt"
	kindDeadline = "deadline"
)

// Receive accepts a delivery or opening receipt that one of the callers'
// authorities signed, and returns the receipt of its log entry. Late, repeated
// and out-of-order receipts are all kept; the stage never moves back. The same
// bytes again return the first receipt.
func (b *Broker) Receive(ctx context.Context, callers []directory.Authority, signed message.SignedReceipt) (Acceptance, error) {
	r, err := message.ParseReceipt(signed)
	if err != nil {
		return Acceptance{}, b.refuse(ctx, callers, "", err)
	}
	digest := signed.Digest()
	if _, ok := among(callers, r.By); !ok {
		return Acceptance{}, b.refuse(ctx, callers, digest, problem.New(problem.Forbidden, "by",
			"The connection does not belong to the authority that the receipt names."))
	}
	if r.At.After(b.Now().Add(message.ClockSkew)) {
		return Acceptance{}, b.refuse(ctx, callers, digest, problem.New(problem.StaleTime, "at", "The receipt's time is in the future."))
	}
	out, err := b.propose(ctx, &delivery{receipt: r, signed: signed, digest: digest})
	if err != nil {
		return Acceptance{}, err
	}
	return b.acceptance(ctx, out)
}

// A delivery is a delivery or opening receipt on its way into the log.
type delivery struct {
	receipt message.Receipt
	signed  message.SignedReceipt
	digest  string
}

func (d *delivery) wants(w *wants) {
	w.receipts = append(w.receipts, d.digest)
	w.messages = append(w.messages, string(d.receipt.ID))
	w.cases = append(w.cases, string(d.receipt.Case))
}

func (*delivery) kind() string { return "receipt" }

func (d *delivery) size() int { return len(d.signed.Receipt) + len(d.signed.Signature) }

func (d *delivery) apply(t *turn) (int64, bool, error) {
	if known, ok := t.receipts[d.digest]; ok {
		return known.Index, true, nil
	}
	if err := d.check(t); err != nil {
		refusal, refused := refusalOf(err)
		if !refused {
			return 0, false, err
		}
		return 0, false, t.reject(d.receipt.By, d.digest, refusal)
	}
	return d.enter(t)
}

// check holds the receipt against its message and its signature against the
// directory.
func (d *delivery) check(t *turn) error {
	m, ok := t.messages[string(d.receipt.ID)]
	switch {
	case !ok || m.To != d.receipt.By:
		return problem.New(problem.NotFound, "id", "No such message was addressed to this authority.")
	case m.Digest != string(d.receipt.Message):
		return problem.New(problem.ReceiptMismatch, "message", "This is not the digest of the message with this id.")
	case m.Case != string(d.receipt.Case):
		return problem.New(problem.ReceiptMismatch, "case", "The message belongs to another case.")
	}
	authority, err := t.dir.Authority(d.receipt.By)
	if err != nil {
		return err
	}
	return d.signed.Verify(authority)
}

func (d *delivery) enter(t *turn) (int64, bool, error) {
	m := t.messages[string(d.receipt.ID)]
	index, err := t.append(translog.Entry{
		Kind: translog.KindReceipt,
		Receipt: &translog.ReceiptFact{
			Digest: d.digest, Kind: string(d.receipt.Kind), Message: m.ID, By: d.receipt.By,
		},
	})
	if err != nil {
		return 0, false, err
	}
	row := store.Receipt{
		Digest: d.digest, Kind: string(d.receipt.Kind), Message: m.ID, Case: m.Case, By: d.receipt.By,
		Text: []byte(d.signed.Receipt), Signature: d.signed.Signature, Index: index,
	}
	t.receipts[d.digest] = row
	t.batch.Receipts = append(t.batch.Receipts, row)
	t.batch.Inbox = append(t.batch.Inbox, store.InboxItem{Authority: m.From, Index: index, Kind: kindReceipt, Ref: m.ID})
	return index, false, d.deliver(t, m, index)
}

// deliver moves a case from open to delivered when its first message arrived.
func (d *delivery) deliver(t *turn, m store.Message, index int64) error {
	c, ok := t.cases[m.Case]
	if !ok || m.Act != c.Opening {
		return nil
	}
	state, err := workflow.Procedure().Next(stateOf(c), workflow.Event{
		Act: workflow.Delivered, Actor: workflow.Requested, Lane: workflow.Lane(c.Lane),
	})
	if _, ended := refusalOf(err); ended {
		return nil // the receipt is kept, and the stage of the ended case stays
	}
	c.Stage, c.Index = string(state.Stage), index
	t.setCase(c)
	return err
}
