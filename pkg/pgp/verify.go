package pgp

import (
	"bytes"
	"fmt"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// MaxSignatureBytes bounds a detached signature.
const MaxSignatureBytes = 16 << 10

// Verify checks a detached signature over data: exactly one binary signature
// packet in the form of the certificate's suite, with the notation
// typ@entraide.example equal to typ, made at exactly the time at by a signing
// subkey of this certificate that was valid then. A signature that was good
// when it was made stays good; one by a key that proved to be compromised
// never is.
//
// The error wraps [ErrSignature], [ErrTooLarge], or is one of
// [Certificate.CheckValid].
//
// Format: RFC 9580, sections 5.2 and 10.4.
func (c *Certificate) Verify(typ string, data, signature []byte, at time.Time) error {
	if len(signature) > MaxSignatureBytes {
		return fmt.Errorf("%w: a signature has at most %d bytes", ErrTooLarge, MaxSignatureBytes)
	}
	s, err := readSignature(signature)
	if err != nil {
		return err
	}
	if err := c.suite.checkForm(s, typ, at); err != nil {
		return err
	}
	if err := c.CheckValid(at); err != nil {
		return err
	}
	signer, err := c.signer(s, at)
	if err != nil {
		return err
	}
	h, err := s.PrepareVerify()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	h.Write(data)
	if err := signer.VerifySignature(h, s); err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return nil
}

// readSignature reads exactly one signature packet.
func readSignature(data []byte) (*packet.Signature, error) {
	p, rest, err := nextPacket(data)
	if err != nil || p.tag != tagSignature || len(rest) > 0 {
		return nil, fmt.Errorf("%w: there must be exactly one signature packet", ErrSignature)
	}
	parsed, err := packet.Read(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	s, ok := parsed.(*packet.Signature)
	if !ok {
		return nil, fmt.Errorf("%w: it is another packet", ErrSignature)
	}
	return s, nil
}

// checkForm checks what a signature over data says of itself: the suite's
// version, algorithm and hash, its purpose and its time.
func (s Suite) checkForm(sig *packet.Signature, typ string, at time.Time) error {
	f := forms[s]
	purposes := 0
	for _, n := range sig.Notations {
		if n.Name == notationName {
			purposes++
			if string(n.Value) != typ {
				return fmt.Errorf("%w: it is for another purpose", ErrSignature)
			}
		}
	}
	switch {
	case sig.Version != f.version || sig.PubKeyAlgo != f.sign || !f.hashes[sig.Hash]:
		return fmt.Errorf("%w: it is not in the form of %s", ErrSignature, s)
	case sig.SigType != packet.SigTypeBinary:
		return fmt.Errorf("%w: it is not over binary data", ErrSignature)
	case purposes != 1:
		return fmt.Errorf("%w: it must name its purpose once", ErrSignature)
	case !sig.CreationTime.Equal(at):
		return fmt.Errorf("%w: it was made at another time", ErrSignature)
	case sig.SigLifetimeSecs != nil && *sig.SigLifetimeSecs != 0:
		return fmt.Errorf("%w: it expires", ErrSignature)
	}
	return nil
}

// signer returns the signing subkey that a signature names, if it was valid at
// the time.
func (c *Certificate) signer(s *packet.Signature, at time.Time) (*packet.PublicKey, error) {
	for _, k := range c.subkeys {
		if !k.sign || !bytes.Equal(s.IssuerFingerprint, k.public.Fingerprint) {
			continue
		}
		if err := validAt(k.created, k.bindings, k.revoked, at); err != nil {
			return nil, err
		}
		return k.public, nil
	}
	return nil, fmt.Errorf("%w: it is not by a signing subkey of this certificate", ErrSignature)
}
