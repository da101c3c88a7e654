package store

import "context"

// Who owes the next step of a case.
const (
	OwedUs   = "us"
	OwedThem = "them"
	OwedBoth = "both"
	OwedNone = "none"
)

// A Line is a case as lists show it. All of it is derived from the letters of
// the case and of those that refer to it, by [github.com/entraide/entraide/internal/desk];
// it is written in the transaction that changes them.
type Line struct {
	Case        string
	Index       int64 // of its newest message
	Incoming    bool  // the other side opened the case
	Stage       string
	Lane        string
	Urgency     int64  // order of the lanes, the fastest highest
	Own         string // authority
	Counterpart string // authority
	Reference   string // of the requesting authority
	Types       []string
	Sealed      bool // for named officers only
	Closed      bool
	Owed        string
	DueAt       int64  // Unix seconds; 0 if nothing is due
	DueClock    string // name of the clock
	Unread      int64  // messages of the other side that no officer has opened
	OpenedAt    int64  // Unix seconds
	MovedAt     int64  // Unix seconds, of the newest message
	EndedAt     int64  // Unix seconds; 0 while it is open
	DerivedAt   int64  // Unix seconds
	AgainAt     int64  // Unix seconds, when a date of the law changes it; 0 for never
}

// A Listed case is a line with what the State itself has noted of the case.
type Listed struct {
	Line
	Officer, Team string // whom it is assigned to
	Tags          []string
}

// Orders of a list.
const (
	ByMoved   = "moved"   // the most recently moved first
	ByDue     = "due"     // what is due first; cases in which nothing is due are left out
	ByUrgency = "urgency" // emergencies first, then the most recently moved
)

// A LineFilter says which cases a list holds, and from where. Empty members do
// not filter.
type LineFilter struct {
	Direction   string // in or out
	State       string // open or closed
	Stage       string
	Lane        string
	Own         string
	Counterpart string
	Type        string // of a measure
	Owed        string // us or them; both counts as either
	Unread      bool
	Unassigned  bool
	Officer     string
	Team        string
	Tag         string
	DueFrom     int64 // Unix seconds
	DueBefore   int64
	Since       int64  // Unix seconds, of the newest message
	OpenedFrom  int64  // Unix seconds, of the opening message
	OpenedTo    int64  // Unix seconds, before which the case was opened
	Reader      string // officer who asks; sealed cases of others are left out. Empty for all
	Sort        string // one of the orders; empty for ByMoved
	After       LineCursor
	Limit       int
}

// A LineCursor is the place of a case in a list; zero before the first.
type LineCursor struct {
	Key, Index int64
}

// LineReader is what a [DeskReader] says of the index of cases.
type LineReader interface {
	// IndexVersion returns by which derivation the index was made; 0 before the
	// first.
	IndexVersion(ctx context.Context) (int64, error)
	// Line returns the line of a case, or ErrNotFound.
	Line(ctx context.Context, caseID string) (Line, error)
	// Lines returns cases by a filter.
	Lines(ctx context.Context, f LineFilter) ([]Listed, error)
	// CountLines counts cases by a filter, most at most.
	CountLines(ctx context.Context, f LineFilter, most int) (int, error)
	// LinesDue returns the cases whose line a date has changed by a time (Unix
	// seconds), limit at most.
	LinesDue(ctx context.Context, at int64, limit int) ([]string, error)
	// CaseIDs returns ids of cases that have letters, in order, those > after,
	// limit at most.
	CaseIDs(ctx context.Context, after string, limit int) ([]string, error)
	// LineIDs does the same of cases that have lines.
	LineIDs(ctx context.Context, after string, limit int) ([]string, error)
	// Refers returns the cases that the opening message of a case refers to.
	Refers(ctx context.Context, caseID string) ([]string, error)
}

// LineWriter changes the index of cases.
type LineWriter interface {
	PutIndexVersion(ctx context.Context, version int64) error
	PutLine(ctx context.Context, l Line) error
	DeleteLine(ctx context.Context, caseID string) error
}
