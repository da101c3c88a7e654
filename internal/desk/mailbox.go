package desk

import (
	"context"
	"errors"
	"fmt"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/verify"
)

// A statement is what the broker has said, in its log, of how many items an
// authority was sent.
type statement struct {
	translog.MailboxFact
	proof []byte
}

// stated verifies the broker's statement about an authority's items; nil if it
// has made none, or none that holds.
func (d *Desk) stated(ctx context.Context, authority string, proof []byte) (*statement, error) {
	if len(proof) == 0 {
		return nil, nil
	}
	fact, a, err := d.trust.Mailbox(proof)
	if err == nil && (fact.Authority != authority || fact.Size > a.Index) {
		err = fmt.Errorf("%w: the broker's statement about a mailbox is about another", verify.ErrMisbehaviour)
	}
	if err != nil {
		return nil, d.accuse(ctx, err, proof, nil)
	}
	return &statement{fact, proof}, d.observe(ctx, a.Checkpoint, proof)
}

// reconcile compares what the broker says it has sent an authority with what the
// authority has taken, once everything before the statement has been asked for.
// A difference is an incident: the broker accepted items that it withholds, or
// counted what it never sent.
func (d *Desk) reconcile(ctx context.Context, s *statement) error {
	if s == nil {
		return nil
	}
	var before store.Mailbox
	var taken int64
	if err := d.db.Read(ctx, func(r store.DeskReader) (err error) {
		if before, err = r.Mailbox(ctx, s.Authority); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		taken, err = r.Taken(ctx, s.Authority, before.Size, s.Size)
		return err
	}); err != nil {
		return err
	}
	if len(before.Proof) > 0 && (s.Size < before.Size || s.Size == before.Size && s.Items == before.Items) {
		return nil // an older one, or the same
	}
	if sent := s.Items - before.Items; before.Items >= 0 && sent != taken {
		err := fmt.Errorf("%w: the broker says that it sent %d items to %s from entry %d to %d of its log, and %d have arrived",
			verify.ErrMisbehaviour, sent, s.Authority, before.Size, s.Size, taken)
		if err := d.accuse(ctx, err, before.Proof, s.proof); err != nil {
			return err
		}
	}
	return d.db.Write(ctx, func(w store.DeskWriter) error {
		return w.PutMailbox(ctx, store.Mailbox{Authority: s.Authority, Items: s.Items, Size: s.Size, Proof: s.proof})
	})
}

// follows checks that no message of the sender to this recipient is missing
// before one: the broker has accepted them in their order, and delivers in that
// of its log.
func (d *Desk) follows(ctx context.Context, m *message.Message, receipt []byte) error {
	pair := store.Pair{From: m.Core.From.Authority, To: m.Core.To.Authority}
	var seq int64
	if err := d.db.Read(ctx, func(r store.DeskReader) (err error) {
		seq, _, err = r.Newest(ctx, pair)
		return err
	}); err != nil || m.Core.Seq <= seq+1 {
		return err
	}
	return d.accuse(ctx, fmt.Errorf("%w: the broker has accepted messages %d to %d from %s to %s and has not delivered them",
		verify.ErrMisbehaviour, seq+1, m.Core.Seq-1, pair.From, pair.To), []byte(m.HeaderText), receipt)
}
