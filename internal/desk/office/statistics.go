package office

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/convention"
)

// Statistics are the State's own figures of the cases opened in a period. They hold
// no personal data.
type Statistics struct {
	From  string      `json:"from"` // RFC 3339
	To    string      `json:"to"`   // RFC 3339
	Types []TypeCount `json:"types"`
	// Grounds are those of refusals decided in the period.
	Grounds []GroundCount `json:"grounds"`
	With    []PartyCount  `json:"with"`
}

// A TypeCount counts the cases that ask for a type of measure; a case with several
// counts for each. Durations are in days, from opening to closing, of those that
// are closed.
type TypeCount struct {
	Type      string  `json:"type"`
	Direction string  `json:"direction"` // in or out
	Cases     int     `json:"cases"`
	Open      int     `json:"open"`
	Overdue   int     `json:"overdue"`
	Median    float64 `json:"median_days"`
	Ninety    float64 `json:"p90_days"` // nine of ten took no longer

	days []float64
}

// A GroundCount counts a ground on which measures were refused.
type GroundCount struct {
	Ground    string `json:"ground"`
	Direction string `json:"direction"` // in: refused by this State; out: by others
	Measures  int    `json:"measures"`
}

// A PartyCount counts cases with an authority.
type PartyCount struct {
	Authority string `json:"authority"`
	In        int    `json:"in"`
	Out       int    `json:"out"`
}

// page bounds what is read of the case file at a time.
const page = 1000

// Statistics counts what happened in [from, to).
func (o *Office) Statistics(ctx context.Context, by desk.Officer, from, to time.Time) (Statistics, error) {
	out := Statistics{From: from.UTC().Format(time.RFC3339), To: to.UTC().Format(time.RFC3339)}
	if err := by.Require(append([]desk.Role{desk.Administrator}, desk.Readers...)...); err != nil {
		return out, err
	}
	c := counting{now: o.now(), types: map[[2]string]*TypeCount{}, with: map[string]*PartyCount{}, grounds: map[[2]string]int{}}
	err := o.desk.Store().Read(ctx, func(r store.DeskReader) error {
		for after := int64(-1); ; {
			lines, err := r.LinesBetween(ctx, from.Unix(), to.Unix(), after, page)
			if err != nil {
				return err
			}
			for _, l := range lines {
				c.line(l)
				after = l.Index
			}
			if len(lines) < page {
				break
			}
		}
		decided, err := r.Decisions(ctx, from.Unix(), to.Unix())
		for _, d := range decided {
			c.decision(d)
		}
		return err
	})
	c.fill(&out)
	return out, err
}

// A counting is what was counted so far; keys end with the direction.
type counting struct {
	now     int64
	types   map[[2]string]*TypeCount
	with    map[string]*PartyCount
	grounds map[[2]string]int
}

func direction(incoming bool) string {
	if incoming {
		return "in"
	}
	return "out"
}

func (c *counting) line(l store.Line) {
	for _, t := range l.Types {
		key := [2]string{t, direction(l.Incoming)}
		if c.types[key] == nil {
			c.types[key] = &TypeCount{Type: t, Direction: key[1]}
		}
		n := c.types[key]
		n.Cases++
		if l.Closed {
			n.days = append(n.days, float64(l.EndedAt-l.OpenedAt)/(24*60*60))
		} else {
			n.Open++
		}
		if l.DueAt > 0 && l.DueAt < c.now {
			n.Overdue++
		}
	}
	if c.with[l.Counterpart] == nil {
		c.with[l.Counterpart] = &PartyCount{Authority: l.Counterpart}
	}
	if l.Incoming {
		c.with[l.Counterpart].In++
	} else {
		c.with[l.Counterpart].Out++
	}
}

// decision counts the grounds of a decision: one that this State sent refuses what
// came in.
func (c *counting) decision(d store.DecidedLetter) {
	body, err := convention.ParseBody(d.Body)
	decided, ok := body.(*convention.Decision)
	if err != nil || !ok {
		return
	}
	for _, item := range decided.Items {
		for _, ground := range item.Grounds {
			c.grounds[[2]string{ground, direction(!d.Incoming)}]++
		}
	}
}

func (c *counting) fill(out *Statistics) {
	out.Types, out.Grounds, out.With = []TypeCount{}, []GroundCount{}, []PartyCount{}
	compare := func(a, b [2]string) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) }
	for _, key := range slices.SortedFunc(maps.Keys(c.types), compare) {
		n := c.types[key]
		if slices.Sort(n.days); len(n.days) > 0 {
			n.Median, n.Ninety = n.days[(len(n.days)-1)/2], n.days[(len(n.days)*9+9)/10-1]
		}
		out.Types = append(out.Types, *n)
	}
	for _, key := range slices.SortedFunc(maps.Keys(c.grounds), compare) {
		out.Grounds = append(out.Grounds, GroundCount{key[0], key[1], c.grounds[key]})
	}
	for _, authority := range slices.Sorted(maps.Keys(c.with)) {
		out.With = append(out.With, *c.with[authority])
	}
}
