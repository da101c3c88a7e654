package translog

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Types of keys in a verifier or signer key (c2sp.org/signed-note).
const (
	typeEd25519     = 0x01
	typeCosignature = 0x04
)

// timestampBytes is the length of the time that stands before the signature.
const timestampBytes = 8

// ErrCosignature says that a cosignature does not verify under its witness's
// key.
var ErrCosignature = errors.New("translog: not a cosignature of the witness")

// A Cosigner signs checkpoints as a witness: cosignature/v1 with Ed25519
// (c2sp.org/tlog-cosignature). It is a note.Signer.
type Cosigner struct {
	key    *WitnessKey
	secret ed25519.PrivateKey
	now    func() time.Time
}

// A WitnessKey is the public key of a witness. It is a note.Verifier.
type WitnessKey struct {
	name   string
	hash   uint32
	public ed25519.PublicKey
}

// GenerateWitnessKey makes the key of a witness: the secret signer key and the
// public verifier key, both as text (c2sp.org/signed-note).
func GenerateWitnessKey(name string) (signerKey, verifierKey string, err error) {
	signerKey, _, err = note.GenerateKey(rand.Reader, name)
	if err != nil {
		return "", "", fmt.Errorf("translog: generating the key of a witness: %w", err)
	}
	c, err := ParseCosigner(signerKey, nil)
	if err != nil {
		return "", "", err
	}
	return signerKey, c.key.String(), nil
}

// ParseCosigner reads the signer key of a witness; now tells the time that it
// puts into its cosignatures. The error says nothing about the key.
func ParseCosigner(key string, now func() time.Time) (*Cosigner, error) {
	signer, err := note.NewSigner(key)
	if err != nil {
		return nil, errors.New("translog: not the signer key of a witness")
	}
	// PRIVATE, KEY, name, hash, and the key, whose base64 may hold a plus too.
	parts := strings.SplitN(key, "+", 5)
	data, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(data) != 1+ed25519.SeedSize || data[0] != typeEd25519 {
		return nil, errors.New("translog: not the signer key of a witness")
	}
	secret := ed25519.NewKeyFromSeed(data[1:])
	public, _ := secret.Public().(ed25519.PublicKey)
	return &Cosigner{key: newWitnessKey(signer.Name(), public), secret: secret, now: now}, nil
}

// Name implements note.Signer.
func (c *Cosigner) Name() string { return c.key.name }

// KeyHash implements note.Signer.
func (c *Cosigner) KeyHash() uint32 { return c.key.hash }

// Key returns the public key.
func (c *Cosigner) Key() *WitnessKey { return c.key }

// Sign implements note.Signer: the present time, then the signature over it
// and the checkpoint's text.
func (c *Cosigner) Sign(text []byte) ([]byte, error) {
	at := c.now().Unix()
	if at < 0 {
		return nil, errors.New("translog: the clock stands before 1970")
	}
	signature := binary.BigEndian.AppendUint64(nil, uint64(at))
	return append(signature, ed25519.Sign(c.secret, cosigned(at, text))...), nil
}

// Cosign returns the witness's signature line for a checkpoint.
func (c *Cosigner) Cosign(cp Checkpoint) ([]byte, error) {
	signed, err := note.Sign(&note.Note{Text: cp.Text()}, c)
	if err != nil {
		return nil, fmt.Errorf("translog: cosigning: %w", err)
	}
	return signed[len(cp.Text())+1:], nil
}

// cosigned is what a cosignature signs.
func cosigned(at int64, text []byte) []byte {
	return fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, text)
}

// ParseWitnessKey reads the verifier key of a witness.
func ParseWitnessKey(key string) (*WitnessKey, error) {
	parts := strings.SplitN(key, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("translog: not the verifier key of a witness")
	}
	data, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(data) != 1+ed25519.PublicKeySize || data[0] != typeCosignature {
		return nil, errors.New("translog: not the verifier key of a witness")
	}
	k := newWitnessKey(parts[0], data[1:])
	if !validName(k.name) || k.String() != key {
		return nil, errors.New("translog: the verifier key of a witness is spelt in another way")
	}
	return k, nil
}

// validName reports whether a signed note can carry the name.
func validName(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == '+' || r == '\uFFFD' })
}

func newWitnessKey(name string, public ed25519.PublicKey) *WitnessKey {
	sum := sha256.Sum256(append([]byte(name+"\n"), keyBytes(public)...))
	return &WitnessKey{name: name, hash: binary.BigEndian.Uint32(sum[:4]), public: public}
}

func keyBytes(public ed25519.PublicKey) []byte { return append([]byte{typeCosignature}, public...) }

// String returns the key as text (c2sp.org/signed-note).
func (k *WitnessKey) String() string {
	return fmt.Sprintf("%s+%08x+%s", k.name, k.hash, base64.StdEncoding.EncodeToString(keyBytes(k.public)))
}

// Name implements note.Verifier.
func (k *WitnessKey) Name() string { return k.name }

// KeyHash implements note.Verifier.
func (k *WitnessKey) KeyHash() uint32 { return k.hash }

// Verify implements note.Verifier.
func (k *WitnessKey) Verify(text, signature []byte) bool {
	at, ok := timeOf(signature)
	return ok && ed25519.Verify(k.public, cosigned(at.Unix(), text), signature[timestampBytes:])
}

// timeOf reads the time of a cosignature.
func timeOf(signature []byte) (time.Time, bool) {
	if len(signature) != timestampBytes+ed25519.SignatureSize {
		return time.Time{}, false
	}
	at := binary.BigEndian.Uint64(signature)
	if at > 1<<62 {
		return time.Time{}, false
	}
	return time.Unix(int64(at), 0).UTC(), true
}

// A Cosignature is a witness's word that it saw a checkpoint, which extends
// every other that it vouched for, at a time by its own clock.
type Cosignature struct {
	Key  *WitnessKey
	At   time.Time
	Line []byte // of the signed note, with its newline
}

// ReadCosignature finds the witness's cosignature of a checkpoint among
// signature lines, whoever sent them. The error is [ErrCosignature] if there is
// none that verifies.
func ReadCosignature(cp Checkpoint, lines []byte, key *WitnessKey) (Cosignature, error) {
	n, err := note.Open(append([]byte(cp.Text()+"\n"), lines...), note.VerifierList(key))
	if err != nil {
		return Cosignature{}, fmt.Errorf("%w: %w", ErrCosignature, err)
	}
	return cosignatureOf(n.Sigs[0], key)
}

// cosignatureOf reads a verified signature.
func cosignatureOf(s note.Signature, key *WitnessKey) (Cosignature, error) {
	data, err := base64.StdEncoding.DecodeString(s.Base64)
	if err != nil || len(data) < 4 {
		return Cosignature{}, ErrCosignature
	}
	at, ok := timeOf(data[4:])
	if !ok {
		return Cosignature{}, ErrCosignature
	}
	return Cosignature{Key: key, At: at, Line: []byte("— " + s.Name + " " + s.Base64 + "\n")}, nil
}
