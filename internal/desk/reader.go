package desk

import (
	"context"
	"errors"
	"fmt"

	"github.com/entraide/entraide/internal/keyring"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
)

// reader returns the key that opens this desk's copy of a message: the present one,
// or the one that the authority had then.
func (d *Desk) reader(m *message.Message, incoming bool) (*pgp.Key, error) {
	if incoming {
		return d.keyOf(m.Core.To.Authority, m.Core.Suite, m.Core.To.Fingerprint)
	}
	return d.keyOf(m.Core.From.Authority, m.Core.Suite, m.Core.From.Fingerprint)
}

// SenderFingerprint returns the fingerprint of the certificate under which a message
// was sent; empty for one that waits to be sent, or was erased.
func (d *Desk) SenderFingerprint(ctx context.Context, messageID string) (string, error) {
	var l store.Letter
	err := d.db.Read(ctx, func(r store.DeskReader) (err error) {
		l, err = r.Letter(ctx, messageID)
		return err
	})
	if errors.Is(err, store.ErrNotFound) || err == nil && len(l.Sealed) == 0 {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	m, err := message.Parse(l.Sealed)
	if err != nil {
		return "", err
	}
	return m.Core.From.Fingerprint, nil
}

// keyOf returns the key of an authority that has a fingerprint: the present one, or
// a former one of the home. The error wraps ErrNoKey if the home has neither.
func (d *Desk) keyOf(authority string, suite pgp.Suite, fingerprint string) (*pgp.Key, error) {
	present, err := d.keys.Key(keyring.NameOf(authority, suite))
	if err == nil && present.Fingerprint() == fingerprint {
		return present, nil
	}
	if err != nil && !errors.Is(err, ErrNoKey) {
		return nil, err
	}
	former, missing := d.keys.Key(formerName(fingerprint))
	if errors.Is(missing, ErrNoKey) && err != nil {
		return nil, err // the present one is what to look for
	}
	return former, missing
}

// lackingKey adds to an ErrNoKey what to do.
func lackingKey(err error) error {
	return fmt.Errorf("%w: bring its file back from a backup, or run `entraide key replace`", err)
}

// lost reports whether the key that a message is sealed to is not here and will
// not come back: the authority has another one now.
func (d *Desk) lost(m *message.Message, err error) bool {
	if !errors.Is(err, ErrNoKey) {
		return false
	}
	own, err := d.Directory().Authority(m.Core.To.Authority)
	if err != nil {
		return false
	}
	c, ok := own.Certificates[m.Core.Suite]
	return !ok || c.Fingerprint() != m.Core.To.Fingerprint
}

// sealedFor returns the fingerprint of the subkey that a message is sealed to for
// this desk.
func sealedFor(m *message.Message, incoming bool, d *directory.Directory) (string, error) {
	recipients, err := m.Recipients(d)
	if err != nil {
		return "", err
	}
	if incoming {
		return recipients[0], nil
	}
	return recipients[1], nil
}

// unreadable reports whether a message that was read once cannot be opened again,
// because its key was lost or destroyed since.
func (d *Desk) unreadable(m *message.Message, incoming bool, key *pgp.Key, then *directory.Directory) (bool, error) {
	subkey, err := sealedFor(m, incoming, then)
	return err == nil && !key.Holds(subkey), err
}

// signAnew signs a receipt of ours again, with the present key: the one that had
// signed it is no longer taken.
func (d *Desk) signAnew(ctx context.Context, c store.Confirmation) (store.Confirmation, error) {
	var l store.Letter
	if err := d.db.Read(ctx, func(r store.DeskReader) (err error) {
		l, err = r.Letter(ctx, c.Message)
		return err
	}); err != nil {
		return c, err
	}
	key, err := d.keys.Key(keyring.NameOf(c.By, pgp.Suite(l.Suite)))
	if err != nil {
		return c, err
	}
	receipt, err := message.SignReceipt(message.Receipt{
		Kind: message.ReceiptKind(c.Kind), Message: message.Digest(l.Digest), ID: message.ID(l.ID), Case: message.ID(l.Case),
		By: c.By, At: message.At(d.now()),
	}, key)
	if err != nil {
		return c, err
	}
	again := ownConfirmation(receipt, message.ReceiptKind(c.Kind), l, d.now().Unix())
	return again, d.db.Write(ctx, func(w store.DeskWriter) error {
		if err := w.DropConfirmation(ctx, c.Digest); err != nil {
			return err
		}
		if err := w.PutConfirmation(ctx, again); err != nil {
			return err
		}
		return d.record(ctx, w, "receipt signed anew", c.Kind+" "+c.Message)
	})
}

// outdated reports whether a receipt was refused because of the key that signed it.
func outdated(err error) bool {
	code := problem.CodeOf(err)
	return code == problem.BadSignature || code == problem.WrongCertificate
}

// annotate adds to an old message what became known later of the keys that it
// depends on. Its verdict stays that of its time.
func (d *Desk) annotate(ctx context.Context, r store.DeskReader, m *Message) error {
	dir := d.Directory()
	if !suspect(dir, m.From) && !suspect(dir, m.To) {
		return nil
	}
	l, err := r.Letter(ctx, m.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil // it waits to be sent
	}
	if err != nil {
		return err
	}
	sealed, err := message.Parse(l.Sealed)
	if err != nil {
		return err
	}
	m.KeyNote = keyNote(sealed, dir)
	return nil
}

// suspect reports whether an authority had a key in other hands.
func suspect(dir *directory.Directory, id string) bool {
	a, err := dir.Authority(id)
	return err == nil && len(a.Statement.Compromised) > 0
}

// keyNote says what the two authorities have declared of the keys of a message.
func keyNote(m *message.Message, dir *directory.Directory) string {
	if from, err := dir.Authority(m.Core.From.Authority); err == nil {
		signer, _ := pgp.SignerOf(m.Signature) // it was verified when the message was taken
		if since, ok := from.CompromisedSince(m.Core.From.Fingerprint, signer); ok {
			return fmt.Sprintf(remarkSigner, since)
		}
	}
	if to, err := dir.Authority(m.Core.To.Authority); err == nil {
		if since, ok := to.CompromisedSince(m.Core.To.Fingerprint, m.Core.To.Encryption); ok {
			return fmt.Sprintf(remarkReader, since)
		}
	}
	return ""
}
