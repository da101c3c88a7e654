package pgp

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// A certification is a signature by somebody else over the User ID and the
// primary key, or the revocation of one. It has not been verified.
type certification struct {
	*signature
	start, end int // offsets in the certificate
}

// certification keeps a signature over the User ID by another key.
func (p *parser) certification(s *signature, start int) error {
	if !certifies(s.SigType) && s.SigType != packet.SigTypeCertificationRevocation {
		return fmt.Errorf("there is a signature of type %#x by another key", uint8(s.SigType))
	}
	if len(p.c.certifications) == maxCertifications {
		return fmt.Errorf("there are more than %d signatures by other keys", maxCertifications)
	}
	end := p.end() - len(p.next.raw)
	p.c.certifications = append(p.c.certifications, certification{s, start, end})
	return nil
}

// Certify returns c with a certification by this key: that the User ID belongs
// to the primary key (type 0x13). It is made by the primary key of k, never by a
// subkey, at a time, and lasts for lifetime; 0 is for ever. Earlier
// certifications by this key are left out.
//
// The error wraps what Certificate.CheckValid of k's certificate does, or
// ErrTooLarge, or ErrCertificate if there is no room left for certifications.
func (k *Key) Certify(c *Certificate, at time.Time, lifetime time.Duration) (*Certificate, error) {
	at, err := wholeSecond(at)
	if err != nil {
		return nil, err
	}
	seconds, err := wholeSeconds(lifetime)
	if err != nil {
		return nil, err
	}
	if err := k.Certificate().CheckValid(at); err != nil {
		return nil, fmt.Errorf("pgp: certifying: %w", err)
	}
	if k.holder != nil {
		return k.heldCertification(c, at, lifetime)
	}
	sig := newSignature(k.primary, packet.SigTypePositiveCert, at)
	sig.SigLifetimeSecs = &seconds
	if err := sig.SignUserId(c.userID, c.primary.key, k.primary, &packet.Config{}); err != nil {
		return nil, fmt.Errorf("pgp: certifying: %w", err)
	}
	var made bytes.Buffer
	if err := sig.Serialize(&made); err != nil {
		return nil, fmt.Errorf("pgp: certifying: %w", err)
	}
	var out []byte
	from := 0
	for _, old := range c.certifications {
		if certifies(old.SigType) && old.names(&k.primary.PublicKey) {
			out, from = append(out, c.data[from:old.start]...), old.end
		}
	}
	out = append(out, c.data[from:c.userIDEnd]...)
	out = append(out, made.Bytes()...)
	return ParseCertificate(append(out, c.data[c.userIDEnd:]...))
}

// CertifiedBy reports whether issuer says, at a time, that the User ID of c
// belongs to its primary key: with a certification of type 0x13 by issuer's
// primary key, made by then, not expired, and not revoked since. The issuer must
// be valid both at that time and when it certified. Whether c itself is valid is
// not asked.
//
// The error wraps ErrSignature if there is no good certification by issuer, and
// else ErrExpired, ErrRevoked or ErrNotYetValid.
func (c *Certificate) CertifiedBy(issuer *Certificate, at time.Time) error {
	if err := issuer.CheckValid(at); err != nil {
		return err
	}
	err := fmt.Errorf("%w: not certified by %s", ErrSignature, issuer.Fingerprint())
	for i, s := range c.certifications {
		if s.SigType != packet.SigTypePositiveCert || !issuer.certified(c, s) {
			continue
		}
		failed := c.checkCertification(i, issuer, at)
		if failed == nil {
			return nil
		}
		err = failed
	}
	return err
}

// certified reports whether c, by its primary key, has made a signature over the
// User ID of another certificate.
func (c *Certificate) certified(subject *Certificate, s certification) bool {
	return s.suite == c.suite && s.names(c.primary.key) &&
		c.primary.key.VerifyUserIdSignature(subject.userID, subject.primary.key, s.Signature) == nil
}

// checkCertification reports whether a certification, which is good, is in force
// at a time.
func (c *Certificate) checkCertification(i int, issuer *Certificate, at time.Time) error {
	s := c.certifications[i]
	if s.CreationTime.After(at) {
		return fmt.Errorf("%w: the certification", ErrNotYetValid)
	}
	if err := issuer.CheckValid(s.CreationTime); err != nil {
		return err
	}
	if life := s.SigLifetimeSecs; life != nil && *life != 0 {
		if !at.Before(s.CreationTime.Add(time.Duration(*life) * time.Second)) {
			return fmt.Errorf("%w: the certification", ErrExpired)
		}
	}
	revoked := slices.ContainsFunc(c.certifications, func(r certification) bool {
		return r.SigType == packet.SigTypeCertificationRevocation &&
			!r.CreationTime.Before(s.CreationTime) && !r.CreationTime.After(at) && issuer.certified(c, r)
	})
	if revoked {
		return fmt.Errorf("%w: the certification", ErrRevoked)
	}
	return nil
}

// wholeSeconds returns a lifetime as a signature can say it.
func wholeSeconds(d time.Duration) (uint32, error) {
	seconds := int64(d / time.Second)
	if d < 0 || d > 0 && seconds == 0 || seconds > math.MaxUint32 {
		return 0, errors.New("pgp: the lifetime cannot be written in a signature")
	}
	return uint32(seconds), nil
}
