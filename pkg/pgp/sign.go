package pgp

import (
	"bytes"
	"fmt"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// notations say what a signature is for. They are not critical: stock tools
// refuse critical ones that they do not know.
func notations(typ string) []*packet.Notation {
	return []*packet.Notation{{Name: notationName, Value: []byte(typ), IsHumanReadable: true}}
}

// Sign makes a detached binary signature over data with the newest signing
// subkey, for the purpose typ, dated at, which is cut to the second. It checks
// its own work before it returns. Errors are those of [Certificate.Verify].
func (k *Key) Sign(typ string, data []byte, at time.Time) ([]byte, error) {
	at = at.UTC().Truncate(time.Second)
	signature, public, err := k.sign(typ, data, at)
	if err != nil {
		return nil, err
	}
	if err := public.Verify(typ, data, signature, at); err != nil {
		return nil, fmt.Errorf("pgp: checking an own signature: %w", err)
	}
	return signature, nil
}

func (k *Key) sign(typ string, data []byte, at time.Time) ([]byte, *Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, err := k.public.SigningSubkey(at); err != nil {
		return nil, nil, err
	}
	c := k.suite.config(at)
	c.SignatureNotations = notations(typ)
	var out bytes.Buffer
	if err := openpgp.DetachSign(&out, []*openpgp.Entity{k.entity}, bytes.NewReader(data), c); err != nil {
		return nil, nil, fmt.Errorf("pgp: signing: %w", err)
	}
	return out.Bytes(), k.public, nil
}

// Certify certifies, with the primary key, that the certificate's user id is
// that of its holder, from at on, for a lifetime or, if that is zero, for good.
// It returns the certificate with the certification. Errors are those of
// [Certificate.CheckValid] and [ParseCertificate].
//
// go-crypto would let a signing subkey certify, which other tools rightly
// refuse; so the signature is made here.
//
// Format: RFC 9580, section 5.2.1.7 (type 0x13).
func (k *Key) Certify(c *Certificate, at time.Time, lifetime time.Duration) (*Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	at = at.UTC().Truncate(time.Second)
	if err := k.public.CheckValid(at); err != nil {
		return nil, err
	}
	e, err := c.entity()
	if err != nil {
		return nil, err
	}
	own := k.entity.PrimaryKey
	s := &packet.Signature{
		Version: own.Version, SigType: packet.SigTypePositiveCert, PubKeyAlgo: own.PubKeyAlgo, Hash: strict(at).Hash(),
		CreationTime: at, IssuerKeyId: &own.KeyId, IssuerKeyVersion: uint8(own.Version), IssuerFingerprint: own.Fingerprint,
	}
	if seconds := uint32(lifetime / time.Second); seconds > 0 {
		s.SigLifetimeSecs = &seconds
	}
	if err := s.SignUserId(c.userID, e.PrimaryKey, k.entity.PrivateKey, k.suite.config(at)); err != nil {
		return nil, fmt.Errorf("pgp: certifying: %w", err)
	}
	id := e.Identities[c.userID]
	if id == nil {
		return nil, fmt.Errorf("%w: it has no user id", ErrCertificate)
	}
	id.OtherCertifications = append(id.OtherCertifications, packet.NewVerifiableSig(s))
	var out bytes.Buffer
	if err := e.Serialize(&out); err != nil {
		return nil, fmt.Errorf("pgp: writing a certificate: %w", err)
	}
	return ParseCertificate(out.Bytes())
}

// A Reason says why a key is revoked.
type Reason int

// Reasons. The first two are soft: what was signed before stays good. The
// third is hard: nothing that the key ever signed can be trusted.
const (
	Superseded Reason = iota
	Retired
	Compromised
)

var reasons = map[Reason]packet.ReasonForRevocation{
	Superseded: packet.KeySuperseded, Retired: packet.KeyRetired, Compromised: packet.KeyCompromised,
}

// RotateSigning adds a signing subkey, which is used from at on. Signatures of
// the earlier ones stay good.
func (k *Key) RotateSigning(at time.Time) error {
	return k.change(at, func(c *packet.Config) error { return k.entity.AddSigningSubkey(c) })
}

// RotateEncryption adds an encryption subkey, to which messages are encrypted
// from at on. Earlier messages still open.
func (k *Key) RotateEncryption(at time.Time) error {
	return k.change(at, func(c *packet.Config) error { return k.entity.AddEncryptionSubkey(c) })
}

// RevokeSubkey revokes the subkey with a fingerprint (upper-case hex) from at
// on, or altogether. It returns [ErrKey] if there is none.
func (k *Key) RevokeSubkey(fingerprint string, r Reason, at time.Time) error {
	return k.change(at, func(c *packet.Config) error {
		for i := range k.entity.Subkeys {
			s := &k.entity.Subkeys[i]
			if hexOf(s.PublicKey.Fingerprint) == fingerprint {
				return s.Revoke(reasons[r], "", c)
			}
		}
		return fmt.Errorf("%w: it has no subkey %s", ErrKey, fingerprint)
	})
}

// Revoke revokes the whole certificate from at on, or altogether.
func (k *Key) Revoke(r Reason, at time.Time) error {
	return k.change(at, func(c *packet.Config) error { return k.entity.Revoke(reasons[r], "", c) })
}

// change changes the entity and reads its certificate anew. Certifications by
// others stay with it.
func (k *Key) change(at time.Time, how func(*packet.Config) error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := how(k.suite.config(at.UTC().Truncate(time.Second))); err != nil {
		return fmt.Errorf("pgp: changing a key: %w", err)
	}
	changed, err := newKey(k.entity)
	if err != nil {
		return err
	}
	k.public = changed.public
	return nil
}
