// Package store says what the broker asks of its database. Two engines answer:
// internal/store/sqlite, the embedded default, and internal/store/postgres;
// internal/store/storetest holds both to the promises made here.
//
// The database holds sealed bytes and what the broker may know of them, never
// a plaintext and never a secret key.
package store

import (
	"context"
	"errors"
	"fmt"
)

// Errors an engine returns besides outages.
var (
	// ErrNotFound says that no row answers the question.
	ErrNotFound = errors.New("store: not found")
	// ErrFenced says that the head of the log is not where the writer thought:
	// another broker has written in between, and nothing was changed.
	ErrFenced = errors.New("store: the log has moved")
	// ErrOutcomeUnknown says that a commit may or may not have taken effect.
	// Read before anything is answered.
	ErrOutcomeUnknown = errors.New("store: outcome of the commit is unknown")
	// ErrUnsafe says that the database is configured so that it may lose what
	// it has acknowledged.
	ErrUnsafe = errors.New("store: database settings are unsafe")
	// ErrResidue says that what was erased is gone from the tables and may still
	// be in files that the database keeps.
	ErrResidue = errors.New("store: erased content may still be in the files of the database")
	// ErrElsewhere says that the engine is backed up with tools of its own.
	ErrElsewhere = errors.New("store: PostgreSQL is backed up with tools of its own, such as pgBackRest")
	// ErrForeign says that a database is not that of this home.
	ErrForeign = errors.New("store: the database is not that of this home")
	// ErrNewer says that the database was written by a newer program.
	ErrNewer = errors.New("store: database is newer than this program")
)

// A Broker is the database of a broker.
type Broker interface {
	// Read runs fn on a consistent snapshot.
	Read(ctx context.Context, fn func(Reader) error) error

	// Write runs fn while it holds the head row of the log and commits if fn
	// returns nil. No other Write, of this process or another, runs meanwhile.
	// The commit is not cancelled with ctx. A commit whose outcome cannot be
	// known is ErrOutcomeUnknown.
	Write(ctx context.Context, fn func(Writer) error) error

	// SaveCheckpoint keeps the signed checkpoint of a tree size. Saving the same
	// text again does nothing; another text for a saved size is an error.
	SaveCheckpoint(ctx context.Context, size int64, note []byte) error

	// SaveCosignature keeps a witness's cosignature of the checkpoint of a size,
	// in the place of an older one.
	SaveCosignature(ctx context.Context, c Cosignature) error

	// SaveWitnessed keeps the checkpoint of a size as it was when its
	// cosignatures first made up the quorum. Saving a size again does nothing.
	SaveWitnessed(ctx context.Context, size int64, note []byte) error

	// SaveUpload notes that an authority uploads evidence, or that it still does.
	SaveUpload(ctx context.Context, u Upload) error

	// SweepUploads forgets uploads last noted before a time that no message uses.
	// Of evidence that nobody uploads or uses any more it calls remove with the
	// digest of the manifest, before it commits; whoever notes an upload of it
	// meanwhile waits.
	SweepUploads(ctx context.Context, before int64, remove func(manifest string) error) error

	// Watch returns a channel that receives after commits (Write and
	// SaveCheckpoint alike) of any process on
	// this database, coalesced, and a function that ends it. A wake-up may come
	// without cause; after a lost connection one always comes.
	Watch(ctx context.Context) (<-chan struct{}, func(), error)

	// CheckSettings returns ErrUnsafe, with the setting and its remedy, if the
	// database could lose an acknowledged commit.
	CheckSettings(ctx context.Context) error

	// Purge removes what was erased from the files of the database, its
	// write-ahead log included. It returns ErrResidue if the database keeps
	// copies that it cannot remove.
	Purge(ctx context.Context) error

	// Backup writes the whole database, as of one moment, to a file that is empty,
	// and nothing that was erased; ErrElsewhere if that is not this engine's way.
	Backup(ctx context.Context, path string) error

	// Close waits for running transactions and releases the database.
	Close() error
}

// A Reader is a view of the database at one instant. It belongs to one
// goroutine and ends with the function it was passed to.
type Reader interface {
	// Head returns the head of the log; Size 0 when the log is empty.
	Head(ctx context.Context) (Head, error)

	// Messages returns those of the messages that exist, without payloads.
	Messages(ctx context.Context, ids []string) (map[string]Message, error)
	// Message returns one message whole, or ErrNotFound.
	Message(ctx context.Context, id string) (Message, error)
	// CaseMessages returns the case's messages in log order, without payloads,
	// after the given log index, limit at most.
	CaseMessages(ctx context.Context, caseID string, after int64, limit int) ([]Message, error)
	// Sent returns messages from one authority to another with Seq > after, in
	// order, without payloads, limit at most.
	Sent(ctx context.Context, pair Pair, after int64, limit int) ([]Message, error)

	// Cases returns those of the cases that exist.
	Cases(ctx context.Context, ids []string) (map[string]Case, error)
	// Heads returns the newest accepted number of those pairs that have one.
	Heads(ctx context.Context, pairs []Pair) (map[Pair]PairHead, error)
	// Inbox returns what is addressed to an authority with index > after, in
	// log order, limit at most.
	Inbox(ctx context.Context, authority string, after int64, limit int) ([]InboxItem, error)

	// InboxCount returns how many items are addressed to an authority with an index
	// in [from, to).
	InboxCount(ctx context.Context, authority string, from, to int64) (int64, error)

	// Receipts returns those delivery and opening receipts whose digest is known.
	Receipts(ctx context.Context, digests []string) (map[string]Receipt, error)
	// Receipt returns the receipt that is entry index of the log, or ErrNotFound.
	Receipt(ctx context.Context, index int64) (Receipt, error)
	// ReceiptsOf returns the receipts of a message, in log order.
	ReceiptsOf(ctx context.Context, messageID string) ([]Receipt, error)
	// Counts returns how many rows of each kind there are.
	Counts(ctx context.Context) (Counts, error)
	// Statements returns directory statements with index > after, in log order.
	Statements(ctx context.Context, after int64, limit int) ([]Statement, error)
	// Clocks returns the clocks of those cases that have any, by case, ordered
	// by name.
	Clocks(ctx context.Context, cases []string) (map[string][]Clock, error)
	// DueClocks returns running clocks due at or before the time, oldest first.
	DueClocks(ctx context.Context, unix int64, limit int) ([]Clock, error)
	// NextClock returns the time of the running clock that is due first, or
	// ErrNotFound.
	NextClock(ctx context.Context) (int64, error)

	// Holds returns the legal holds on those of the cases that have one.
	Holds(ctx context.Context, cases []string) (map[string]Hold, error)
	// CaseEntries returns the indices of the entries about a case: messages,
	// receipts and deadlines.
	CaseEntries(ctx context.Context, caseID string) ([]int64, error)

	// Upload returns an authority's upload of evidence, or ErrNotFound.
	Upload(ctx context.Context, authority, manifest string) (Upload, error)
	// Kept returns how much evidence from one authority is kept, and how much for
	// another.
	Kept(ctx context.Context, from, to string) (Kept, error)
	// Uses returns the evidence of a message, ordered by the manifest.
	Uses(ctx context.Context, messageID string) ([]Use, error)
	// Delivered returns the ids of messages with evidence that has not been
	// dropped, accepted before a time and delivered, whose case has no legal
	// hold; limit at most.
	Delivered(ctx context.Context, before int64, limit int) ([]string, error)
	// IsKept reports whether anybody uploads or uses the evidence of a manifest.
	IsKept(ctx context.Context, manifest string) (bool, error)

	// Latest returns the indices of the newest entries of a kind, by what they are
	// about.
	Latest(ctx context.Context, kind string) (map[string]int64, error)
	// MessageAt returns the message that is entry index of the log, without its
	// payload, or ErrNotFound.
	MessageAt(ctx context.Context, index int64) (Message, error)
	// Entry returns one entry of the log with its private half, or ErrNotFound.
	Entry(ctx context.Context, index int64) (Entry, error)
	// Entries returns entries [from, to) with their private halves. A missing one
	// is ErrNotFound.
	Entries(ctx context.Context, from, to int64) ([]Entry, error)
	// Leaves returns the public leaf data of entries [from, to).
	Leaves(ctx context.Context, from, to int64) ([][]byte, error)
	// Hashes returns the hashes at tile level (0 = leaf hashes) with indices
	// [from, to), 32 bytes each. A missing one is ErrNotFound.
	Hashes(ctx context.Context, level int, from, to int64) ([][32]byte, error)
	// Checkpoint returns the smallest saved checkpoint of at least minSize
	// entries, or ErrNotFound.
	Checkpoint(ctx context.Context, minSize int64) (Checkpoint, error)
	// LatestCheckpoint returns the largest saved checkpoint, or ErrNotFound.
	LatestCheckpoint(ctx context.Context) (Checkpoint, error)
	// Cosignatures returns those of the checkpoint of a size, ordered by witness.
	Cosignatures(ctx context.Context, size int64) ([]Cosignature, error)
	// Witnessed returns the smallest witnessed checkpoint of at least minSize
	// entries, or ErrNotFound.
	Witnessed(ctx context.Context, minSize int64) (Checkpoint, error)
	// LatestWitnessed returns the largest witnessed checkpoint, or ErrNotFound.
	LatestWitnessed(ctx context.Context) (Checkpoint, error)
}

// A Writer reads and appends within one Write.
type Writer interface {
	Reader
	// Append stores a batch. It returns ErrFenced unless the head is
	// b.Before. It is called at most once in a Write; a Write without Append
	// still writes the head row, so that its commit proves all earlier commits
	// durable.
	Append(ctx context.Context, b Batch) error
}

// A Batch is what one commit adds: all of it or nothing. No key occurs twice
// among the rows of one kind.
type Batch struct {
	Before, After Head
	Entries       []Entry     // dense from Before.Size to After.Size, at least one
	Nodes         []Node      // completed subtrees above the leaves
	Messages      []Message   // with payloads
	Cases         []Case      // inserted or replaced
	Heads         []PairHead  // inserted or replaced
	Receipts      []Receipt   // new
	Statements    []Statement // new
	Inbox         []InboxItem // new
	Clocks        []Clock     // inserted or replaced, by case and name
	Holds         []Hold      // inserted, or removed where Basis is empty
	Uses          []Use       // inserted or replaced
	Latest        []Latest    // inserted or replaced, by kind and subject
	// Erased are entries of the log whose private half is destroyed, with the
	// entries that say so; and ErasedCases the cases of which nothing else
	// stays than the newest number of each pair.
	Erased      []Erased
	ErasedCases []string
}

// Dense checks that the entries, of which there is at least one, fill the log
// from its old to its new size.
func (b Batch) Dense() error {
	if len(b.Entries) == 0 {
		return errors.New("store: a batch without an entry leaves no trace in the log")
	}
	if int64(len(b.Entries)) != b.After.Size-b.Before.Size {
		return fmt.Errorf("store: %d entries do not grow the log from %d to %d", len(b.Entries), b.Before.Size, b.After.Size)
	}
	for i, e := range b.Entries {
		if want := b.Before.Size + int64(i); e.Index != want {
			return fmt.Errorf("store: entry %d stands in the place of entry %d", e.Index, want)
		}
	}
	return nil
}

// A Head is the head of the log.
type Head struct {
	Size     int64
	Frontier []byte // as translog writes it
}

// An Entry is one leaf of the log with its private half. Salt and Body are
// nil after erasure.
type Entry struct {
	Index    int64
	Leaf     []byte
	LeafHash [32]byte
	Salt     []byte
	Body     []byte
	// ErasedBy is the entry that says why Salt and Body are gone; 0 where they
	// are not (entry 0, the depositary's statement, erases nothing).
	ErasedBy int64
}

// An Erased is an entry whose private half is destroyed.
type Erased struct{ Index, By int64 }

// A Hold keeps a case from being erased.
type Hold struct {
	Case  string
	Basis string
	By    string
	Since int64 // Unix seconds
}

// An Upload is sealed evidence that an authority has uploaded, or is uploading.
type Upload struct {
	Authority string
	Manifest  string // SHA-256 of the list of parts, lower-case hex
	Recipient string
	Bytes     int64 // of all parts
	At        int64 // Unix seconds when it was last noted
}

// Kept is how much evidence is kept, in bytes: from an authority to whomever,
// and to an authority from whomever.
type Kept struct{ From, To int64 }

// RemoveUnkept calls remove for those of the manifests that nobody uploads or
// uses: the part of SweepUploads that engines share.
func RemoveUnkept(ctx context.Context, r Reader, manifests []string, remove func(string) error) error {
	var errs []error
	for _, m := range manifests {
		kept, err := r.IsKept(ctx, m)
		if err == nil && !kept {
			err = remove(m)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// A Use is evidence that a message names.
type Use struct {
	Message  string // id
	Manifest string
	// DroppedBy is the entry that says that the broker keeps the parts no
	// longer; 0 while it does.
	DroppedBy int64
}

// A Latest names the newest entry of a kind about a subject: the entry itself
// says the rest.
type Latest struct {
	Kind, Subject string
	Index         int64
}

// A Node is the root of a complete subtree of 256^Level leaves.
type Node struct {
	Level int
	Index int64
	Hash  [32]byte
}

// A Message is an accepted sealed message.
type Message struct {
	ID          string
	Case        string
	From, To    string
	Act         string
	Lane        string
	Stage       string // of the case after this message
	Seq         int64
	Digest      string // SHA-256 of Header, lower-case hex
	Header      []byte
	Signature   []byte
	Payload     []byte // nil where a method says so
	PayloadSize int64
	Index       int64 // of its entry in the log
	AcceptedAt  int64 // Unix seconds
}

// A Case is what the broker knows of a case: its procedure, not its substance.
type Case struct {
	ID               string
	Requesting       string // authority that sent the first message
	Requested        string
	Opening          string // act of the first message
	Lane             string
	Stage            string
	Handed           bool  // a delivery has been made
	OpenedAt         int64 // Unix seconds
	LastByRequesting int64 // Unix seconds of the requesting authority's newest message
	Index            int64 // of the newest entry about the case
}

// A Pair is an ordered pair of authorities.
type Pair struct{ From, To string }

// A PairHead is the newest accepted message of a pair.
type PairHead struct {
	Pair
	Seq    int64
	Digest string
}

// An InboxItem is one thing addressed to an authority.
type InboxItem struct {
	Authority string
	Index     int64  // of the entry in the log
	Kind      string // message, receipt, deadline
	Ref       string // message id, message id, case id
}

// A Receipt is a signed delivery or opening receipt.
type Receipt struct {
	Digest    string // SHA-256 of Text, lower-case hex
	Kind      string // delivered, opened
	Message   string // message id
	Case      string
	By        string // authority
	Text      []byte // exact signed bytes
	Signature []byte
	Index     int64
}

// A Statement is a signed directory statement.
type Statement struct {
	Digest    string // SHA-256 of Text, lower-case hex
	Subject   string
	Number    int64
	Text      []byte
	Signature []byte
	Index     int64
}

// A Clock is a deadline of the procedure.
type Clock struct {
	Case  string
	Name  string // delivery, acknowledgement, answer
	Due   int64  // Unix seconds
	State string // running, met, passed
}

// Counts are numbers of rows.
type Counts struct{ Messages, Cases, Receipts, Statements, Inbox, Erased int64 }

// A Checkpoint is a signed tree head.
type Checkpoint struct {
	Size int64
	Note []byte
}

// A Cosignature is a witness's signature line for a checkpoint.
type Cosignature struct {
	Size    int64  // of the checkpoint
	Witness string // verifier key
	Line    []byte
}
