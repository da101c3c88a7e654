package desk

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/problem"
)

// A Hit is a message, or a note of an officer, that holds what was asked for.
type Hit struct {
	Case    string   `json:"case"`
	Message *Message `json:"message,omitempty"` // nil for a note
	Note    string   `json:"note,omitempty"`
	Excerpt string   `json:"excerpt,omitempty"` // what stands around a word that was asked for
	Line    Line     `json:"line"`              // of the case
}

// Hits is a page of what was found, the newest first. Next continues it and is
// empty at its end.
type Hits struct {
	Hits []Hit  `json:"hits"`
	Next string `json:"next,omitempty"`
}

// begun marks the place of a page that was found by beginnings of words.
const begun = "b"

// maxAsked bounds what is asked for, in bytes.
const maxAsked = 500

// Search looks for words in all that an officer may read: the content of messages
// that need no acceptance any more, and notes. Every part between blanks must be
// there, whatever its case, marks and variants of letters. Where whole words find
// less than a page, the beginning of a word is enough. Limit is 20 for 0.
func (d *Desk) Search(ctx context.Context, o Officer, asked, next string, limit int) (Hits, error) {
	out := Hits{Hits: []Hit{}}
	if err := o.Require(Readers...); err != nil {
		return out, err
	}
	next, open := strings.CutPrefix(next, begun)
	q := store.TextQuery{Phrases: query(asked, open), Reader: o.ID, Limit: limit}
	if len(q.Phrases) == 0 || len(asked) > maxAsked {
		return out, problem.Newf(problem.InvalidValue, "q", "Ask for some words, %d bytes at most.", maxAsked)
	}
	if q.Limit <= 0 || q.Limit > maxLines {
		q.Limit = 20 // each is read and understood, which takes its time
	}
	if next != "" {
		var err error
		if q.Before, err = strconv.ParseInt(next, 10, 64); err != nil {
			return out, problem.New(problem.InvalidValue, "next", "It is no place in this list.")
		}
	}
	err := d.db.Read(ctx, func(r store.DeskReader) error {
		hits, err := r.FindText(ctx, q)
		if err == nil && len(hits) < q.Limit && next == "" {
			q.Phrases, open = query(asked, true), true
			hits, err = r.FindText(ctx, q)
		}
		if err != nil {
			return err
		}
		for _, h := range hits {
			hit, err := showHit(ctx, r, h, asked)
			if err != nil {
				return err
			}
			out.Hits = append(out.Hits, hit)
		}
		if len(hits) == q.Limit {
			if out.Next = strconv.FormatInt(hits[len(hits)-1].Place, 10); open {
				out.Next = begun + out.Next
			}
		}
		return nil
	})
	return out, err
}

func showHit(ctx context.Context, r store.DeskReader, h store.TextHit, asked string) (Hit, error) {
	line, err := r.Line(ctx, h.Case)
	if err != nil {
		return Hit{}, err
	}
	hit := Hit{Case: h.Case, Line: showLine(store.Listed{Line: line})}
	if h.Message == "" {
		notes, err := r.Notes(ctx, h.Case)
		if i := slices.IndexFunc(notes, func(n store.Note) bool { return n.ID == -h.Place }); i >= 0 {
			hit.Note = notes[i].Text
			hit.Excerpt = excerpt(hit.Note, asked)
		}
		return hit, err
	}
	l, err := r.Letter(ctx, h.Message)
	m := viewOf(l)
	hit.Message, hit.Excerpt = &m, excerpt(textIn(l.Body), asked)
	return hit, err
}

// putText keeps the words of a message for searching; none of one whose
// conditions an officer has to accept first.
func putText(ctx context.Context, w store.DeskWriter, l store.Letter) error {
	pending, err := pendingConditions(ctx, w, l)
	if err != nil {
		return err
	}
	text := ""
	if len(pending) == 0 {
		text = spelt(textIn(l.Body))
	}
	return w.PutText(ctx, l.Index, text)
}

// pendingConditions returns the conditions of a message of the other side that
// an officer has to accept before anybody reads it.
func pendingConditions(ctx context.Context, r store.DeskReader, l store.Letter) ([]convention.Condition, error) {
	if !l.Incoming {
		return nil, nil
	}
	first := convention.BeforeOpening(bodyOf(l))
	if len(first) == 0 {
		return nil, nil
	}
	_, err := r.ConditionsAccepted(ctx, l.ID)
	if errors.Is(err, store.ErrNotFound) {
		return first, nil
	}
	return nil, err
}

// PendingConditions returns the conditions that an officer has to accept before
// anybody reads the message; none where there is nothing to accept any more.
func (d *Desk) PendingConditions(ctx context.Context, id string) (conditions []convention.Condition, err error) {
	err = d.db.Read(ctx, func(r store.DeskReader) error {
		l, err := r.Letter(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			return problem.New(problem.NotFound, "id", "This desk has no such message.")
		}
		if err != nil {
			return err
		}
		conditions, err = pendingConditions(ctx, r, l)
		return err
	})
	return conditions, err
}

// refusePending refuses to show what waits for its conditions to be accepted.
func (d *Desk) refusePending(ctx context.Context, id string) error {
	pending, err := d.PendingConditions(ctx, id)
	if err == nil && len(pending) > 0 {
		err = problem.New(problem.Forbidden, "conditions",
			"Its sender asks that its conditions are accepted before it is opened: `entraide case accept` shows and accepts them.")
	}
	return err
}

// AcceptConditions notes that an officer accepted the conditions of a message, so
// that it may be read from now on. The receipt of opening that follows is signed
// and tells the sender.
func (d *Desk) AcceptConditions(ctx context.Context, o Officer, id string) error {
	if err := o.Require(Approver, DutyOfficer); err != nil {
		return err
	}
	return d.db.Write(ctx, func(w store.DeskWriter) error {
		l, err := w.Letter(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			return problem.New(problem.NotFound, "id", "This desk has no such message.")
		}
		if err != nil {
			return err
		}
		pending, err := pendingConditions(ctx, w, l)
		if err != nil {
			return err
		}
		if len(pending) == 0 {
			return problem.New(problem.ActNotAllowed, "conditions", "There is nothing to accept, or it was accepted already.")
		}
		if err := w.PutConditionsAccepted(ctx, store.Sight{Message: id, Officer: o.ID, OfficerName: o.Name, At: d.now().Unix()}); err != nil {
			return err
		}
		if err := putText(ctx, w, l); err != nil {
			return err
		}
		return d.Record(ctx, w, o.ID, "conditions accepted", id)
	})
}
