package pgp

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"maps"
	"sync"
	"time"

	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// A Key is an unlocked secret key: a primary key that only certifies, subkeys
// that sign and subkeys that encrypt. It is safe for concurrent use.
//
// Rotation and revocation change the key: Lock and store it afterwards, and
// publish its Certificate.
type Key struct {
	suite   Suite
	primary *packet.PrivateKey
	holder  Holder // of the secret parts, if they are not here
	device  Device // that makes the secret parts, if it is not this process

	mu      sync.RWMutex
	subkeys map[string]*packet.PrivateKey // by fingerprint; replaced, never changed
	public  *Certificate
}

// Generate makes a key for a User ID, of at most 512 bytes on one line. It is
// valid from at on, cut to the second, and for lifetime; 0 is without end.
//
// The error wraps ErrSuite, or ErrKey if the User ID or a time is out of range.
func Generate(suite Suite, userID string, at time.Time, lifetime time.Duration) (*Key, error) {
	if !suite.Valid() {
		return nil, ErrSuite
	}
	return generate(maker{suite, nil}, userID, at, lifetime)
}

// generate makes a key of what a maker makes.
func generate(m maker, userID string, at time.Time, lifetime time.Duration) (*Key, error) {
	suite := m.suite
	if err := checkUserID(userID); err != nil {
		return nil, fmt.Errorf("%w: the User ID: %w", ErrKey, err)
	}
	at, err := wholeSecond(at)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	seconds, err := wholeSeconds(lifetime)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	primary, err := m.signer(at, false)
	if err != nil {
		return nil, err
	}
	signing, err := m.signer(at, true)
	if err != nil {
		return nil, err
	}
	encryption, err := m.decrypter(at)
	if err != nil {
		return nil, err
	}
	certificate, err := selfSigned(suite, primary, userID, at, seconds)
	if err != nil {
		return nil, err
	}
	subkeys := map[string]*packet.PrivateKey{}
	for _, subkey := range []*packet.PrivateKey{signing, encryption} {
		bound, err := bind(suite, primary, subkey, at)
		if err != nil {
			return nil, err
		}
		certificate = append(certificate, bound...)
		subkeys[fingerprintOf(&subkey.PublicKey)] = subkey
	}
	public, err := ParseCertificate(certificate)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return &Key{suite: suite, primary: primary, device: m.device, subkeys: subkeys, public: public}, nil
}

// newEntity makes secret keys; what go-crypto certifies with them is thrown away.
func newEntity(suite Suite, at time.Time) (*openpgp.Entity, error) {
	config := suite.config(at)
	e, err := openpgp.NewEntity("unused", "", "", config)
	if err == nil {
		err = e.AddSigningSubkey(config)
	}
	if err != nil {
		return nil, fmt.Errorf("pgp: generating a key: %w", err)
	}
	return e, nil
}

// newSigner makes a secret key that signs or, if it is no subkey, certifies.
func newSigner(suite Suite, at time.Time, subkey bool) (*packet.PrivateKey, error) {
	e, err := newEntity(suite, at)
	if err != nil {
		return nil, err
	}
	if subkey {
		return e.Subkeys[1].PrivateKey, nil
	}
	return e.PrivateKey, nil
}

// newDecrypter makes a secret key that decrypts.
func newDecrypter(suite Suite, at time.Time) (*packet.PrivateKey, error) {
	e, err := newEntity(suite, at)
	if err != nil {
		return nil, err
	}
	return e.Subkeys[0].PrivateKey, nil
}

// selfSigned writes a primary key, its User ID and the signatures that say how
// it is used and what its holder's tools can read: nothing but the suite.
func selfSigned(suite Suite, primary *packet.PrivateKey, userID string, at time.Time, lifetime uint32) ([]byte, error) {
	f := forms[suite]
	use := newSignature(primary, packet.SigTypePositiveCert, at)
	use.FlagsValid, use.FlagCertify = true, true
	use.KeyLifetimeSecs = &lifetime
	use.PreferredSymmetric = []uint8{uint8(packet.CipherAES256)}
	use.PreferredHash = []uint8{hashSHA512}
	use.PreferredCompression = []uint8{uint8(packet.CompressionNone)}
	use.SEIPDv1, use.SEIPDv2 = !f.aead(), f.aead()
	if f.aead() {
		use.PreferredCipherSuites = [][2]uint8{{uint8(packet.CipherAES256), uint8(packet.AEADModeGCM)}}
	}
	over := use
	var out bytes.Buffer
	if err := primary.PublicKey.Serialize(&out); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	config := &packet.Config{}
	// In version 6, the signature over the key alone says how it is used.
	if f.version == 6 {
		use.SigType = packet.SigTypeDirectSignature
		if err := use.SignDirectKeyBinding(&primary.PublicKey, primary, config); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrKey, err)
		}
		if err := use.Serialize(&out); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrKey, err)
		}
		over = newSignature(primary, packet.SigTypePositiveCert, at)
	}
	first := true
	over.IsPrimaryId = &first
	if err := over.SignUserId(userID, &primary.PublicKey, primary, config); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	if err := (&packet.UserId{Id: userID}).Serialize(&out); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	if err := over.Serialize(&out); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return out.Bytes(), nil
}

// hashSHA512 is the number of SHA-512 (RFC 9580 section 9.5).
const hashSHA512 = 10

// bind writes a subkey and the signature that binds it to the primary key, with
// the back-signature of a subkey that signs.
func bind(suite Suite, primary, subkey *packet.PrivateKey, at time.Time) ([]byte, error) {
	config := &packet.Config{}
	sig := newSignature(primary, packet.SigTypeSubkeyBinding, at)
	sig.FlagsValid = true
	if subkey.PubKeyAlgo == forms[suite].sign {
		sig.FlagSign = true
		sig.EmbeddedSignature = newSignature(subkey, packet.SigTypePrimaryKeyBinding, at)
		if err := sig.EmbeddedSignature.CrossSignKey(&subkey.PublicKey, &primary.PublicKey, subkey, config); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrKey, err)
		}
	} else {
		sig.FlagEncryptCommunications, sig.FlagEncryptStorage = true, true
	}
	if err := sig.SignKey(&subkey.PublicKey, primary, config); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	var out bytes.Buffer
	if err := subkey.PublicKey.Serialize(&out); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	if err := sig.Serialize(&out); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return out.Bytes(), nil
}

// Certificate returns the public part of the key, without certifications by
// others. After rotations it may have more than others take: see Published.
func (k *Key) Certificate() *Certificate {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.public
}

// Suite returns the suite of the key.
func (k *Key) Suite() Suite { return k.suite }

// Fingerprint returns the fingerprint of the primary key, as
// Certificate.Fingerprint does.
func (k *Key) Fingerprint() string { return k.Certificate().Fingerprint() }

// secret returns the secret part of the newest subkey for a use that is valid at
// a time.
func (k *Key) secret(signs bool, at time.Time) (*packet.PrivateKey, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	m, err := k.public.newest(signs, at)
	if err != nil {
		return nil, err
	}
	secret, ok := k.subkeys[m.fingerprint]
	if !ok {
		return nil, fmt.Errorf("%w: it lacks the subkey %s", ErrKey, m.fingerprint)
	}
	return secret, nil
}

// decryption returns the subkey with a fingerprint if it is one of ours that
// decrypts. Its validity is not asked: old messages are still opened.
func (k *Key) decryption(fingerprint string) (*packet.PrivateKey, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	m, ok := k.public.subkey(fingerprint)
	if !ok || m.signs {
		return nil, false
	}
	secret, ok := k.subkeys[m.fingerprint]
	return secret, ok
}

// Sign signs data for a purpose, typ, at a time, cut to the second, with the
// newest signing subkey that is valid then. It returns one detached binary
// signature, which Certificate.Verify accepts.
//
// The error wraps ErrNotYetValid, ErrExpired or ErrRevoked.
func (k *Key) Sign(typ string, data []byte, at time.Time) ([]byte, error) {
	at, err := wholeSecond(at)
	if err != nil {
		return nil, err
	}
	return k.signature(typ, data, nil, at)
}

// signature returns a signature packet over data by the newest signing subkey.
// Intended are the fingerprints of certificates, or none.
func (k *Key) signature(typ string, data []byte, intended []string, at time.Time) ([]byte, error) {
	if k.holder != nil {
		return k.heldSignature(typ, data, intended, at)
	}
	by, err := k.secret(true, at)
	if err != nil {
		return nil, fmt.Errorf("pgp: signing: %w", err)
	}
	var recipients []*packet.Recipient
	for _, fingerprint := range intended {
		b, err := hex.DecodeString(fingerprint)
		if err != nil || len(b) != forms[k.suite].fingerprintBytes() {
			return nil, fmt.Errorf("%w: an intended recipient is not a fingerprint of the suite", ErrSuite)
		}
		recipients = append(recipients, &packet.Recipient{KeyVersion: by.Version, Fingerprint: b})
	}
	sig, err := signOver(by, typ, data, recipients, at)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := sig.Serialize(&out); err != nil {
		return nil, fmt.Errorf("pgp: signing: %w", err)
	}
	return out.Bytes(), nil
}

// replace makes a changed certificate, and perhaps a new subkey, those of the
// key. It is called with k.mu held.
func (k *Key) replace(certificate []byte, subkey *packet.PrivateKey) error {
	public, err := parseOwn(certificate)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKey, err)
	}
	if subkey != nil {
		k.subkeys = maps.Clone(k.subkeys)
		k.subkeys[fingerprintOf(&subkey.PublicKey)] = subkey
	}
	k.public = public
	return nil
}
