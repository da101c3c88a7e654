package pgp

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Seal signs plaintext for a purpose, typ, at a time, cut to the second, and
// encrypts it to the newest encryption subkeys of the recipient and of this key,
// in this order. The signature names both as its intended recipients. There is
// no compression and no file name.
//
// The whole message is held in memory, twice.
//
// The error wraps ErrSuite if the recipient's certificate is of another suite,
// and ErrNotYetValid, ErrExpired or ErrRevoked if one of the two cannot be used
// at that time.
//
// Format: RFC 9580 section 10.3.
func (k *Key) Seal(typ string, plaintext []byte, to *Certificate, at time.Time) ([]byte, error) {
	at, err := wholeSecond(at)
	if err != nil {
		return nil, err
	}
	if to.suite != k.suite {
		return nil, fmt.Errorf("%w: the key is of %s, the recipient of %s", ErrSuite, k.suite, to.suite)
	}
	own := k.Certificate()
	var subkeys []*component
	for _, c := range []*Certificate{to, own} {
		m, err := c.newest(false, at)
		if err != nil {
			return nil, fmt.Errorf("pgp: sealing: %w", err)
		}
		subkeys = append(subkeys, m)
	}
	inside, err := k.signed(typ, plaintext, []string{to.Fingerprint(), own.Fingerprint()}, at)
	if err != nil {
		return nil, err
	}
	defer clear(inside)
	sealed, err := k.suite.encrypt(inside, subkeys)
	if err != nil {
		return nil, fmt.Errorf("pgp: sealing: %w", err)
	}
	// Libraries have been seen to lose a recipient, or to fall back to an older
	// form, without a word.
	if err := CheckFraming(k.suite, sealed, subkeys[0].fingerprint, subkeys[1].fingerprint); err != nil {
		return nil, fmt.Errorf("pgp: sealing: %w", err)
	}
	return sealed, nil
}

// signed returns what is encrypted: one-pass signature, literal data, signature.
func (k *Key) signed(typ string, plaintext []byte, intended []string, at time.Time) ([]byte, error) {
	made, err := k.signature(typ, plaintext, intended, at)
	if err != nil {
		return nil, fmt.Errorf("pgp: sealing: %w", err)
	}
	p, _, err := cutPacket(made)
	if err != nil {
		return nil, fmt.Errorf("pgp: sealing: %w", err)
	}
	sig, err := readSignature(p)
	if err != nil {
		return nil, fmt.Errorf("pgp: sealing: %w", err)
	}
	var head bytes.Buffer
	if err := onePass(sig.Signature).Serialize(&head); err != nil {
		return nil, fmt.Errorf("pgp: sealing: %w", err)
	}
	inside := make([]byte, 0, head.Len()+len(made)+len(plaintext)+len(literalHead)+8)
	inside = append(inside, head.Bytes()...)
	inside = appendPacket(inside, tagLiteral, literalHead[:], plaintext)
	return append(inside, made...), nil
}

// literalHead begins literal data (RFC 9580 section 5.9): binary, without a file
// name, without a date.
var literalHead = [6]byte{'b'}

// onePass returns the one-pass signature that announces sig (RFC 9580 section
// 5.4).
func onePass(sig *packet.Signature) *packet.OnePassSignature {
	ops := &packet.OnePassSignature{
		Version: 3, SigType: sig.SigType, Hash: sig.Hash, PubKeyAlgo: sig.PubKeyAlgo, KeyId: *sig.IssuerKeyId, IsLast: true,
	}
	if sig.Version == 6 {
		ops.Version, ops.Salt, ops.KeyFingerprint = 6, sig.Salt(), sig.IssuerFingerprint
	}
	return ops
}

// encrypt encrypts to subkeys with a new session key. The form is the suite's,
// whatever the preferences of the recipients.
func (s Suite) encrypt(inside []byte, to []*component) ([]byte, error) {
	f, config := forms[s], s.config(time.Time{})
	session := make([]byte, sessionKeyBytes)
	if _, err := rand.Read(session); err != nil {
		return nil, err
	}
	defer clear(session)
	var out bytes.Buffer
	for _, m := range to {
		if err := packet.SerializeEncryptedKeyAEAD(&out, m.key, packet.CipherAES256, f.aead(), session, config); err != nil {
			return nil, err
		}
	}
	gcm := packet.CipherSuite{Cipher: packet.CipherAES256, Mode: packet.AEADModeGCM}
	w, err := packet.SerializeSymmetricallyEncrypted(&out, packet.CipherAES256, f.aead(), gcm, session, config)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(inside); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
