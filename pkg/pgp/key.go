package pgp

import (
	"bytes"
	"fmt"
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

// Generate makes a key of a suite. The user id is "name <mailbox>". at, cut to
// the second, is when the key is created; a lifetime above zero makes it
// expire. The error is [ErrSuite] or that of the random source.
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

// newKey wraps an unlocked entity and checks that its certificate is one of
// this profile.
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

// Certificate returns the key's certificate as it is now.
func (k *Key) Certificate() *Certificate {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.public
}

// Suite returns the key's suite.
func (k *Key) Suite() Suite { return k.suite }

// Fingerprint returns the fingerprint of the primary key, upper-case hex.
func (k *Key) Fingerprint() string { return k.Certificate().fingerprint }

// lockedCopy serialises the key, every secret locked under the passphrase.
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

// Lock serialises the key for storage: every secret is encrypted under the
// passphrase with Argon2 and an authenticated mode, which also seals the public
// parameters to it. An empty passphrase is [ErrPassphrase].
//
// Format: RFC 9580, sections 3.7.1.4 and 3.7.2.1.
func (k *Key) Lock(passphrase []byte) ([]byte, error) {
	return k.lockedCopy(passphrase, argon2(time.Time{}))
}

// Export serialises the key for stock tools: locked under the passphrase with
// the iterated and salted derivation that gpg and rnp unlock. An empty
// passphrase is [ErrPassphrase].
func (k *Key) Export(passphrase []byte) ([]byte, error) {
	c := strict(time.Time{})
	c.S2KConfig = &s2k.Config{S2KMode: s2k.IteratedSaltedS2K, S2KCount: 65011712}
	return k.lockedCopy(passphrase, c)
}

// Unlock reads a key as Lock wrote it. It returns [ErrPassphrase] for a wrong
// passphrase, and also if anything in the stored key, public or secret, was
// altered; [ErrKey] if it is not a locked key of this profile.
func Unlock(locked, passphrase []byte) (*Key, error) {
	e, err := openpgp.ReadEntity(packet.NewReader(bytes.NewReader(locked)))
	if err != nil || !lockedWhole(e) {
		return nil, ErrKey
	}
	if err := e.DecryptPrivateKeys(passphrase); err != nil {
		return nil, ErrPassphrase
	}
	return newKey(e)
}

// lockedWhole reports whether every secret of the entity is there and locked.
func lockedWhole(e *openpgp.Entity) bool {
	if e.PrivateKey == nil || !e.PrivateKey.Encrypted {
		return false
	}
	for _, s := range e.Subkeys {
		if s.PrivateKey == nil || !s.PrivateKey.Encrypted {
			return false
		}
	}
	return true
}
