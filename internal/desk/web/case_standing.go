package web

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/pkg/convention"
)

// standing fills in how a case stands: measures, dates, conditions and what is
// missing.
func (s *Server) standing(c *Call, v *caseView) {
	for _, m := range v.Case.Measures {
		line := measureLine{
			Number: int(m.Number), Type: convention.Label("measure-type", m.Type, c.L.Tag), State: convention.Label("workflow-state", m.State, c.L.Tag),
			Owed: s.owed(c, m.Owed), Ended: m.Ended,
		}
		for _, next := range m.Next {
			line.Next = append(line.Next, stepLabel(c, next))
		}
		v.Measures = append(v.Measures, line)
	}
	v.Dates = s.dates(c, v.Case)
	for i, d := range v.Dates {
		if d.Running && !d.Due.IsZero() {
			v.Due = &v.Dates[i]
			break
		}
	}
	for _, x := range v.Case.Conditions {
		v.Conditions = append(v.Conditions, conditionLine{x, convention.Label("condition-type", x.Type, c.L.Tag), moment(c, x.Until)})
	}
	for _, x := range v.Case.Missing {
		v.Missing = append(v.Missing, missingLine{x, s.owed(c, x.By)})
	}
}

// owed names who is to act.
func (s *Server) owed(c *Call, authority string) string {
	switch {
	case authority == "":
		return ""
	case authority == "both":
		return c.L.T("case.both")
	case s.ours(authority):
		return c.L.T("case.us")
	}
	return s.authorityName(c, authority)
}

// stepLabel names a step of a measure: a kind of message, with a variant where the
// kind alone does not say it, such as progress:frozen.
func stepLabel(c *Call, step string) string {
	if code, ok := convention.CodeOf("workflow-event", step); ok {
		return code.Label(c.L.Tag)
	}
	kind, variant, _ := strings.Cut(step, ":")
	label := convention.Label("kind", kind, c.L.Tag)
	for _, list := range []string{kind + "-event", kind + "-outcome"} {
		if code, ok := convention.CodeOf(list, variant); ok {
			return label + " – " + code.Label(c.L.Tag)
		}
	}
	return label
}

// dateKinds are the colours of the states of clocks.
var dateKinds = map[string]string{"running": "info", "warned": "warn", "held": "plain", "met": "ok", "passed": "bad", "expired": "bad"}

// dates are the clocks that the broker keeps and the dates that follow from the
// law, in the order of time.
func (s *Server) dates(c *Call, found desk.Case) []dateLine {
	var out []dateLine
	other := found.Requested
	if found.Role == "requested" {
		other = found.Requesting
	}
	add := func(clock, due, state, owed string, measure int64) {
		out = append(out, dateLine{
			Name: clockLabel(c, clock), Measure: measure, Owed: owed, Due: moment(c, due), There: s.there(c, other, moment(c, due)),
			State: page.MakeTag(cmp.Or(dateKinds[state], "plain"), c.L.T("case.clock_"+state)), Running: state == "running" || state == "warned",
		})
	}
	known := map[string]bool{}
	for _, d := range found.Dates {
		known[d.Clock+d.Due] = true
		add(d.Clock, d.Due, d.State, s.owed(c, d.Owed), d.Measure)
	}
	for _, k := range found.Clocks {
		if !known[k.Name+k.Due] {
			add(k.Name, k.Due, k.State, "", 0)
		}
	}
	slices.SortStableFunc(out, func(a, b dateLine) int { return a.Due.Compare(b.Due) })
	return out
}

// there is a time in the zone of an authority; the zero time where its clocks show the
// same as the officer's.
func (s *Server) there(c *Call, authority string, t time.Time) time.Time {
	a, err := s.Desk.Directory().Authority(authority)
	if err != nil {
		return time.Time{}
	}
	return elsewhere(c.At(t), a.Statement.TimeZone)
}

// elsewhere is a time in another zone; the zero time where clocks show the same there.
func elsewhere(t time.Time, name string) time.Time {
	zone, err := time.LoadLocation(name)
	if err != nil || t.Unix() <= 0 {
		return time.Time{}
	}
	_, here := t.Zone()
	if _, offset := t.In(zone).Zone(); offset == here {
		return time.Time{}
	}
	return t.In(zone)
}

// clockLabel names a clock of the law, or that of delivery, which the broker alone keeps.
func clockLabel(c *Call, clock string) string {
	if clock == "delivery" {
		return c.L.T("case.delivery")
	}
	return convention.Label("clock", clock, c.L.Tag)
}

// caseEvents are the messages of both sides and the deadlines that passed, in the
// order of the log.
func (s *Server) caseEvents(c *Call, found desk.Case) (out []caseEvent, err error) {
	for _, m := range found.Events {
		e := caseEvent{
			Message: m, At: moment(c, m.Created), Index: m.Index, What: titleOf(c, m), From: s.authorityName(c, m.From),
			Verdict: s.verdictOf(c, m.Verdict), Remarks: remarks(c, m),
		}
		if e.Grade, err = s.gradeOf(c, m.ID); err != nil {
			return nil, err
		}
		for _, r := range m.Receipts {
			e.Receipts = append(e.Receipts, receiptLine{r, moment(c, r.At)})
		}
		for _, x := range found.Misplaced {
			if x.Message == m.Digest {
				e.Misplaced = append(e.Misplaced, x.Measure)
			}
		}
		out = append(out, e)
	}
	for _, d := range found.Deadlines {
		out = append(out, caseEvent{At: moment(c, d.Due), Index: d.Index, Deadline: clockLabel(c, d.Clock)})
	}
	slices.SortStableFunc(out, func(a, b caseEvent) int { return cmp.Compare(a.Index, b.Index) })
	return out, nil
}
