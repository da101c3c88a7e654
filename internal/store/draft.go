package store

import "context"

// States of a draft.
const (
	DraftOpen      = "open"
	DraftSubmitted = "submitted" // it waits for an approver
	DraftSent      = "sent"      // it was released to the outbox
	DraftDiscarded = "discarded"
)

// A Draft is a message that officers are writing.
type Draft struct {
	ID            string
	Case          string // empty if it opens one
	Act           string
	From, To      string // authorities; To may be empty at first
	Lane          string
	Final         bool
	Title         string // for the office only
	Evidence      []byte // JSON: directories of sealed evidence
	State         string
	Version       int64 // goes up with every change
	CreatedBy     string
	SubmittedBy   string
	ChangedBy     string // officer
	ChangedByName string
	ChangedAt     int64  // Unix seconds
	Message       string // id, once it was released
}

// A DraftVersion is a body of a draft as an officer left it.
type DraftVersion struct {
	Draft       string
	Version     int64
	Officer     string
	OfficerName string
	At          int64 // Unix seconds
	Kept        bool  // somebody was shown it: it is not folded into a later one
	Body        []byte
}

// A DraftEvent is what an officer did with a draft, besides writing.
type DraftEvent struct {
	Draft       string
	Version     int64
	Officer     string
	OfficerName string
	What        string
	Comment     string
	At          int64 // Unix seconds
}

// A Release is the decision of an officer that a draft is sent. Digest is that of
// what the officer was shown, and all that may be sealed under it.
type Release struct {
	Message         string // id
	Draft           string
	Version         int64
	Digest          string
	SubmittedBy     string
	ReleasedBy      string
	Emergency       bool  // by who wrote it, to be countersigned
	At              int64 // Unix seconds
	CountersignedBy string
	CountersignedAt int64 // Unix seconds
	Comment         string
}

// A Template is a body that the office begins drafts with.
type Template struct {
	Name    string
	Kind    string
	Body    []byte
	Officer string
	At      int64 // Unix seconds
}

// DraftReader is what a [DeskReader] says of drafts.
type DraftReader interface {
	// Draft returns a draft or ErrNotFound.
	Draft(ctx context.Context, id string) (Draft, error)
	// Drafts returns those in a state, or of a case, the last changed first.
	Drafts(ctx context.Context, state, caseID string, limit int) ([]Draft, error)
	// DraftsOf returns the ids of the drafts of a case, with that which opened it.
	DraftsOf(ctx context.Context, caseID string) ([]string, error)
	// DraftVersions returns the versions of a draft, the newest first, without
	// their bodies.
	DraftVersions(ctx context.Context, id string) ([]DraftVersion, error)
	// DraftVersion returns one with its body, or ErrNotFound.
	DraftVersion(ctx context.Context, id string, version int64) (DraftVersion, error)
	// DraftEvents returns what was done with a draft, oldest first.
	DraftEvents(ctx context.Context, id string) ([]DraftEvent, error)
	// Release returns that of a message, or ErrNotFound.
	Release(ctx context.Context, messageID string) (Release, error)
	// EmergencyReleases returns those that nobody has countersigned, oldest first;
	// with all set, every one.
	EmergencyReleases(ctx context.Context, all bool) ([]Release, error)
	// Templates returns the templates by name.
	Templates(ctx context.Context) ([]Template, error)
	// Setting returns a setting of the office, nil if there is none.
	Setting(ctx context.Context, name string) ([]byte, error)
}

// DraftWriter changes drafts.
type DraftWriter interface {
	PutDraft(ctx context.Context, d Draft) error
	PutDraftVersion(ctx context.Context, v DraftVersion) error
	DeleteDraftVersion(ctx context.Context, id string, version int64) error
	PutDraftEvent(ctx context.Context, e DraftEvent) error
	// PutRelease inserts a release, which then stands; the database itself refuses
	// one by a person who wrote a version, unless it is an emergency.
	PutRelease(ctx context.Context, r Release) error
	// Countersign notes that another officer stands by an emergency release.
	Countersign(ctx context.Context, r Release) error
	PutTemplate(ctx context.Context, t Template) error
	DeleteTemplate(ctx context.Context, name string) error
	PutSetting(ctx context.Context, name string, value []byte) error
}
