package translog

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/entraide/entraide/pkg/strictjson"
)

// TypEntry is the type of an entry's body.
const TypEntry = "entraide/entry/1"

// MaxEntryBytes bounds an entry's body.
const MaxEntryBytes = 32 << 10

// leafVersion is the first byte of a leaf; the commitment follows.
const leafVersion = 1

// commitmentPrefix separates leaf commitments from other uses of SHA-256.
const commitmentPrefix = "entraide/leaf/1\x00"

// A Salted is the private half of an entry: its body and the random salt
// without which the public leaf says nothing. It goes to the parties concerned;
// destroying it erases the entry and leaves the tree whole.
type Salted struct {
	Salt [32]byte
	Body []byte
}

// NewSalted draws a salt for a body.
func NewSalted(body []byte) (Salted, error) {
	s := Salted{Body: body}
	if _, err := rand.Read(s.Salt[:]); err != nil {
		return s, fmt.Errorf("translog: drawing a salt: %w", err)
	}
	return s, nil
}

// Leaf returns the public leaf, 33 bytes: the version 0x01 and the commitment
// SHA-256("entraide/leaf/1" ‖ 0x00 ‖ salt ‖ body). The kind of the entry is
// inside the commitment.
func (s Salted) Leaf() []byte {
	h := sha256.New()
	h.Write([]byte(commitmentPrefix))
	h.Write(s.Salt[:])
	h.Write(s.Body)
	return h.Sum([]byte{leafVersion})
}

// A Kind is what an entry is about.
type Kind string

// Kinds of entries.
const (
	KindMessage       Kind = "message"       // a message was accepted
	KindRejection     Kind = "rejection"     // a submission was refused: its code only
	KindStatement     Kind = "statement"     // a directory statement was published
	KindReceipt       Kind = "receipt"       // a delivery or opening receipt arrived
	KindDeadline      Kind = "deadline"      // a deadline passed
	KindAccess        Kind = "access"        // somebody read or exported
	KindMailbox       Kind = "mailbox"       // n items wait for an authority
	KindAnchor        Kind = "anchor"        // a desk's own log had this head
	KindConfiguration Kind = "configuration" // the broker or its keys changed
	KindOperator      Kind = "operator"      // an operator acted
	KindBackup        Kind = "backup"        // a backup was made
	KindRestore       Kind = "restore"       // a backup was restored
	KindErasure       Kind = "erasure"       // the private half of an entry was erased
)

// An Entry is the body of an entry. Exactly one of the facts is present: the
// one that the kind names. Time is the broker's claim, RFC 3339 in UTC with
// whole seconds.
type Entry struct {
	Typ           string             `json:"typ"`
	Kind          Kind               `json:"kind"`
	Time          string             `json:"time"`
	Message       *MessageFact       `json:"message,omitempty"`
	Rejection     *RejectionFact     `json:"rejection,omitempty"`
	Statement     *StatementFact     `json:"statement,omitempty"`
	Receipt       *ReceiptFact       `json:"receipt,omitempty"`
	Deadline      *DeadlineFact      `json:"deadline,omitempty"`
	Access        *AccessFact        `json:"access,omitempty"`
	Mailbox       *MailboxFact       `json:"mailbox,omitempty"`
	Anchor        *AnchorFact        `json:"anchor,omitempty"`
	Configuration *ConfigurationFact `json:"configuration,omitempty"`
	Operator      *OperatorFact      `json:"operator,omitempty"`
	Backup        *OperatorFact      `json:"backup,omitempty"`
	Restore       *OperatorFact      `json:"restore,omitempty"`
	Erasure       *ErasureFact       `json:"erasure,omitempty"`
}

// A MessageFact is an accepted message. Digest is the message digest (SHA-256
// of its header), Stage that of the case after it.
type MessageFact struct {
	Digest string `json:"digest"`
	ID     string `json:"id"`
	Case   string `json:"case"`
	From   string `json:"from"`
	To     string `json:"to"`
	Act    string `json:"act"`
	Lane   string `json:"lane"`
	Seq    int64  `json:"seq"`
	Stage  string `json:"stage"`
}

// A RejectionFact is a refused submission: the problem code, who submitted it,
// and the digest of what was submitted, empty if it could not be read.
type RejectionFact struct {
	Code   string `json:"code"`
	By     string `json:"by"`
	Digest string `json:"digest"`
}

// A StatementFact is a directory statement; Digest is the SHA-256 of its text.
type StatementFact struct {
	Subject string `json:"subject"`
	Number  int64  `json:"number"`
	Digest  string `json:"digest"`
	Signer  string `json:"signer"`
}

// A ReceiptFact is a delivery or opening receipt; Digest is the SHA-256 of its
// text, Message the id of the message.
type ReceiptFact struct {
	Digest  string `json:"digest"`
	Kind    string `json:"kind"`
	Message string `json:"message"`
	By      string `json:"by"`
}

// A DeadlineFact is a deadline that passed. From is the requesting and To the
// requested authority.
type DeadlineFact struct {
	Case  string `json:"case"`
	Clock string `json:"clock"`
	Due   string `json:"due"`
	From  string `json:"from"`
	To    string `json:"to"`
}

// An AccessFact is a reading or export among the entries [From, To). Scope is
// the party whose exchanges it was confined to; empty if it was to none.
type AccessFact struct {
	By    string `json:"by"`
	What  string `json:"what"`
	Scope string `json:"scope"`
	From  int64  `json:"from"`
	To    int64  `json:"to"`
}

// A MailboxFact says how many items an authority had been sent, ever, when the
// log had Size entries.
type MailboxFact struct {
	Authority string `json:"authority"`
	Items     int64  `json:"items"`
	Size      int64  `json:"size"`
}

// An AnchorFact is the head of the log that an authority's desk keeps of its
// own: the verifier key that signed it, its size and its root, in lower-case
// hex. The broker vouches for when it was told, and for nothing in it.
type AnchorFact struct {
	Authority string `json:"authority"`
	Key       string `json:"key"`
	Size      int64  `json:"size"`
	Root      string `json:"root"`
}

// A ConfigurationFact is a change of the broker or its keys.
type ConfigurationFact struct {
	What   string `json:"what"`
	Detail string `json:"detail"`
}

// An OperatorFact is an action of an operator.
type OperatorFact struct {
	By     string `json:"by"`
	What   string `json:"what"`
	Detail string `json:"detail"`
}

// An ErasureFact is the erasure of an entry's private half, on a stated basis.
type ErasureFact struct {
	Index int64  `json:"index"`
	Basis string `json:"basis"`
	By    string `json:"by"`
}

// Marshal returns the entry's body, filling in its type.
func (e Entry) Marshal() ([]byte, error) {
	e.Typ = TypEntry
	if err := e.check(); err != nil {
		return nil, err
	}
	return strictjson.Marshal(e)
}

// ParseEntry reads an entry's body. It accepts the one spelling that Marshal
// writes; every other error is [ErrEntry].
func ParseEntry(body []byte) (Entry, error) {
	var e Entry
	if err := strictjson.Unmarshal(body, MaxEntryBytes, &e); err != nil {
		return Entry{}, fmt.Errorf("%w: %w", ErrEntry, err)
	}
	if err := e.check(); err != nil {
		return Entry{}, err
	}
	again, err := e.Marshal()
	if err != nil || !bytes.Equal(again, body) {
		return Entry{}, fmt.Errorf("%w: it is spelt in another way", ErrEntry)
	}
	return e, nil
}

// check holds the entry to its rules.
func (e Entry) check() error {
	if e.Typ != TypEntry {
		return fmt.Errorf("%w: its type is another one", ErrEntry)
	}
	at, err := time.Parse(time.RFC3339, e.Time)
	if err != nil || at.UTC().Format(time.RFC3339) != e.Time {
		return fmt.Errorf("%w: its time is not RFC 3339 in UTC", ErrEntry)
	}
	facts := map[Kind]bool{
		KindMessage: e.Message != nil, KindRejection: e.Rejection != nil, KindStatement: e.Statement != nil,
		KindReceipt: e.Receipt != nil, KindDeadline: e.Deadline != nil, KindAccess: e.Access != nil,
		KindMailbox: e.Mailbox != nil, KindAnchor: e.Anchor != nil, KindConfiguration: e.Configuration != nil, KindOperator: e.Operator != nil,
		KindBackup: e.Backup != nil, KindRestore: e.Restore != nil, KindErasure: e.Erasure != nil,
	}
	if !facts[e.Kind] {
		return fmt.Errorf("%w: it lacks the fact of its kind", ErrEntry)
	}
	for kind, present := range facts {
		if present && kind != e.Kind {
			return fmt.Errorf("%w: it has a fact of another kind", ErrEntry)
		}
	}
	return nil
}
