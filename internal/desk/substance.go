package desk

import (
	"context"
	"slices"
	"time"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/casework"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/workflow"
)

// keep stores a message, and notes the cases that it refers to.
func keep(ctx context.Context, w store.DeskWriter, l store.Letter) error {
	if err := w.PutLetter(ctx, l); err != nil {
		return err
	}
	request, ok := bodyOf(l).(*convention.Request)
	if !ok || !casework.Bears(request, request) {
		return nil
	}
	for _, ref := range request.References {
		if ref.Case == "" || ref.Case == l.Case {
			continue
		}
		if err := w.PutLink(ctx, l.Case, ref.Case); err != nil {
			return err
		}
	}
	return nil
}

// bodyOf returns the content of a message, nil where it could not be opened.
func bodyOf(l store.Letter) convention.Body {
	body, err := convention.ParseBody(l.Body)
	if err != nil {
		return nil
	}
	return body
}

// substance derives how a case stands from its messages and from those of the
// cases that refer to it.
func substance(ctx context.Context, r store.DeskReader, caseID string, letters []store.Letter, now time.Time) (casework.Case, error) {
	all := slices.Clone(letters)
	linked, err := r.Linked(ctx, caseID)
	if err != nil {
		return casework.Case{}, err
	}
	for _, id := range linked {
		more, err := r.Letters(ctx, id)
		if err != nil {
			return casework.Case{}, err
		}
		all = append(all, bearing(more, letters[0])...)
	}
	slices.SortFunc(all, func(a, b store.Letter) int { return int(a.Index - b.Index) })
	var entries []casework.Entry
	for _, l := range all {
		entries = append(entries, entryOf(l, letters[0].From, l.Case != caseID))
	}
	return casework.Derive(entries, now), nil
}

// bearing returns those messages of a case that bear on a case it refers to,
// which the same two parties must have begun.
func bearing(letters []store.Letter, opening store.Letter) []store.Letter {
	if len(letters) == 0 || directory.PartyOf(letters[0].From) != directory.PartyOf(opening.From) || directory.PartyOf(letters[0].To) != directory.PartyOf(opening.To) {
		return nil
	}
	request, ok := bodyOf(letters[0]).(*convention.Request)
	return slices.DeleteFunc(letters, func(l store.Letter) bool { return !ok || !casework.Bears(request, bodyOf(l)) })
}

// entryOf is a message as the derivation takes it. The requesting side is the
// party of the authority that opened the case.
func entryOf(l store.Letter, opener string, linked bool) casework.Entry {
	e := casework.Entry{Digest: l.Digest, Actor: workflow.Requested, At: time.Unix(l.AcceptedAt, 0).UTC(), Body: bodyOf(l), Linked: linked}
	if directory.PartyOf(l.From) == directory.PartyOf(opener) {
		e.Actor = workflow.Requesting
	}
	return e
}

// stand shows how a case stands.
func (c *Case) stand(s casework.Case, now time.Time) {
	who := map[string]string{string(workflow.Requesting): c.Requesting, string(workflow.Requested): c.Requested, "both": "both"}
	c.Together, c.Measures, c.Dates = s.Aggregate(), []Measure{}, []Date{}
	c.Conditions, c.Missing, c.Misplaced = []Condition{}, []Missing{}, []Misplaced{}
	for _, m := range s.Measures {
		c.Measures = append(c.Measures, Measure{
			Number: m.Number, Type: m.Type, Workflow: m.Workflow, State: m.State, Owed: who[m.Owed], Ended: m.Ended,
			Next: append([]string{}, m.Open(workflow.Actor(c.Role))...),
		})
	}
	for _, k := range s.Clocks {
		date := Date{Clock: k.Code, Measure: k.Measure, Owed: who[string(k.Owed)], Due: k.Due.UTC().Format(time.RFC3339), State: k.State(now)}
		for _, w := range k.Warnings() {
			date.Warn = append(date.Warn, w.UTC().Format(time.RFC3339))
		}
		c.Dates = append(c.Dates, date)
	}
	for _, x := range s.Conditions {
		condition := Condition{Number: x.Number, Type: x.Type, Text: x.Text.Text, Binding: x.Binding(), Message: x.Offer}
		if !x.Until.IsZero() {
			condition.Until = x.Until.String()
		}
		c.Conditions = append(c.Conditions, condition)
	}
	for _, q := range s.Questions {
		c.Missing = append(c.Missing, Missing{
			Number: q.Number, Measure: q.Measure, Text: q.Text.Text, Necessary: q.Necessary, By: who[string(q.By)], Message: q.Message,
		})
	}
	for _, x := range s.Misplaced {
		c.Misplaced = append(c.Misplaced, Misplaced{Message: x.Digest, Measure: x.Measure, Reason: x.Reason})
	}
}
