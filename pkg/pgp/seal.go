package pgp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// Seal signs plaintext with the newest signing subkey, for the purpose typ,
// dated at, and encrypts it to the recipient and to this key's own certificate,
// in this order, naming both as intended recipients. It checks the framing of
// its work before it returns.
//
// Both certificates must be of one suite: otherwise [ErrSuite]. Other errors
// are those of [Certificate.CheckValid].
//
// Format: RFC 9580, section 10.3, with section 5.2.3.36.
func (k *Key) Seal(typ string, plaintext []byte, to *Certificate, at time.Time) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	at = at.UTC().Truncate(time.Second)
	if to.suite != k.suite {
		return nil, ErrSuite
	}
	theirs, err := to.EncryptionSubkey(at)
	if err != nil {
		return nil, err
	}
	own, err := k.public.EncryptionSubkey(at)
	if err != nil {
		return nil, err
	}
	if _, err := k.public.SigningSubkey(at); err != nil {
		return nil, err
	}
	recipient, err := to.entity()
	if err != nil {
		return nil, err
	}
	sealed, err := k.seal(typ, plaintext, recipient, at)
	if err != nil {
		return nil, fmt.Errorf("pgp: sealing: %w", err)
	}
	return sealed, CheckFraming(k.suite, sealed, theirs, own)
}

func (k *Key) seal(typ string, plaintext []byte, recipient *openpgp.Entity, at time.Time) ([]byte, error) {
	c := k.suite.config(at)
	c.SignatureNotations = notations(typ)
	var out bytes.Buffer
	w, err := openpgp.EncryptWithParams(&out, []*openpgp.Entity{recipient, k.entity}, nil, &openpgp.EncryptParams{
		Signers: []*openpgp.Entity{k.entity}, Config: c,
	})
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plaintext); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// An Opening says what a sealed payload must be.
type Opening struct {
	Typ    string
	Sender *Certificate
	At     time.Time // of the signature inside
	// Recipients are the fingerprints of the encryption subkeys that it is
	// encrypted to, in order; Intended those of the primary keys that its
	// signature names, in any order. Upper-case hex.
	Recipients []string
	Intended   []string
	// AllowNoIntended accepts a signature that names nobody, which is all that
	// some stock tools can make. Only classic-4 may.
	AllowNoIntended bool
	MaxBytes        int // of the plaintext
}

// Open decrypts a sealed payload and returns its plaintext if and only if
// everything about it is as o says: the framing, which is checked first; one
// signature, by the sender, in the suite's form, for this purpose, of this
// time, to exactly these recipients. Not a byte is returned before.
//
// The error wraps [ErrFraming], [ErrNotForUs], [ErrSignature], [ErrTooLarge],
// or is one of [Certificate.CheckValid] about the sender.
//
// Format: RFC 9580, section 10.3.
func (k *Key) Open(sealed []byte, o Opening) ([]byte, error) {
	if err := CheckFraming(k.suite, sealed, o.Recipients...); err != nil {
		return nil, err
	}
	if err := o.Sender.CheckValid(o.At); err != nil {
		return nil, err
	}
	sender, err := o.Sender.entity()
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	md, err := openpgp.ReadMessage(bytes.NewReader(sealed), openpgp.EntityList{k.entity, sender}, nil, strict(o.At))
	if errors.Is(err, pgperrors.ErrKeyIncorrect) {
		return nil, ErrNotForUs
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFraming, err)
	}
	if !md.IsEncrypted || md.IsSymmetricallyEncrypted {
		return nil, fmt.Errorf("%w: it is not encrypted to a key", ErrFraming)
	}
	body, err := io.ReadAll(io.LimitReader(md.UnverifiedBody, int64(o.MaxBytes)+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFraming, err)
	}
	if len(body) > o.MaxBytes {
		clear(body)
		return nil, fmt.Errorf("%w: the plaintext has more than %d bytes", ErrTooLarge, o.MaxBytes)
	}
	if err := o.check(k.suite, md); err != nil {
		clear(body)
		return nil, err
	}
	return body, nil
}

// check looks at the signature when the whole body has been read: only then
// does md speak of it.
func (o Opening) check(suite Suite, md *openpgp.MessageDetails) error {
	switch {
	case !md.IsSigned || !md.IsVerified || len(md.SignatureCandidates) != 1 || md.Signature == nil || md.SignedBy == nil:
		return fmt.Errorf("%w: there must be exactly one, by the sender", ErrSignature)
	case md.SignatureError != nil:
		return fmt.Errorf("%w: %w", ErrSignature, md.SignatureError)
	case hexOf(md.SignedBy.Entity.PrimaryKey.Fingerprint) != o.Sender.fingerprint:
		return fmt.Errorf("%w: it is not by the sender", ErrSignature)
	}
	if err := suite.checkForm(md.Signature, o.Typ, o.At); err != nil {
		return err
	}
	if _, err := o.Sender.signer(md.Signature, o.At); err != nil {
		return err
	}
	return o.checkIntended(suite, md.Signature.IntendedRecipients)
}

// checkIntended compares the recipients inside the signature, which go-crypto
// looks at only if there are any, with those expected.
func (o Opening) checkIntended(suite Suite, named []*packet.Recipient) error {
	if len(named) == 0 && o.AllowNoIntended && suite == Classic4 {
		return nil
	}
	var inside []string
	for _, r := range named {
		inside = append(inside, hexOf(r.Fingerprint))
	}
	want := slices.Clone(o.Intended)
	slices.Sort(inside)
	slices.Sort(want)
	if !slices.Equal(inside, want) {
		return fmt.Errorf("%w: it was made for other recipients", ErrSignature)
	}
	return nil
}
