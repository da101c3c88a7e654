package pgp

import (
	"errors"
	"fmt"
	"time"
)

var (
	// ErrUnavailable says that whoever holds a secret key cannot be asked now:
	// it is locked, or gone. Nothing has been decided; ask again later.
	ErrUnavailable = errors.New("pgp: the holder of the secret key cannot be asked")
	// ErrHeld says that a secret part never leaves its holder.
	ErrHeld = errors.New("pgp: the secret key stays with its holder")
)

// A Holder holds the secret parts of a key outside this process, in another one
// or in a device, and uses them when asked. It is safe for concurrent use.
//
// An error that says nothing about the key or the data, only about the holder,
// wraps ErrUnavailable. Fingerprints are in upper-case hexadecimal.
type Holder interface {
	// Sign returns one signature packet over data, as [Key.Sign] makes it. It
	// names the intended certificates, in this order, if there are any.
	Sign(typ string, data []byte, intended []string, at time.Time) ([]byte, error)
	// SessionKey decrypts an encrypted session key packet (RFC 9580 section
	// 5.1) to the subkey with a fingerprint. The session key is one of AES-256.
	SessionKey(subkey string, packet []byte) ([]byte, error)
	// Certify is [Key.Certify], of a binary certificate.
	Certify(certificate []byte, at time.Time, lifetime time.Duration) ([]byte, error)
	// Change changes the key, stores it and returns its new certificate.
	Change(Change) ([]byte, error)
}

// The kinds of Change.
const (
	ChangeSigning    = "rotate-signing"    // RotateSigning
	ChangeEncryption = "rotate-encryption" // RotateEncryption
	ChangeRevoke     = "revoke"            // Revoke, or RevokeSubkey if there is one
)

// A Change of a key that others hold.
type Change struct {
	Kind   string
	At     time.Time
	Subkey string // its fingerprint; empty for the whole key
	Reason Reason // of a revocation
}

// Apply makes the change to a key.
func (c Change) Apply(k *Key) error {
	switch {
	case c.Kind == ChangeSigning:
		return k.RotateSigning(c.At)
	case c.Kind == ChangeEncryption:
		return k.RotateEncryption(c.At)
	case c.Kind == ChangeRevoke && c.Subkey == "":
		return k.Revoke(c.Reason, c.At)
	case c.Kind == ChangeRevoke:
		return k.RevokeSubkey(c.Subkey, c.Reason, c.At)
	}
	return fmt.Errorf("%w: there is no change %q", ErrKey, c.Kind)
}

// Held returns the key of a certificate whose secret parts a holder has. What
// the holder signs is verified against the certificate before it is used: a
// holder with another key, or an altered one, cannot sign in its name. Lock and
// Export of it fail with ErrHeld; whatever changes it, the holder stores.
//
// The error wraps ErrCertificate or ErrTooLarge.
func Held(certificate []byte, by Holder) (*Key, error) {
	public, err := parseOwn(certificate)
	if err != nil {
		return nil, err
	}
	return &Key{suite: public.suite, public: public, holder: by}, nil
}

// Elsewhere reports whether a Holder has the secret parts of the key.
func (k *Key) Elsewhere() bool { return k.holder != nil }

// heldSignature asks the holder for a signature and verifies it.
func (k *Key) heldSignature(typ string, data []byte, intended []string, at time.Time) ([]byte, error) {
	made, err := k.holder.Sign(typ, data, intended, at)
	if err != nil {
		return nil, fmt.Errorf("pgp: signing: %w", err)
	}
	p, rest, err := cutPacket(made)
	if err != nil || len(rest) > 0 {
		return nil, fmt.Errorf("%w: its holder returned no signature", ErrKey)
	}
	s, err := readSignature(p)
	if err != nil {
		return nil, fmt.Errorf("%w: its holder returned no signature: %w", ErrKey, err)
	}
	if err := s.checkOver(typ, len(intended) > 0); err != nil {
		return nil, fmt.Errorf("%w: its holder returned another signature: %w", ErrKey, err)
	}
	if err := checkRecipients(s, k.suite, intended); err != nil {
		return nil, fmt.Errorf("%w: its holder returned another signature: %w", ErrKey, err)
	}
	if err := k.Certificate().verify(s, data, at); err != nil {
		return nil, fmt.Errorf("%w: what its holder signed does not fit its certificate: %w", ErrKey, err)
	}
	return made, nil
}

// heldSession asks the holder for a session key.
func (k *Key) heldSession(subkey string, p rawPacket) ([]byte, error) {
	session, err := k.holder.SessionKey(subkey, p.raw)
	if errors.Is(err, ErrUnavailable) {
		return nil, err
	}
	if err != nil || len(session) != sessionKeyBytes {
		return nil, fmt.Errorf("%w: the session key", ErrFraming)
	}
	return session, nil
}

// heldCertification asks the holder to certify and checks the answer.
func (k *Key) heldCertification(c *Certificate, at time.Time, lifetime time.Duration) (*Certificate, error) {
	made, err := k.holder.Certify(c.Bytes(), at, lifetime)
	if err != nil {
		return nil, fmt.Errorf("pgp: certifying: %w", err)
	}
	certified, err := ParseCertificate(made)
	if err != nil {
		return nil, err
	}
	if certified.Fingerprint() != c.Fingerprint() {
		return nil, fmt.Errorf("%w: its holder certified another key", ErrKey)
	}
	return certified, certified.CertifiedBy(k.Certificate(), at)
}

// heldChange has the holder change the key. It is called with k.mu held.
func (k *Key) heldChange(c Change) error {
	made, err := k.holder.Change(c)
	if err != nil {
		return err
	}
	public, err := parseOwn(made)
	if err != nil {
		return err
	}
	if public.Fingerprint() != k.public.Fingerprint() {
		return fmt.Errorf("%w: its holder changed another key", ErrKey)
	}
	k.public = public
	return nil
}

// OpenSession decrypts an encrypted session key packet (RFC 9580 section 5.1) to
// the subkey with a fingerprint, for a process that does not hold this key.
//
// The error wraps ErrFraming or ErrNotForUs.
func (k *Key) OpenSession(subkey string, data []byte) ([]byte, error) {
	p, rest, err := cutPacket(data)
	if err == nil && len(rest) > 0 {
		err = errTruncated
	}
	if err == nil {
		err = forms[k.suite].checkSessionKey(p, subkey)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFraming, err)
	}
	return k.session(framing{keys: []rawPacket{p}}, []string{subkey})
}

// SignFor is Sign with a signature that names intended certificates by their
// fingerprints, for a process that does not hold this key.
func (k *Key) SignFor(typ string, data []byte, intended []string, at time.Time) ([]byte, error) {
	at, err := wholeSecond(at)
	if err != nil {
		return nil, err
	}
	return k.signature(typ, data, intended, at)
}

// holds reports whether a holder has the encryption subkey with a fingerprint.
func (k *Key) holds(fingerprint string) bool {
	m, ok := k.Certificate().subkey(fingerprint)
	return k.holder != nil && ok && !m.signs
}
