package desk

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/problem"
)

// A Line is a case in a list, with what the State itself has noted of it.
type Line struct {
	Case        string   `json:"case"`
	Stage       string   `json:"stage"`
	Counterpart string   `json:"counterpart"` // authority
	Lane        string   `json:"lane"`
	Measures    []string `json:"measures"` // types
	Due         string   `json:"due,omitempty"`
	Updated     string   `json:"updated"` // RFC 3339
	Own         string   `json:"own"`     // authority
	Incoming    bool     `json:"incoming"`
	Reference   string   `json:"reference,omitempty"`
	Owed        string   `json:"owed"` // us, them, both or none
	Clock       string   `json:"clock,omitempty"`
	Unread      int64    `json:"unread"`
	Sealed      bool     `json:"sealed"` // for named officers only
	Opened      string   `json:"opened"` // RFC 3339
	Officer     string   `json:"officer,omitempty"`
	Team        string   `json:"team,omitempty"`
	Tags        []string `json:"tags,omitempty"`
}

// Lines is a page of a list. Next continues it and is empty at its end.
type Lines struct {
	Cases []Line `json:"cases"`
	Next  string `json:"next,omitempty"`
}

// A ListFilter says which cases a list holds. Empty members do not filter.
type ListFilter struct {
	Direction   string    `json:"direction,omitempty"` // in or out
	State       string    `json:"state,omitempty"`     // open or closed
	Stage       string    `json:"stage,omitempty"`
	Lane        string    `json:"lane,omitempty"`
	Own         string    `json:"own,omitempty"`         // authority
	Counterpart string    `json:"counterpart,omitempty"` // authority
	Type        string    `json:"type,omitempty"`        // of a measure
	Owed        string    `json:"owed,omitempty"`        // us or them
	Unread      bool      `json:"unread,omitempty"`
	Unassigned  bool      `json:"unassigned,omitempty"`
	Officer     string    `json:"officer,omitempty"` // to whom the case is assigned
	Team        string    `json:"team,omitempty"`
	Tag         string    `json:"tag,omitempty"`
	DueFrom     time.Time `json:"due_from,omitzero"`
	DueBefore   time.Time `json:"due_before,omitzero"`
	Overdue     bool      `json:"overdue,omitempty"` // what is due has passed
	Since       time.Time `json:"since,omitzero"`    // of the newest message
	OpenedFrom  time.Time `json:"opened_from,omitzero"`
	OpenedTo    time.Time `json:"opened_to,omitzero"` // before which the case was opened
	Sort        string    `json:"sort,omitempty"`     // moved (the default), due or urgency
}

// stored is the filter as the database takes it now, for an officer who reads.
func (f ListFilter) stored(o Officer, now time.Time) store.LineFilter {
	s := store.LineFilter{
		Direction: f.Direction, State: f.State, Stage: f.Stage, Lane: f.Lane, Own: f.Own, Counterpart: f.Counterpart, Type: f.Type,
		Owed: f.Owed, Unread: f.Unread, Unassigned: f.Unassigned, Officer: f.Officer, Team: f.Team, Tag: f.Tag,
		DueFrom: unix(f.DueFrom), DueBefore: unix(f.DueBefore), Since: unix(f.Since), OpenedFrom: unix(f.OpenedFrom), OpenedTo: unix(f.OpenedTo), Sort: f.Sort, Reader: o.ID,
	}
	if f.Overdue && (s.DueBefore == 0 || s.DueBefore > now.Unix()) {
		s.DueBefore = now.Unix()
	}
	if o.Has(Approver, DutyOfficer) { // who assign what is sealed
		s.Reader = ""
	}
	return s
}

// check refuses what no list knows.
func (f ListFilter) check() error {
	for _, m := range []struct {
		name, value string
		allowed     []string
	}{
		{"direction", f.Direction, []string{"", "in", "out"}},
		{"state", f.State, []string{"", "open", "closed"}},
		{"owed", f.Owed, []string{"", store.OwedUs, store.OwedThem}},
		{"sort", f.Sort, []string{"", store.ByMoved, store.ByDue, store.ByUrgency}},
	} {
		if !slices.Contains(m.allowed, m.value) {
			return problem.Newf(problem.InvalidValue, m.name, "It must be one of %v.", m.allowed[1:])
		}
	}
	return nil
}

// maxLines bounds a page of a list.
const maxLines = 500

// List returns a page of the cases that an officer may see: limit at most (50
// for 0), after the place that a page before it gave as Next.
func (d *Desk) List(ctx context.Context, o Officer, f ListFilter, next string, limit int) (Lines, error) {
	out := Lines{Cases: []Line{}}
	if err := o.Require(Readers...); err != nil {
		return out, err
	}
	if err := f.check(); err != nil {
		return out, err
	}
	if limit <= 0 || limit > maxLines {
		limit = 50
	}
	s := f.stored(o, d.now())
	s.Limit = limit
	if next != "" {
		var err error
		if s.After, err = placeIn(next); err != nil {
			return out, problem.New(problem.InvalidValue, "next", "It is no place in this list.")
		}
	}
	if err := d.refreshLines(ctx); err != nil {
		return out, err
	}
	err := d.db.Read(ctx, func(r store.DeskReader) error {
		lines, err := r.Lines(ctx, s)
		for _, l := range lines {
			out.Cases = append(out.Cases, showLine(l))
		}
		if len(lines) == limit {
			out.Next = place(f.Sort, lines[limit-1])
		}
		return err
	})
	return out, err
}

// Count counts the cases that a list would hold, most at most.
func (d *Desk) Count(ctx context.Context, o Officer, f ListFilter, most int) (n int, err error) {
	if err := o.Require(Readers...); err != nil {
		return 0, err
	}
	if err := f.check(); err != nil {
		return 0, err
	}
	err = d.db.Read(ctx, func(r store.DeskReader) (err error) {
		n, err = r.CountLines(ctx, f.stored(o, d.now()), most)
		return err
	})
	return n, err
}

// place is where a page ended, for the one after it.
func place(sort string, l store.Listed) string {
	key := int64(0)
	switch sort {
	case store.ByDue:
		key = l.DueAt
	case store.ByUrgency:
		key = l.Urgency
	}
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d.%d", key, l.Index))
}

// placeIn reads what place wrote.
func placeIn(next string) (c store.LineCursor, err error) {
	text, err := base64.RawURLEncoding.DecodeString(next)
	if err != nil {
		return c, err
	}
	_, err = fmt.Sscanf(string(text), "%d.%d", &c.Key, &c.Index)
	return c, err
}

// showLine shows a case in a list.
func showLine(l store.Listed) Line {
	out := Line{
		Case: l.Case, Stage: l.Stage, Counterpart: l.Counterpart, Lane: l.Lane, Measures: append([]string{}, l.Types...), Updated: rfc3339(l.MovedAt),
		Own: l.Own, Incoming: l.Incoming, Reference: l.Reference, Owed: l.Owed, Clock: l.DueClock, Unread: l.Unread, Sealed: l.Sealed,
		Opened: rfc3339(l.OpenedAt), Officer: l.Officer, Team: l.Team, Tags: l.Tags,
	}
	if l.DueAt > 0 {
		out.Due = rfc3339(l.DueAt)
	}
	return out
}

// Cases lists all cases, the most recently moved first, as whoever holds the
// home sees them.
func (d *Desk) Cases(ctx context.Context) ([]Line, error) {
	if err := d.refreshLines(ctx); err != nil {
		return nil, err
	}
	all := []Line{}
	err := d.db.Read(ctx, func(r store.DeskReader) error {
		for f := (store.LineFilter{Limit: maxLines}); ; {
			lines, err := r.Lines(ctx, f)
			if err != nil {
				return err
			}
			for _, l := range lines {
				all, f.After.Index = append(all, showLine(l)), l.Index
			}
			if len(lines) < maxLines {
				return nil
			}
		}
	})
	return all, err
}
