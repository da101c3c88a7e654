package office

import (
	"context"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/problem"
)

// Publication is what the State would publish of its own cases of the days from one
// to another, both included: of the figures that [Office.Statistics] counts, those of
// which nobody could recognise a case. Its heading is left for the signature.
func (o *Office) Publication(ctx context.Context, by desk.Officer, from, to string) (directory.StatisticsStatement, error) {
	out := directory.StatisticsStatement{From: from, To: to}
	if err := by.Require(desk.Administrator); err != nil {
		return out, err
	}
	begin, err := time.Parse(time.DateOnly, from)
	if err != nil {
		return out, problem.New(problem.InvalidValue, "from", "This is not a day such as 2026-01-01.")
	}
	end, err := time.Parse(time.DateOnly, to)
	if err != nil {
		return out, problem.New(problem.InvalidValue, "to", "This is not a day such as 2026-03-31.")
	}
	c, err := o.count(ctx, begin, end.AddDate(0, 0, 1))
	if err != nil {
		return out, err
	}
	c.publish(&out)
	return out, nil
}

// Publish publishes the figures of a period, as [Office.Publication] has them, and
// returns them. It cannot be taken back; the same period again corrects it.
func (o *Office) Publish(ctx context.Context, by desk.Officer, from, to string) (directory.StatisticsStatement, error) {
	s, err := o.Publication(ctx, by, from, to)
	if err != nil {
		return s, err
	}
	return s, o.desk.PublishStatistics(ctx, s)
}

// publish leaves out what is small, and what tells something small.
func (c *counting) publish(out *directory.StatisticsStatement) {
	out.Cases, out.Decisions, out.Grounds = []directory.CaseFigure{}, []directory.OutcomeFigure{}, []directory.GroundFigure{}
	for _, key := range slices.SortedFunc(maps.Keys(c.types), byCodes) {
		n := c.types[key]
		if n.Cases < directory.LeastCount {
			out.LeftOut++
			continue
		}
		f := directory.CaseFigure{Type: key[0], Direction: key[1], Cases: int64(n.Cases)}
		if closed := len(n.days); closed >= directory.LeastCount && (n.Open == 0 || n.Open >= directory.LeastCount) {
			slices.Sort(n.days)
			f.Closed, f.Median, f.Ninety = int64(closed), whole(n.days[(closed-1)/2]), whole(n.days[(closed*9+9)/10-1])
		}
		out.Cases = append(out.Cases, f)
	}
	for _, key := range slices.SortedFunc(maps.Keys(c.outcomes), byCodes) {
		if n := c.outcomes[key]; n >= directory.LeastCount {
			out.Decisions = append(out.Decisions, directory.OutcomeFigure{Outcome: key[0], Direction: key[1], Measures: int64(n)})
		} else {
			out.LeftOut++
		}
	}
	for _, key := range slices.SortedFunc(maps.Keys(c.grounds), byCodes) {
		if n := c.grounds[key]; n >= directory.LeastCount {
			out.Grounds = append(out.Grounds, directory.GroundFigure{Ground: key[0], Direction: key[1], Measures: int64(n)})
		} else {
			out.LeftOut++
		}
	}
}

// whole are days, of which a part counts for one.
func whole(days float64) int64 { return int64(math.Ceil(days)) }
