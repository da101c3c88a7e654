package office

import (
	"context"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/convention"
)

// Case returns a case to an officer who may read it; to any other there is none.
func (o *Office) Case(ctx context.Context, by desk.Officer, caseID string) (desk.Case, error) {
	if err := o.desk.Store().Read(ctx, func(r store.DeskReader) error { return mayRead(ctx, r, by, caseID) }); err != nil {
		return desk.Case{}, err
	}
	return o.desk.Case(ctx, caseID)
}

// A Reading is what an officer knows of a message before reading its content.
type Reading struct {
	Message desk.Message
	SeenBy  []Sight
	// Pending are the conditions that are to be accepted first.
	Pending []convention.Condition
}

// Reading returns a message to an officer who may read its case.
func (o *Office) Reading(ctx context.Context, by desk.Officer, messageID string) (out Reading, err error) {
	if out.SeenBy, err = o.SeenBy(ctx, by, messageID); err != nil {
		return out, err
	}
	if out.Message, err = o.desk.Message(ctx, messageID); err != nil {
		return out, err
	}
	out.Pending, err = o.desk.PendingConditions(ctx, messageID)
	return out, err
}

// Export writes a message with its proofs to a new directory, see
// [desk.Desk.Export], for an officer who may read the case, and notes who asked.
func (o *Office) Export(ctx context.Context, by desk.Officer, messageID, dir string) error {
	if _, err := o.SeenBy(ctx, by, messageID); err != nil {
		return err
	}
	if err := o.desk.Export(ctx, messageID, dir); err != nil {
		return err
	}
	return o.act(ctx, by, "proof of a message taken", messageID, func(store.DeskWriter) error { return nil })
}
