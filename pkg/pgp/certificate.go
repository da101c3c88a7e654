package pgp

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// Bounds of a certificate.
const (
	// MaxCertificateBytes bounds a certificate.
	MaxCertificateBytes = 64 << 10
	// maxForeign bounds the certifications by others (key flooding).
	maxForeign = 8
)

// A Certificate is an OpenPGP certificate under this profile. Everything that
// its signatures say was verified when it was parsed; what holds at a time is
// computed from that alone. It never changes and is safe for concurrent use.
type Certificate struct {
	data        []byte
	digest      string
	fingerprint string
	userID      string
	suite       Suite
	primary     *packet.PublicKey
	self        []claim // self-signatures of the primary key, oldest first
	revoked     revocations
	subkeys     []subkey
	foreign     []*packet.Signature // certifications of the user id by others
}

// A claim is what one verified self-signature says from its time on.
type claim struct {
	from    time.Time
	until   time.Time // of the signature itself; zero for ever
	expires time.Time // of the key; zero for never
}

// revocations are the verified revocations of a key.
type revocations struct {
	hard bool      // it must never be trusted, whenever it was used
	soft time.Time // it must not be used from then on; zero for never
}

// A subkey with what its bindings say.
type subkey struct {
	public        *packet.PublicKey
	fingerprint   string
	sign, encrypt bool
	created       time.Time
	bindings      []claim
	revoked       revocations
}

// ParseCertificate reads a binary certificate of exactly one suite: a primary
// key, one user id, and subkeys, with their signatures and nothing else, at
// most MaxCertificateBytes. Signing subkeys must have signed their adoption in
// turn; a subkey whose binding is not right is refused, not skipped.
//
// The error wraps [ErrCertificate] or [ErrTooLarge].
//
// Format: RFC 9580, section 10.1.
func ParseCertificate(data []byte) (*Certificate, error) {
	if len(data) > MaxCertificateBytes {
		return nil, fmt.Errorf("%w: a certificate has at most %d bytes", ErrTooLarge, MaxCertificateBytes)
	}
	if err := checkGrammar(data); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	e, err := openpgp.ReadEntity(packet.NewReader(bytes.NewReader(data)))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	sum := sha256.Sum256(data)
	c := &Certificate{
		data: bytes.Clone(data), digest: hex.EncodeToString(sum[:]),
		fingerprint: hexOf(e.PrimaryKey.Fingerprint), primary: e.PrimaryKey,
	}
	for _, step := range []func(*openpgp.Entity) error{c.readSuite, c.readUser, c.readPrimary, c.readSubkeys} {
		if err := step(e); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrCertificate, err)
		}
	}
	return c, nil
}

// hexOf spells a fingerprint.
func hexOf(fingerprint []byte) string { return strings.ToUpper(hex.EncodeToString(fingerprint)) }

// checkGrammar checks the order of the packets: one primary key, signatures,
// one user id, signatures, subkeys with signatures, to the end.
func checkGrammar(data []byte) error {
	users, subkeys := 0, 0
	for i, rest := 0, data; len(rest) > 0; i++ {
		p, next, err := nextPacket(rest)
		if err != nil {
			return err
		}
		rest = next
		switch {
		case (i == 0) != (p.tag == tagPublicKey):
			return fmt.Errorf("packet %d is out of place", i+1)
		case p.tag == tagPublicKey, p.tag == tagSignature:
		case p.tag == tagUserID && subkeys == 0:
			users++
		case p.tag == tagSubkey:
			subkeys++
		default:
			return fmt.Errorf("packet %d is out of place", i+1)
		}
	}
	if users != 1 || subkeys == 0 {
		return fmt.Errorf("it has %d user ids and %d subkeys", users, subkeys)
	}
	return nil
}

// readSuite finds the one suite whose form all keys have.
func (c *Certificate) readSuite(e *openpgp.Entity) error {
	for s, f := range forms {
		if e.PrimaryKey.Version == f.version && e.PrimaryKey.PubKeyAlgo == f.sign {
			c.suite = s
		}
	}
	f, ok := forms[c.suite]
	if !ok {
		return fmt.Errorf("its primary key is of no suite")
	}
	for _, s := range e.Subkeys {
		algorithm := s.PublicKey.PubKeyAlgo
		if s.PublicKey.Version != f.version || (algorithm != f.sign && algorithm != f.encrypt) {
			return fmt.Errorf("a subkey is not of suite %s", c.suite)
		}
	}
	return nil
}

// readUser reads the user id and the certifications by others.
func (c *Certificate) readUser(e *openpgp.Entity) error {
	for _, id := range e.Identities {
		c.userID = id.UserId.Id
		if len(id.OtherCertifications) > maxForeign {
			return fmt.Errorf("it has more than %d certifications by others", maxForeign)
		}
		for _, s := range id.OtherCertifications {
			c.foreign = append(c.foreign, s.Packet)
		}
	}
	if c.userID == "" {
		return fmt.Errorf("it has no user id that it has signed itself")
	}
	return nil
}

// readPrimary verifies what the primary key says of itself: on the user id in
// version 4, by a direct signature in version 6.
func (c *Certificate) readPrimary(e *openpgp.Entity) error {
	for _, id := range e.Identities {
		if len(id.Revocations) > 0 {
			return fmt.Errorf("its user id is revoked")
		}
		for _, s := range id.SelfCertifications {
			if err := c.isOwn(s.Packet, c.primary.VerifyUserIdSignature(c.userID, c.primary, s.Packet)); err != nil {
				return err
			}
			if c.primary.Version == 4 {
				c.self = append(c.self, claimOf(s.Packet, c.primary.CreationTime))
			}
		}
	}
	for _, s := range e.DirectSignatures {
		if err := c.isOwn(s.Packet, c.primary.VerifyDirectKeySignature(s.Packet)); err != nil {
			return err
		}
		if c.primary.Version == 6 {
			c.self = append(c.self, claimOf(s.Packet, c.primary.CreationTime))
		}
	}
	if len(c.self) == 0 {
		return fmt.Errorf("its primary key says nothing of itself")
	}
	for _, s := range e.Revocations {
		if err := c.isOwn(s.Packet, c.primary.VerifyRevocationSignature(s.Packet)); err != nil {
			return err
		}
		c.revoked.add(s.Packet)
	}
	return nil
}

// isOwn checks a self-signature: by the primary key, with a hash that is still
// good, and verified.
func (c *Certificate) isOwn(s *packet.Signature, verified error) error {
	switch {
	case verified != nil:
		return fmt.Errorf("a self-signature is not good: %w", verified)
	case !hashes[s.Hash]:
		return fmt.Errorf("a self-signature uses a hash that is no longer good")
	case s.PubKeyAlgo != c.primary.PubKeyAlgo || s.Version != c.primary.Version:
		return fmt.Errorf("a self-signature is of another form")
	}
	return nil
}

// readSubkeys verifies the bindings of every subkey, and that every signing
// subkey has agreed to be bound.
func (c *Certificate) readSubkeys(e *openpgp.Entity) error {
	f := forms[c.suite]
	for _, s := range e.Subkeys {
		k := subkey{public: s.PublicKey, fingerprint: hexOf(s.PublicKey.Fingerprint), created: s.PublicKey.CreationTime}
		for _, b := range s.Bindings {
			if err := c.isOwn(b.Packet, c.primary.VerifyKeySignature(s.PublicKey, b.Packet)); err != nil {
				return err
			}
			if b.Packet.FlagSign && (b.Packet.EmbeddedSignature == nil || !hashes[b.Packet.EmbeddedSignature.Hash]) {
				return fmt.Errorf("a signing subkey has not agreed to be bound")
			}
			k.sign = k.sign || b.Packet.FlagSign
			k.encrypt = k.encrypt || b.Packet.FlagEncryptCommunications || b.Packet.FlagEncryptStorage
			k.bindings = append(k.bindings, claimOf(b.Packet, k.created))
		}
		for _, r := range s.Revocations {
			if err := c.isOwn(r.Packet, c.primary.VerifySubkeyRevocationSignature(r.Packet, s.PublicKey)); err != nil {
				return err
			}
			k.revoked.add(r.Packet)
		}
		if len(k.bindings) == 0 || k.sign == k.encrypt || k.sign != (k.public.PubKeyAlgo == f.sign) {
			return fmt.Errorf("a subkey is not bound either to sign or to encrypt")
		}
		c.subkeys = append(c.subkeys, k)
	}
	return nil
}

// claimOf reads a self-signature about a key that was created at a time.
func claimOf(s *packet.Signature, created time.Time) claim {
	c := claim{from: s.CreationTime}
	if s.SigLifetimeSecs != nil && *s.SigLifetimeSecs > 0 {
		c.until = s.CreationTime.Add(time.Duration(*s.SigLifetimeSecs) * time.Second)
	}
	if s.KeyLifetimeSecs != nil && *s.KeyLifetimeSecs > 0 {
		c.expires = created.Add(time.Duration(*s.KeyLifetimeSecs) * time.Second)
	}
	return c
}

// add takes a verified revocation into account (RFC 9580, section 5.2.3.31): a
// key that was superseded or retired was good before; any other must be
// assumed to have been in wrong hands always.
func (r *revocations) add(s *packet.Signature) {
	if s.RevocationReason == nil ||
		(*s.RevocationReason != packet.KeySuperseded && *s.RevocationReason != packet.KeyRetired) {
		r.hard = true
		return
	}
	if r.soft.IsZero() || s.CreationTime.Before(r.soft) {
		r.soft = s.CreationTime
	}
}

// at returns nil if a key with these claims and revocations may be used at a
// time.
func validAt(created time.Time, claims []claim, r revocations, at time.Time) error {
	if r.hard {
		return ErrRevoked
	}
	if at.Before(created) {
		return ErrNotYetValid
	}
	if !r.soft.IsZero() && !at.Before(r.soft) {
		return ErrRevoked
	}
	var newest *claim
	for i, c := range claims {
		if !at.Before(c.from) && (newest == nil || c.from.After(newest.from)) {
			newest = &claims[i]
		}
	}
	switch {
	case newest == nil:
		return ErrNotYetValid
	case !newest.until.IsZero() && !at.Before(newest.until), !newest.expires.IsZero() && !at.Before(newest.expires):
		return ErrExpired
	}
	return nil
}

// Bytes returns the certificate in binary. The caller must not change it.
func (c *Certificate) Bytes() []byte { return c.data }

// Digest returns the SHA-256 of the certificate, lower-case hex.
func (c *Certificate) Digest() string { return c.digest }

// Fingerprint returns the fingerprint of the primary key, upper-case hex.
func (c *Certificate) Fingerprint() string { return c.fingerprint }

// Suite returns the suite of all its keys.
func (c *Certificate) Suite() Suite { return c.suite }

// UserID returns the user id.
func (c *Certificate) UserID() string { return c.userID }

// CheckValid returns nil if the certificate may be used at a time, and
// otherwise [ErrExpired], [ErrRevoked] or [ErrNotYetValid].
func (c *Certificate) CheckValid(at time.Time) error {
	return validAt(c.primary.CreationTime, c.self, c.revoked, at)
}

// EncryptionSubkey returns the fingerprint (upper-case hex) of the subkey that
// messages are encrypted to at a time: the newest that is valid. Errors are
// those of [Certificate.CheckValid].
func (c *Certificate) EncryptionSubkey(at time.Time) (string, error) {
	return c.newest(at, func(k subkey) bool { return k.encrypt })
}

// SigningSubkey returns the fingerprint (upper-case hex) of the newest valid
// signing subkey at a time. Errors are those of [Certificate.CheckValid].
func (c *Certificate) SigningSubkey(at time.Time) (string, error) {
	return c.newest(at, func(k subkey) bool { return k.sign })
}

func (c *Certificate) newest(at time.Time, wanted func(subkey) bool) (string, error) {
	if err := c.CheckValid(at); err != nil {
		return "", err
	}
	var found *subkey
	why := ErrNotYetValid
	for i, k := range c.subkeys {
		if !wanted(k) {
			continue
		}
		if err := validAt(k.created, k.bindings, k.revoked, at); err != nil {
			why = err
			continue
		}
		if found == nil || k.created.After(found.created) {
			found = &c.subkeys[i]
		}
	}
	if found == nil {
		return "", why
	}
	return found.fingerprint, nil
}

// Expires returns when the certificate expires, as its newest self-signature
// at a time says; false if it does not.
func (c *Certificate) Expires(at time.Time) (time.Time, bool) {
	var newest claim
	for _, s := range c.self {
		if !at.Before(s.from) && !s.from.Before(newest.from) {
			newest = s
		}
	}
	return newest.expires, !newest.expires.IsZero()
}

// CertifiedBy returns nil if the issuer's primary key has certified the
// certificate's user id and the certification holds at a time. The error wraps
// [ErrSignature], or is one of [Certificate.CheckValid] about the issuer.
func (c *Certificate) CertifiedBy(issuer *Certificate, at time.Time) error {
	if err := issuer.CheckValid(at); err != nil {
		return err
	}
	for _, s := range c.foreign {
		if s.SigType != packet.SigTypePositiveCert || !bytes.Equal(s.IssuerFingerprint, issuer.primary.Fingerprint) ||
			!hashes[s.Hash] || at.Before(s.CreationTime) || s.SigExpired(at) ||
			issuer.CheckValid(s.CreationTime) != nil {
			continue
		}
		if issuer.primary.VerifyUserIdSignature(c.userID, c.primary, s) == nil {
			return nil
		}
	}
	return fmt.Errorf("%w: %s has not certified %s", ErrSignature, issuer.fingerprint, c.fingerprint)
}

// entity reads the certificate anew: go-crypto's entities keep state as they
// verify and belong to one goroutine and one time.
func (c *Certificate) entity() (*openpgp.Entity, error) {
	e, err := openpgp.ReadEntity(packet.NewReader(bytes.NewReader(c.data)))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	return e, nil
}
