package message

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"time"

	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/workflow"
)

// Types of signed objects, the value of their member "typ" and of the notation
// in their signature.
const (
	TypMessage = "entraide/message/1"
	TypCore    = "entraide/core/1"
	TypPayload = "entraide/payload/1"
	TypReceipt = "entraide/receipt/1"
	TypErasure = "entraide/erasure/1"
)

// Bounds of a message, in bytes and items.
const (
	// MaxWireBytes bounds a message in its wire form.
	MaxWireBytes = 3 << 20
	// MaxHeaderBytes bounds the text of the header, and with it the list of
	// evidence.
	MaxHeaderBytes = 64 << 10
	// MaxSignatureBytes bounds the detached signature.
	MaxSignatureBytes = 16 << 10
	// MaxPayloadBytes bounds the encrypted payload.
	MaxPayloadBytes = 2 << 20
	// MaxPlaintextBytes bounds the plaintext of the payload, padding included.
	MaxPlaintextBytes = 1 << 20
	// MaxAfter bounds the digests in core.after.
	MaxAfter = 64
	// MaxSeq is the largest number of a message between two authorities.
	MaxSeq = 1<<53 - 1
)

const (
	// ClockSkew is how far the time of creation may be from the time of
	// acceptance, either way.
	ClockSkew = 5 * time.Minute
	// DefaultValidity is how long a message may wait for acceptance if its
	// sender says nothing.
	DefaultValidity = 7 * 24 * time.Hour
	// MaxValidity is how long it may wait at most.
	MaxValidity = 31 * 24 * time.Hour
)

// A Time is a time as signed objects carry it: UTC, whole seconds.
type Time = directory.Time

// At returns t as a Time.
func At(t time.Time) Time { return directory.At(t) }

// An ID is the identifier of a message or a case: 128 random bits in
// lower-case hex, minted by the sending desk before its first attempt and not
// changed by a retry.
type ID string

// NewID mints an identifier. The error is always nil: it stands for a source
// of randomness that fails.
func NewID() (ID, error) {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", err
	}
	return ID(hex.EncodeToString(b[:])), nil
}

var idForm = regexp.MustCompile(`^[0-9a-f]{32}$`)

// Valid reports whether id has the form of an identifier.
func (id ID) Valid() bool { return idForm.MatchString(string(id)) }

// A Digest is a SHA-256 in lower-case hex.
type Digest string

// DigestOf returns the digest of data.
func DigestOf(data []byte) Digest {
	sum := sha256.Sum256(data)
	return Digest(hex.EncodeToString(sum[:]))
}

// Valid reports whether d has the form of a digest.
func (d Digest) Valid() bool { return directory.ValidDigest(string(d)) }

// A Core is the frozen part of a header. The header holds it as a string, so
// that its bytes can be hashed; the payload names that hash.
type Core struct {
	Typ   string    `json:"typ"` // TypCore
	Suite pgp.Suite `json:"suite"`
	ID    ID        `json:"id"`
	Case  ID        `json:"case"`
	// Act is what the message does in the procedure.
	Act workflow.Act `json:"act"`
	// Final says that a delivery is the last one of its case.
	Final bool          `json:"final"`
	Lane  workflow.Lane `json:"lane"`
	// Created is when the message was sealed: the time of its signatures.
	Created Time `json:"created"`
	// NotAfter is when the broker must no longer accept it.
	NotAfter Time      `json:"not_after"`
	From     Sender    `json:"from"`
	To       Recipient `json:"to"`
	// After names the newest messages of the case that the sender had
	// processed, in ascending order; empty for the first.
	After []Digest `json:"after"`
	// Seq counts the sender's accepted messages to this recipient, from 1.
	Seq int64 `json:"seq"`
	// Prev is the digest of number Seq-1; empty for number 1.
	Prev string `json:"prev"`
	// Directory is the log size of the directory that the sender used.
	Directory int64 `json:"directory"`
}

// A Sender is the authority that seals a message.
type Sender struct {
	Authority string `json:"authority"`
	// Fingerprint is that of its certificate, upper-case hex.
	Fingerprint string `json:"fingerprint"`
	// Certificate is the SHA-256 of the certificate's bytes.
	Certificate Digest `json:"certificate"`
}

// A Recipient is the authority that a message is sealed to.
type Recipient struct {
	Authority   string `json:"authority"`
	Fingerprint string `json:"fingerprint"`
	Certificate Digest `json:"certificate"`
	// Encryption is the fingerprint of the subkey that the payload is
	// encrypted to, upper-case hex.
	Encryption string `json:"encryption"`
}

// A Header is the part of a message that the broker reads.
type Header struct {
	Typ string `json:"typ"` // TypMessage
	// Core is the text of the [Core].
	Core    string     `json:"core"`
	Payload PayloadRef `json:"payload"`
	// Evidence lists the sealed evidence files, without their names.
	Evidence []EvidenceRef `json:"evidence"`
}

// A PayloadRef binds the payload to the header.
type PayloadRef struct {
	Size   int64  `json:"size"`   // of the encrypted payload, in bytes
	SHA256 Digest `json:"sha256"` // of the encrypted payload
	// Commitment is the SHA-256 of the plaintext. It hides the plaintext, which
	// holds a nonce of 256 bits, and binds every recipient to the same one.
	Commitment Digest `json:"commitment"`
}

// An EvidenceRef binds a sealed evidence file to the header.
type EvidenceRef struct {
	Size   int64  `json:"size"`   // of the ciphertext, in bytes
	SHA256 Digest `json:"sha256"` // of the part manifest
}

// A Message is a sealed message: what Parse read or Seal wrote.
type Message struct {
	// HeaderText is the exact text that is signed and hashed.
	HeaderText string
	// Signature is the detached OpenPGP signature over HeaderText.
	Signature []byte
	// Payload is the OpenPGP message.
	Payload []byte
	// Header and Core are what HeaderText says.
	Header Header
	Core   Core
}

// Digest returns the message digest: the SHA-256 of the header's text in
// lower-case hex.
func (m *Message) Digest() string { return string(DigestOf([]byte(m.HeaderText))) }
