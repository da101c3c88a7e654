package pgp

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// maxSignatureBytes bounds a detached signature; the largest form has 3.5 KB.
const maxSignatureBytes = 16 << 10

// Verify reports whether signature is one detached signature over data, made at
// a time for a purpose, typ, by a signing subkey of this certificate that was
// valid then: one packet to the end, at most 16 KiB, of the suite's form, with
// the notation typ@entraide.example and the creation time at.
//
// It consults no clock: at is the time that the signed object itself names, in
// whole seconds, and whether that is acceptable now is for the caller to say. It
// parses no more than the signature, which costs little beyond the arithmetic.
//
// The error wraps ErrSignature, and ErrSuite too if the signature is of another
// suite, or ErrNotYetValid, ErrExpired or ErrRevoked if the key was not valid at
// that time.
//
// Format: RFC 9580 sections 5.2 and 10.4, RFC 9980.
func (c *Certificate) Verify(typ string, data, signature []byte, at time.Time) error {
	if len(signature) > maxSignatureBytes {
		return fmt.Errorf("%w: larger than %d bytes", ErrSignature, maxSignatureBytes)
	}
	p, rest, err := cutPacket(signature)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	if len(rest) > 0 {
		return fmt.Errorf("%w: there is more than one packet", ErrSignature)
	}
	s, err := readSignature(p)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	if err := s.checkOver(typ, false); err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return c.verify(s, data, at)
}

// verify verifies a signature over data that was made at a time.
func (c *Certificate) verify(s *signature, data []byte, at time.Time) error {
	if s.suite != c.suite {
		return fmt.Errorf("%w: %w: it is of %s, the certificate of %s", ErrSignature, ErrSuite, s.suite, c.suite)
	}
	if !s.CreationTime.Equal(at) {
		return fmt.Errorf("%w: made at another time", ErrSignature)
	}
	i := slices.IndexFunc(c.subkeys, func(m component) bool { return s.names(m.key) })
	if i < 0 || !c.subkeys[i].signs {
		return fmt.Errorf("%w: not by a signing subkey of %s", ErrSignature, c.Fingerprint())
	}
	if err := c.CheckValid(at); err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	if err := c.subkeys[i].check(at); err != nil {
		return fmt.Errorf("%w: %w: the subkey at that time", ErrSignature, err)
	}
	h, err := s.PrepareVerify()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	h.Write(data)
	if err := c.subkeys[i].key.VerifySignature(h, s.Signature); err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	// The two octets of the digest that stand before the signature (RFC 9580
	// section 5.2.3) are not under it.
	if !bytes.HasPrefix(h.Sum(nil), s.HashTag[:]) {
		return fmt.Errorf("%w: its digest is another", ErrSignature)
	}
	return nil
}

// names reports whether s says that key has made it, and nothing else.
func (s *signature) names(key *packet.PublicKey) bool {
	return int(s.IssuerKeyVersion) == key.Version && bytes.Equal(s.IssuerFingerprint, key.Fingerprint) &&
		s.IssuerKeyId != nil && *s.IssuerKeyId == key.KeyId
}
