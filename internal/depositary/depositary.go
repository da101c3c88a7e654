// Package depositary is the keeper of the trust anchor: it signs who is a
// party, and suspends or restores. Its key stays in its own home and never
// meets a broker; what it signs is published over the broker's API.
package depositary

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/entraide/entraide/internal/enrolment"
	"github.com/entraide/entraide/internal/transport"
	"github.com/entraide/entraide/pkg/client"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/pkg/verify"
	"github.com/entraide/entraide/pkg/wire"
)

// Files of a home.
const (
	keyFile = "depositary.key"
	// StatementFile is the depositary's own statement, which `entraide broker
	// init` needs.
	StatementFile = "depositary.json"
	brokerFile    = "broker.json"
)

// ErrNoBroker says that the depositary has not been connected to a broker.
var ErrNoBroker = errors.New("the depositary knows no broker yet: give its broker.json with --broker")

// InitOptions describe a new depositary.
type InitOptions struct {
	Name       string // for people, in the certificate
	Passphrase []byte
	Now        time.Time
}

// Init makes a depositary's home in the directory, which must be empty or
// absent, and returns the statement that brokers begin their directory with.
// Its key is classic-4, so that anybody's OpenPGP tools can check what it
// signed.
func Init(home string, o InitOptions) (directory.Signed, error) {
	none := directory.Signed{}
	if err := os.MkdirAll(home, 0o700); err != nil {
		return none, err
	}
	if names, err := os.ReadDir(home); err != nil || len(names) > 0 {
		return none, errors.Join(err, fmt.Errorf("%s is not empty; choose another directory", home))
	}
	key, err := pgp.Generate(pgp.Classic4, o.Name+" <depositary@entraide.example>", o.Now, 0)
	if err != nil {
		return none, err
	}
	locked, err := key.Lock(o.Passphrase)
	if err != nil {
		return none, err
	}
	digest, err := transport.Create(home, "entraide depositary", o.Now)
	if err != nil {
		return none, err
	}
	signed, err := directory.Sign(key, directory.DepositaryStatement{
		Heading: directory.Heading{
			Typ: directory.TypDepositary, Subject: directory.DepositarySubject, Number: 1,
			Issued: directory.At(o.Now), Signer: directory.DepositarySubject,
		},
		Certificate: key.Certificate().Bytes(),
		Transport:   digest,
	}, o.Now)
	if err != nil {
		return none, err
	}
	statement, err := strictjson.Marshal(signed)
	if err != nil {
		return none, err
	}
	if err := os.WriteFile(filepath.Join(home, keyFile), locked, 0o600); err != nil {
		return none, err
	}
	return signed, os.WriteFile(filepath.Join(home, StatementFile), append(statement, '\n'), 0o600)
}

// A Depositary is an open home.
type Depositary struct {
	home    string
	key     *pgp.Key
	now     func() time.Time
	offline *offline // nil with a line to the broker
}

// Open unlocks the depositary's key.
func Open(home string, passphrase []byte, now func() time.Time) (*Depositary, error) {
	locked, err := os.ReadFile(filepath.Join(home, keyFile))
	if err != nil {
		return nil, fmt.Errorf("reading the depositary's key: %w", err)
	}
	key, err := pgp.Unlock(locked, passphrase)
	if err != nil {
		return nil, fmt.Errorf("unlocking the depositary's key: %w", err)
	}
	return &Depositary{home: home, key: key, now: now}, nil
}

// Fingerprint returns the trust anchor.
func (d *Depositary) Fingerprint() string { return d.key.Fingerprint() }

// Connect remembers the broker that statements are published to. A broker
// under another trust anchor is refused.
func (d *Depositary) Connect(b wire.Broker) error {
	if b.Depositary != d.key.Fingerprint() {
		return errors.New("this broker's directory has another depositary")
	}
	data, err := strictjson.Marshal(b)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(d.home, brokerFile), append(data, '\n'), 0o600)
}

// Admit signs the party's statement and publishes it, with the statements of
// its authorities. It may be repeated: what is in the directory stays.
//
// The caller must have compared the enrolment's code with the State over
// another channel.
func (d *Depositary) Admit(ctx context.Context, e enrolment.Enrolment) error {
	s, err := d.connect(ctx)
	if err != nil {
		return err
	}
	defer s.end()
	certificate, err := pgp.ParseCertificate(e.Certificate)
	if err != nil {
		return fmt.Errorf("reading the party's certificate: %w", err)
	}
	party, err := s.dir.Party(e.Party)
	switch {
	case err == nil && party.Certificate.Fingerprint() != certificate.Fingerprint():
		return fmt.Errorf("%w: %s has the key %s; if it was lost or stolen, see `entraide depositary replace`", ErrAdmitted, e.Party, party.Certificate.Fingerprint())
	case err != nil && len(e.Authorities) == 0:
		return fmt.Errorf("%s is not a party yet, and the file names no authority: it asks for another key of a party", e.Party)
	}
	if err != nil || party.Certificate.Digest() != certificate.Digest() {
		if err := s.sign(ctx, e.Party, func(h directory.Heading) any {
			h.Typ = directory.TypParty
			return directory.PartyStatement{
				Heading: h, Names: e.Names, Certificate: e.Certificate, Fingerprint: certificate.Fingerprint(),
			}
		}); err != nil {
			return fmt.Errorf("admitting %s: %w", e.Party, err)
		}
	}
	for _, authority := range e.Authorities {
		if err := s.publish(ctx, authority); err != nil {
			return fmt.Errorf("publishing an authority of %s: %w", e.Party, err)
		}
	}
	return nil
}

// ErrAdmitted says that a party has another key already.
var ErrAdmitted = errors.New("the party is admitted with another key")

// Replace gives a party another key: the one it had was lost or stolen. Nobody else
// can: a successor that the former key alone has signed is refused, since a thief
// could name one.
//
// The caller must have compared the request's code with the State over another
// channel, and be sure to speak to those who may ask for this.
func (d *Depositary) Replace(ctx context.Context, e enrolment.Enrolment) error {
	s, err := d.connect(ctx)
	if err != nil {
		return err
	}
	defer s.end()
	certificate, err := pgp.ParseCertificate(e.Certificate)
	if err != nil {
		return fmt.Errorf("reading the party's certificate: %w", err)
	}
	party, err := s.dir.Party(e.Party)
	if err != nil {
		return fmt.Errorf("%w: a new party is admitted with `entraide depositary admit`", err)
	}
	if party.Certificate.Fingerprint() == certificate.Fingerprint() {
		return fmt.Errorf("%s has this key already", e.Party)
	}
	return s.sign(ctx, e.Party, func(h directory.Heading) any {
		h.Typ = directory.TypParty
		return directory.PartyStatement{
			Heading: h, Names: e.Names, Certificate: e.Certificate, Fingerprint: certificate.Fingerprint(),
		}
	})
}

// SetStanding suspends, restores or revokes a party or an authority, for a
// reason that every reader of the directory sees.
func (d *Depositary) SetStanding(ctx context.Context, subject, standing, reason string) error {
	s, err := d.connect(ctx)
	if err != nil {
		return err
	}
	defer s.end()
	return s.sign(ctx, subject, func(h directory.Heading) any {
		h.Typ = directory.TypStanding
		return directory.StandingStatement{Heading: h, Standing: standing, Reason: reason}
	})
}

// NameAuditors names the authorities that may see the procedure of all exchanges
// in the broker's log, in the place of those named before; none ends it.
func (d *Depositary) NameAuditors(ctx context.Context, authorities []string) error {
	s, err := d.connect(ctx)
	if err != nil {
		return err
	}
	defer s.end()
	known, ok := s.dir.Depositary()
	if !ok {
		return errors.New("the directory does not begin with this depositary")
	}
	return s.sign(ctx, directory.DepositarySubject, func(h directory.Heading) any {
		h.Typ = directory.TypDepositary
		return directory.DepositaryStatement{
			Heading: h, Certificate: known.Statement.Certificate, Transport: known.Statement.Transport,
			Auditors: slices.Compact(slices.Sorted(slices.Values(authorities))),
		}
	})
}

// A session is work on the directory as the broker has it, or as a depositary
// without a line knows it, verified.
type session struct {
	*Depositary
	dir     *directory.Directory
	publish func(context.Context, directory.Signed) error
	end     func()
}

// connect reads the whole directory and verifies it.
func (d *Depositary) connect(ctx context.Context) (*session, error) {
	if d.offline != nil {
		return &session{Depositary: d, dir: d.offline.dir, publish: d.offline.take, end: func() {}}, nil
	}
	b, err := d.broker()
	if err != nil {
		return nil, err
	}
	certificate, err := transport.Load(d.home)
	if err != nil {
		return nil, err
	}
	trust, err := verify.NewTrust(b)
	if err != nil {
		return nil, err
	}
	c, err := client.New(b, certificate)
	if err != nil {
		return nil, err
	}
	dir, err := trust.Follow(ctx, directory.New(d.key.Fingerprint()), c.Statements, nil)
	if err != nil {
		c.Close()
		return nil, err
	}
	publish := func(ctx context.Context, signed directory.Signed) error {
		_, err := c.Publish(ctx, signed)
		return err
	}
	return &session{Depositary: d, dir: dir, publish: publish, end: c.Close}, nil
}

// broker reads the description of the broker that the depositary knows.
func (d *Depositary) broker() (b wire.Broker, err error) {
	data, err := os.ReadFile(filepath.Join(d.home, brokerFile))
	if errors.Is(err, os.ErrNotExist) {
		return b, ErrNoBroker
	}
	if err != nil {
		return b, err
	}
	if err := strictjson.Unmarshal(data, 1<<16, &b); err != nil {
		return b, fmt.Errorf("reading %s: %w", brokerFile, err)
	}
	return b, nil
}

// sign completes a statement about the subject, signs and publishes it.
func (s *session) sign(ctx context.Context, subject string, statement func(directory.Heading) any) error {
	now := s.now().UTC().Truncate(time.Second)
	number, previous := s.dir.Next(subject)
	signed, err := directory.Sign(s.key, statement(directory.Heading{
		Subject: subject, Number: number, Previous: previous, Issued: directory.At(now), Signer: directory.DepositarySubject,
	}), now)
	if err != nil {
		return err
	}
	return s.publish(ctx, signed)
}
