package message

import (
	"errors"

	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
)

// Open decrypts the payload with the recipient's key, or the sender's own, and
// returns it if and only if everything inside agrees with the header (protocol
// section 2.6): the sender has signed it, for this purpose and exactly these
// two recipients, at the time of creation; it is the plaintext that the header
// commits to; it names this core; it is strict JSON of the right form; the
// evidence lists agree; the body is a content object that may travel with the
// act.
//
// The directory is the one as of the message's place in the log, which the
// caller has verified together with the receipt and all of section 2.5. Open
// repeats CheckSignature and CheckPayload, so that nothing is decrypted that
// the sender has not signed.
//
// Codes: those of these two; wrong-encryption-key if the message is not to this
// key; bad-signature; bad-framing; too-large; wrong-digest; wrong-type,
// malformed-json, duplicate-member, unknown-member, invalid-value. No error
// carries plaintext. An error that wraps pgp.ErrUnavailable is no problem of
// the message and has no code.
func (m *Message) Open(key *pgp.Key, d *directory.Directory) (*Payload, error) {
	if err := m.CheckSignature(d); err != nil {
		return nil, err
	}
	if err := m.CheckPayload(d); err != nil {
		return nil, err
	}
	from, sender, err := m.sender(d)
	if err != nil {
		return nil, err
	}
	recipients, err := m.recipients(sender)
	if err != nil {
		return nil, err
	}
	plaintext, err := key.Open(m.Payload, pgp.Opening{
		Typ:        TypPayload,
		Sender:     sender,
		At:         m.Core.Created.Time,
		Recipients: recipients,
		Intended:   []string{m.Core.To.Fingerprint, m.Core.From.Fingerprint},
		// Stock tools cannot name the intended recipients, which package pgp
		// overlooks in classic-4 and hsm-4 only. The core, which the payload names, binds
		// the recipient all the same.
		AllowNoIntended: from.Statement.StockTools,
		MaxBytes:        MaxPlaintextBytes,
	})
	if err != nil {
		return nil, opening(err)
	}
	defer clear(plaintext)
	return m.read(plaintext)
}

// opening maps the errors of package pgp to problems.
func opening(err error) error {
	switch {
	case errors.Is(err, pgp.ErrUnavailable):
		return err // it says nothing of the message
	case errors.Is(err, pgp.ErrNotForUs):
		return problem.Wrap(problem.WrongEncryptionKey, "payload", "The payload is not encrypted to this key.", err)
	case errors.Is(err, pgp.ErrSignature):
		return problem.Wrap(problem.BadSignature, "payload", "The signature inside the payload is not exactly one of the sender's, to exactly these recipients.", err)
	case errors.Is(err, pgp.ErrTooLarge):
		return problem.Wrap(problem.TooLarge, "payload", "The plaintext is too large.", err)
	}
	return problem.Wrap(problem.BadFraming, "payload", "The payload is not a sealed message of its suite.", err)
}

// read checks the plaintext against the header and returns what it says.
func (m *Message) read(plaintext []byte) (*Payload, error) {
	if DigestOf(plaintext) != m.Header.Payload.Commitment {
		return nil, problem.New(problem.WrongDigest, "payload.commitment", "The plaintext is not the one that the header commits to.")
	}
	var p Payload
	if err := unmarshal(plaintext, MaxPlaintextBytes, "", &p); err != nil {
		return nil, unspoken(err, "payload", "The plaintext is not strict JSON of the right members.")
	}
	if err := p.check(m.Header.Core, m.Header); err != nil {
		return nil, err
	}
	if err := p.checkBody(m.Core); err != nil {
		return nil, unspoken(err, "payload.body", "The body is not a content object that may travel with the act.")
	}
	p.Pad = ""
	return &p, nil
}

// unspoken keeps the code of a problem and nothing else: a member's name or
// value from the plaintext must not reach a log or the other side.
func unspoken(err error, field, detail string) error {
	return problem.New(problem.CodeOf(err), field, detail)
}
