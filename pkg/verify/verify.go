// Package verify makes every check of a message, statement or receipt that
// needs no secret: the broker's log receipt, the directory at its time, and
// the OpenPGP signatures (protocol sections 2.6 and 3). It works offline and
// consults no clock. A desk runs it before it decrypts a byte, and an auditor
// or a court runs it on exported files.
package verify

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/wire"
)

// A Trust is what a verifier believes beforehand: the broker's log by its
// name and key, the directory by its depositary.
type Trust struct {
	Origin string
	Anchor string
	keys   translog.LogKeys
	policy *translog.Policy // nil: the log has no witnesses
}

// NewTrust reads a broker's description, which must have reached the verifier
// over a channel that the broker does not control.
func NewTrust(b wire.Broker) (Trust, error) {
	keys, err := translog.ParseLogKeys(cmp.Or(b.LogKeys, b.LogKey))
	if err != nil {
		return Trust{}, fmt.Errorf("verify: reading the log's key: %w", err)
	}
	if keys.Newest() != b.LogKey {
		return Trust{}, errors.New("verify: the log's key is not the newest of its keys")
	}
	t := Trust{Origin: b.Origin, Anchor: b.Depositary, keys: keys}
	if b.Policy != "" {
		if t.policy, err = translog.ParsePolicy([]byte(b.Policy)); err != nil {
			return Trust{}, fmt.Errorf("verify: reading the policy of the log: %w", err)
		}
	}
	return t, nil
}

// Policy returns the witnesses of the log; nil if it has none.
func (t Trust) Policy() *translog.Policy { return t.policy }

// Keys returns the keys of the log, each good for the trees of its time.
func (t Trust) Keys() []note.Verifier { return t.keys.Verifiers() }

// LogKeys returns the keys of the log with the sizes at which they took over.
func (t Trust) LogKeys() translog.LogKeys { return t.keys }

// Succeeds checks that a description is one of the same broker as before, and
// that its keys are those of before, or that the last of them vouches for one
// more (see [translog.LogKeys.CheckRotation]). What else the description says is
// not looked at.
func (t Trust) Succeeds(before Trust, rotation string) error {
	if t.Origin != before.Origin || t.Anchor != before.Anchor {
		return fmt.Errorf("%w: it is about another broker", translog.ErrRotation)
	}
	if t.keys.String() == before.keys.String() {
		return nil
	}
	return t.keys.CheckRotation(before.keys, []byte(rotation))
}

// unknownKey says what to do about a log that signs with a key which is not
// known here: that accuses nobody.
func unknownKey(err error) error {
	return fmt.Errorf("%w: get the present broker.json from the broker's operator, and compare its log_key over another channel", err)
}

// An Accepted is what the log proves of an entry.
type Accepted struct {
	Index      int64
	At         time.Time // the broker's claim
	Stage      string    // of the case after a message
	Checkpoint translog.Checkpoint
	Entry      translog.Entry
	// Cosigned are the witnesses that vouch for the checkpoint, and Witnessed
	// says that they make up the quorum.
	Cosigned  []translog.Cosignature
	Witnessed bool
}

// entry verifies a log receipt and returns its entry.
func (t Trust) entry(proof []byte, want translog.Kind) (Accepted, error) {
	receipt, err := translog.ParseReceipt(proof)
	if err != nil {
		return Accepted{}, Misbehaviour(ReceiptInvalid, "the receipt is not one", err)
	}
	checkpoint, entry, err := receipt.Verify(t.Origin, t.Keys()...)
	if errors.Is(err, translog.ErrOtherKey) {
		return Accepted{}, unknownKey(err)
	}
	if err != nil {
		return Accepted{}, Misbehaviour(ReceiptInvalid, "the receipt does not prove its entry", err)
	}
	if entry.Kind != want {
		return Accepted{}, Misbehaviour(ReceiptMismatch, fmt.Sprintf("the receipt is about a %s, not a %s", entry.Kind, want), nil)
	}
	at, err := time.Parse(time.RFC3339, entry.Time)
	if err != nil {
		return Accepted{}, Misbehaviour(ReceiptInvalid, "the entry has no time", err)
	}
	a := Accepted{Index: receipt.Index, At: at, Checkpoint: checkpoint, Entry: entry}
	if t.policy == nil {
		return a, nil
	}
	open, err := t.policy.Open(receipt.Checkpoint, t.Origin, t.Keys()...)
	if err != nil {
		return Accepted{}, Misbehaviour(ReceiptInvalid, "the receipt does not prove its entry", err)
	}
	a.Cosigned, a.Witnessed = open.By, open.Witnessed
	return a, nil
}

// Message verifies a message and its log receipt against the directory, which
// must hold at least the statements logged before the message: the receipt is
// genuine and about exactly these bytes; sender, recipient, keys and suite are
// those of the directory at the message's place in the log; the signature and
// the payload's digest and framing are right.
//
// An error that wraps [ErrMisbehaviour] is evidence against the broker: it
// vouched for something that it should have refused, or for nothing at all.
func (t Trust) Message(m *message.Message, proof []byte, d *directory.Directory) (Accepted, error) {
	a, err := t.entry(proof, translog.KindMessage)
	if err != nil {
		return a, err
	}
	f, c := a.Entry.Message, m.Core
	want := translog.MessageFact{
		Digest: m.Digest(), ID: string(c.ID), Case: string(c.Case), From: c.From.Authority, To: c.To.Authority,
		Act: string(c.Act), Lane: string(c.Lane), Seq: c.Seq, Stage: f.Stage,
	}
	if *f != want {
		return a, Misbehaviour(ReceiptMismatch, "the receipt is about another message", nil)
	}
	a.Stage = f.Stage
	then := d.AsOf(a.Index)
	for _, check := range []func() error{
		func() error { return m.CheckParties(then, c.Created.Time) },
		func() error { return m.CheckTime(a.At) },
		func() error { return m.CheckSignature(then) },
		func() error { return m.CheckPayload(then) },
	} {
		if err := check(); err != nil {
			return a, Misbehaviour(WronglyAccepted, "the broker accepted what it must refuse", err)
		}
	}
	return a, nil
}

// Statement verifies a directory statement and its log receipt, and returns
// the directory with it.
func (t Trust) Statement(s wire.Statement, d *directory.Directory) (*directory.Directory, error) {
	a, err := t.entry([]byte(s.Receipt), translog.KindStatement)
	if err != nil {
		return nil, fmt.Errorf("statement %s: %w", about(s), err)
	}
	if a.Index != s.Index || a.Entry.Statement.Digest != digest(s.Statement) {
		_, forged := d.Apply(directory.Signed{Statement: s.Statement, Signature: s.Signature}, s.Index)
		return nil, Misbehaviour(ReceiptMismatch, fmt.Sprintf("the receipt is about another statement than %s, which the broker serves as entry %d", about(s), s.Index), forged)
	}
	next, err := d.Apply(directory.Signed{Statement: s.Statement, Signature: s.Signature}, s.Index)
	if err != nil {
		return nil, Misbehaviour(StatementInvalid, fmt.Sprintf("the broker logged a statement that is not valid, %s as entry %d", about(s), s.Index), err)
	}
	return next, nil
}

// about names a statement that is served, whatever is wrong with it.
func about(s wire.Statement) string {
	statement, err := directory.Parse(s.Statement)
	if err != nil {
		return "a text that is no statement"
	}
	h := statement.Head()
	return fmt.Sprintf("no. %d about %s in the name of %s", h.Number, h.Subject, h.Signer)
}

// Delivery verifies a delivery or opening receipt and its place in the log.
func (t Trust) Delivery(signed message.SignedReceipt, proof []byte, d *directory.Directory) (message.Receipt, Accepted, error) {
	a, err := t.entry(proof, translog.KindReceipt)
	if err != nil {
		return message.Receipt{}, a, err
	}
	if a.Entry.Receipt.Digest != signed.Digest() {
		return message.Receipt{}, a, Misbehaviour(ReceiptMismatch, "the receipt is about another delivery", nil)
	}
	r, err := message.ParseReceipt(signed)
	if err != nil {
		return r, a, Misbehaviour(ConfirmationInvalid, "the broker logged a delivery receipt that is not one", err)
	}
	by, err := d.AsOf(a.Index).Authority(r.By)
	if err == nil {
		err = signed.Verify(by)
	}
	if err != nil {
		return r, a, Misbehaviour(ConfirmationInvalid, "the delivery receipt is not its authority's", err)
	}
	return r, a, nil
}

// Deadline verifies that the log holds a passed deadline.
func (t Trust) Deadline(proof []byte) (translog.DeadlineFact, Accepted, error) {
	a, err := t.entry(proof, translog.KindDeadline)
	if err != nil {
		return translog.DeadlineFact{}, a, err
	}
	return *a.Entry.Deadline, a, nil
}

// Mailbox verifies that the log holds a statement of how many items an authority
// was sent.
func (t Trust) Mailbox(proof []byte) (translog.MailboxFact, Accepted, error) {
	a, err := t.entry(proof, translog.KindMailbox)
	if err != nil {
		return translog.MailboxFact{}, a, err
	}
	return *a.Entry.Mailbox, a, nil
}

// Anchored verifies that the log holds the head of a desk's own log.
func (t Trust) Anchored(proof []byte) (translog.AnchorFact, Accepted, error) {
	a, err := t.entry(proof, translog.KindAnchor)
	if err != nil {
		return translog.AnchorFact{}, a, err
	}
	return *a.Entry.Anchor, a, nil
}

// Access verifies that the log holds a reading of it.
func (t Trust) Access(proof []byte) (translog.AccessFact, Accepted, error) {
	a, err := t.entry(proof, translog.KindAccess)
	if err != nil {
		return translog.AccessFact{}, a, err
	}
	return *a.Entry.Access, a, nil
}

// Checkpoint verifies a checkpoint's signature.
func (t Trust) Checkpoint(signed []byte) (translog.Checkpoint, error) {
	c, err := translog.OpenCheckpoint(signed, t.Origin, t.Keys()...)
	if errors.Is(err, translog.ErrOtherKey) {
		return c, unknownKey(err)
	}
	if err != nil {
		return c, Misbehaviour(CheckpointInvalid, "the checkpoint is not the log's", err)
	}
	return c, nil
}

// Extends checks, from the public tiles, that one of the two checkpoints
// extends the other; the zero checkpoint is extended by every other. fetch
// returns the bytes at a path of the log. If neither extends the other, the
// broker has shown two faces, and the two signed checkpoints prove it; an
// error that does not wrap [ErrMisbehaviour] means that fetch failed.
func (t Trust) Extends(ctx context.Context, a, b translog.Checkpoint, fetch func(context.Context, string) ([]byte, error)) error {
	if a.Size > b.Size {
		a, b = b, a
	}
	if a.Size == 0 || a == b {
		return nil
	}
	if a.Size == b.Size {
		return Misbehaviour(TwoHistories, "two checkpoints of one size have different roots", translog.ErrFork)
	}
	proof, err := translog.ProveConsistency(ctx, a.Size, b.Size, translog.TileReader(b, fetch))
	if err != nil {
		return fmt.Errorf("verify: reading tiles: %w", err)
	}
	if err := translog.CheckConsistency(a, b, proof); err != nil {
		return Misbehaviour(TwoHistories, "the log does not extend what it showed before", err)
	}
	return nil
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// Logged verifies the log receipt of a statement and returns what it proves.
func (t Trust) Logged(s wire.Statement) (Accepted, error) {
	a, err := t.entry([]byte(s.Receipt), translog.KindStatement)
	if err == nil && (a.Index != s.Index || a.Entry.Statement.Digest != digest(s.Statement)) {
		err = Misbehaviour(ReceiptMismatch, "the receipt is about another statement", nil)
	}
	return a, err
}

// Follow reads, page by page, the statements behind those of d, verifies each,
// and returns the directory with them. taken, which may be nil, is called with
// every verified statement and the directory that has it, in log order; its
// error ends the reading.
func (t Trust) Follow(ctx context.Context, d *directory.Directory,
	page func(ctx context.Context, after int64) (wire.Statements, error),
	taken func(wire.Statement, *directory.Directory) error,
) (*directory.Directory, error) {
	for {
		statements, err := page(ctx, d.Size()-1)
		if err != nil {
			return d, err
		}
		for _, s := range statements.Items {
			next, err := t.Statement(s, d)
			if err != nil {
				return d, err
			}
			if taken != nil {
				if err := taken(s, next); err != nil {
					return d, err
				}
			}
			d = next
		}
		if !statements.More {
			return d, nil
		}
		if len(statements.Items) == 0 {
			return d, Misbehaviour(AnswerWithheld, "the broker promises statements and sends none", nil)
		}
	}
}
