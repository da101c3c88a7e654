package pgp

import (
	"bytes"
	"errors"
	"fmt"
	"runtime/debug"
	"runtime/metrics"
	"time"

	openpgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/ProtonMail/go-crypto/openpgp/s2k"

	"github.com/entraide/entraide/internal/lockcost"
)

// maxKeyBytes bounds a secret key: a certificate and what its secrets add.
const maxKeyBytes = 2 * maxOwnBytes

// iterations is the largest number of octets that iterated S2K can ask for.
const iterations = 65011712

// Lock returns the key locked with a passphrase for our own store, as a binary
// transferable secret key: AES-256 in OCB with a key derived by Argon2 in 12
// passes over 16 MiB, in which the public part is authenticated too. Other tools
// may not read it: see Export. An empty passphrase is ErrPassphrase.
//
// Format: RFC 9580 sections 3.7.1.4, 3.7.2.1 and 10.2.
func (k *Key) Lock(passphrase []byte) ([]byte, error) {
	c := k.suite.config(time.Time{})
	c.AEADConfig = &packet.AEADConfig{}
	cost := lockcost.Now()
	c.S2KConfig = &s2k.Config{S2KMode: s2k.Argon2S2K, Argon2Config: &s2k.Argon2Config{
		NumberOfPasses: cost.Passes, DegreeOfParallelism: cost.Lanes, Memory: cost.MemoryKiB,
	}}
	return k.locked(passphrase, c)
}

// Export returns the key locked with a passphrase so that other tools can
// import and unlock it, GnuPG and RNP those of classic-4: AES-256 in CFB with a
// key derived by iterated, salted SHA-256. An empty passphrase is ErrPassphrase.
//
// Against somebody who has the file and guesses it is weaker than Lock.
func (k *Key) Export(passphrase []byte) ([]byte, error) {
	c := k.suite.config(time.Time{})
	c.AEADConfig = nil
	c.S2KConfig = &s2k.Config{S2KMode: s2k.IteratedSaltedS2K, S2KCount: iterations}
	return k.locked(passphrase, c)
}

// locked writes the certificate with its keys replaced by locked secret keys.
func (k *Key) locked(passphrase []byte, c *packet.Config) ([]byte, error) {
	if len(passphrase) == 0 {
		return nil, fmt.Errorf("%w: it is empty", ErrPassphrase)
	}
	if k.holder != nil || k.device != nil {
		return nil, ErrHeld
	}
	k.mu.RLock()
	public, subkeys := k.public, k.subkeys
	k.mu.RUnlock()
	secrets := map[string]*packet.PrivateKey{}
	var copies []*packet.PrivateKey
	for _, m := range append([]component{public.primary}, public.subkeys...) {
		secret := subkeys[m.fingerprint]
		if m.fingerprint == public.Fingerprint() {
			secret = k.primary
		}
		own, err := copySecret(secret)
		if err != nil {
			return nil, fmt.Errorf("%w: locking: %w", ErrKey, err)
		}
		secrets[m.fingerprint] = own
		copies = append(copies, own)
	}
	if err := packet.EncryptPrivateKeys(copies, passphrase, c); err != nil {
		return nil, fmt.Errorf("%w: locking: %w", ErrKey, err)
	}
	var out bytes.Buffer
	for rest := public.data; len(rest) > 0; {
		p, tail, err := cutPacket(rest)
		if err != nil {
			return nil, fmt.Errorf("%w: locking: %w", ErrKey, err)
		}
		rest = tail
		if p.tag != tagPublicKey && p.tag != tagPublicSubkey {
			out.Write(p.raw)
			continue
		}
		parsed, err := packet.Read(bytes.NewReader(p.raw))
		key, ok := parsed.(*packet.PublicKey)
		if err != nil || !ok {
			return nil, fmt.Errorf("%w: locking: %w", ErrKey, err)
		}
		if err := secrets[fingerprintOf(key)].Serialize(&out); err != nil {
			return nil, fmt.Errorf("%w: locking: %w", ErrKey, err)
		}
	}
	return out.Bytes(), nil
}

var errMissing = errors.New("a secret part is missing or not locked")

// copySecret copies a secret key, because locking one changes it.
func copySecret(k *packet.PrivateKey) (*packet.PrivateKey, error) {
	if k == nil {
		return nil, errMissing
	}
	var plain bytes.Buffer
	defer func() { clear(plain.Bytes()[:plain.Cap()]) }()
	if err := k.Serialize(&plain); err != nil {
		return nil, err
	}
	return readSecret(plain.Bytes())
}

// readSecret reads a secret key packet.
func readSecret(raw []byte) (*packet.PrivateKey, error) {
	parsed, err := packet.Read(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	k, ok := parsed.(*packet.PrivateKey)
	if !ok {
		return nil, errors.New("not a secret key packet")
	}
	return k, nil
}

// Unlock reads a key that Lock or Export has written, or another tool in the
// same form: a binary transferable secret key whose certificate ParseCertificate
// accepts and whose secret parts are all there and locked.
//
// A public part that was altered is refused: it fits neither the self-signatures
// nor the secret part, or in what Lock writes not the passphrase.
//
// The error wraps ErrPassphrase if the passphrase does not unlock it, and ErrKey
// if there is nothing to be unlocked.
func Unlock(locked, passphrase []byte) (*Key, error) {
	secrets, certificate, err := openLocked(locked)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	public, err := parseOwn(certificate)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	defer giveBack()
	for _, s := range secrets {
		giveBack() // what the last one has filled, Argon2 would double
		err := s.Decrypt(passphrase)
		if _, unfit := errors.AsType[openpgperrors.KeyInvalidError](err); unfit {
			return nil, fmt.Errorf("%w: a public part does not fit its secret part", ErrKey)
		}
		if err != nil {
			return nil, ErrPassphrase
		}
	}
	k := &Key{suite: public.suite, primary: secrets[0], subkeys: map[string]*packet.PrivateKey{}, public: public}
	for _, s := range secrets[1:] {
		k.subkeys[fingerprintOf(&s.PublicKey)] = s
	}
	return k, nil
}

// smallHeap is up to how many bytes a program counts as small.
const smallHeap = 128 << 20

// giveBack returns to the system what a derivation has filled, in a program that is
// small: in a large one it is little, and looking for it would take long.
func giveBack() {
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	if metrics.Read(heap); heap[0].Value.Uint64() < smallHeap {
		debug.FreeOSMemory()
	}
}

// openLocked returns the secret keys of a transferable secret key, still locked,
// and its certificate.
func openLocked(locked []byte) (secrets []*packet.PrivateKey, certificate []byte, err error) {
	if len(locked) > maxKeyBytes {
		return nil, nil, fmt.Errorf("it has more than %d bytes", maxKeyBytes)
	}
	var out bytes.Buffer
	for rest := locked; len(rest) > 0; {
		p, tail, err := cutPacket(rest)
		if err != nil {
			return nil, nil, err
		}
		rest = tail
		switch p.tag {
		case tagPublicKey, tagPublicSubkey:
			return nil, nil, errMissing
		case tagSecretKey, tagSecretSubkey:
		default:
			out.Write(p.raw)
			continue
		}
		secret, err := readSecret(p.raw)
		if err != nil {
			return nil, nil, err
		}
		if !secret.Encrypted || secret.Dummy() {
			return nil, nil, errMissing
		}
		if err := secret.PublicKey.Serialize(&out); err != nil {
			return nil, nil, err
		}
		secrets = append(secrets, secret)
	}
	if len(secrets) == 0 {
		return nil, nil, errors.New("there is no secret key")
	}
	return secrets, out.Bytes(), nil
}
