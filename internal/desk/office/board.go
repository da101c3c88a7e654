package office

import (
	"context"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/store"
)

// Spans of the board, and how long the broker may be silent before the board says
// that what it shows may be old.
const (
	soon      = 24 * time.Hour
	later     = 72 * time.Hour
	silent    = 2 * time.Minute
	boardRows = 30      // of a column; the board has its number and the rest is in the list
	counted   = 100_000 // cases of a column at most
)

// A Board is what the watch has before it: who calls, what is due, who is on duty,
// and whether the line to the broker is up.
type Board struct {
	At      time.Time `json:"at"`
	Pages   []Page    `json:"pages"`   // that nobody has acknowledged, the newest first
	Columns []Column  `json:"columns"` // what is due, the most urgent first
	OnDuty  []Shift   `json:"on_duty"` // those who are paged first first
	// Reached is when the broker last answered this process; the zero time for not
	// yet. Silent says that this is too long ago: what is shown may be old.
	Reached time.Time `json:"reached,omitzero"`
	Silent  bool      `json:"silent"`
}

// A Column holds open cases in which something is due within a span.
type Column struct {
	Name  string      `json:"name"` // overdue, day (less than 24 hours left) or days (less than 72)
	Count int         `json:"count"`
	Cases []desk.Line `json:"cases"` // the first of them
}

// Board returns what the watch has before it.
func (o *Office) Board(ctx context.Context, by desk.Officer) (Board, error) {
	now := o.desk.Now().UTC()
	b := Board{At: now, Reached: o.desk.Reached()}
	b.Silent = now.Sub(b.Reached) > silent
	var err error
	if b.Pages, err = o.Pages(ctx, by, store.PageRaised, time.Time{}); err != nil {
		return b, err
	}
	if b.OnDuty, err = o.OnDuty(ctx, now); err != nil {
		return b, err
	}
	b.Columns, err = o.columns(ctx, by, now)
	return b, err
}

// columns lists open cases by when something is due in them.
func (o *Office) columns(ctx context.Context, by desk.Officer, now time.Time) ([]Column, error) {
	var columns []Column
	for _, span := range []struct {
		name     string
		from, to time.Time
	}{
		{name: "overdue", to: now},
		{name: "day", from: now, to: now.Add(soon)},
		{name: "days", from: now.Add(soon), to: now.Add(later)},
	} {
		f := desk.ListFilter{State: "open", DueFrom: span.from, DueBefore: span.to, Sort: store.ByDue}
		lines, err := o.desk.List(ctx, by, f, "", boardRows)
		if err != nil {
			return nil, err
		}
		c := Column{Name: span.name, Count: len(lines.Cases), Cases: lines.Cases}
		if lines.Next != "" {
			if c.Count, err = o.desk.Count(ctx, by, f, counted); err != nil {
				return nil, err
			}
		}
		columns = append(columns, c)
	}
	return columns, nil
}
