package store

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

// An AuditEntry is an entry of a log as an auditor keeps it: by what it is
// asked for, with its private half. Which columns mean what depends on the kind;
// Case of a receipt is that of its message, once that is known.
type AuditEntry struct {
	Index     int64
	Kind      string
	At        int64 // Unix seconds, the broker's claim
	Sender    string
	Recipient string
	Case      string
	Act       string // of a message; kind of a receipt; clock of a deadline
	Lane      string
	Stage     string
	Code      string // of a refusal; subject of a statement
	Seq       int64  // of a message; index of an erasure; due time of a deadline
	Ref       string // message id
	Digest    string
	Salt      []byte // nil once erased
	Body      []byte
	Parties   []string // that it is about; only when it is kept
}

// A Matter is a case as it follows from its entries. Times are in Unix seconds,
// and -1 where there is none.
type Matter struct {
	Case                  string
	Requesting, Requested string // authorities
	Lane, Opening, Stage  string
	First, Last           int64 // indices
	OpenedAt, MovedAt     int64
	Delivered             int64 // seconds after opening, until it was reached
	Acknowledged          int64
	Answered              int64
	Messages, Overdue     int64
}

// A Figure sums up the cases of a pair of parties in a lane; times in seconds,
// -1 where there is none.
type Figure struct {
	Requesting, Requested, Lane string
	Cases, Messages, Overdue    int64
	Stages                      map[string]int64
	Acknowledged                int64 // cases that were
	AcknowledgedP50             int64
	AcknowledgedP90             int64
	Answered                    int64
	AnsweredP50, AnsweredP90    int64
}

// A Tally counts something by name.
type Tally struct {
	Name  string
	Count int64
}

// A Finding is something in a log that does not fit.
type Finding struct {
	Code     string
	Grave    bool // evidence of misbehaviour
	Index    int64
	Case     string
	Who      string // whose it is to answer
	Text     string // in English
	Said     Saying // the same as data
	Evidence string // file of the mirror; may be empty
	At       int64  // Unix seconds, when it was found
	Derived  bool   // from the entries: found anew with every derivation
	// Aspect tells findings of one code about one entry apart. It is in the key, and
	// not kept itself.
	Aspect string
	Key    string // what it is about: the same after the next derivation
	State  string // that the newest remark gave it; empty before the first
}

// A Saying is a sentence as data, from which every language makes its own.
type Saying struct {
	Name  string            `json:"name"`  // in the catalogues; empty for a finding that was kept before there were facts
	Facts map[string]string `json:"facts"` // as programs write them, by place
}

// A Remark is what a person has said of a finding. Each holds the hash of the one
// before.
type Remark struct {
	Number   int64 // from 1
	Finding  string
	About    string // what the finding said then
	State    string
	Comment  string
	By       string
	At       int64 // Unix seconds
	Previous string
	Hash     string
}

// Sum returns the hash of a remark: the SHA-256, in hex, of the JSON array of
// number, finding, about, state, comment, by, at and the hash of the one before.
func (r Remark) Sum() (string, error) {
	text, err := json.Marshal([]any{r.Number, r.Finding, r.About, r.State, r.Comment, r.By, r.At, r.Previous})
	if err != nil {
		return "", fmt.Errorf("store: hashing a remark: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// ErrRemarks says that the log of remarks is not as it was written.
var ErrRemarks = errors.New("store: a remark has been altered or taken out")

// A FindingCount counts the findings of a code in a state.
type FindingCount struct {
	Code  string
	State string
	Grave bool
	Count int64
}

// A MirrorStatement is a directory statement that an auditor keeps.
type MirrorStatement struct {
	Index     int64
	Subject   string
	Text      string
	Signature []byte
}

// A Look is a checkpoint that a mirror took.
type Look struct {
	Size     int64
	At       int64 // Unix seconds: newest cosignature, or else the auditor's clock
	Cosigned bool
	Seen     int64  // Unix seconds, by the auditor's clock, when it was last the newest
	Note     string `json:"-"` // signed; only when it is kept
}
