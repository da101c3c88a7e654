package store

import "context"

// A TextQuery asks for what holds words.
type TextQuery struct {
	Phrases []Phrase // each must be there; at least one
	Reader  string   // officer who asks; sealed cases of others are left out. Empty for all
	Case    string   // empty for all
	Before  int64    // place of a hit; 0 for the first page
	Limit   int
}

// A Phrase is words in their order, as [DeskWriter.PutText] was given them: letters
// and digits without a blank.
type Phrase struct {
	Words []string
	Open  bool // the last word may go on
}

// A TextHit is a message or note that holds the words.
type TextHit struct {
	Place   int64 // that of the message in the log, or the number of the note below zero
	Case    string
	Message string // id; empty for a note
}

// TextReader is what a [DeskReader] says of searched texts.
type TextReader interface {
	// FindText returns messages that hold the words, the newest first, then notes.
	FindText(ctx context.Context, q TextQuery) ([]TextHit, error)
}

// TextWriter changes searched texts.
type TextWriter interface {
	// PutText keeps the words of a message (place its index in the log) or of a note
	// (place the number of the note below zero), in the place of those before.
	PutText(ctx context.Context, place int64, words string) error
	// ForgetCase takes out of the database what officers wrote of a case and what is
	// searched of it: words, notes, tags, bodies of drafts, who is assigned.
	ForgetCase(ctx context.Context, caseID string) error
}
