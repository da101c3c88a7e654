package store

import "context"

// A Shift is when an officer is on duty: on days of the week, or in a span alone,
// from one time of the day to another in a zone.
type Shift struct {
	ID      string
	Officer string
	Level   int64  // 1 is paged first
	Days    string // such as "mon tue"; empty for every day
	Begins  string // such as "08:00"
	Ends    string // such as "20:00"; not after Begins for the next day
	Zone    string // IANA name
	Since   int64  // Unix seconds; 0 for ever
	Until   int64  // Unix seconds; 0 for ever
}

// A Contact is where an officer is notified; either may be empty.
type Contact struct {
	Officer    string
	Mail, Hook string
}

// States of a page.
const (
	PageRaised       = "raised"
	PageAcknowledged = "acknowledged"
)

// A Page calls officers on duty until one acknowledges it.
type Page struct {
	ID                 string
	Case, Message      string // empty for a drill
	Drill              bool
	State              string
	RaisedAt           int64 // Unix seconds
	Step               int64 // how often somebody was called
	NextAt             int64 // Unix seconds, when the next are called
	AcknowledgedBy     string
	AcknowledgedByName string
	AcknowledgedAt     int64 // Unix seconds
}

// Tries are what came of sending a notice so far.
type Tries struct {
	Attempts int64
	NextAt   int64 // Unix seconds
	SentAt   int64 // Unix seconds; 0 while it was not
	Problem  string
}

// A PageNotice is that an officer is called for a page over a channel.
type PageNotice struct {
	ID      int64
	Page    string
	Step    int64
	Officer string
	Channel string // board, mail or hook
	Address string
	At      int64 // Unix seconds
	Tries
}

// DutyReader is what a [DeskReader] says of the watch.
type DutyReader interface {
	// Shifts returns all shifts by level and id.
	Shifts(ctx context.Context) ([]Shift, error)
	// Contacts returns where officers are notified.
	Contacts(ctx context.Context) ([]Contact, error)
	// Page returns a page or ErrNotFound.
	Page(ctx context.Context, id string) (Page, error)
	// PagesIn returns pages in a state ("" for all) raised in [from, to) (Unix
	// seconds), the newest first, limit at most.
	PagesIn(ctx context.Context, state string, from, to int64, limit int) ([]Page, error)
	// PagesDue returns raised pages whose next call is due.
	PagesDue(ctx context.Context, at int64) ([]Page, error)
	// OpenPage reports whether a case has a page that nobody has acknowledged.
	OpenPage(ctx context.Context, caseID string) (bool, error)
	// Notices returns who was called for a page, oldest first.
	Notices(ctx context.Context, page string) ([]PageNotice, error)
	// UnsentNotices returns notices by mail or hook that are due, limit at most.
	UnsentNotices(ctx context.Context, at int64, limit int) ([]PageNotice, error)
}

// DutyWriter changes it.
type DutyWriter interface {
	PutShift(ctx context.Context, s Shift) error
	DeleteShift(ctx context.Context, id string) error
	PutContact(ctx context.Context, c Contact) error
	PutPage(ctx context.Context, p Page) error
	// PutNotice inserts a notice whose ID is 0, or replaces it.
	PutNotice(ctx context.Context, n PageNotice) error
}
