package pgp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// An Opening says what a sealed payload must be. Everything in it is known
// before decryption, from the signed header and the directory.
type Opening struct {
	Typ    string       // purpose of the signature inside
	Sender *Certificate // whose signature it must be
	At     time.Time    // when it was made, in whole seconds
	// Recipients are the fingerprints of the encryption subkeys in the order of
	// the framing: recipient, sender.
	Recipients []string
	// Intended are the fingerprints of the certificates that the signature must
	// name as its intended recipients: all of them and no other, in any order.
	Intended []string
	// AllowNoIntended accepts a signature that names no intended recipient at
	// all, in classic-4 and hsm-4 only: stock tools cannot name any. The plaintext must
	// then say to whom it is.
	AllowNoIntended bool
	// MaxBytes is the size of the largest plaintext accepted.
	MaxBytes int
}

// Open decrypts a sealed payload and returns its plaintext if and only if it is
// exactly what o says: framed for these recipients, this key among them, and
// inside one signature by the sender around one literal, and nothing else; for
// this purpose, at this time, to these intended recipients. That it was signed
// with a key revoked or expired since does not matter: the key must have been
// valid at that time.
//
// No byte is released before all is verified, and so the whole message is held
// in memory, twice. Nothing is decompressed and no passphrase is asked for.
// Payloads to encryption subkeys of k that have expired or been revoked are
// opened.
//
// The error wraps ErrFraming, ErrNotForUs, ErrTooLarge or ErrSignature. An
// unsigned payload, one signed by somebody else, twice, or to others, are all
// ErrSignature: there is no such thing as a message of unknown origin.
//
// Format: RFC 9580 section 10.3, with the intended recipients of 5.2.3.36.
func (k *Key) Open(sealed []byte, o Opening) ([]byte, error) {
	f, err := readFraming(k.suite, sealed, o.Recipients)
	if err != nil {
		return nil, err
	}
	if o.Sender == nil || o.Sender.suite != k.suite {
		return nil, fmt.Errorf("%w: the sender has no certificate of %s", ErrSignature, k.suite)
	}
	session, err := k.session(f, o.Recipients)
	if err != nil {
		return nil, err
	}
	defer clear(session)
	inside, err := decrypt(f.data, session)
	if err != nil {
		return nil, err
	}
	plaintext, err := o.read(inside, k.suite)
	if err != nil {
		clear(inside)
		return nil, err
	}
	return plaintext, nil
}

// session decrypts the session key with the first of the expected recipients
// that is ours.
func (k *Key) session(f framing, recipients []string) ([]byte, error) {
	for i, fingerprint := range recipients {
		if k.holds(fingerprint) {
			return k.heldSession(fingerprint, f.keys[i])
		}
		secret, ours := k.decryption(fingerprint)
		if !ours {
			continue
		}
		parsed, err := packet.Read(bytes.NewReader(f.keys[i].raw))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrFraming, err)
		}
		encrypted, ok := parsed.(*packet.EncryptedKey)
		if !ok || encrypted.Decrypt(secret, &packet.Config{}) != nil {
			return nil, fmt.Errorf("%w: the session key", ErrFraming)
		}
		// The cipher of SEIPDv1 is known only now.
		if len(encrypted.Key) != sessionKeyBytes || encrypted.Version == 3 && encrypted.CipherFunc != packet.CipherAES256 {
			return nil, fmt.Errorf("%w: the session key is of another cipher", ErrFraming)
		}
		return encrypted.Key, nil
	}
	return nil, ErrNotForUs
}

// decrypt returns the whole content of an encrypted data packet, after its
// integrity has been checked.
func decrypt(p rawPacket, session []byte) ([]byte, error) {
	parsed, err := packet.Read(bytes.NewReader(p.raw))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFraming, err)
	}
	data, ok := parsed.(*packet.SymmetricallyEncrypted)
	if !ok {
		return nil, ErrFraming
	}
	// One error for whatever is wrong: the details could help a forger.
	broken := fmt.Errorf("%w: the encrypted data is not intact", ErrFraming)
	r, err := data.Decrypt(packet.CipherAES256, session)
	if err != nil {
		return nil, broken
	}
	inside := bytes.NewBuffer(make([]byte, 0, p.size+bytes.MinRead))
	if _, err = io.Copy(inside, r); err == nil {
		err = r.Close()
	}
	if err != nil {
		clear(inside.Bytes())
		return nil, broken
	}
	return inside.Bytes(), nil
}

// errNotSigned is said of all that is not one signature around one literal.
var errNotSigned = fmt.Errorf("%w: there is not exactly one, around one literal", ErrSignature)

// read returns the plaintext of what was encrypted: one-pass signature, literal,
// signature.
func (o Opening) read(inside []byte, suite Suite) ([]byte, error) {
	var parts [3]rawPacket
	rest := inside
	for i, tag := range []int{tagOnePass, tagLiteral, tagSignature} {
		var err error
		if parts[i], rest, err = cutPacket(rest); err != nil || parts[i].tag != tag {
			return nil, errNotSigned
		}
	}
	if len(rest) > 0 {
		return nil, errNotSigned
	}
	plaintext, err := literal(parts[1], suite)
	if err != nil {
		return nil, err
	}
	if len(plaintext) > o.MaxBytes {
		return nil, fmt.Errorf("%w: the plaintext has more than %d bytes", ErrTooLarge, o.MaxBytes)
	}
	s, err := readSignature(parts[2])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	if err := announced(parts[0], s); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	if err := s.checkOver(o.Typ, true); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	if err := o.checkIntended(s, suite); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	if err := o.Sender.verify(s, plaintext, o.At); err != nil {
		return nil, err
	}
	return plaintext, nil
}

// literal returns the data of a literal packet. Its file name and date are not
// signed, and so are nothing to us.
func literal(p rawPacket, suite Suite) ([]byte, error) {
	body := p.body()
	if len(body) < 6 || body[0] != 'b' || p.legacy && forms[suite].version == 6 {
		return nil, errNotSigned
	}
	name := int(body[1])
	if len(body) < 6+name {
		return nil, errNotSigned
	}
	return body[6+name:], nil
}

// announced checks that a one-pass signature packet says what the signature does
// and nothing else.
func announced(p rawPacket, s *signature) error {
	var want bytes.Buffer
	if err := onePass(s.Signature).Serialize(&want); err != nil {
		return err
	}
	again, _, err := cutPacket(want.Bytes())
	if err != nil {
		return err
	}
	if p.partial || p.legacy && s.Version == 6 || !bytes.Equal(p.body(), again.body()) {
		return errors.New("it is announced as another")
	}
	return nil
}

// checkIntended checks that a signature names exactly the intended recipients,
// so that nobody of them can pass it on as if it were to somebody else.
func (o Opening) checkIntended(s *signature, suite Suite) error {
	if len(s.IntendedRecipients) == 0 && o.AllowNoIntended && forms[suite].version == 4 {
		return nil
	}
	if len(o.Intended) == 0 {
		return errors.New("no intended recipient is expected")
	}
	return checkRecipients(s, suite, o.Intended)
}

// checkRecipients checks that a signature names exactly the intended
// certificates, in any order.
func checkRecipients(s *signature, suite Suite, intended []string) error {
	var got []string
	for _, r := range s.IntendedRecipients {
		if r.KeyVersion != forms[suite].version {
			return errors.New("it names a recipient of another version")
		}
		got = append(got, hex.EncodeToString(r.Fingerprint))
	}
	var want []string
	for _, fingerprint := range intended {
		b, err := hex.DecodeString(fingerprint)
		if err != nil {
			return errors.New("an intended recipient is not a fingerprint")
		}
		want = append(want, hex.EncodeToString(b))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(slices.Compact(got), slices.Compact(want)) {
		return errors.New("it is not to exactly the intended recipients")
	}
	return nil
}
