package broker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/translog"
)

// Publish accepts a directory statement from the named caller and returns the
// receipt of its log entry. A statement proves itself: who brings it does not
// matter beyond being known. The same bytes again return the first receipt.
func (b *Broker) Publish(ctx context.Context, caller string, signed directory.Signed) (Acceptance, error) {
	out, err := b.propose(ctx, newPublication(caller, signed))
	if err != nil {
		return Acceptance{}, err
	}
	return b.acceptance(ctx, out)
}

// A publication is a directory statement on its way into the log.
type publication struct {
	caller string
	signed directory.Signed
	digest string
}

func newPublication(caller string, signed directory.Signed) *publication {
	sum := sha256.Sum256([]byte(signed.Statement))
	return &publication{caller: caller, signed: signed, digest: hex.EncodeToString(sum[:])}
}

func (*publication) wants(*wants) {}

func (*publication) kind() string { return "statement" }

func (p *publication) size() int { return len(p.signed.Statement) + len(p.signed.Signature) }

func (p *publication) apply(t *turn) (int64, bool, error) {
	if known, ok := t.dir.Find(p.digest); ok {
		return known.Index, true, nil
	}
	index := t.index()
	dir, err := t.dir.Apply(p.signed, index)
	if err == nil {
		err = p.notFromTheFuture(t, dir)
	}
	if refusal, refused := refusalOf(err); refused {
		return 0, false, t.reject(p.caller, p.digest, refusal)
	}
	if err != nil {
		return 0, false, err
	}
	record, _ := dir.Find(p.digest)
	if _, err := t.append(translog.Entry{
		Kind: translog.KindStatement,
		Statement: &translog.StatementFact{
			Subject: record.Subject, Number: record.Number, Digest: p.digest, Signer: record.Signer,
		},
	}); err != nil {
		return 0, false, err
	}
	t.batch.Statements = append(t.batch.Statements, store.Statement{
		Digest: p.digest, Subject: record.Subject, Number: record.Number,
		Text: []byte(p.signed.Statement), Signature: p.signed.Signature, Index: index,
	})
	t.dir = dir
	return index, false, nil
}

// notFromTheFuture refuses a statement dated later than now: the directory
// itself consults no clock.
func (p *publication) notFromTheFuture(t *turn, dir *directory.Directory) error {
	record, ok := dir.Find(p.digest)
	if !ok {
		return errors.New("broker: an applied statement is not in the directory")
	}
	if record.Issued.After(t.now.Add(message.ClockSkew)) {
		return problem.New(problem.StatementInvalid, "issued", "The statement is dated in the future.")
	}
	return nil
}
