package pgp

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// A Certificate is a public key with what its holder says of it: a primary key
// that only certifies, one User ID, subkeys that sign and subkeys that encrypt,
// all of one suite. It may carry certifications by others.
//
// It is immutable and safe for concurrent use. It says nothing about today:
// every judgement is as of a time that the caller names, and the same for ever.
type Certificate struct {
	data           []byte
	digest         string
	suite          Suite
	userID         string
	userIDEnd      int // offset behind the User ID and its signatures
	primary        component
	subkeys        []component // in the order of the certificate
	certifications []certification
}

// A component is a key of a certificate, with its self-signatures, which have
// been verified.
type component struct {
	key         *packet.PublicKey
	fingerprint string
	signs       bool // else encrypts; of a subkey
	end         int  // offset behind the key packet
	// bindings put the key to use: one of them must be in force.
	bindings []binding
	// limits, those in force, may only make the life of the key shorter.
	limits      []binding
	revocations []revocation
}

// A binding is a self-signature that puts a key to use.
type binding struct {
	created  time.Time
	lifetime time.Duration // of the key from its creation; 0 is unlimited
}

// A revocation takes a key out of use.
type revocation struct {
	created time.Time
	hard    bool // for the past as well: the key was in other hands
}

// Bytes returns the certificate as it was parsed, a binary transferable public
// key (RFC 9580 section 10.1).
func (c *Certificate) Bytes() []byte { return bytes.Clone(c.data) }

// Digest returns the SHA-256 of Bytes in lower-case hexadecimal.
func (c *Certificate) Digest() string { return c.digest }

// Fingerprint returns the whole fingerprint of the primary key in upper-case
// hexadecimal: 40 digits in classic-4, else 64.
func (c *Certificate) Fingerprint() string { return c.primary.fingerprint }

// Suite returns the suite that all keys of the certificate are of.
func (c *Certificate) Suite() Suite { return c.suite }

// UserID returns the one User ID.
func (c *Certificate) UserID() string { return c.userID }

// CheckValid reports whether the primary key, and so the certificate, is valid
// at a time. That there is a subkey to use is not checked: see SigningSubkey
// and EncryptionSubkey.
//
// The error wraps ErrNotYetValid, ErrExpired or ErrRevoked. A certificate
// revoked because its key is in other hands, or without a reason, is revoked at
// all times, those before the revocation included.
func (c *Certificate) CheckValid(at time.Time) error {
	if err := c.primary.check(at); err != nil {
		return fmt.Errorf("%w: the certificate at %s", err, at.UTC().Format(time.RFC3339))
	}
	return nil
}

// SigningSubkey returns the fingerprint, in upper-case hexadecimal, of the
// newest subkey that signs and is valid at a time.
//
// The error wraps ErrNotYetValid, ErrExpired or ErrRevoked.
func (c *Certificate) SigningSubkey(at time.Time) (fingerprint string, err error) {
	m, err := c.newest(true, at)
	if err != nil {
		return "", err
	}
	return m.fingerprint, nil
}

// EncryptionSubkey is SigningSubkey for subkeys that encrypt.
func (c *Certificate) EncryptionSubkey(at time.Time) (fingerprint string, err error) {
	m, err := c.newest(false, at)
	if err != nil {
		return "", err
	}
	return m.fingerprint, nil
}

// newest returns the newest subkey for a use that is valid at a time.
func (c *Certificate) newest(signs bool, at time.Time) (*component, error) {
	if err := c.CheckValid(at); err != nil {
		return nil, err
	}
	var best *component
	err := fmt.Errorf("%w: there is no such subkey", ErrNotYetValid)
	for i := range c.subkeys {
		m := &c.subkeys[i]
		if m.signs != signs {
			continue
		}
		if failed := m.check(at); failed != nil {
			err = fmt.Errorf("%w: the subkey %s at %s", failed, m.fingerprint, at.UTC().Format(time.RFC3339))
			continue
		}
		// Of two made in the same second, the later in the certificate.
		if best == nil || !m.key.CreationTime.Before(best.key.CreationTime) {
			best = m
		}
	}
	if best == nil {
		return nil, err
	}
	return best, nil
}

// Expires returns when the certificate, or the signing or encryption subkey in
// use at a time, expires first. It is false if none ever does, or if the
// certificate is not valid at that time.
func (c *Certificate) Expires(at time.Time) (t time.Time, ok bool) {
	if c.CheckValid(at) != nil {
		return time.Time{}, false
	}
	t, ok = c.primary.expiry(at)
	for _, signs := range []bool{true, false} {
		m, err := c.newest(signs, at)
		if err != nil {
			continue
		}
		if end, ends := m.expiry(at); ends && (!ok || end.Before(t)) {
			t, ok = end, true
		}
	}
	return t, ok
}

// check reports whether the key itself is valid at a time.
func (m *component) check(at time.Time) error {
	for _, r := range m.revocations {
		if r.hard || !at.Before(r.created) {
			return ErrRevoked
		}
	}
	if _, ok := inForce(m.bindings, at); !ok || at.Before(m.key.CreationTime) {
		return ErrNotYetValid
	}
	if end, ends := m.expiry(at); ends && !at.Before(end) {
		return ErrExpired
	}
	return nil
}

// expiry returns when the key expires, as its holder saw it at a time.
func (m *component) expiry(at time.Time) (end time.Time, ends bool) {
	for _, list := range [][]binding{m.bindings, m.limits} {
		b, ok := inForce(list, at)
		if !ok || b.lifetime == 0 {
			continue
		}
		if t := m.key.CreationTime.Add(b.lifetime).UTC(); !ends || t.Before(end) {
			end, ends = t, true
		}
	}
	return end, ends
}

// inForce returns the newest binding that had been made by a time.
func inForce(bindings []binding, at time.Time) (newest binding, ok bool) {
	for _, b := range bindings {
		if !b.created.After(at) && (!ok || b.created.After(newest.created)) {
			newest, ok = b, true
		}
	}
	return newest, ok
}

// subkey returns the subkey with a fingerprint.
func (c *Certificate) subkey(fingerprint string) (*component, bool) {
	i := slices.IndexFunc(c.subkeys, func(m component) bool { return strings.EqualFold(m.fingerprint, fingerprint) })
	if i < 0 {
		return nil, false
	}
	return &c.subkeys[i], true
}

// fingerprintOf returns the fingerprint of a key as this package writes it.
func fingerprintOf(key *packet.PublicKey) string {
	return strings.ToUpper(hex.EncodeToString(key.Fingerprint))
}
