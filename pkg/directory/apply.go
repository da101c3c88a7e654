package directory

import (
	"errors"
	"fmt"

	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
)

// Apply returns the directory with one more statement, which is the entry
// index of the log. It verifies all that can be verified: the form, the chain,
// who may sign and the signature, and what the statement says of certificates.
// What it cannot know is the time: who accepts a statement holds its member
// "issued" against the clock.
//
// The error is a *problem.Error. Besides those of [Parse]: statement-chain if
// the statement does not follow its predecessor or the directory already has
// it; statement-signer if it is not signed by whom it must be, at the time it
// says; statement-invalid if what it says cannot be.
func (d *Directory) Apply(s Signed, index int64) (*Directory, error) {
	if index < d.Size() {
		return nil, problem.New(problem.StatementChain, "index", "The log holds a later statement already.")
	}
	if len(s.Signature) > MaxSignatureBytes {
		return nil, problem.New(problem.TooLarge, "signature", "The signature is too large.")
	}
	statement, err := Parse(s.Statement)
	if err != nil {
		return nil, err
	}
	h := statement.heading()
	before := d.subjects[h.Subject]
	if err := follows(before, h); err != nil {
		return nil, err
	}
	signer, err := d.signer(statement)
	if err != nil {
		return nil, err
	}
	if err := signer.Verify(h.Typ, []byte(s.Statement), s.Signature, h.Issued.Time); err != nil {
		return nil, problem.Wrap(problem.StatementSigner, "signature",
			fmt.Sprintf("The signature is not one of %s over this statement.", h.Signer), err)
	}
	next := &state{before: before, record: Record{
		Index: index, Digest: s.Digest(), Typ: h.Typ, Subject: h.Subject, Number: h.Number,
		Issued: h.Issued, Signer: h.Signer, Fingerprint: signer.Fingerprint(), Signed: s,
	}}
	if before != nil {
		next.inherit(before)
	}
	if err := d.take(next, statement, signer); err != nil {
		return nil, err
	}
	return d.with(next), nil
}

// follows checks that a statement comes after the state before it.
func follows(before *state, h *Heading) error {
	switch {
	case before == nil && (h.Number != 1 || h.Previous != ""):
		return problem.New(problem.StatementChain, "number", "The first statement about a subject has number 1 and no predecessor.")
	case before == nil:
		return nil
	case before.revoked:
		return problem.New(problem.StatementChain, "subject", "The subject is revoked, and that is final.")
	case h.Number != before.record.Number+1:
		return problem.New(problem.StatementChain, "number", fmt.Sprintf("The next number about this subject is %d.", before.record.Number+1))
	case h.Previous != before.record.Digest:
		return problem.New(problem.StatementChain, "previous", "This is not the digest of the statement before.")
	case h.Issued.Before(before.record.Issued.Time):
		return problem.New(problem.StatementChain, "issued", "The statement is older than the one before.")
	}
	return nil
}

// inherit takes over what a statement leaves as it was.
func (s *state) inherit(before *state) {
	s.depositary, s.party, s.authority = before.depositary, before.party, before.authority
	s.byDepositary, s.byParty = before.byDepositary, before.byParty
}

// signer returns the certificate that must have signed a statement.
func (d *Directory) signer(statement Statement) (*pgp.Certificate, error) {
	h := statement.heading()
	if h.Typ == TypParty && h.Signer != DepositarySubject {
		return nil, problem.New(problem.StatementSigner, "signer",
			"Only the depositary replaces the key of a party, whoever has the old one: send the depositary a request for it.")
	}
	if !mayIssue(h) {
		return nil, problem.New(problem.StatementSigner, "signer", fmt.Sprintf("A statement %s about %s is not %s's to make.", h.Typ, h.Subject, h.Signer))
	}
	if own, ok := statement.(*DepositaryStatement); ok {
		return d.anchored(own)
	}
	issuer := d.subjects[h.Signer]
	switch {
	case issuer == nil:
		return nil, problem.New(problem.StatementSigner, "signer", "The directory does not know the signer.")
	case issuer.standing() != Active:
		return nil, problem.New(problem.StatementSigner, "signer", fmt.Sprintf("The signer is %s.", issuer.standing()))
	case issuer.record.Number > 1 && h.Issued.Before(issuer.record.Issued.Time):
		// A signature dated before the signer's newest statement could come
		// from a key that this statement has revoked. What a party signed before
		// it was admitted is fine: its enrolment is.
		return nil, problem.New(problem.StatementSigner, "issued", "The statement is older than the newest about its signer.")
	case issuer.depositary != nil:
		return issuer.depositary.Certificate, nil
	}
	return issuer.party.Certificate, nil
}

// mayIssue reports whether the signer may make a statement of this type about
// this subject at all.
func mayIssue(h *Heading) bool {
	switch h.Typ {
	case TypDepositary, TypParty:
		return h.Signer == DepositarySubject
	case TypAuthority, TypStatistics:
		return h.Signer == PartyOf(h.Subject)
	case TypStanding:
		ofAuthority := PartyOf(h.Subject) != h.Subject
		return h.Signer == DepositarySubject || ofAuthority && h.Signer == PartyOf(h.Subject)
	}
	return false
}

// anchored returns the depositary's certificate out of its own statement, if
// it is the trust anchor's.
func (d *Directory) anchored(own *DepositaryStatement) (*pgp.Certificate, error) {
	c, err := pgp.ParseCertificate(own.Certificate)
	if err != nil {
		return nil, problem.Wrap(problem.StatementInvalid, "certificate", "The certificate cannot be used.", err)
	}
	if c.Fingerprint() != d.anchor {
		return nil, problem.New(problem.StatementSigner, "certificate", "The certificate is not the trust anchor's.")
	}
	if known, ok := d.Depositary(); ok {
		// A leaf stolen from a certificate since revoked must not bring back an
		// older copy of it, from before the revocation.
		if err := known.Certificate.CheckValid(own.Issued.Time); errors.Is(err, pgp.ErrRevoked) {
			return nil, problem.Wrap(problem.StatementSigner, "certificate", "The depositary's certificate is revoked: a new trust anchor must be pinned.", err)
		}
	}
	return c, nil
}

// take puts what a verified statement says into the next state. The depositary
// has signed with the certificate that its statement holds.
func (d *Directory) take(next *state, statement Statement, signer *pgp.Certificate) error {
	switch s := statement.(type) {
	case *DepositaryStatement:
		for i, id := range s.Auditors {
			if _, err := d.Authority(id); err != nil {
				return problem.New(problem.StatementInvalid, fmt.Sprintf("auditors.%d", i), "The directory knows no authority of this id.")
			}
		}
		next.depositary = &Depositary{Statement: *s, Certificate: signer, Transport: s.Transport, Index: next.record.Index}
		return nil
	case *PartyStatement:
		return d.takeParty(next, s)
	case *AuthorityStatement:
		return d.takeAuthority(next, s)
	case *StandingStatement:
		return next.takeStanding(s)
	case *StatisticsStatement:
		return next.takeStatistics(s)
	}
	return problem.New(problem.WrongType, "typ", "This is not a type of directory statement.")
}

func (d *Directory) takeParty(next *state, s *PartyStatement) error {
	c, err := usable(s.Certificate, s.Subject, "certificate", s.Issued)
	if err != nil {
		return err
	}
	if c.Fingerprint() != s.Fingerprint {
		return problem.New(problem.StatementInvalid, "fingerprint", "This is not the fingerprint of the certificate.")
	}
	next.party = &Party{Statement: *s, Code: s.Subject, Certificate: c, Index: next.record.Index}
	return nil
}

func (d *Directory) takeAuthority(next *state, s *AuthorityStatement) error {
	party := PartyOf(s.Subject)
	a := &Authority{Statement: *s, Certificates: map[pgp.Suite]*pgp.Certificate{}, Index: next.record.Index, Party: party}
	for _, suite := range pgp.Suites() {
		data, ok := s.Certificates[suite]
		if !ok {
			continue
		}
		field := "certificates." + string(suite)
		c, err := usable(data, s.Subject, field, s.Issued)
		if err != nil {
			return err
		}
		if c.Suite() != suite {
			return problem.New(problem.StatementInvalid, field, fmt.Sprintf("The certificate is of suite %s.", c.Suite()))
		}
		if err := c.CertifiedBy(d.subjects[party].party.Certificate, s.Issued.Time); err != nil {
			return problem.Wrap(problem.StatementInvalid, field, "The party has not certified this certificate.", err)
		}
		a.Certificates[suite] = c
	}
	if err := d.transportFree(s.Transport, party); err != nil {
		return err
	}
	next.authority = a
	return nil
}

// transportFree checks that no other party connects with this TLS key: who
// connects must be one party, or a refusal could be put down to another.
func (d *Directory) transportFree(transport, party string) error {
	taken := transport != "" && transport == d.depositaryTransport()
	for _, a := range d.ByTransport(transport) {
		taken = taken || a.Party != party
	}
	if taken {
		return problem.New(problem.StatementInvalid, "transport", "The TLS key is another party's.")
	}
	return nil
}

// depositaryTransport is the depositary's TLS key digest, or empty.
func (d *Directory) depositaryTransport() string {
	known, _ := d.Depositary()
	return known.Transport
}

// takeStanding changes the standing. Each signer holds and lifts its own
// suspension, so that a party cannot lift the depositary's.
func (s *state) takeStanding(statement *StandingStatement) error {
	if s.before == nil {
		return problem.New(problem.StatementInvalid, "subject", "The directory does not know the subject.")
	}
	held := &s.byParty
	if statement.Signer == DepositarySubject {
		held = &s.byDepositary
	}
	switch {
	case statement.Standing == Revoked:
		s.revoked = true
	case statement.Standing == Suspended && *held:
		return problem.New(problem.StatementInvalid, "standing", "The signer holds the subject suspended already.")
	case statement.Standing == Restored && !*held:
		return problem.New(problem.StatementInvalid, "standing", "The signer holds no suspension of its own to lift.")
	default:
		*held = statement.Standing == Suspended
	}
	return nil
}

// usable parses a certificate that a statement publishes for a subject: valid
// (or its subkeys would not be), with a subkey to sign and one to encrypt to,
// and a User ID that begins with the subject.
func usable(data []byte, subject, field string, at Time) (*pgp.Certificate, error) {
	c, err := pgp.ParseCertificate(data)
	if err != nil {
		return nil, problem.Wrap(problem.StatementInvalid, field, "The certificate cannot be used.", err)
	}
	if !names(c.UserID(), subject) {
		return nil, problem.New(problem.StatementInvalid, field, fmt.Sprintf("The certificate's User ID must be %s, or begin with it and a space.", subject))
	}
	if _, err := c.SigningSubkey(at.Time); err != nil {
		return nil, problem.Wrap(problem.StatementInvalid, field, "The certificate has no key to sign with.", err)
	}
	if _, err := c.EncryptionSubkey(at.Time); err != nil {
		return nil, problem.Wrap(problem.StatementInvalid, field, "The certificate has no key to encrypt to.", err)
	}
	return c, nil
}
