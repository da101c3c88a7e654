package pgp

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// A Reason says why a key is no longer to be used.
type Reason int

// The reasons for a revocation. Signatures made before a key was superseded or
// retired stay good; none of a compromised key is.
const (
	Superseded  Reason = iota // by a newer one
	Retired                   // not used any more
	Compromised               // known to others
)

// code returns the code of the reason (RFC 9580 section 5.2.3.31).
func (r Reason) code() (packet.ReasonForRevocation, error) {
	switch r {
	case Superseded:
		return packet.KeySuperseded, nil
	case Retired:
		return packet.KeyRetired, nil
	case Compromised:
		return packet.KeyCompromised, nil
	}
	return 0, errors.New("there is no such reason")
}

// RotateSigning adds a signing subkey, which is used from at on. The earlier
// ones stay valid, so that what they have signed does, until they are revoked.
//
// The key holds at most 1 MiB, and others take less of its certificate: publish
// what Certificate.Published returns.
//
// The error wraps ErrNotYetValid, ErrExpired or ErrRevoked if the key cannot
// certify at that time, ErrKey if there is a newer subkey, and ErrTooLarge.
func (k *Key) RotateSigning(at time.Time) error { return k.rotate(true, at) }

// RotateEncryption is RotateSigning for the subkey that others encrypt to. The
// secret parts of earlier ones are kept, so that their messages can be opened.
func (k *Key) RotateEncryption(at time.Time) error { return k.rotate(false, at) }

func (k *Key) rotate(signs bool, at time.Time) error {
	at, err := wholeSecond(at)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKey, err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.holder != nil {
		kind := ChangeEncryption
		if signs {
			kind = ChangeSigning
		}
		return k.heldChange(Change{Kind: kind, At: at})
	}
	if err := k.public.CheckValid(at); err != nil {
		return fmt.Errorf("pgp: rotating a subkey: %w", err)
	}
	newer := slices.ContainsFunc(k.public.subkeys, func(m component) bool {
		return m.signs == signs && m.key.CreationTime.After(at)
	})
	if newer {
		return fmt.Errorf("%w: it has a newer subkey", ErrKey)
	}
	by := maker{k.suite, k.device}
	var subkey *packet.PrivateKey
	if signs {
		subkey, err = by.signer(at, true)
	} else {
		subkey, err = by.decrypter(at)
	}
	if err != nil {
		return err
	}
	bound, err := bind(k.suite, k.primary, subkey, at)
	if err != nil {
		return err
	}
	return k.replace(append(bytes.Clone(k.public.data), bound...), subkey)
}

// RevokeSubkey revokes the subkey with a fingerprint. The subkey is not deleted:
// what was encrypted to it can still be opened.
//
// The error wraps ErrKey if there is no such subkey, or ErrTooLarge.
func (k *Key) RevokeSubkey(fingerprint string, r Reason, at time.Time) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	m, ok := k.public.subkey(fingerprint)
	if !ok {
		return fmt.Errorf("%w: it has no such subkey", ErrKey)
	}
	return k.revoke(m, packet.SigTypeSubkeyRevocation, r, at)
}

// Revoke revokes the whole certificate. It cannot be taken back.
//
// The error wraps ErrKey, or ErrTooLarge.
func (k *Key) Revoke(r Reason, at time.Time) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.revoke(&k.public.primary, packet.SigTypeKeyRevocation, r, at)
}

// revoke puts a revocation behind a key of the certificate.
func (k *Key) revoke(m *component, kind packet.SignatureType, r Reason, at time.Time) error {
	at, err := wholeSecond(at)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKey, err)
	}
	reason, err := r.code()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKey, err)
	}
	if k.holder != nil {
		c := Change{Kind: ChangeRevoke, At: at, Reason: r}
		if kind == packet.SigTypeSubkeyRevocation {
			c.Subkey = m.fingerprint
		}
		return k.heldChange(c)
	}
	sig := newSignature(k.primary, kind, at)
	sig.RevocationReason = &reason
	if kind == packet.SigTypeKeyRevocation {
		err = sig.RevokeKey(m.key, k.primary, &packet.Config{})
	} else {
		err = sig.RevokeSubkey(m.key, k.primary, &packet.Config{})
	}
	if err != nil {
		return fmt.Errorf("%w: revoking: %w", ErrKey, err)
	}
	var made bytes.Buffer
	if err := sig.Serialize(&made); err != nil {
		return fmt.Errorf("%w: revoking: %w", ErrKey, err)
	}
	return k.replace(slices.Insert(bytes.Clone(k.public.data), m.end, made.Bytes()...), nil)
}
