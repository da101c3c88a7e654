package message

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/strictjson"
)

// Bounds of a record of erasure.
const (
	// MaxErasureBytes bounds its text.
	MaxErasureBytes = 4 << 20
	// MaxErased bounds the messages, and the other entries, that it names.
	MaxErased = 4096
	// MaxWords bounds what it says of basis and officer, in bytes.
	MaxWords = 1000
)

// An Erasure is the word of an authority that it has destroyed what it held of
// a case: content, sealed messages, and the salts without which the leaves in
// the log say nothing (protocol section 3.5). It keeps what proves that the
// messages existed and where in the log they stand.
type Erasure struct {
	Typ  string `json:"typ"` // TypErasure
	Case ID     `json:"case"`
	// By is the authority that erased, a party to the case.
	By string `json:"by"`
	// Fingerprint is that of the certificate that signs.
	Fingerprint string `json:"fingerprint"`
	// At is when it was erased: the time of the signature.
	At Time `json:"at"`
	// Directory is the log size of the directory state used, at least 1.
	Directory int64 `json:"directory"`
	// Basis is the retention rule or the order, Officer who acted on it.
	Basis    string          `json:"basis"`
	Officer  string          `json:"officer"`
	Messages []ErasedMessage `json:"messages"` // in log order
	// Entries are the log entries of receipts and deadlines of the case, in log
	// order.
	Entries []ErasedEntry `json:"entries"`
}

// An ErasedMessage is what is kept of a message.
type ErasedMessage struct {
	Index  int64  `json:"index"` // of its entry in the log
	Leaf   []byte `json:"leaf"`
	ID     ID     `json:"id"`
	Digest Digest `json:"digest"`
	From   string `json:"from"`
	To     string `json:"to"`
	Act    string `json:"act"`
	Final  bool   `json:"final"`
	Lane   string `json:"lane"`
	Logged Time   `json:"logged"` // the broker's claim
}

// An ErasedEntry is what is kept of the log entry of a receipt or a deadline.
type ErasedEntry struct {
	Index int64  `json:"index"`
	Leaf  []byte `json:"leaf"`
	Kind  string `json:"kind"` // receipt or deadline
}

// A SignedErasure is the exact text of a record of erasure with the detached
// OpenPGP signature over its UTF-8 bytes.
type SignedErasure struct {
	Erasure   string `json:"erasure"`
	Signature []byte `json:"signature"`
}

// SignErasure writes and signs a record. It fills in Typ and Fingerprint and
// leaves all else to the caller.
func SignErasure(e Erasure, key *pgp.Key) (SignedErasure, error) {
	e.Typ, e.Fingerprint = TypErasure, key.Fingerprint()
	if err := e.check(); err != nil {
		return SignedErasure{}, err
	}
	text, err := strictjson.Marshal(e)
	if err != nil {
		return SignedErasure{}, problem.Wrap(problem.InvalidValue, "", "The record cannot be written as strict JSON.", err)
	}
	signature, err := key.Sign(TypErasure, text, e.At.Time)
	if err != nil {
		return SignedErasure{}, problem.Wrap(problem.BadSignature, "signature", "The key could not sign the record.", err)
	}
	return SignedErasure{Erasure: string(text), Signature: signature}, nil
}

// ParseErasure reads the text of a record. It accepts only the canonical text,
// and does not look at the signature: see [SignedErasure.Verify].
func ParseErasure(s SignedErasure) (Erasure, error) {
	var e Erasure
	if len(s.Signature) > MaxSignatureBytes {
		return Erasure{}, problem.New(problem.TooLarge, "signature", fmt.Sprintf("The signature is larger than %d bytes.", MaxSignatureBytes))
	}
	if err := unmarshal([]byte(s.Erasure), MaxErasureBytes, "", &e); err != nil {
		return Erasure{}, err
	}
	if err := e.check(); err != nil {
		return Erasure{}, err
	}
	return e, canonical(s.Erasure, "", e)
}

// Verify checks that the authority, as the directory that the record names knew
// it, has signed the record. The
// error is wrong-certificate or bad-signature, or that of [ParseErasure].
func (s SignedErasure) Verify(by directory.Authority) error {
	e, err := ParseErasure(s)
	if err != nil {
		return err
	}
	if e.By != by.Statement.ID {
		return problem.New(problem.WrongCertificate, "by", "The record is another authority's.")
	}
	return signedBy(by, e.Fingerprint, e.Typ, s.Erasure, s.Signature, e.At.Time)
}

// check holds the members to their syntax.
func (e Erasure) check() error {
	var f form
	f.must(e.Typ == TypErasure, problem.WrongType, "typ", "This is not a record of erasure of version 1.")
	f.id(e.Case, "case")
	f.authority(e.By, "by")
	f.fingerprint(e.Fingerprint, "fingerprint")
	f.time(e.At, "at")
	f.must(e.Directory >= 1, problem.InvalidValue, "directory", "This must be at least 1.")
	f.words(e.Basis, "basis")
	f.words(e.Officer, "officer")
	f.size(int64(len(e.Messages)), 1, MaxErased, "messages")
	f.size(int64(len(e.Entries)), 0, MaxErased, "entries")
	last := int64(-1)
	for i, m := range e.Messages {
		member := fmt.Sprintf("messages.%d", i)
		f.entry(m.Index, last, m.Leaf, member)
		f.id(m.ID, member+".id")
		f.digest(m.Digest, member+".digest")
		f.authority(m.From, member+".from")
		f.authority(m.To, member+".to")
		f.must(m.From == e.By || m.To == e.By, problem.InvalidValue, member, "The message is not the authority's own.")
		f.time(m.Logged, member+".logged")
		last = m.Index
	}
	last = -1
	for i, x := range e.Entries {
		f.entry(x.Index, last, x.Leaf, fmt.Sprintf("entries.%d", i))
		last = x.Index
	}
	return f.err()
}

// leafBytes is the length of a leaf (protocol section 3.1).
const leafBytes = 33

// entry checks the place and the leaf of an entry that comes after another.
func (f *form) entry(index, last int64, leaf []byte, member string) {
	f.must(index > last, problem.InvalidValue, member+".index", "The entries must be in the order of the log, each once.")
	f.must(len(leaf) == leafBytes, problem.InvalidValue, member+".leaf", "A leaf has 33 bytes.")
}

// words checks what a person has said.
func (f *form) words(s, field string) {
	ok := strings.TrimSpace(s) != "" && len(s) <= MaxWords && !strings.ContainsFunc(s, Rearranges)
	f.must(ok, problem.InvalidValue, field, fmt.Sprintf("Say it in at most %d bytes, without control characters.", MaxWords))
}

// Rearranges reports whether a character controls the display of others: control
// characters and the bidirectional embeddings, overrides and isolates (UAX #9).
func Rearranges(r rune) bool {
	return unicode.IsControl(r) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}
