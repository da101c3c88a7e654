package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/translog"
)

const (
	// mailboxPause is the shortest time between two statements about a mailbox
	// that has got something, so that a busy one does not fill the log.
	mailboxPause = time.Minute
	// mailboxEvery is how often a mailbox is stated that has got nothing.
	mailboxEvery = 24 * time.Hour
)

// A mailbox is what the log and the database say of an authority's items.
type mailbox struct {
	stated bool // the log has a statement
	index  int64
	fact   translog.MailboxFact
	at     time.Time
	since  int64 // items from fact.Size on, up to the present size
}

// readMailbox reads the newest statement about an authority's items, and how
// many have come since.
func readMailbox(ctx context.Context, r store.Reader, authority string, size int64) (m mailbox, err error) {
	newest, err := r.Latest(ctx, string(translog.KindMailbox))
	if err != nil {
		return m, err
	}
	if m.index, m.stated = newest[authority]; m.stated {
		e, err := readEntry(ctx, r, m.index)
		if err != nil || e.Mailbox == nil {
			return m, errors.Join(fmt.Errorf("reading mailbox statement %d", m.index), err)
		}
		m.fact = *e.Mailbox
		if m.at, err = time.Parse(time.RFC3339, e.Time); err != nil {
			return m, err
		}
	}
	m.since, err = r.InboxCount(ctx, authority, m.fact.Size, size)
	return m, err
}

// due reports whether it is time for another statement.
func (m mailbox) due(now time.Time) bool {
	age := now.Sub(m.at)
	return !m.stated || m.since > 0 && age >= mailboxPause || age >= mailboxEvery
}

// A mailboxStatement says how many items an authority has been sent, on its way
// into the log.
type mailboxStatement struct{ authority string }

func (s *mailboxStatement) wants(w *wants) { w.mailboxes = append(w.mailboxes, s.authority) }
func (*mailboxStatement) kind() string     { return string(translog.KindMailbox) }
func (*mailboxStatement) size() int        { return 0 }

func (s *mailboxStatement) apply(t *turn) (int64, bool, error) {
	m := t.mailboxes[s.authority]
	if !m.due(t.now) {
		return m.index, true, nil
	}
	fact := translog.MailboxFact{Authority: s.authority, Items: m.fact.Items + m.since, Size: t.batch.Before.Size}
	index, err := t.append(translog.Entry{Kind: translog.KindMailbox, Mailbox: &fact})
	t.mailboxes[s.authority] = mailbox{stated: true, index: index, fact: fact, at: t.now}
	return index, false, err
}

// stateMailbox logs how many items an authority has been sent, if that is due.
// What keeps it from being logged keeps nobody from reading.
func (b *Broker) stateMailbox(ctx context.Context, authority string) {
	var m mailbox
	err := b.Store.Read(ctx, func(r store.Reader) error {
		head, err := r.Head(ctx)
		if err != nil {
			return err
		}
		m, err = readMailbox(ctx, r, authority, head.Size)
		return err
	})
	if err == nil && m.due(b.Now()) {
		_, err = b.propose(ctx, &mailboxStatement{authority})
	}
	if err != nil && ctx.Err() == nil {
		b.Log.Warn("mailbox not stated", "err", err)
	}
}

// mailboxReceipt is the receipt of the newest statement that a checkpoint
// covers; empty if there is none.
func mailboxReceipt(ctx context.Context, r store.Reader, authority string, covered int64) ([]byte, error) {
	newest, err := r.Latest(ctx, string(translog.KindMailbox))
	if err != nil {
		return nil, err
	}
	index, ok := newest[authority]
	if !ok || index >= covered {
		return nil, nil
	}
	return readReceipt(ctx, r, index)
}
