package store

import "context"

// A Desk is the database of a desk: the State's own case file, with the only
// plaintext there is, the outbox, the directory as the desk has verified it,
// and the desk's own log. Several processes of one desk may have it open.
type Desk interface {
	// Read runs fn on a consistent snapshot.
	Read(ctx context.Context, fn func(DeskReader) error) error
	// Write runs fn alone and commits if it returns nil. The commit is not
	// cancelled with ctx.
	Write(ctx context.Context, fn func(DeskWriter) error) error
	// Purge removes what was erased from the files of the database, its
	// write-ahead log included; ErrResidue if somebody reads meanwhile.
	Purge(ctx context.Context) error
	// Close waits for running transactions and releases the database.
	Close() error
}

// A DeskReader is a view of a desk's database at one instant.
type DeskReader interface {
	LineReader
	AccountReader
	DraftReader
	WorkReader
	TextReader
	DutyReader
	AlertReader
	// Published returns the directory statements with index > after, in order.
	Published(ctx context.Context, after int64) ([]Published, error)
	// Seen returns the newest checkpoint that the desk has verified, signed, and when
	// it was last known to be fresh (Unix seconds); ErrNotFound before the first.
	Seen(ctx context.Context) (note []byte, freshAt int64, err error)
	// Cursor returns the index of the newest inbox item that an authority has
	// taken; -1 before the first.
	Cursor(ctx context.Context, authority string) (int64, error)
	// Mailbox returns the newest statement of the broker about an authority's items
	// that was verified, or ErrNotFound.
	Mailbox(ctx context.Context, authority string) (Mailbox, error)
	// Taken returns how many items with an index in [from, to) an authority has
	// taken since its mailbox was put.
	Taken(ctx context.Context, authority string, from, to int64) (int64, error)
	// Letter returns a message, whole, or ErrNotFound.
	Letter(ctx context.Context, id string) (Letter, error)
	// Letters returns the messages of a case in log order, without their sealed
	// form.
	Letters(ctx context.Context, caseID string) ([]Letter, error)
	// Linked returns the cases whose opening message refers to a case.
	Linked(ctx context.Context, caseID string) ([]string, error)
	// AllLetters returns messages of all cases with index > after, in log order,
	// without their sealed form, limit at most.
	AllLetters(ctx context.Context, after int64, limit int) ([]Letter, error)
	// Cases returns the cases whose newest message has an index < before, the
	// newest first, limit at most.
	Cases(ctx context.Context, before int64, limit int) ([]CaseRef, error)
	// Stale returns cases that have moved since their clocks were last put,
	// limit at most.
	Stale(ctx context.Context, limit int) ([]CaseRef, error)
	// Newest returns number and digest of the newest message of a pair; 0 and
	// "" before the first.
	Newest(ctx context.Context, pair Pair) (seq int64, digest string, err error)
	// Order returns a message that waits to be sent or was refused, or
	// ErrNotFound.
	Order(ctx context.Context, id string) (Order, error)
	// Orders returns those in a state, oldest first.
	Orders(ctx context.Context, state string) ([]Order, error)
	// Verdicts returns what was found of the evidence of a message, by number.
	Verdicts(ctx context.Context, messageID string) ([]Verdict, error)
	// Confirmations returns the delivery and opening receipts of a message, or
	// of all messages for "", in the order of their arrival.
	Confirmations(ctx context.Context, messageID string) ([]Confirmation, error)
	// Unsent returns the desk's own receipts that the broker has not logged.
	Unsent(ctx context.Context) ([]Confirmation, error)
	// Deadlines returns the passed deadlines of a case, in log order.
	Deadlines(ctx context.Context, caseID string) ([]Deadline, error)
	// Clocks returns what the broker last said of a case's clocks, as JSON;
	// empty if nothing.
	Clocks(ctx context.Context, caseID string) ([]byte, error)
	// CaseHolds returns all legal holds, oldest first.
	CaseHolds(ctx context.Context) ([]Hold, error)
	// CaseHold returns the legal hold on a case, or ErrNotFound.
	CaseHold(ctx context.Context, caseID string) (Hold, error)
	// CaseErasure returns the record of a case's erasure, or ErrNotFound.
	CaseErasure(ctx context.Context, caseID string) (CaseErasure, error)
	// Asked reports whether this desk has made, or asked for, what has the digest:
	// see the kinds of [AskedStatement].
	Asked(ctx context.Context, what, digest string) (bool, error)
	// Snapshot returns what is known from the newest directory snapshot that was
	// imported, until the line has proved it; ErrNotFound if there is none.
	Snapshot(ctx context.Context) (Snapshot, error)
	// Compared returns when the directory was last held against the one that the
	// broker serves (Unix seconds); 0 before the first time.
	Compared(ctx context.Context) (at int64, err error)
	// KeysVerified returns how the certificates of an authority, or of all for "",
	// were verified, oldest first.
	KeysVerified(ctx context.Context, authority string) ([]KeyVerified, error)
	// Incidents returns what went wrong that must not, oldest first.
	Incidents(ctx context.Context) ([]Incident, error)
	// Received returns the requests that were received, opened, and have an id that
	// begins with prefix, without their sealed form.
	Received(ctx context.Context, prefix string) ([]Letter, error)
	// WrongCodes returns how many wrong check codes were tried, and since when
	// (Unix seconds) they are counted; zeros before the first.
	WrongCodes(ctx context.Context) (since, count int64, err error)
	// Head returns the head of the desk's own log.
	Head(ctx context.Context) (Head, error)
	// Entries returns entries [from, to) of the desk's own log.
	Entries(ctx context.Context, from, to int64) ([]Entry, error)
	// Waits returns own messages whose receipt no quorum of witnesses vouches for
	// yet, the oldest first, limit at most.
	Waits(ctx context.Context, limit int) ([]Wait, error)
	// Anchors returns what the broker's log holds of heads of the desk's own log,
	// in the order of that log.
	Anchors(ctx context.Context) ([]Anchor, error)
}

// A DeskWriter changes a desk's database within one Write.
type DeskWriter interface {
	DeskReader
	LineWriter
	AccountWriter
	DraftWriter
	WorkWriter
	TextWriter
	DutyWriter
	AlertWriter
	PutPublished(ctx context.Context, p Published) error
	PutSeen(ctx context.Context, note []byte, freshAt int64) error
	// PutCursor notes that an authority has taken an item.
	PutCursor(ctx context.Context, authority string, index int64) error
	// PutMailbox replaces the verified statement, and forgets items taken before its
	// size.
	PutMailbox(ctx context.Context, m Mailbox) error
	// PutLetter inserts a message, or replaces what is known of it.
	PutLetter(ctx context.Context, l Letter) error
	// PutLink notes that a case refers to another; it may be noted already.
	PutLink(ctx context.Context, from, to string) error
	// PutOrder inserts or replaces an order; DeleteOrder ends it.
	PutOrder(ctx context.Context, o Order) error
	DeleteOrder(ctx context.Context, id string) error
	// PutVerdict inserts or replaces what was found of a file of evidence.
	PutVerdict(ctx context.Context, v Verdict) error
	// PutConfirmation inserts or replaces a receipt.
	PutConfirmation(ctx context.Context, c Confirmation) error
	// DropConfirmation removes one of the desk's own receipts that the broker has
	// not logged: it was signed anew.
	DropConfirmation(ctx context.Context, digest string) error
	PutDeadline(ctx context.Context, d Deadline) error
	// PutClocks keeps what the broker said of a case's clocks when the newest
	// message of the case was entry index.
	PutClocks(ctx context.Context, c CaseRef, clocks []byte) error
	PutIncident(ctx context.Context, i Incident) error
	// Settle notes of the incident of this number why it needs nobody's attention any
	// more (Settled, SettledBy, SettledAt); ErrNotFound if there is none.
	Settle(ctx context.Context, i Incident) error
	// PutKeyVerified adds that a certificate was verified, or says of one of this
	// number who the second officer was.
	PutKeyVerified(ctx context.Context, k KeyVerified) error
	// PutAsked notes that this desk has made, or asked for, what has the digest.
	PutAsked(ctx context.Context, what, digest string, at int64) error
	PutCompared(ctx context.Context, at int64) error
	// PutSnapshot replaces the snapshot; DropSnapshot ends it.
	PutSnapshot(ctx context.Context, s Snapshot) error
	DropSnapshot(ctx context.Context) error
	PutWrongCodes(ctx context.Context, since, count int64) error
	// PutCaseHold places a legal hold; DeleteCaseHold lifts it.
	PutCaseHold(ctx context.Context, h Hold) error
	DeleteCaseHold(ctx context.Context, caseID string) error
	// EraseCase takes content, sealed messages and salts of a case out of every
	// table, and keeps the record and what is left of the receipts. Files still
	// hold what was there until Purge.
	EraseCase(ctx context.Context, e CaseErasure, left Remains) error
	// PutWait notes that the receipt of an own message waits for its witnesses;
	// DeleteWait ends it.
	PutWait(ctx context.Context, w Wait) error
	DeleteWait(ctx context.Context, messageID string) error
	// PutAnchor inserts an anchor.
	PutAnchor(ctx context.Context, a Anchor) error
	// Log appends entries to the desk's own log; ErrFenced unless before is its
	// head.
	Log(ctx context.Context, before, after Head, entries []Entry) error
}

// A Published is a verified directory statement with its log receipt.
type Published struct {
	Index     int64
	Text      []byte
	Signature []byte
	Receipt   []byte
}

// A Letter is a message that a desk has sent or received.
type Letter struct {
	ID, Case    string
	From, To    string
	Incoming    bool
	Act         string
	Final       bool
	Lane        string
	Suite       string
	Seq         int64
	Digest      string
	Index       int64 // of its entry in the broker's log
	AcceptedAt  int64 // Unix seconds, the broker's claim
	BrokerStage string
	Verdict     string // "authentic", or the problem code
	Note        string // what an officer should know besides the verdict
	Body        []byte // JSON plaintext; nil unless authentic
	OpenedAt    int64  // Unix seconds; 0 before an officer has opened it
	Sealed      []byte // wire form; nil where a method says so
	Receipt     []byte // tlog-proof
	Code        string // check code of a request (protocol section 2.8), or empty
}

// A CaseRef is a case with the log index of its newest message.
type CaseRef struct {
	ID    string
	Index int64
}

// States of an order.
const (
	OrderWaiting = "waiting" // not accepted yet; Sealed once the first attempt is near
	OrderRefused = "refused" // for good; Problem says why
)

// An Order is a message that an officer has sent and the broker has not
// accepted yet.
type Order struct {
	ID, Case  string
	From, To  string
	Act       string
	Final     bool
	Lane      string
	NotAfter  int64 // Unix seconds
	Body      []byte
	CreatedAt int64  // Unix seconds
	Sealed    []byte // wire form of the attempt whose outcome is open
	State     string
	Problem   []byte // problem document
	Attempts  int64
	Evidence  []byte // JSON; nil if there is none
}

// A Verdict is what was found of a file of evidence of a message.
type Verdict struct {
	Message string // id
	Number  int64  // from 1, in the order of the message
	Result  string // ok, mismatch, unreadable, missing
	SHA256  string // of the file; empty unless ok
	At      int64  // Unix seconds
}

// A Confirmation is a delivery or opening receipt, received or our own.
type Confirmation struct {
	Digest    string // of Text
	Kind      string
	Message   string // message id
	By        string
	At        int64 // Unix seconds
	Own       bool
	Text      []byte
	Signature []byte
	Proof     []byte // tlog-proof; nil while the broker has not logged it
	Index     int64  // of its entry in the broker's log; -1 while it has none
}

// A Deadline is a passed deadline with its proof.
type Deadline struct {
	Index int64
	Case  string
	Clock string
	Due   string // RFC 3339
	Proof []byte
}

// A CaseErasure is the erasure of a case, with its signed record.
type CaseErasure struct {
	Case      string
	At        int64  // Unix seconds
	By        string // authority
	Officer   string
	Basis     string
	Record    []byte
	Signature []byte
}

// Remains are what stays of the receipts of an erased case, by the index of
// their entries in the broker's log: proofs without salt and body.
type Remains struct {
	Letters, Confirmations, Deadlines map[int64][]byte
}

// VerdictErased is the verdict on a message that was erased.
const VerdictErased = "erased"

// A Snapshot is a directory snapshot that a desk goes by.
type Snapshot struct {
	Note    []byte // its signed checkpoint
	By      string // authority that signed it
	Expires int64  // Unix seconds
}

// Kinds of what a desk has made or asked for.
const (
	AskedStatement = "statement" // of its party: the digest is that of the text
	AskedAdmission = "admission" // by the depositary: that of names and certificate
)

// An Incident is evidence that somebody broke a promise. A and B are the files
// to keep.
type Incident struct {
	ID      int64 // given by the database, from 1
	At      int64 // Unix seconds
	What    string
	Kind    string // of evidence, for explanations; empty where that was not kept
	A, B    []byte
	Settled string // why it needs no attention any more; empty while it does
	// SettledBy is the officer who settled it, SettledAt when (Unix seconds); empty
	// and 0 where that was not kept.
	SettledBy string
	SettledAt int64
}

// A KeyVerified is that officers have compared a certificate with its owner over
// another channel. It counts once a second officer has said so.
type KeyVerified struct {
	ID          int64 // given by the database, from 1
	Authority   string
	Suite       string
	Fingerprint string
	How         string // in-person, phone or note-verbale
	Counterpart string // who spoke for the owner, or the number of the note
	Officer     string
	OfficerName string
	At          int64 // Unix seconds
	Second      string
	SecondName  string
	SecondAt    int64 // Unix seconds; 0 before
}

// A Mailbox is a statement of the broker: it had sent an authority that many
// items when its log had Size entries; -1 if the desk has not counted from the
// beginning.
type Mailbox struct {
	Authority   string
	Items, Size int64
	Proof       []byte // tlog-proof
}

// An Anchor is a head of the desk's own log in the log of the broker.
type Anchor struct {
	Index int64 // of the entry in the broker's log
	Size  int64
	Root  [32]byte
	Proof []byte // tlog-proof
}

// A Wait is an own message whose receipt waits for the witnesses of the log.
type Wait struct {
	Message string // id
	Since   int64  // Unix seconds
}
