package message

import (
	"fmt"
	"time"

	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/strictjson"
)

// MaxReceiptBytes bounds the text of a delivery or opening receipt.
const MaxReceiptBytes = 4 << 10

// A ReceiptKind says what a receipt confirms.
type ReceiptKind string

// Kinds of receipts.
const (
	// Delivered: the recipient's desk has fetched, verified and opened the
	// message. The desk signs it by itself.
	Delivered ReceiptKind = "delivered"
	// Opened: an officer has opened the message for the first time.
	Opened ReceiptKind = "opened"
)

// A Receipt is the recipient's word about one message (protocol section 4).
type Receipt struct {
	Typ  string      `json:"typ"` // TypReceipt
	Kind ReceiptKind `json:"kind"`
	// Message is the message digest.
	Message Digest `json:"message"`
	ID      ID     `json:"id"`
	Case    ID     `json:"case"`
	// By is the authority that makes the receipt: the message's recipient.
	By string `json:"by"`
	// Fingerprint is that of the certificate that signs.
	Fingerprint string `json:"fingerprint"`
	// At is when it was delivered or opened: the time of the signature.
	At Time `json:"at"`
}

// A SignedReceipt is the exact text of a receipt with the detached OpenPGP
// signature over its UTF-8 bytes.
type SignedReceipt struct {
	Receipt   string `json:"receipt"`
	Signature []byte `json:"signature"` // base64 in JSON
}

// SignReceipt writes and signs a receipt. It fills in Typ and Fingerprint and
// leaves all else to the caller.
func SignReceipt(r Receipt, key *pgp.Key) (SignedReceipt, error) {
	r.Typ, r.Fingerprint = TypReceipt, key.Fingerprint()
	if err := r.check(); err != nil {
		return SignedReceipt{}, err
	}
	text, err := strictjson.Marshal(r)
	if err != nil {
		return SignedReceipt{}, problem.Wrap(problem.InvalidValue, "", "The receipt cannot be written as strict JSON.", err)
	}
	signature, err := key.Sign(TypReceipt, text, r.At.Time)
	if err != nil {
		return SignedReceipt{}, problem.Wrap(problem.BadSignature, "signature", "The key could not sign the receipt.", err)
	}
	return SignedReceipt{Receipt: string(text), Signature: signature}, nil
}

// ParseReceipt reads the text of a receipt. It accepts only the canonical
// text, byte for byte what SignReceipt writes. It does not look at the
// signature: see [SignedReceipt.Verify].
func ParseReceipt(s SignedReceipt) (Receipt, error) {
	var r Receipt
	if len(s.Signature) > MaxSignatureBytes {
		return Receipt{}, problem.New(problem.TooLarge, "signature", fmt.Sprintf("The signature is larger than %d bytes.", MaxSignatureBytes))
	}
	if err := unmarshal([]byte(s.Receipt), MaxReceiptBytes, "", &r); err != nil {
		return Receipt{}, err
	}
	if err := r.check(); err != nil {
		return Receipt{}, err
	}
	return r, canonical(s.Receipt, "", r)
}

// check holds the members to their syntax.
func (r Receipt) check() error {
	var f form
	f.must(r.Typ == TypReceipt, problem.WrongType, "typ", "This is not a receipt of version 1.")
	f.must(r.Kind == Delivered || r.Kind == Opened, problem.InvalidValue, "kind", "The kind must be delivered or opened.")
	f.digest(r.Message, "message")
	f.id(r.ID, "id")
	f.id(r.Case, "case")
	f.authority(r.By, "by")
	f.fingerprint(r.Fingerprint, "fingerprint")
	f.time(r.At, "at")
	return f.err()
}

// Digest returns the SHA-256 of the receipt's text in lower-case hex.
func (s SignedReceipt) Digest() string { return string(DigestOf([]byte(s.Receipt))) }

// Verify checks that the authority, as a directory knew it at the receipt's
// place in the log, has signed the receipt. It does not check that the receipt
// fits its message. The error is wrong-certificate if the receipt names
// another authority or none of its certificates, and bad-signature.
func (s SignedReceipt) Verify(by directory.Authority) error {
	r, err := ParseReceipt(s)
	if err != nil {
		return err
	}
	if r.By != by.Statement.ID {
		return problem.New(problem.WrongCertificate, "by", "The receipt is another authority's.")
	}
	return signedBy(by, r.Fingerprint, r.Typ, s.Receipt, s.Signature, r.At.Time)
}

// signedBy checks that the certificate of an authority with the fingerprint has
// signed a text of a type. The error is wrong-certificate or bad-signature.
func signedBy(by directory.Authority, fingerprint, typ, text string, signature []byte, at time.Time) error {
	for _, c := range by.Certificates {
		if c.Fingerprint() != fingerprint {
			continue
		}
		if err := c.Verify(typ, []byte(text), signature, at); err != nil {
			return problem.Wrap(problem.BadSignature, "signature", "The signature over the text is not right.", err)
		}
		return nil
	}
	return problem.New(problem.WrongCertificate, "fingerprint", "The authority has no certificate with this fingerprint.")
}
