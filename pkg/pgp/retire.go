package pgp

import (
	"bytes"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Limits of the key that its holder keeps: it has every encryption subkey whose
// messages are still to be read, and publishes those in use alone.
const (
	maxOwnBytes   = 1 << 20
	maxOwnPackets = 4096
)

// A Subkey is a subkey of a certificate.
type Subkey struct {
	Fingerprint string    // upper-case hexadecimal
	Signs       bool      // else it encrypts
	Created     time.Time // UTC, as are the others
	Expires     time.Time // zero for never
	// Superseded is when a newer one for the same use was made; zero for the
	// newest.
	Superseded time.Time
	// Revoked is when it was revoked; zero if it is not. One that is Compromised
	// is good for nothing, whenever it was used.
	Revoked     time.Time
	Compromised bool
}

// Subkeys returns the subkeys of the certificate in its order, with what is said
// of them by a time.
func (c *Certificate) Subkeys(at time.Time) []Subkey {
	var all []Subkey
	for i := range c.subkeys {
		m := &c.subkeys[i]
		s := Subkey{Fingerprint: m.fingerprint, Signs: m.signs, Created: m.key.CreationTime.UTC(), Superseded: c.superseded(i)}
		if end, ends := m.expiry(at); ends {
			s.Expires = end
		}
		for _, r := range m.revocations {
			if s.Revoked.IsZero() || r.created.Before(s.Revoked) {
				s.Revoked = r.created
			}
			s.Compromised = s.Compromised || r.hard
		}
		all = append(all, s)
	}
	return all
}

// superseded returns when a newer subkey than the i-th was made for its use, or
// the zero time.
func (c *Certificate) superseded(i int) (t time.Time) {
	for j, other := range c.subkeys {
		born := other.key.CreationTime
		newer := born.After(c.subkeys[i].key.CreationTime) || j > i && born.Equal(c.subkeys[i].key.CreationTime)
		if other.signs == c.subkeys[i].signs && newer && (t.IsZero() || born.Before(t)) {
			t = born.UTC()
		}
	}
	return t
}

// EncryptionSubkeys returns the fingerprints of all subkeys that encrypt and are
// valid at a time, in the order of the certificate. New messages are for the one
// that EncryptionSubkey returns; what was sealed to another of them before may
// still be under way.
//
// The error wraps ErrNotYetValid, ErrExpired or ErrRevoked if there is none.
func (c *Certificate) EncryptionSubkeys(at time.Time) ([]string, error) {
	if _, err := c.EncryptionSubkey(at); err != nil {
		return nil, err
	}
	var valid []string
	for i := range c.subkeys {
		if m := &c.subkeys[i]; !m.signs && m.check(at) == nil {
			valid = append(valid, m.fingerprint)
		}
	}
	return valid, nil
}

// Published returns the certificate as others need it: without the subkeys that
// were superseded by a time. What they have signed is judged by the certificate
// that was published then.
//
// The error wraps ErrTooLarge if what is left has more than 64 KiB: in pq-6 there
// is room for about four signing or eight encryption subkeys.
func (c *Certificate) Published(superseded time.Time) (*Certificate, error) {
	data, err := c.without(c.supersededBy(superseded))
	if err != nil {
		return nil, err
	}
	return ParseCertificate(data)
}

// supersededBy returns the subkeys that were superseded by a time, by
// fingerprint.
func (c *Certificate) supersededBy(at time.Time) map[string]bool {
	old := map[string]bool{}
	for i, m := range c.subkeys {
		if t := c.superseded(i); !t.IsZero() && !t.After(at) {
			old[m.fingerprint] = true
		}
	}
	return old
}

// without returns the certificate without some subkeys and the signatures over
// them.
func (c *Certificate) without(some map[string]bool) ([]byte, error) {
	var out bytes.Buffer
	skip := false
	for rest := c.data; len(rest) > 0; {
		p, tail, err := cutPacket(rest)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrCertificate, err)
		}
		rest = tail
		if p.tag == tagPublicSubkey {
			parsed, err := packet.Read(bytes.NewReader(p.raw))
			key, ok := parsed.(*packet.PublicKey)
			if err != nil || !ok {
				return nil, fmt.Errorf("%w: %w", ErrCertificate, err)
			}
			skip = some[fingerprintOf(key)]
		}
		if !skip {
			out.Write(p.raw)
		}
	}
	return out.Bytes(), nil
}

// Destroy takes the subkeys that were superseded by a time out of the key, public
// and secret part, and returns them: what is encrypted to them can never be read
// again with this key. Older copies of the key are the caller's to destroy. A key
// that others hold is ErrHeld.
func (k *Key) Destroy(superseded time.Time) ([]Subkey, error) {
	if k.holder != nil {
		return nil, ErrHeld
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	old := k.public.supersededBy(superseded)
	var gone []Subkey
	for _, s := range k.public.Subkeys(superseded) {
		if old[s.Fingerprint] {
			gone = append(gone, s)
		}
	}
	if len(gone) == 0 {
		return nil, nil
	}
	data, err := k.public.without(old)
	if err != nil {
		return nil, err
	}
	if err := k.replace(data, nil); err != nil {
		return nil, err
	}
	k.subkeys = maps.Clone(k.subkeys)
	for fingerprint := range old {
		delete(k.subkeys, fingerprint)
	}
	return gone, nil
}

// Clone returns a key that can be changed while this one stays as it is.
func (k *Key) Clone() *Key {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return &Key{suite: k.suite, primary: k.primary, holder: k.holder, subkeys: k.subkeys, public: k.public}
}

// Holds reports whether the key, or whoever holds it, has the secret part of an encryption subkey.
func (k *Key) Holds(fingerprint string) bool {
	_, ok := k.decryption(fingerprint)
	return ok || k.holds(fingerprint)
}

// LockedCertificate returns the public part of a locked key. Whether it is the one
// that the secret parts belong to is known only after Unlock.
//
// The error wraps ErrKey.
func LockedCertificate(locked []byte) (*Certificate, error) {
	_, certificate, err := openLocked(locked)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	c, err := parseOwn(certificate)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return c, nil
}

// SignerOf returns the fingerprint of the subkey that a detached signature names
// as its maker, in upper-case hexadecimal. It verifies nothing.
//
// The error wraps ErrSignature.
func SignerOf(signature []byte) (fingerprint string, err error) {
	p, _, err := cutPacket(signature)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrSignature, err)
	}
	s, err := readSignature(p)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return strings.ToUpper(fmt.Sprintf("%x", s.IssuerFingerprint)), nil
}

// MadeAt returns when a detached signature says that it was made. It verifies
// nothing: it is for [Certificate.Verify] of what does not name a time itself.
//
// The error wraps ErrSignature.
func MadeAt(signature []byte) (time.Time, error) {
	p, _, err := cutPacket(signature)
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	s, err := readSignature(p)
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return s.CreationTime.UTC(), nil
}
