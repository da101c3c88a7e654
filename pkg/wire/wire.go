// Package wire holds the JSON documents of the broker's API (protocol section
// 8) that are not messages, receipts or statements themselves. The broker
// writes them, pkg/client reads them, and schemas/openapi.yaml describes them.
//
// Log receipts travel as their text, a c2sp.org/tlog-proof.
package wire

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"

	"github.com/entraide/entraide/pkg/message"
)

// Limits of the API, in bytes and items.
const (
	// MaxMessageBytes bounds the body of a submission.
	MaxMessageBytes = 3 << 20
	// MaxStatementBytes bounds a directory statement with its signature.
	MaxStatementBytes = 512 << 10
	// MaxReceiptBytes bounds a delivery or opening receipt with its signature.
	MaxReceiptBytes = 64 << 10
	// MaxCheckpointBytes bounds a checkpoint with its cosignatures.
	MaxCheckpointBytes = 64 << 10
	// MaxPage is the largest number of items in one answer.
	MaxPage = 256
)

// An Acceptance answers POST /v1/messages, /v1/receipts and
// /v1/directory/statements: the receipt of the entry that was logged.
type Acceptance struct {
	// Receipt is the tlog-proof of the entry, grade "logged".
	Receipt string `json:"receipt"`
}

// A Delivery answers GET /v1/messages/{id}.
type Delivery struct {
	// Message is the message in its wire form (protocol section 2).
	Message json.RawMessage `json:"message"`
	Receipt string          `json:"receipt"`
}

// A Missing answers PUT /v1/evidence/{manifest}: the parts that the broker does
// not hold, counted from 0.
type Missing struct {
	Parts []int `json:"parts"`
}

// A Kept answers PUT /v1/evidence/{manifest}/parts/{part}: the part is on disk.
type Kept struct {
	Part int `json:"part"`
}

// Grades of receipts.
const (
	// GradeLogged is a receipt under a checkpoint that the broker has signed.
	GradeLogged = "logged"
	// GradeWitnessed is one under a checkpoint that a quorum has cosigned.
	GradeWitnessed = "witnessed"
)

// A Receipt answers GET /v1/messages/{id}/receipt: the best receipt of a
// message that there is.
type Receipt struct {
	Receipt string `json:"receipt"`
	Grade   string `json:"grade"`
}

// A Cosigned is the body of POST /v1/cosignatures and its answer: a checkpoint
// of the log, as a signed note with the cosignatures of witnesses.
type Cosigned struct {
	Checkpoint string `json:"checkpoint" validate:"required"`
}

// An Anchor is the body of POST /v1/anchors: a checkpoint of the log that a desk
// keeps of its own, as a signed note, and the key that signed it.
type Anchor struct {
	Key        string `json:"key" validate:"required,max=1024"`
	Checkpoint string `json:"checkpoint" validate:"required"`
}

// An Anchored answers POST /v1/anchors.
type Anchored struct {
	// Receipt is the tlog-proof of the anchor's entry.
	Receipt string `json:"receipt"`
	// Previous is that of the authority's anchor before it; empty if there was
	// none.
	Previous string `json:"previous"`
}

// Kinds of inbox items.
const (
	// KindMessage is a message addressed to the authority.
	KindMessage = "message"
	// KindReceipt is a delivery or opening receipt of a message the authority
	// sent.
	KindReceipt = "receipt"
	// KindDeadline is a deadline of one of the authority's cases that passed.
	KindDeadline = "deadline"
)

// An Inbox answers GET /v1/inbox: what the log holds for one authority after
// a cursor, in log order.
type Inbox struct {
	Items []InboxItem `json:"items"`
	// More says that further items wait behind the last one.
	More bool `json:"more"`
	// Mailbox is the tlog-proof of the newest statement of how many items the
	// authority has been sent; empty before the first.
	Mailbox string `json:"mailbox"`
}

// An InboxItem is one thing addressed to an authority. A message is fetched by
// its id; the other kinds are whole.
type InboxItem struct {
	// Index is the item's entry in the log, and the cursor behind it.
	Index int64  `json:"index"`
	Kind  string `json:"kind"`
	// Ref is the id of the message, or of the case for a deadline.
	Ref string `json:"ref"`
	// Signed is the delivery or opening receipt.
	Signed *message.SignedReceipt `json:"signed,omitempty"`
	// Receipt is the tlog-proof of the entry; absent for a message, which
	// carries its own.
	Receipt string `json:"receipt,omitempty"`
}

// Sent answers GET /v1/sent: an authority's accepted messages to another.
type Sent struct {
	Items []SentItem `json:"items"`
	More  bool       `json:"more"`
}

// A SentItem is one accepted message.
type SentItem struct {
	ID     string `json:"id"`
	Case   string `json:"case"`
	Seq    int64  `json:"seq"`
	Digest string `json:"digest"`
	Index  int64  `json:"index"`
}

// A Case answers GET /v1/cases/{id}: what the broker knows of a case.
type Case struct {
	Case       string     `json:"case"`
	Requesting string     `json:"requesting"`
	Requested  string     `json:"requested"`
	Opening    string     `json:"opening"`
	Lane       string     `json:"lane"`
	Stage      string     `json:"stage"`
	Opened     string     `json:"opened"` // RFC 3339
	Clocks     []Clock    `json:"clocks"`
	Messages   []CaseItem `json:"messages"`
	More       bool       `json:"more"`
}

// A Clock is a deadline of the procedure.
type Clock struct {
	Name  string `json:"name"`
	Due   string `json:"due"`   // RFC 3339
	State string `json:"state"` // running, met, passed
}

// A CaseItem is one message of a case.
type CaseItem struct {
	ID     string `json:"id"`
	From   string `json:"from"`
	To     string `json:"to"`
	Act    string `json:"act"`
	Stage  string `json:"stage"`
	Digest string `json:"digest"`
	Index  int64  `json:"index"`
}

// Statements answers GET /v1/directory/statements.
type Statements struct {
	Items []Statement `json:"items"`
	More  bool        `json:"more"`
}

// A Statement is a directory statement with its place in the log.
type Statement struct {
	Index     int64  `json:"index"`
	Statement string `json:"statement"`
	Signature []byte `json:"signature"` // base64
	Receipt   string `json:"receipt"`
}

// A Broker is what a desk must know of a broker before it trusts it, written
// by `entraide broker init` and compared over another channel.
type Broker struct {
	// URL is the base address of the API, https only.
	URL string `json:"url" validate:"required,url,startswith=https://"`
	// Transport is the SHA-256 of the broker's TLS public key (SPKI), hex.
	Transport string `json:"transport" validate:"required,len=64,hexadecimal"`
	// Origin is the name of the broker's log.
	Origin string `json:"origin" validate:"required"`
	// LogKey is the verifier key of the log (C2SP signed-note), the newest.
	LogKey string `json:"log_key" validate:"required"`
	// LogKeys are all keys that the log has had, with the sizes at which one took
	// over from another (protocol section 3.6); empty if there was but one.
	LogKeys string `json:"log_keys,omitempty"`
	// Rotation is the receipt of the log's own entry of the newest key: with it,
	// whoever trusts the key before can trust this one.
	Rotation string `json:"rotation,omitempty"`
	// Depositary is the fingerprint of the depositary's certificate, the trust
	// anchor of the directory.
	Depositary string `json:"depositary" validate:"required,hexadecimal"`
	// Policy says which witnesses make a checkpoint a witnessed one
	// (c2sp.org/tlog-policy); empty if the log has none.
	Policy string `json:"policy,omitempty"`
}

// TransportDigest returns the SHA-256 of a certificate's public key (its
// SubjectPublicKeyInfo), lower-case hex: what directory statements and broker
// descriptions pin.
func TransportDigest(c *x509.Certificate) string {
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:])
}
