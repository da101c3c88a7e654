package message

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/pkg/workflow"
)

// nonceBytes is the size of the nonce that hides the plaintext.
const nonceBytes = 32

// A Draft is a message before it is sealed.
type Draft struct {
	ID, Case ID
	Act      workflow.Act
	Final    bool
	Lane     workflow.Lane
	// From and To are the two authorities as the directory has them.
	From, To directory.Authority
	// After names the newest messages of the case that were processed, in any
	// order.
	After []Digest
	Seq   int64
	Prev  string
	// Directory is the log size of the directory that From and To are of.
	Directory int64
	// NotAfter is when the broker must no longer accept the message; the zero
	// time means DefaultValidity after sealing.
	NotAfter time.Time
	// Seen is the newest signed checkpoint that the sender has verified, or
	// nothing.
	Seen     string
	Body     json.RawMessage
	Evidence []Evidence
}

// Seal makes a message of a draft: it pads the plaintext to a size class, seals
// it to the recipient and the sender, and signs the header. The suite is the
// one that the directory fixes for the pair, and key must be the sender's key
// of that suite: see [directory.PairSuite].
//
// The time of creation is at, cut to the second. The message is one that Parse
// reads and whose checks, the signature's included, pass with the same
// directory; what the procedure allows is not checked.
//
// The error is a *problem.Error that names the member at fault, or wraps
// pgp.ErrUnavailable.
func Seal(d Draft, key *pgp.Key, at time.Time) (*Message, error) {
	created := At(at)
	core, err := d.core(key, created)
	if err != nil {
		return nil, err
	}
	coreText, err := strictjson.Marshal(core)
	if err != nil {
		return nil, problem.Wrap(problem.InvalidValue, "core", "The core cannot be written as strict JSON.", err)
	}
	m := &Message{Core: core, Header: Header{Typ: TypMessage, Core: string(coreText)}}
	for _, e := range d.Evidence {
		m.Header.Evidence = append(m.Header.Evidence, e.Ref)
	}
	if err := m.sealPayload(d, key); err != nil {
		return nil, err
	}
	header, err := strictjson.Marshal(m.Header)
	if err != nil {
		return nil, problem.Wrap(problem.InvalidValue, "header", "The header cannot be written as strict JSON.", err)
	}
	m.HeaderText = string(header)
	m.Signature, err = key.Sign(TypMessage, header, created.Time)
	if errors.Is(err, pgp.ErrUnavailable) {
		return nil, err
	}
	if err != nil {
		return nil, problem.Wrap(problem.BadSignature, "signature", "The key could not sign the header.", err)
	}
	data, err := m.Wire()
	if err != nil {
		return nil, err
	}
	return Parse(data)
}

// core returns the core of the draft.
func (d Draft) core(key *pgp.Key, created Time) (Core, error) {
	if err := d.From.Check(created.Time); err != nil {
		return Core{}, inField(err, "core.from.authority")
	}
	if err := d.To.Check(created.Time); err != nil {
		return Core{}, inField(err, "core.to.authority")
	}
	suite, err := directory.PairSuite(d.From, d.To, created.Time)
	if err != nil {
		return Core{}, inField(err, "core.suite")
	}
	from, to := d.From.Certificates[suite], d.To.Certificates[suite]
	if key.Fingerprint() != from.Fingerprint() {
		return Core{}, problem.New(problem.WrongCertificate, "core.from.fingerprint", fmt.Sprintf("The key is not the one of the sender's %s certificate.", suite))
	}
	encryption, err := to.EncryptionSubkey(created.Time)
	if err != nil {
		return Core{}, problem.Wrap(problem.WrongEncryptionKey, "core.to.encryption", "The recipient's certificate has no encryption subkey now.", err)
	}
	notAfter := d.NotAfter
	if notAfter.IsZero() {
		notAfter = created.Add(DefaultValidity)
	}
	return Core{
		Typ: TypCore, Suite: suite, ID: d.ID, Case: d.Case, Act: d.Act, Final: d.Final, Lane: d.Lane,
		Created: created, NotAfter: At(notAfter),
		From: Sender{Authority: d.From.Statement.ID, Fingerprint: from.Fingerprint(), Certificate: Digest(from.Digest())},
		To: Recipient{
			Authority: d.To.Statement.ID, Fingerprint: to.Fingerprint(), Certificate: Digest(to.Digest()), Encryption: encryption,
		},
		After: slices.Sorted(slices.Values(d.After)), Seq: d.Seq, Prev: d.Prev, Directory: d.Directory,
	}, nil
}

// sealPayload writes, checks, pads and seals the plaintext, and puts what the
// header says of it into the header.
func (m *Message) sealPayload(d Draft, key *pgp.Key) error {
	plaintext, err := m.plaintext(d)
	if err != nil {
		return err
	}
	defer clear(plaintext)
	to := d.To.Certificates[m.Core.Suite]
	m.Payload, err = key.Seal(TypPayload, plaintext, to, m.Core.Created.Time)
	if errors.Is(err, pgp.ErrUnavailable) {
		return err
	}
	if err != nil {
		return problem.Wrap(problem.BadFraming, "payload", "The payload could not be sealed.", err)
	}
	m.Header.Payload = PayloadRef{Size: int64(len(m.Payload)), SHA256: DigestOf(m.Payload), Commitment: DigestOf(plaintext)}
	// An OpenPGP library has been seen to lose a recipient silently.
	recipients, err := m.recipients(d.From.Certificates[m.Core.Suite])
	if err != nil {
		return err
	}
	if err := pgp.CheckFraming(m.Core.Suite, m.Payload, recipients...); err != nil {
		return problem.Wrap(problem.BadFraming, "payload", "The sealed payload is not framed as it must be.", err)
	}
	return nil
}

// plaintext returns the padded plaintext of the draft. The caller clears it.
func (m *Message) plaintext(d Draft) ([]byte, error) {
	var nonce [nonceBytes]byte
	rand.Read(nonce[:]) // never fails: it would end the program instead
	p := Payload{
		Typ: TypPayload, CoreSHA256: DigestOf([]byte(m.Header.Core)), Nonce: hex.EncodeToString(nonce[:]), Seen: d.Seen, Body: d.Body,
	}
	for _, e := range d.Evidence {
		p.Evidence = append(p.Evidence, e.File)
	}
	if err := p.check(m.Header.Core, m.Header); err != nil {
		return nil, err
	}
	if err := p.checkBody(m.Core); err != nil {
		return nil, err
	}
	bare, err := strictjson.Marshal(p)
	if err != nil {
		return nil, problem.Wrap(problem.InvalidValue, "payload.body", "The payload cannot be written as strict JSON.", err)
	}
	defer clear(bare)
	if len(bare) > MaxPlaintextBytes {
		return nil, problem.New(problem.TooLarge, "payload.body", fmt.Sprintf("The plaintext is larger than %d bytes.", MaxPlaintextBytes))
	}
	return pad(bare), nil
}

// pad fills the empty last member, "pad", up to the size class.
func pad(bare []byte) []byte {
	const end = `"}`
	size := PaddedSize(len(bare))
	padded := make([]byte, 0, size)
	padded = append(padded, bare[:len(bare)-len(end)]...)
	padded = append(padded, strings.Repeat("0", size-len(bare))...)
	return append(padded, end...)
}
