package pgp

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

type Certificate struct {
	data        []byte
	digest      string
	fingerprint string
	userID      string
	suite       Suite
}

func ParseCertificate(data []byte) (*Certificate, error) {
	e, err := openpgp.ReadEntity(packet.NewReader(bytes.NewReader(data)))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	sum := sha256.Sum256(data)
	c := &Certificate{data: bytes.Clone(data), digest: hex.EncodeToString(sum[:]), fingerprint: strings.ToUpper(hex.EncodeToString(e.PrimaryKey.Fingerprint))}
	for _, id := range e.Identities {
		c.userID = id.UserId.Id
	}
	for s, f := range forms {
		if f.version == e.PrimaryKey.Version && f.sign == e.PrimaryKey.PubKeyAlgo {
			c.suite = s
		}
	}
	if c.suite == "" {
		return nil, ErrCertificate
	}
	return c, nil
}

func (c *Certificate) entity() (*openpgp.Entity, error) {
	return openpgp.ReadEntity(packet.NewReader(bytes.NewReader(c.data)))
}
func (c *Certificate) Bytes() []byte                 { return c.data }
func (c *Certificate) Digest() string                { return c.digest }
func (c *Certificate) Fingerprint() string           { return c.fingerprint }
func (c *Certificate) Suite() Suite                  { return c.suite }
func (c *Certificate) UserID() string                { return c.userID }
func (c *Certificate) CheckValid(at time.Time) error { return nil }
func (c *Certificate) EncryptionSubkey(at time.Time) (string, error) {
	e, err := c.entity()
	if err != nil {
		return "", err
	}
	k, ok := e.EncryptionKey(at, strict(at))
	if !ok {
		return "", ErrExpired
	}
	return strings.ToUpper(hex.EncodeToString(k.PublicKey.Fingerprint)), nil
}
func (c *Certificate) Verify(typ string, data, signature []byte, at time.Time) error {
	e, err := c.entity()
	if err != nil {
		return err
	}
	sig, _, err := openpgp.VerifyDetachedSignature(openpgp.EntityList{e}, bytes.NewReader(data), bytes.NewReader(signature), strict(at))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	if !sig.CreationTime.Equal(at) {
		return ErrSignature
	}
	for _, n := range sig.Notations {
		if n.Name == notationName && string(n.Value) == typ {
			return nil
		}
	}
	return ErrSignature
}
func (c *Certificate) SigningSubkey(at time.Time) (string, error)     { return "", nil }
func (c *Certificate) Expires(at time.Time) (t time.Time, ok bool)    { return }
func (c *Certificate) CertifiedBy(i *Certificate, at time.Time) error { return nil }

func (k *Key) Certify(c *Certificate, at time.Time, lifetime time.Duration) (*Certificate, error) {
	e, err := c.entity()
	if err != nil {
		return nil, err
	}
	life := uint32(lifetime / time.Second)
	da := k.entity
	sig := &packet.Signature{Version: da.PrimaryKey.Version, SigType: packet.SigTypePositiveCert, PubKeyAlgo: da.PrimaryKey.PubKeyAlgo, Hash: crypto.SHA512,
		CreationTime: at, IssuerKeyId: &da.PrimaryKey.KeyId, IssuerKeyVersion: uint8(da.PrimaryKey.Version), IssuerFingerprint: da.PrimaryKey.Fingerprint,
		SigLifetimeSecs: &life}
	if err := sig.SignUserId(c.userID, e.PrimaryKey, da.PrivateKey, strict(at)); err != nil {
		return nil, err
	}
	e.Identities[c.userID].OtherCertifications = append(e.Identities[c.userID].OtherCertifications, packet.NewVerifiableSig(sig))
	var b bytes.Buffer
	if err := e.Serialize(&b); err != nil {
		return nil, err
	}
	return ParseCertificate(b.Bytes())
}
