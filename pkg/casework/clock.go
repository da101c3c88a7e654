package casework

import (
	"slices"
	"time"

	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/workflow"
)

// The states of a clock.
const (
	Running = "running" // the date is to come
	Warned  = "warned"  // it is near
	Held    = "held"    // it does not run, as a preservation while a request for the data is decided
	Met     = "met"
	Passed  = "passed"  // what was due did not come; that decides nothing
	Expired = "expired" // the law itself ends something at this date
)

// A Clock is a date on which something is due, or on which the law ends
// something.
type Clock struct {
	// Code is a row of the code list clock.
	Code string
	// Measure is the number of the measure; 0 for the whole case.
	Measure int64
	// Owed is who is to act; "" where nobody is.
	Owed workflow.Actor
	// Start is when the clock began to run.
	Start time.Time
	Due   time.Time
	// Done is when what was due came; zero while it has not.
	Done time.Time
	// Holds says that a request for the data stops the clock.
	Holds bool
}

// State says how the clock stands at a time.
func (c Clock) State(now time.Time) string {
	row, _ := convention.CodeOf(listClock, c.Code)
	switch {
	case c.Holds:
		return Held
	case !c.Done.IsZero():
		return Met
	case !now.Before(c.Due) && row.Has("expires"):
		return Expired
	case !now.Before(c.Due):
		return Passed
	case slices.ContainsFunc(c.Warnings(), func(t time.Time) bool { return !now.Before(t) }):
		return Warned
	}
	return Running
}

// Warnings returns when the one who is to act is to be warned, the earliest
// first.
func (c Clock) Warnings() []time.Time {
	row, _ := convention.CodeOf(listClock, c.Code)
	var out []time.Time
	for _, days := range row.Numbers("warn_days") {
		if t := c.Due.Add(-time.Duration(days) * day); t.After(c.Start) {
			out = append(out, t)
		}
	}
	return out
}

const (
	listClock   = "clock"
	listUrgency = "urgency-class"
	day         = 24 * time.Hour
)

// Clocks returns every clock of a case from its messages in the order of the
// log. It depends on nothing else, so that both sides get the same dates.
//
// Hours and days are exact: a day is 24 hours, whatever zone or summer time
// either side lives in. Whole days, where the law counts them, begin with the
// day after the one on which the clock starts and end with the last of them, in
// UTC.
func Clocks(entries []Entry) []Clock {
	r := reckoning{}
	for _, e := range entries {
		e.At = e.At.UTC()
		r.take(e)
	}
	return r.clocks
}

// A reckoning is what was computed so far.
type reckoning struct {
	request *convention.Request
	clocks  []Clock
}

// start starts a clock that is due at a date. Without a date it does not run.
func (r *reckoning) start(code string, measure int64, owed workflow.Actor, from, due time.Time) {
	if !due.IsZero() {
		r.clocks = append(r.clocks, Clock{Code: code, Measure: measure, Owed: owed, Start: from, Due: due})
	}
}

// meet marks the running clocks of a code as done. Measure 0 stands for all.
func (r *reckoning) meet(code string, measure int64, at time.Time) {
	for i := range r.clocks {
		c := &r.clocks[i]
		if c.Code == code && c.Done.IsZero() && (measure == 0 || c.Measure == 0 || c.Measure == measure) {
			c.Done = at
		}
	}
}

// move gives the running clocks of a code another date.
func (r *reckoning) move(code string, measure int64, due time.Time) {
	for i := range r.clocks {
		c := &r.clocks[i]
		if c.Code == code && c.Done.IsZero() && (measure == 0 || c.Measure == measure) {
			c.Due = due
		}
	}
}

// hold stops the clock of a preservation.
func (r *reckoning) hold() {
	for i := range r.clocks {
		if c := &r.clocks[i]; c.Done.IsZero() && (c.Code == "preservation-end" || c.Code == "extension") {
			c.Holds = true
		}
	}
}

// other returns the other side.
func other(a workflow.Actor) workflow.Actor {
	if a == workflow.Requesting {
		return workflow.Requested
	}
	return workflow.Requesting
}

// take adds what a message means for the clocks.
func (r *reckoning) take(e Entry) {
	if e.Linked {
		r.linked(e)
		return
	}
	if e.Actor == workflow.Requested {
		r.heard(e)
	}
	switch b := e.Body.(type) {
	case *convention.Request:
		r.begin(b, e.At)
	case *convention.Decision:
		r.decision(b, e.At)
	case *convention.Preserved:
		for _, i := range b.Items {
			r.preserved(i.Measure, i.Until.Time, e.At)
		}
	case *convention.Delivery:
		r.delivery(b, e.At)
	case *convention.Progress:
		for _, i := range b.Items {
			r.progress(i, e.At)
		}
	case *convention.Question:
		r.start("reply", 0, other(e.Actor), e.At, b.ReplyBy.Time)
	case *convention.Consultation:
		r.meet("reply", 0, e.At)
		r.start("reply", 0, other(e.Actor), e.At, b.ReplyBy.Time)
	case *convention.ConditionOffer:
		r.start("reply", 0, other(e.Actor), e.At, b.ReplyBy.Time)
	case *convention.RiskNotice:
		r.start("reply", 0, other(e.Actor), e.At, b.ReplyBy.Time)
	case *convention.UseRequest:
		r.start("reply", 0, other(e.Actor), e.At, b.ReplyBy.Time)
	case *convention.Answers, *convention.ConditionAnswer, *convention.RiskAnswer, *convention.UseDecision:
		r.meet("reply", 0, e.At)
	case *convention.DeadlineNotice:
		r.moved(b)
	case *convention.Withdrawal:
		r.ended(b.Measures, e.At)
	case *convention.Closure:
		r.ended(nil, e.At)
	}
}

// heard notes that the requested side has spoken, which is as good as an
// acknowledgement.
func (r *reckoning) heard(e Entry) {
	switch e.Body.(type) {
	case *convention.Acknowledgement, *convention.Decision, *convention.Preserved, *convention.Delivery:
		r.meet("acknowledgement", 0, e.At)
	}
	switch e.Body.(type) {
	case *convention.Decision, *convention.Preserved, *convention.Delivery:
		r.meet("answer", 0, e.At)
	}
}

// begin starts the clocks of a request.
func (r *reckoning) begin(q *convention.Request, at time.Time) {
	r.request = q
	class, _ := convention.CodeOf(listUrgency, q.Urgency)
	if class.Has("reason_wished") && q.UrgencyReason == nil {
		class, _ = convention.CodeOf(listUrgency, convention.Routine)
	}
	r.start("acknowledgement", 0, workflow.Requested, at, at.Add(hours(class, "ack_hours")))
	switch {
	case class.Number("answer_hours") > 0:
		r.start("answer", 0, workflow.Requested, at, at.Add(hours(class, "answer_hours")))
	case q.UrgencyReason != nil:
		r.start("answer", 0, workflow.Requested, at, q.UrgencyReason.Until.Time)
	}
	if q.Deadline != nil {
		r.start("deadline", 0, workflow.Requested, at, q.Deadline.At.Time)
	}
	r.start("no-notice", 0, "", at, q.NoNoticeUntil.Time)
	for _, m := range q.Measures {
		r.measure(m, at)
	}
}

// measure starts the clocks that a measure brings with it.
func (r *reckoning) measure(m convention.Measure, at time.Time) {
	switch {
	case m.Preservation != nil:
		r.start("follow-up", m.Number, workflow.Requesting, at, m.Preservation.MLAIntendedBy.Time)
	case m.UrgentHelp != nil:
		r.start("follow-up", m.Number, workflow.Requesting, at, m.UrgentHelp.FollowUpBy.Time)
		if oral := m.UrgentHelp.Oral; oral != nil {
			row, _ := convention.CodeOf(listClock, "oral-confirmation")
			r.start("oral-confirmation", m.Number, workflow.Requesting, oral.At.UTC(), oral.At.UTC().Add(hours(row, "hours")))
			r.meet("oral-confirmation", m.Number, at)
		}
	case m.ProvisionalArrest != nil:
		r.start("file", m.Number, workflow.Requesting, at, m.ProvisionalArrest.FileBy.Time)
	}
}

// hours returns a duration of a row.
func hours(row convention.Code, member string) time.Duration {
	return time.Duration(row.Number(member)) * time.Hour
}

// decision starts the clocks of accepted and postponed measures.
func (r *reckoning) decision(d *convention.Decision, at time.Time) {
	for _, i := range d.Items {
		r.meet("review", i.Measure, at)
		switch i.Outcome {
		case "postponed":
			r.start("review", i.Measure, workflow.Requested, at, i.Review.Time)
		case "refused":
			r.ended([]int64{i.Measure}, at)
		default:
			r.execution(i.Measure, at)
		}
	}
}

// execution starts the clock of the execution of a measure that was accepted.
func (r *reckoning) execution(measure int64, at time.Time) {
	if r.request == nil {
		return
	}
	class, _ := convention.CodeOf(listUrgency, r.request.Urgency)
	if class.Number("execution_hours") > 0 {
		r.start("execution", measure, workflow.Requested, at, at.Add(hours(class, "execution_hours")))
	}
}

// preserved starts the clock of a preservation, or gives it a later end.
func (r *reckoning) preserved(measure int64, until, at time.Time) {
	if slices.ContainsFunc(r.clocks, func(c Clock) bool { return c.Code == "preservation-end" && c.Measure == measure }) {
		r.move("preservation-end", measure, until)
		r.move("extension", measure, until)
		return
	}
	r.start("preservation-end", measure, workflow.Requesting, at, until)
	r.start("extension", measure, workflow.Requesting, at, until)
}

// delivery ends the clocks of what was delivered.
func (r *reckoning) delivery(d *convention.Delivery, at time.Time) {
	for _, i := range d.Results {
		if i.Result == "executed" || i.Result == "not-executed" || i.Result == "refused" {
			r.meet("execution", i.Measure, at)
		}
	}
	if d.Final {
		r.meet("deadline", 0, at)
		r.meet("execution", 0, at)
	}
}

// progress starts and ends the clocks that steps of a measure bring with them.
func (r *reckoning) progress(i convention.ProgressItem, at time.Time) {
	r.meet("review", i.Measure, at)
	switch i.Event {
	case "lifting-notice":
		r.start("lifting-window", i.Measure, workflow.Requesting, at, i.Until.Time)
	case "reasons-against-lifting", "maintained", "lifted":
		r.meet("lifting-window", i.Measure, at)
	case "presence-ended":
		row, _ := convention.CodeOf(listClock, "safe-conduct")
		r.start("safe-conduct", i.Measure, "", at, wholeDays(i.At.Time, row.Number("days")))
	case "arrested":
		r.start("file", i.Measure, workflow.Requesting, at, i.Until.Time)
	case "file-received", "arrest-ended":
		r.meet("file", i.Measure, at)
	case "released":
		r.ended([]int64{i.Measure}, at)
	}
}

// wholeDays returns the end of the last of n whole days, in UTC, after the day
// of t.
func wholeDays(t time.Time, n int64) time.Time {
	y, m, d := t.UTC().Date()
	return time.Date(y, m, d+1+int(n), 0, 0, 0, 0, time.UTC)
}

// moved gives the clocks of the requested side the new date that it named.
func (r *reckoning) moved(d *convention.DeadlineNotice) {
	measures := d.Measures
	if len(measures) == 0 {
		measures = []int64{0}
	}
	for _, m := range measures {
		for _, code := range []string{"answer", "deadline", "execution"} {
			r.move(code, m, d.Due.Time)
		}
	}
}

// ended ends all clocks of measures that are over, or of the case.
func (r *reckoning) ended(measures []int64, at time.Time) {
	for i := range r.clocks {
		c := &r.clocks[i]
		if c.Done.IsZero() && (len(measures) == 0 || slices.Contains(measures, c.Measure)) {
			c.Done, c.Holds = at, false
		}
	}
}

// linked takes a message of another case that bears on this one: a request for
// the preserved data stops the clock until it is decided, and an extension that
// was granted moves it.
func (r *reckoning) linked(e Entry) {
	switch b := e.Body.(type) {
	case *convention.Request:
		if b.Follows() {
			r.meet("follow-up", 0, e.At)
			r.hold()
			return
		}
		r.meet("extension", 0, e.At)
	case *convention.Decision:
		for _, i := range b.Items {
			if !i.Until.IsZero() {
				r.move("preservation-end", 0, i.Until.Time)
			}
		}
	}
}
