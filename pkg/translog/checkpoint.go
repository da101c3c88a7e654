package translog

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A Checkpoint is the head of a tree: how many entries the log has, and their
// root (c2sp.org/tlog-checkpoint, without extension lines).
type Checkpoint struct {
	Origin string
	Size   int64
	Root   Hash
}

// Text returns the text that is signed.
func (c Checkpoint) Text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]))
}

// ParseCheckpoint reads a checkpoint's text. It accepts one spelling only;
// errors are [ErrCheckpoint].
func ParseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[0] == "" {
		return Checkpoint{}, fmt.Errorf("%w: it must have three lines", ErrCheckpoint)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 {
		return Checkpoint{}, fmt.Errorf("%w: the size is not a number", ErrCheckpoint)
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: the root is not a hash", ErrCheckpoint)
	}
	c := Checkpoint{Origin: lines[0], Size: size, Root: root}
	if c.Text() != text {
		return Checkpoint{}, fmt.Errorf("%w: it is spelt in another way", ErrCheckpoint)
	}
	return c, nil
}

// Sign returns the checkpoint as a signed note (c2sp.org/signed-note), signed
// with each of the keys; there are several while one takes over from another.
func (c Checkpoint) Sign(signers ...note.Signer) ([]byte, error) {
	for _, signer := range signers {
		if signer.Name() != c.Origin {
			return nil, fmt.Errorf("translog: the key is that of %s", signer.Name())
		}
	}
	signed, err := note.Sign(&note.Note{Text: c.Text()}, signers...)
	if err != nil {
		return nil, fmt.Errorf("translog: signing a checkpoint: %w", err)
	}
	return signed, nil
}

// OpenCheckpoint verifies a signed checkpoint of the log named origin under at
// least one of its keys; see [LogKeys] for logs that have had several. Errors
// wrap [ErrCheckpointSignature], and [ErrOtherKey] or [ErrTerm] if that is why.
func OpenCheckpoint(signed []byte, origin string, keys ...note.Verifier) (Checkpoint, error) {
	n, err := note.Open(signed, note.VerifierList(forSize(signed, keys)...))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %w", ErrCheckpointSignature, whyUnsigned(err, signed, origin, keys))
	}
	c, err := ParseCheckpoint(n.Text)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %w", ErrCheckpointSignature, err)
	}
	if c.Origin != origin {
		return Checkpoint{}, fmt.Errorf("%w: it is one of %s", ErrCheckpointSignature, c.Origin)
	}
	return c, nil
}

// GenerateKey makes the key of a log: the secret signer key and the public
// verifier key, both as text (c2sp.org/signed-note, Ed25519).
func GenerateKey(origin string) (signerKey, verifierKey string, err error) {
	signerKey, verifierKey, err = note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return "", "", fmt.Errorf("translog: generating a key: %w", err)
	}
	return signerKey, verifierKey, nil
}

// ParseSigner reads a signer key. The error says nothing about the key.
func ParseSigner(key string) (note.Signer, error) {
	s, err := note.NewSigner(key)
	if err != nil {
		return nil, fmt.Errorf("translog: not a signer key")
	}
	return s, nil
}

// ParseVerifier reads a verifier key.
func ParseVerifier(key string) (note.Verifier, error) {
	v, err := note.NewVerifier(key)
	if err != nil {
		return nil, fmt.Errorf("translog: not a verifier key: %w", err)
	}
	return v, nil
}
