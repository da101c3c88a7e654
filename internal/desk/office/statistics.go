package office

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/problem"
)

// Statistics are the State's own figures of the cases opened in a period. They hold
// no personal data; sealed cases are counted as any.
type Statistics struct {
	From   string       `json:"from"` // RFC 3339
	To     string       `json:"to"`   // RFC 3339
	Months []MonthCount `json:"months"`
	// Totals are of all types together, by direction; a case counts once.
	Totals []TypeCount `json:"totals"`
	Types  []TypeCount `json:"types"`
	// Grounds are those of refusals decided in the period.
	Grounds []GroundCount `json:"grounds"`
	With    []PartyCount  `json:"with"`
}

// A MonthCount counts the cases opened in a month, by the calendar of UTC.
type MonthCount struct {
	Month string `json:"month"` // such as 2026-11
	In    int    `json:"in"`
	Out   int    `json:"out"`
}

// A Duration is how long something took, in days.
type Duration struct {
	Cases  int     `json:"cases"` // in which it happened
	Median float64 `json:"median_days"`
	Ninety float64 `json:"p90_days"` // nine of ten took no longer

	days []float64
}

// add counts a duration between two times in Unix seconds; none while it has not
// ended.
func (d *Duration) add(from, to int64) {
	if to > 0 {
		d.days = append(d.days, float64(max(0, to-from))/(24*60*60))
	}
}

func (d *Duration) fill() {
	if slices.Sort(d.days); len(d.days) > 0 {
		d.Cases, d.Median, d.Ninety = len(d.days), d.days[(len(d.days)-1)/2], d.days[(len(d.days)*9+9)/10-1]
	}
}

// A TypeCount counts the cases that ask for a type of measure; a case with several
// counts for each. Durations are in days, from opening to closing, of those that
// are closed.
type TypeCount struct {
	Type      string `json:"type,omitempty"`
	Direction string `json:"direction"` // in or out
	Cases     int    `json:"cases"`
	Open      int    `json:"open"`
	Overdue   int    `json:"overdue"`
	Duration
	Acknowledged Duration `json:"acknowledged"` // from opening to the first acknowledgement
	Answered     Duration `json:"answered"`     // to the first decision or delivery
}

// count adds a case.
func (n *TypeCount) count(l store.TimedLine, now int64) {
	n.Cases++
	if l.Closed {
		n.add(l.OpenedAt, l.EndedAt)
	} else {
		n.Open++
	}
	if l.DueAt > 0 && l.DueAt < now {
		n.Overdue++
	}
	n.Acknowledged.add(l.OpenedAt, l.AcknowledgedAt)
	n.Answered.add(l.OpenedAt, l.AnsweredAt)
}

func (n *TypeCount) fill() {
	n.Duration.fill()
	n.Acknowledged.fill()
	n.Answered.fill()
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
	c, err := o.count(ctx, from, to)
	c.fill(&out, from, to)
	return out, err
}

// count counts what happened in [from, to).
func (o *Office) count(ctx context.Context, from, to time.Time) (*counting, error) {
	c := &counting{
		now: o.now(), types: map[[2]string]*TypeCount{}, totals: map[string]*TypeCount{}, months: map[string]*MonthCount{}, with: map[string]*PartyCount{},
		grounds: map[[2]string]int{}, outcomes: map[[2]string]int{},
	}
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
		return decisions(ctx, r, from, to, func(d store.DecidedLetter) error {
			c.decision(d)
			return nil
		})
	})
	return c, err
}

// decisions goes through the decisions of both sides in [from, to).
func decisions(ctx context.Context, r store.DeskReader, from, to time.Time, do func(store.DecidedLetter) error) error {
	at, after := from.Unix(), int64(-1)
	for {
		some, err := r.Decisions(ctx, at, to.Unix(), after, page)
		if err != nil {
			return err
		}
		for _, d := range some {
			if err := do(d); err != nil {
				return err
			}
			at, after = d.At, d.Index
		}
		if len(some) < page {
			return nil
		}
	}
}

// A counting is what was counted so far; keys end with the direction.
type counting struct {
	now      int64
	types    map[[2]string]*TypeCount
	totals   map[string]*TypeCount
	months   map[string]*MonthCount
	with     map[string]*PartyCount
	grounds  map[[2]string]int
	outcomes map[[2]string]int // of decisions on measures
}

func direction(incoming bool) string {
	if incoming {
		return "in"
	}
	return "out"
}

// once is the element of a map, made if need be.
func once[K comparable, V any](m map[K]*V, key K, fresh V) *V {
	if m[key] == nil {
		m[key] = &fresh
	}
	return m[key]
}

func (c *counting) line(l store.TimedLine) {
	way := direction(l.Incoming)
	for _, t := range l.Types {
		once(c.types, [2]string{t, way}, TypeCount{Type: t, Direction: way}).count(l, c.now)
	}
	once(c.totals, way, TypeCount{Direction: way}).count(l, c.now)
	month := time.Unix(l.OpenedAt, 0).UTC().Format(monthForm)
	m, with := once(c.months, month, MonthCount{Month: month}), once(c.with, l.Counterpart, PartyCount{Authority: l.Counterpart})
	if l.Incoming {
		m.In++
		with.In++
	} else {
		m.Out++
		with.Out++
	}
}

// monthForm is how months are written.
const monthForm = "2006-01"

// decision counts the grounds of a decision: one that this State sent refuses what
// came in. Its body was checked when it came into the case file.
func (c *counting) decision(d store.DecidedLetter) {
	var decided convention.Decision
	if json.Unmarshal(d.Body, &decided) != nil || decided.Kind() != "decision" {
		return
	}
	for _, item := range decided.Items {
		c.outcomes[[2]string{item.Outcome, direction(!d.Incoming)}]++
		for _, ground := range item.Grounds {
			c.grounds[[2]string{ground, direction(!d.Incoming)}]++
		}
	}
}

// byCodes orders what is counted.
func byCodes(a, b [2]string) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) }

func (c *counting) fill(out *Statistics, from, to time.Time) {
	out.Months, out.Totals, out.Types, out.Grounds, out.With = []MonthCount{}, []TypeCount{}, []TypeCount{}, []GroundCount{}, []PartyCount{}
	for _, key := range slices.SortedFunc(maps.Keys(c.types), byCodes) {
		c.types[key].fill()
		out.Types = append(out.Types, *c.types[key])
	}
	for _, way := range slices.Sorted(maps.Keys(c.totals)) {
		c.totals[way].fill()
		out.Totals = append(out.Totals, *c.totals[way])
	}
	for _, key := range slices.SortedFunc(maps.Keys(c.grounds), byCodes) {
		out.Grounds = append(out.Grounds, GroundCount{key[0], key[1], c.grounds[key]})
	}
	for _, authority := range slices.Sorted(maps.Keys(c.with)) {
		out.With = append(out.With, *c.with[authority])
	}
	first := time.Date(from.UTC().Year(), from.UTC().Month(), 1, 0, 0, 0, 0, time.UTC)
	for m := first; m.Before(to) && len(out.Months) < mostMonths; m = m.AddDate(0, 1, 0) {
		out.Months = append(out.Months, *once(c.months, m.Format(monthForm), MonthCount{Month: m.Format(monthForm)}))
	}
}

// mostMonths bounds how many months are counted one by one.
const mostMonths = 120

// Refused returns the cases in which a measure was refused on a ground in [from, to),
// those that the officer may read, with how many there are in all; way is in for what
// this State refused.
func (o *Office) Refused(ctx context.Context, by desk.Officer, from, to time.Time, ground, way string) (cases []store.Line, all int, err error) {
	if err := by.Require(desk.Readers...); err != nil {
		return nil, 0, err
	}
	err = o.desk.Store().Read(ctx, func(r store.DeskReader) error {
		seen := map[string]bool{}
		return decisions(ctx, r, from, to, func(d store.DecidedLetter) error {
			c := counting{grounds: map[[2]string]int{}, outcomes: map[[2]string]int{}}
			if c.decision(d); c.grounds[[2]string{ground, way}] == 0 || seen[d.Case] {
				return nil
			}
			seen[d.Case] = true
			all++
			if err := mayRead(ctx, r, by, d.Case); problem.CodeOf(err) == problem.NotFound {
				return nil
			} else if err != nil {
				return err
			}
			line, err := r.Line(ctx, d.Case)
			cases = append(cases, line)
			return err
		})
	})
	return cases, all, err
}
