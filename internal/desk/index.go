package desk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/casework"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/workflow"
)

// indexVersion is that of the derivation of lines and of searched texts. Raise
// it when either changes: a desk then derives all of them again.
const indexVersion = 2

// ErrIndex says that the index of cases is not what follows from the letters.
var ErrIndex = errors.New("the index of cases does not follow from the letters; repair it with `entraide desk reindex`")

// An indexed database derives the line of every case that a transaction touches
// before it commits, so that lists and letters never disagree.
type indexed struct {
	store.Desk
	now func() time.Time
}

// Write implements [store.Desk].
func (x indexed) Write(ctx context.Context, fn func(store.DeskWriter) error) error {
	return x.Desk.Write(ctx, func(w store.DeskWriter) error {
		t := &touching{DeskWriter: w, cases: map[string]bool{}, now: x.now()}
		if err := fn(t); err != nil {
			return err
		}
		return t.settle(ctx)
	})
}

// A touching writer notes the cases whose line may change, keeps the words of
// messages for the search, and calls the watch for an emergency: what follows from
// a message follows in its transaction.
type touching struct {
	store.DeskWriter
	cases map[string]bool
	now   time.Time
}

// PutLetter implements [store.DeskWriter].
func (t *touching) PutLetter(ctx context.Context, l store.Letter) error {
	t.cases[l.Case] = true
	before, err := t.Letter(ctx, l.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	known := err == nil
	if err := t.DeskWriter.PutLetter(ctx, l); err != nil {
		return err
	}
	if known && bytes.Equal(before.Body, l.Body) {
		return nil
	}
	if err := putText(ctx, t.DeskWriter, l); err != nil || known {
		return err
	}
	return raise(ctx, t.DeskWriter, l, t.now)
}

// EraseCase implements [store.DeskWriter].
func (t *touching) EraseCase(ctx context.Context, e store.CaseErasure, left store.Remains) error {
	t.cases[e.Case] = true
	if err := t.ForgetCase(ctx, e.Case); err != nil {
		return err
	}
	return t.DeskWriter.EraseCase(ctx, e, left)
}

// PutLink implements [store.DeskWriter].
func (t *touching) PutLink(ctx context.Context, from, to string) error {
	t.cases[to] = true
	return t.DeskWriter.PutLink(ctx, from, to)
}

// PutConfirmation implements [store.DeskWriter].
func (t *touching) PutConfirmation(ctx context.Context, c store.Confirmation) error {
	l, err := t.Letter(ctx, c.Message)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	t.cases[l.Case] = true
	return t.DeskWriter.PutConfirmation(ctx, c)
}

// PutClocks implements [store.DeskWriter].
func (t *touching) PutClocks(ctx context.Context, c store.CaseRef, clocks []byte) error {
	t.cases[c.ID] = true
	return t.DeskWriter.PutClocks(ctx, c, clocks)
}

// settle derives the lines of what was touched, and of the cases that those
// refer to: what happens in a case may move another on.
func (t *touching) settle(ctx context.Context) error {
	delete(t.cases, "")
	for _, id := range slices.Collect(maps.Keys(t.cases)) {
		refers, err := t.Refers(ctx, id)
		if err != nil {
			return err
		}
		for _, to := range refers {
			t.cases[to] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(t.cases)) {
		if err := putLine(ctx, t.DeskWriter, id, t.now); err != nil {
			return err
		}
	}
	return nil
}

// putLine derives the line of a case anew; one without letters has none.
func putLine(ctx context.Context, w store.DeskWriter, id string, now time.Time) error {
	line, err := lineOf(ctx, w, id, now)
	if errors.Is(err, store.ErrNotFound) {
		return w.DeleteLine(ctx, id)
	}
	if err != nil {
		return err
	}
	return w.PutLine(ctx, line)
}

// lineOf derives the line of a case from its letters, or returns
// store.ErrNotFound where there are none.
func lineOf(ctx context.Context, r store.DeskReader, id string, now time.Time) (store.Line, error) {
	letters, err := r.Letters(ctx, id)
	if err != nil {
		return store.Line{}, err
	}
	if len(letters) == 0 {
		return store.Line{}, store.ErrNotFound
	}
	first, last := letters[0], letters[len(letters)-1]
	line := store.Line{
		Case: id, Index: last.Index, Incoming: first.Incoming, Own: first.From, Counterpart: first.To, Stage: "unknown",
		Lane: first.Lane, Urgency: urgencyOf(first.Lane), Owed: store.OwedNone, OpenedAt: first.AcceptedAt, MovedAt: last.AcceptedAt, DerivedAt: now.Unix(),
	}
	if first.Incoming {
		line.Own, line.Counterpart = first.To, first.From
	}
	for _, l := range letters {
		if l.Incoming && l.OpenedAt == 0 {
			line.Unread++
		}
	}
	subject(&line, bodyOf(first))
	c, misfit := derive(ctx, r, letters)
	if misfit != nil {
		return line, nil //nolint:nilerr // one case that cannot be derived must not hide the others
	}
	line.Stage = string(c.state.Stage)
	line.Closed = c.state.Stage == workflow.StageClosed
	if line.Closed {
		line.EndedAt = last.AcceptedAt
	}
	stands, err := substance(ctx, r, id, letters, now)
	if err != nil {
		return line, err
	}
	clocks, err := clocksOf(ctx, r, id)
	if err != nil || line.Closed {
		return line, err
	}
	line.Owed = owedBy(line, c, stands)
	dates(&line, stands.Clocks, now)
	for _, k := range clocks { // as the broker counts
		if due, err := time.Parse(time.RFC3339, k.Due); err == nil && k.State == casework.Running {
			earlier(&line, k.Name, due.Unix())
		}
	}
	return line, nil
}

// subject takes from the opening message what lists show and search.
func subject(line *store.Line, body convention.Body) {
	switch b := body.(type) {
	case *convention.Request:
		line.Reference = b.OwnRef
		row, _ := convention.CodeOf("confidentiality", b.Confidentiality)
		line.Sealed = row.Has("named")
		for _, m := range b.Measures {
			if !slices.Contains(line.Types, m.Type) {
				line.Types = append(line.Types, m.Type)
			}
		}
	case *convention.Information:
		line.Reference = b.OwnRef
	}
}

// urgencyOf orders the lanes.
func urgencyOf(lane string) int64 {
	switch workflow.Lane(lane) {
	case workflow.Emergency:
		return 2
	case workflow.Urgent:
		return 1
	case workflow.Routine:
	}
	return 0
}

// owedBy says whose turn it is, for lists: whose measures or answers are
// awaited, or, where nothing is, by the procedure.
func owedBy(line store.Line, c derived, stands casework.Case) string {
	own := workflow.Requesting
	if line.Incoming {
		own = workflow.Requested
	}
	us, them := false, false
	for _, m := range stands.Measures {
		if m.Ended {
			continue
		}
		us = us || m.Owed == string(own) || m.Owed == "both"
		them = them || m.Owed != string(own) && m.Owed != "" && m.Owed != "none"
	}
	for _, q := range stands.Questions {
		us, them = us || q.By == own, them || q.By != own
	}
	if !us && !them {
		by := owedIn(c).By
		us, them = by == line.Own, by != "" && by != line.Own
	}
	switch {
	case us && them:
		return store.OwedBoth
	case us:
		return store.OwedUs
	case them:
		return store.OwedThem
	}
	return store.OwedNone
}

// dates notes what is due first, and when the line changes without a message: a
// date at which the law itself moves the case.
func dates(line *store.Line, clocks []casework.Clock, now time.Time) {
	for _, k := range clocks {
		switch k.State(now) {
		case casework.Running, casework.Warned, casework.Passed:
			earlier(line, k.Code, k.Due.Unix())
		}
		if at := k.Due.Unix(); k.Done.IsZero() && k.Due.After(now) && (line.AgainAt == 0 || at < line.AgainAt) {
			line.AgainAt = at
		}
	}
}

func earlier(line *store.Line, clock string, at int64) {
	if line.DueAt == 0 || at < line.DueAt {
		line.DueAt, line.DueClock = at, clock
	}
}

// ensureIndex makes the index if there is none of this version.
func (d *Desk) ensureIndex(ctx context.Context) error {
	var version int64
	if err := d.db.Read(ctx, func(r store.DeskReader) (err error) {
		version, err = r.IndexVersion(ctx)
		return err
	}); err != nil || version == indexVersion {
		return err
	}
	_, err := d.Reindex(ctx)
	return err
}

// Reindex derives the line and the searched text of every case anew, and
// returns how many cases there are. It may be stopped and begun again.
func (d *Desk) Reindex(ctx context.Context) (n int, err error) {
	for after := ""; ; {
		var ids []string
		if err := d.db.Write(ctx, func(w store.DeskWriter) (err error) {
			if ids, err = w.CaseIDs(ctx, after, page); err != nil {
				return err
			}
			for _, id := range ids {
				if err := errors.Join(ctx.Err(), putLine(ctx, w, id, d.now()), putTexts(ctx, w, id)); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return n, err
		}
		n += len(ids)
		if len(ids) < page {
			break
		}
		after = ids[len(ids)-1]
	}
	return n, d.db.Write(ctx, func(w store.DeskWriter) error {
		if err := w.PutIndexVersion(ctx, indexVersion); err != nil {
			return err
		}
		return d.record(ctx, w, "index of cases made anew", fmt.Sprint(n))
	})
}

// putTexts keeps the words of every message of a case anew.
func putTexts(ctx context.Context, w store.DeskWriter, id string) error {
	letters, err := w.Letters(ctx, id)
	for _, l := range letters {
		err = errors.Join(err, putText(ctx, w, l))
	}
	return err
}

// refreshLines derives the lines that a date has changed.
func (d *Desk) refreshLines(ctx context.Context) error {
	for {
		var ids []string
		if err := d.db.Read(ctx, func(r store.DeskReader) (err error) {
			ids, err = r.LinesDue(ctx, d.now().Unix(), page)
			return err
		}); err != nil || len(ids) == 0 {
			return err
		}
		if err := d.db.Write(ctx, func(w store.DeskWriter) error {
			for _, id := range ids {
				if err := putLine(ctx, w, id, d.now()); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
}

// VerifyIndex holds the index against the letters, and returns how many cases
// there are. The error wraps [ErrIndex] and names the first that is not right.
func (d *Desk) VerifyIndex(ctx context.Context) (n int, err error) {
	err = d.db.Read(ctx, func(r store.DeskReader) error {
		for after := ""; ; {
			ids, err := r.CaseIDs(ctx, after, page)
			if err != nil {
				return err
			}
			lined, err := r.LineIDs(ctx, after, page)
			if err != nil {
				return err
			}
			if !slices.Equal(ids, lined) {
				return fmt.Errorf("%w: it lists other cases", ErrIndex)
			}
			for _, id := range ids {
				if err := verifyLine(ctx, r, id); err != nil {
					return err
				}
			}
			n += len(ids)
			if len(ids) < page {
				return nil
			}
			after = ids[len(ids)-1]
		}
	})
	return n, err
}

// verifyLine derives a line as of when it was derived, and compares.
func verifyLine(ctx context.Context, r store.DeskReader, id string) error {
	stored, err := r.Line(ctx, id)
	if err != nil {
		return err
	}
	want, err := lineOf(ctx, r, id, time.Unix(stored.DerivedAt, 0).UTC())
	if err != nil {
		return err
	}
	types := slices.Equal(stored.Types, want.Types)
	stored.Types, want.Types = nil, nil
	if !types || fmt.Sprint(stored) != fmt.Sprint(want) {
		return fmt.Errorf("%w: case %s", ErrIndex, id)
	}
	return nil
}
