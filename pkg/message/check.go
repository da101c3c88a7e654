package message

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
)

// CheckParties checks that the directory knows both authorities, that the
// suite is the one it fixes for this ordered pair, that the fingerprints,
// certificates and encryption subkey are those it names, and that neither
// authority is suspended, expired or revoked, all at a time.
//
// The broker passes its directory and the time of acceptance. A recipient
// passes the directory as of the message's place in the log, and the time of
// its entry.
//
// Codes: unknown-authority, wrong-suite, wrong-certificate,
// wrong-encryption-key, suspended-authority, expired-authority.
func (m *Message) CheckParties(d *directory.Directory, at time.Time) error {
	from, err := d.Authority(m.Core.From.Authority)
	if err != nil {
		return inField(err, "core.from.authority")
	}
	to, err := d.Authority(m.Core.To.Authority)
	if err != nil {
		return inField(err, "core.to.authority")
	}
	suite, err := directory.PairSuite(from, to, at)
	if err != nil {
		return inField(err, "core.suite")
	}
	if m.Core.Suite != suite {
		return problem.New(problem.WrongSuite, "core.suite", fmt.Sprintf("The directory fixes the suite %s for this pair.", suite))
	}
	if err := matches(from.Certificates[suite], m.Core.From.Fingerprint, m.Core.From.Certificate, "core.from"); err != nil {
		return err
	}
	if err := matches(to.Certificates[suite], m.Core.To.Fingerprint, m.Core.To.Certificate, "core.to"); err != nil {
		return err
	}
	encryption, err := to.Certificates[suite].EncryptionSubkey(at)
	if err != nil || encryption != m.Core.To.Encryption {
		return problem.Wrap(problem.WrongEncryptionKey, "core.to.encryption", "This is not the recipient's current encryption subkey.", err)
	}
	if err := from.Check(at); err != nil {
		return inField(err, "core.from.authority")
	}
	return inField(to.Check(at), "core.to.authority")
}

// matches checks that a certificate is the one that a message names.
func matches(c *pgp.Certificate, fingerprint string, digest Digest, field string) error {
	switch {
	case c == nil:
		return problem.New(problem.WrongCertificate, field+".certificate", "The directory has no certificate of this suite for the authority.")
	case c.Fingerprint() != fingerprint:
		return problem.New(problem.WrongCertificate, field+".fingerprint", "The authority's certificate has another fingerprint.")
	case c.Digest() != string(digest):
		return problem.New(problem.WrongCertificate, field+".certificate", "The authority's certificate is another: fetch the directory.")
	}
	return nil
}

// inField names the member at fault in a problem that does not know it.
func inField(err error, field string) error {
	p, ok := errors.AsType[*problem.Error](err)
	if !ok {
		return err
	}
	named := *p
	named.Field = field
	return &named
}

// CheckTime checks that the message was created within [ClockSkew] of now and
// may still be accepted. Codes: stale-time, expired-message.
func (m *Message) CheckTime(now time.Time) error {
	if age := now.Sub(m.Core.Created.Time); age > ClockSkew || age < -ClockSkew {
		return problem.New(problem.StaleTime, "core.created", fmt.Sprintf("The message was not created within %v of %s.", ClockSkew, At(now)))
	}
	if now.After(m.Core.NotAfter.Time) {
		return problem.New(problem.ExpiredMessage, "core.not_after", "The message may no longer be accepted.")
	}
	return nil
}

// CheckSignature checks that the detached signature is exactly one signature
// of the suite's form over the header's text, made for this purpose and at the
// time of creation, by exactly the certificate that the header names and the
// directory has. Codes: unknown-authority, wrong-certificate, bad-signature.
func (m *Message) CheckSignature(d *directory.Directory) error {
	_, sender, err := m.sender(d)
	if err != nil {
		return err
	}
	if err := sender.Verify(TypMessage, []byte(m.HeaderText), m.Signature, m.Core.Created.Time); err != nil {
		return problem.Wrap(problem.BadSignature, "signature", "The signature is not exactly one of the sender's over this header, made at the time of creation.", err)
	}
	return nil
}

// sender returns the sending authority and the certificate that the header
// names.
func (m *Message) sender(d *directory.Directory) (directory.Authority, *pgp.Certificate, error) {
	from, err := d.Authority(m.Core.From.Authority)
	if err != nil {
		return from, nil, inField(err, "core.from.authority")
	}
	c := from.Certificates[m.Core.Suite]
	return from, c, matches(c, m.Core.From.Fingerprint, m.Core.From.Certificate, "core.from")
}

// CheckDigest checks that the payload is the one the header names, by size and
// digest. Code: wrong-digest.
func (m *Message) CheckDigest() error {
	switch {
	case int64(len(m.Payload)) != m.Header.Payload.Size:
		return problem.New(problem.WrongDigest, "payload.size", "The payload has another size.")
	case DigestOf(m.Payload) != m.Header.Payload.SHA256:
		return problem.New(problem.WrongDigest, "payload.sha256", "The payload has another digest.")
	}
	return nil
}

// CheckPayload checks size and digest of the payload, and its framing: exactly
// two encrypted session keys, for the recipient's subkey that the header names
// and then for the sender's own, then one encrypted container of the suite's
// form to the end. It needs no secret. Codes: wrong-digest, bad-framing, and
// those of [Message.CheckSignature] about the sender.
func (m *Message) CheckPayload(d *directory.Directory) error {
	if err := m.CheckDigest(); err != nil {
		return err
	}
	recipients, err := m.Recipients(d)
	if err != nil {
		return err
	}
	if err := pgp.CheckFraming(m.Core.Suite, m.Payload, recipients...); err != nil {
		return problem.Wrap(problem.BadFraming, "payload", "The payload is not framed as its suite demands, for the recipient and the sender and nobody else.", err)
	}
	return nil
}

// CheckEvidence checks how a sealed file of evidence begins, which is framed as
// the payload is, and returns the fingerprints of the encryption subkeys that it is
// sealed to, in order. Evidence takes long to be sealed and sent: any subkey will do
// that was valid when the message was created, in the certificate that it names. It
// needs no secret. Codes: bad-framing, and those of [Message.CheckSignature] about
// the sender.
func (m *Message) CheckEvidence(d *directory.Directory, index int, sealed io.Reader) ([]string, error) {
	_, sender, err := m.sender(d)
	if err != nil {
		return nil, err
	}
	to, err := d.Authority(m.Core.To.Authority)
	if err != nil {
		return nil, inField(err, "core.to.authority")
	}
	recipient := to.Certificates[m.Core.Suite]
	if err := matches(recipient, m.Core.To.Fingerprint, m.Core.To.Certificate, "core.to"); err != nil {
		return nil, err
	}
	var subkeys [2][]string
	for i, c := range []*pgp.Certificate{recipient, sender} {
		if subkeys[i], err = c.EncryptionSubkeys(m.Core.Created.Time); err != nil {
			return nil, problem.Wrap(problem.WrongEncryptionKey, "core", "A certificate has no encryption subkey at the time of creation.", err)
		}
	}
	found, err := pgp.CheckStream(m.Core.Suite, sealed, subkeys[:]...)
	if err != nil {
		return nil, problem.Wrap(problem.BadFraming, fmt.Sprintf("evidence.%d", index),
			"The evidence is not sealed as its suite demands, to subkeys of the recipient and the sender that are in use: seal it again.", err)
	}
	return found, nil
}

// Recipients returns the fingerprints of the encryption subkeys that the payload
// is sealed to, in order: the recipient's, which the header names, and the sender's
// own. Codes: those of [Message.CheckSignature] about the sender.
func (m *Message) Recipients(d *directory.Directory) ([]string, error) {
	_, sender, err := m.sender(d)
	if err != nil {
		return nil, err
	}
	return m.recipients(sender)
}

// recipients returns the encryption subkeys of the payload in framing order.
func (m *Message) recipients(sender *pgp.Certificate) ([]string, error) {
	own, err := sender.EncryptionSubkey(m.Core.Created.Time)
	if err != nil {
		return nil, problem.Wrap(problem.WrongCertificate, "core.from.certificate", "The sender's certificate has no encryption subkey at the time of creation.", err)
	}
	return []string{m.Core.To.Encryption, own}, nil
}
