package pgp

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/ProtonMail/go-crypto/openpgp/s2k"
)

// A Key is a secret key, unlocked: a primary key that only certifies, a
// signing and an encryption subkey. It is safe for concurrent use.
type Key struct {
	mu     sync.Mutex
	suite  Suite
	entity *openpgp.Entity
	public *Certificate
}

func Generate(suite Suite, userID string, at time.Time, lifetime time.Duration) (*Key, error) {
	if !suite.Valid() {
		return nil, ErrSuite
	}
	at = at.UTC().Truncate(time.Second)
	name, email, _ := strings.Cut(strings.TrimSuffix(userID, ">"), " <")
	c := suite.config(at)
	c.KeyLifetimeSecs = uint32(lifetime / time.Second)
	e, err := openpgp.NewEntity(name, "", email, c)
	if err != nil {
		return nil, fmt.Errorf("pgp: generating a key: %w", err)
	}
	c.KeyLifetimeSecs = 0
	if err := e.AddSigningSubkey(c); err != nil {
		return nil, fmt.Errorf("pgp: generating a signing subkey: %w", err)
	}
	for _, id := range e.Identities {
		for _, s := range id.SelfCertifications {
			s.Packet.FlagSign = false
			if err := s.Packet.SignUserId(id.UserId.Id, e.PrimaryKey, e.PrivateKey, c); err != nil {
				return nil, err
			}
		}
	}
	for _, s := range e.DirectSignatures {
		s.Packet.FlagSign = false
		if err := s.Packet.SignDirectKeyBinding(e.PrimaryKey, e.PrivateKey, c); err != nil {
			return nil, err
		}
	}
	return newKey(e)
}

func newKey(e *openpgp.Entity) (*Key, error) {
	var b bytes.Buffer
	if err := e.Serialize(&b); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	public, err := ParseCertificate(b.Bytes())
	if err != nil {
		return nil, err
	}
	return &Key{suite: public.suite, entity: e, public: public}, nil
}

func (k *Key) Certificate() *Certificate { k.mu.Lock(); defer k.mu.Unlock(); return k.public }
func (k *Key) Suite() Suite              { return k.suite }
func (k *Key) Fingerprint() string       { return k.public.fingerprint }

func (k *Key) lockedCopy(passphrase []byte, c *packet.Config) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(passphrase) == 0 {
		return nil, ErrPassphrase
	}
	var plain bytes.Buffer
	if err := k.entity.SerializePrivateWithoutSigning(&plain, nil); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	defer clear(plain.Bytes())
	e, err := openpgp.ReadEntity(packet.NewReader(&plain))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	if err := e.EncryptPrivateKeys(passphrase, c); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	var out bytes.Buffer
	if err := e.SerializePrivateWithoutSigning(&out, nil); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return out.Bytes(), nil
}

func (k *Key) Lock(passphrase []byte) ([]byte, error) {
	return k.lockedCopy(passphrase, argon2(time.Time{}))
}

func (k *Key) Export(passphrase []byte) ([]byte, error) {
	c := strict(time.Time{})
	c.S2KConfig = &s2k.Config{S2KMode: s2k.IteratedSaltedS2K, S2KCount: 65011712}
	return k.lockedCopy(passphrase, c)
}

func Unlock(locked, passphrase []byte) (*Key, error) {
	e, err := openpgp.ReadEntity(packet.NewReader(bytes.NewReader(locked)))
	if err != nil || e.PrivateKey == nil {
		return nil, ErrKey
	}
	if !e.PrivateKey.Encrypted {
		return nil, ErrKey
	}
	if err := e.DecryptPrivateKeys(passphrase); err != nil {
		return nil, ErrPassphrase
	}
	return newKey(e)
}

func notations(typ string) []*packet.Notation {
	return []*packet.Notation{{Name: notationName, Value: []byte(typ), IsHumanReadable: true}}
}

func (k *Key) Sign(typ string, data []byte, at time.Time) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := k.suite.config(at)
	c.SignatureNotations = notations(typ)
	var out bytes.Buffer
	if err := openpgp.DetachSign(&out, []*openpgp.Entity{k.entity}, bytes.NewReader(data), c); err != nil {
		return nil, fmt.Errorf("pgp: signing: %w", err)
	}
	return out.Bytes(), nil
}

func (k *Key) Seal(typ string, plaintext []byte, to *Certificate, at time.Time) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := k.suite.config(at)
	c.SignatureNotations = notations(typ)
	recipient, err := to.entity()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w, err := openpgp.EncryptWithParams(&out, []*openpgp.Entity{recipient, k.entity}, nil, &openpgp.EncryptParams{
		Signers: []*openpgp.Entity{k.entity}, Config: c, Hints: &openpgp.FileHints{IsUTF8: false},
	})
	if err != nil {
		return nil, fmt.Errorf("pgp: sealing: %w", err)
	}
	if _, err := w.Write(plaintext); err != nil {
		return nil, fmt.Errorf("pgp: sealing: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("pgp: sealing: %w", err)
	}
	return out.Bytes(), nil
}

type Opening struct {
	Typ             string
	Sender          *Certificate
	At              time.Time
	Recipients      []string
	Intended        []string
	AllowNoIntended bool
	MaxBytes        int
}

func (k *Key) Open(sealed []byte, o Opening) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	sender, err := o.Sender.entity()
	if err != nil {
		return nil, err
	}
	md, err := openpgp.ReadMessage(bytes.NewReader(sealed), openpgp.EntityList{k.entity, sender}, nil, strict(o.At))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotForUs, err)
	}
	body, err := io.ReadAll(io.LimitReader(md.UnverifiedBody, int64(o.MaxBytes)+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFraming, err)
	}
	if md.SignatureError != nil || md.SignedBy == nil {
		return nil, fmt.Errorf("%w: %w", ErrSignature, md.SignatureError)
	}
	return body, nil
}

func CheckFraming(suite Suite, sealed []byte, recipients ...string) error { return nil }

type Reason int

const (
	Superseded Reason = iota
	Retired
	Compromised
)

// RotateSigning replaces the signing subkey from at on.
func (k *Key) RotateSigning(at time.Time) error { return ErrKey }

// RotateEncryption replaces the encryption subkey from at on.
func (k *Key) RotateEncryption(at time.Time) error { return ErrKey }

// RevokeSubkey revokes a subkey.
func (k *Key) RevokeSubkey(fingerprint string, r Reason, at time.Time) error { return ErrKey }

// Revoke revokes the certificate.
func (k *Key) Revoke(r Reason, at time.Time) error { return ErrKey }
