package desk

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/workflow"
)

const (
	// wrongCodesMost is how many wrong check codes a desk answers in one window.
	// A code has 50 bits: whoever guesses for a year at one reference succeeds
	// with a chance of less than one in a thousand million.
	wrongCodesMost = 60
	// wrongCodesWindow is the window in which they are counted.
	wrongCodesWindow = time.Hour
)

// ErrUnconfirmed says that this desk has received no request with this reference
// and this check code. It is the answer whether or not there is a request with
// the reference.
var ErrUnconfirmed = errors.New("this desk has received no request with this reference and this check code")

// A TooManyCodes error says that too many wrong check codes were tried lately:
// nothing is confirmed before Until, not even what is right.
type TooManyCodes struct{ Until time.Time }

func (e TooManyCodes) Error() string {
	return "too many wrong check codes were tried; nothing is confirmed before " + e.Until.Format(time.RFC3339)
}

// A Confirmed says that a request is genuine, and nothing else about it.
type Confirmed struct {
	Reference string `json:"reference"`
	From      string `json:"from"` // authority that sent it
	At        string `json:"at"`   // when the broker accepted it, RFC 3339
}

// Confirm answers somebody who holds a paper with a reference and a check code:
// whether this desk has received that request, from which authority, and when.
// It needs no key and no line, and what was asked is in the desk's own log.
//
// The error is [message.ErrMistyped] if a symbol is mistyped, which does not
// count; [ErrUnconfirmed], and [TooManyCodes] after too many of those. The count
// outlives the process and is one for all who ask: a public page should bound
// each of them besides.
func (d *Desk) Confirm(ctx context.Context, reference, code string) (Confirmed, error) {
	ref, code, prefix, err := message.ParseCheckCode(reference, code)
	if err != nil {
		return Confirmed{}, err
	}
	var found Confirmed
	var refusal error
	err = d.db.Write(ctx, func(w store.DeskWriter) error {
		found, refusal = Confirmed{}, nil
		since, wrong, err := w.WrongCodes(ctx)
		if err != nil {
			return err
		}
		begun := time.Unix(since, 0).UTC()
		if age := d.now().Sub(begun); age < 0 || age >= wrongCodesWindow {
			begun, wrong = d.now(), 0
		}
		if wrong >= wrongCodesMost {
			refusal = TooManyCodes{Until: begun.Add(wrongCodesWindow)}
			return nil
		}
		l, ok, err := received(ctx, w, prefix, code)
		if err != nil {
			return err
		}
		if ok {
			found = Confirmed{Reference: ref, From: l.From, At: rfc3339(l.AcceptedAt)}
			return d.record(ctx, w, "request confirmed to somebody who had its check code", l.ID)
		}
		refusal = ErrUnconfirmed
		if err := w.PutWrongCodes(ctx, begun.Unix(), wrong+1); err != nil {
			return err
		}
		return d.record(ctx, w, "wrong check code", ref)
	})
	return found, errors.Join(err, refusal)
}

// received returns the request that was received under an id of this beginning
// and has this code.
func received(ctx context.Context, r store.DeskReader, prefix, code string) (found store.Letter, ok bool, err error) {
	letters, err := r.Received(ctx, prefix)
	for _, l := range letters {
		if subtle.ConstantTimeCompare([]byte(l.Code), []byte(code)) == 1 {
			found, ok = l, true
		}
	}
	return found, ok, err
}

// codeOf is the check code of a request; other messages have none.
func codeOf(m *message.Message, p *message.Payload) string {
	if m.Core.Act != workflow.Request {
		return ""
	}
	return p.CheckCode(m)
}

// ownCode opens the sender's copy of a request that it has sent and returns its
// check code; other messages have none.
func (d *Desk) ownCode(m *message.Message, index int64) (string, error) {
	if m.Core.Act != workflow.Request {
		return "", nil
	}
	then := d.Directory().AsOf(index)
	key, err := d.reader(m, false)
	if errors.Is(err, ErrNoKey) {
		return "", nil // it was lost
	}
	if err != nil {
		return "", err
	}
	if gone, err := d.unreadable(m, false, key, then); gone || err != nil {
		return "", err
	}
	payload, err := m.Open(key, then)
	if err != nil {
		return "", fmt.Errorf("opening the own copy of message %s: %w", m.Core.ID, err)
	}
	return payload.CheckCode(m), nil
}
