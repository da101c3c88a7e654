package desk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/pkg/translog"
)

// ErrAltered says that the case file is not what was sent and received.
var ErrAltered = errors.New("the case file has been altered")

const checkPage = 64

// What the desk's own log says when a message goes to the case file.
const (
	recordReceived   = "message received and opened by the desk"
	recordUnreadable = "message could not be opened"
	recordAccepted   = "message accepted by the broker"
)

var filed = []string{recordReceived, recordUnreadable, recordAccepted}

// VerifyMessages verifies every message of the case file again: its signature
// and its receipt, that each stands for what is listed, and, where this desk
// holds the key, that what officers read is what was sealed. It returns how
// many there are. The error wraps [ErrAltered] with the first that is not
// right; another says that a key could not be used.
func (d *Desk) VerifyMessages(ctx context.Context) (n int, err error) {
	if err := d.readDirectory(ctx); err != nil { // what another process has fetched
		return 0, err
	}
	for after := int64(-1); ; {
		var page []store.Letter
		if err := d.db.Read(ctx, func(r store.DeskReader) (err error) {
			page, err = r.AllLetters(ctx, after, checkPage)
			return err
		}); err != nil {
			return n, err
		}
		for _, l := range page {
			err := d.verifyLetter(ctx, l.ID)
			if u, ok := errors.AsType[unreadError](err); ok {
				return n, fmt.Errorf("message %s cannot be held against its seal: %w", l.ID, u.error)
			}
			if err != nil {
				return n, fmt.Errorf("%w: message %s of case %s: %w", ErrAltered, l.ID, l.Case, err)
			}
			after, n = l.Index, n+1
		}
		if len(page) < checkPage {
			return n, d.missing(ctx)
		}
	}
}

// missing looks for messages that the desk's own log knows, and the case
// file does not.
func (d *Desk) missing(ctx context.Context) error {
	return d.db.Read(ctx, func(r store.DeskReader) error {
		for from := int64(0); ; from += auditPage {
			entries, err := r.Entries(ctx, from, from+auditPage)
			if err != nil || len(entries) == 0 {
				return err
			}
			for _, e := range entries {
				entry, err := translog.ParseEntry(e.Body)
				if err != nil || entry.Operator == nil || !slices.Contains(filed, entry.Operator.What) {
					continue // what is wrong with an entry, the check of the log says
				}
				id, _, _ := strings.Cut(entry.Operator.Detail, " ")
				if _, err := r.Letter(ctx, id); err != nil {
					return fmt.Errorf("%w: message %s is missing: %w", ErrAltered, id, err)
				}
			}
		}
	})
}

// An unreadError says that a key could not be used, which tells nothing of the
// message.
type unreadError struct{ error }

// verifyLetter verifies one message of the case file.
func (d *Desk) verifyLetter(ctx context.Context, id string) error {
	var l store.Letter
	if err := d.db.Read(ctx, func(r store.DeskReader) (err error) {
		if l, err = r.Letter(ctx, id); err == nil && l.Verdict == store.VerdictErased {
			return d.verifyErasure(ctx, r, l)
		}
		return err
	}); err != nil || l.Verdict == store.VerdictErased {
		return err
	}
	m, err := message.Parse(l.Sealed)
	if err != nil {
		return err
	}
	a, err := d.trust.Message(m, l.Receipt, d.Directory())
	if err != nil {
		return err
	}
	if want := letterOf(m, a, l.Incoming, l.Body, l.Sealed, l.Receipt); !sameFacts(want, l) {
		return errors.New("it is listed as another one")
	}
	if len(l.Body) == 0 {
		return nil
	}
	then := d.Directory().AsOf(a.Index)
	key, err := d.reader(m, l.Incoming)
	if errors.Is(err, ErrNoKey) {
		return nil // it was lost
	}
	if err != nil {
		return unreadError{err}
	}
	if gone, err := d.unreadable(m, l.Incoming, key, then); gone || err != nil {
		return err
	}
	payload, err := m.Open(key, then)
	if errors.Is(err, pgp.ErrUnavailable) {
		return unreadError{err}
	}
	if err != nil {
		return err
	}
	stored, err := strictjson.Marshal(json.RawMessage(l.Body)) // as it is sealed
	if err != nil || !bytes.Equal(payload.Body, stored) {
		return errors.Join(errors.New("its stored content is not what was sealed"), err)
	}
	if l.Code != codeOf(m, payload) {
		return errors.New("its stored check code is not that of the message")
	}
	return nil
}

// sameFacts reports whether two rows say the same of one message.
func sameFacts(a, b store.Letter) bool {
	return a.ID == b.ID && a.Case == b.Case && a.From == b.From && a.To == b.To && a.Act == b.Act && a.Final == b.Final &&
		a.Lane == b.Lane && a.Suite == b.Suite && a.Seq == b.Seq && a.Digest == b.Digest && a.Index == b.Index &&
		a.AcceptedAt == b.AcceptedAt && a.BrokerStage == b.BrokerStage
}
