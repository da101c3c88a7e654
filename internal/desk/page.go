package desk

import (
	"context"
	"time"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/workflow"
)

// NewPage is a page raised now, whose first call is due.
func NewPage(now time.Time) (store.Page, error) {
	id, err := message.NewID()
	return store.Page{ID: string(id), State: store.PageRaised, RaisedAt: now.Unix(), NextAt: now.Unix()}, err
}

// raise calls the watch for a message of the other side in the emergency lane,
// unless it is being called for that case already.
func raise(ctx context.Context, w store.DeskWriter, l store.Letter, now time.Time) error {
	if !l.Incoming || l.Lane != string(workflow.Emergency) {
		return nil
	}
	open, err := w.OpenPage(ctx, l.Case)
	if err != nil || open {
		return err
	}
	p, err := NewPage(now)
	if err != nil {
		return err
	}
	p.Case, p.Message = l.Case, l.ID
	return w.PutPage(ctx, p)
}

// PutNote keeps a note of an officer, and its words for the search.
func (d *Desk) PutNote(ctx context.Context, w store.DeskWriter, n store.Note) error {
	id, err := w.PutNote(ctx, n)
	if err != nil {
		return err
	}
	return w.PutText(ctx, -id, spelt(n.Text))
}
