package store

import "context"

// An Assignment is whom a case is assigned to; both empty for nobody.
type Assignment struct {
	Case, Officer, Team string
}

// A Note is what an officer wrote of a case for colleagues. It never leaves.
type Note struct {
	ID          int64
	Case        string
	Officer     string
	OfficerName string
	At          int64 // Unix seconds
	Text        string
}

// A Sight is that an officer has seen a message, or accepted its conditions.
type Sight struct {
	Message     string // id
	Officer     string
	OfficerName string
	At          int64 // Unix seconds
}

// A SavedView is a filter of lists that was given a name; Owner is empty for one
// of the whole office.
type SavedView struct {
	Owner, Name string
	Filter      []byte // JSON
}

// A DecidedLetter is a decision for statistics.
type DecidedLetter struct {
	Case     string
	Index    int64
	At       int64 // Unix seconds
	Incoming bool
	Body     []byte
}

// A TimedLine is a line with when the requested side first acknowledged, and first
// decided or delivered; Unix seconds, 0 while it has not.
type TimedLine struct {
	Line
	AcknowledgedAt, AnsweredAt int64
}

// WorkReader is what a [DeskReader] says of the work on cases.
type WorkReader interface {
	// Assignment returns whom a case is assigned to.
	Assignment(ctx context.Context, caseID string) (Assignment, error)
	// Tags returns those of a case, in order.
	Tags(ctx context.Context, caseID string) ([]string, error)
	// AllTags returns every tag in use, in order.
	AllTags(ctx context.Context) ([]string, error)
	// Notes returns those of a case, oldest first.
	Notes(ctx context.Context, caseID string) ([]Note, error)
	// NamedReaders returns the officers who are named for a sealed case.
	NamedReaders(ctx context.Context, caseID string) ([]string, error)
	// MayRead reports whether an officer is named for a case, is assigned to it, or
	// is in the team that is.
	MayRead(ctx context.Context, caseID, officer string) (bool, error)
	// SeenBy returns who has seen a message, in the order of time.
	SeenBy(ctx context.Context, messageID string) ([]Sight, error)
	// ConditionsAccepted returns who accepted the conditions of a message, or
	// ErrNotFound.
	ConditionsAccepted(ctx context.Context, messageID string) (Sight, error)
	// Members returns the officers of a team; Teams the teams, by name.
	Members(ctx context.Context, team string) ([]string, error)
	Teams(ctx context.Context) ([]string, error)
	// Views returns the saved views of an officer and those of the office.
	Views(ctx context.Context, owner string) ([]SavedView, error)
	// LinesBetween returns the lines of cases that were opened in [from, to) (Unix
	// seconds), those with Index > after, in the order of Index, limit at most.
	LinesBetween(ctx context.Context, from, to, after int64, limit int) ([]TimedLine, error)
	// LinesEnded returns the lines of cases that were closed by a time (Unix
	// seconds), those with Index > after, in the order of Index, limit at most.
	LinesEnded(ctx context.Context, by, after int64, limit int) ([]Line, error)
	// Decisions returns the decisions of both sides from a time on (Unix seconds) and
	// before another, those of the first second with Index > after, in the order of
	// time and Index, limit at most.
	Decisions(ctx context.Context, from, to, after int64, limit int) ([]DecidedLetter, error)
}

// WorkWriter changes it.
type WorkWriter interface {
	PutAssignment(ctx context.Context, a Assignment) error
	PutTag(ctx context.Context, caseID, tag string) error
	DeleteTag(ctx context.Context, caseID, tag string) error
	// PutNote adds a note and returns its number.
	PutNote(ctx context.Context, n Note) (int64, error)
	PutNamedReader(ctx context.Context, caseID, officer string) error
	DeleteNamedReader(ctx context.Context, caseID, officer string) error
	// PutSight notes that an officer has seen a message; the first time counts.
	PutSight(ctx context.Context, s Sight) error
	PutConditionsAccepted(ctx context.Context, s Sight) error
	PutMember(ctx context.Context, team, officer string) error
	DeleteMember(ctx context.Context, team, officer string) error
	// RenameTeam gives a team another name, which no other team has, with the cases
	// that are assigned to it.
	RenameTeam(ctx context.Context, team, name string) error
	// DeleteTeam ends a team; the cases that were assigned to it are assigned to none.
	DeleteTeam(ctx context.Context, team string) error
	PutView(ctx context.Context, v SavedView) error
	DeleteView(ctx context.Context, owner, name string) error
}
