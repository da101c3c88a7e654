package casework_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/entraide/entraide/pkg/casework"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/workflow"
)

// at reads a time; "" is none.
func at(t *testing.T, s string) time.Time {
	t.Helper()
	if s == "" {
		return time.Time{}
	}
	v, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// A file is a case under construction.
type file struct {
	t       *testing.T
	entries []casework.Entry
}

// add adds a message at the next place of the log.
func (f *file) add(actor workflow.Actor, when string, body convention.Body) *file {
	f.t.Helper()
	digest := fmt.Sprintf("%064x", len(f.entries)+1)
	f.entries = append(f.entries, casework.Entry{Digest: digest, Actor: actor, At: at(f.t, when), Body: body})
	return f
}

// linked adds a message of another case that refers to this one.
func (f *file) linked(actor workflow.Actor, when string, body convention.Body) *file {
	f.t.Helper()
	f.add(actor, when, body).entries[len(f.entries)-1].Linked = true
	return f
}

// clock returns the last clock of a code.
func (f *file) clock(code string) casework.Clock {
	f.t.Helper()
	clocks := casework.Clocks(f.entries)
	for _, c := range slices.Backward(clocks) {
		if c.Code == code {
			return c
		}
	}
	f.t.Fatalf("no clock %s in %+v", code, clocks)
	return casework.Clock{}
}

func (f *file) due(code, want string) {
	f.t.Helper()
	if got := f.clock(code).Due; !got.Equal(at(f.t, want)) || got.Location() != time.UTC {
		f.t.Errorf("%s is due %s, want %s", code, got.Format(time.RFC3339), want)
	}
}

func (f *file) stands(code, when, want string) {
	f.t.Helper()
	if got := f.clock(code).State(at(f.t, when)); got != want {
		f.t.Errorf("%s is %s at %s, want %s", code, got, when, want)
	}
}

// request asks for measures of the given types.
func request(urgency string, types ...string) *convention.Request {
	q := &convention.Request{Head: convention.HeadOf("request"), Urgency: urgency, UrgencyReason: &convention.UrgencyReason{Code: "RETENTION"}}
	for i, typ := range types {
		q.Measures = append(q.Measures, convention.Measure{Number: int64(i) + 1, Type: typ})
	}
	return q
}

func (f *file) when(s string) convention.Time { f.t.Helper(); return convention.At(at(f.t, s)) }

func (f *file) preserved(until string) *convention.Preserved {
	return &convention.Preserved{
		Head: convention.HeadOf("preserved"), Reference: "N-1",
		Items: []convention.PreservedItem{{Measure: 1, Until: f.when(until)}},
	}
}

func (f *file) progress(event, when, until string) *convention.Progress {
	i := convention.ProgressItem{Measure: 1, Event: event, At: f.when(when)}
	if until != "" {
		i.Until = f.when(until)
	}
	return &convention.Progress{Head: convention.HeadOf("progress"), Items: []convention.ProgressItem{i}}
}

func decision(outcome string, measures ...int64) *convention.Decision {
	d := &convention.Decision{Head: convention.HeadOf("decision")}
	for _, n := range measures {
		d.Items = append(d.Items, convention.DecisionItem{Measure: n, Outcome: outcome})
	}
	return d
}

// TestUrgency checks when the acknowledgement and the answer are due by class:
// exact hours, over the leap day and over the nights on which the clocks of
// either side change.
func TestUrgency(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ class, sent, acknowledge, answer string }{
		{"E0_EMERGENCY", "2028-02-28T23:30:00Z", "2028-02-29T00:30:00Z", "2028-02-29T07:30:00Z"},
		{"E1_URGENT_VOLATILE", "2028-02-28T23:00:00Z", "2028-02-29T03:00:00Z", "2028-03-02T23:00:00Z"},
		{"P1_PRIORITY", "2028-02-27T10:00:00Z", "2028-03-01T10:00:00Z", "2028-03-28T10:00:00Z"},
		{"P1_PRIORITY", "2027-02-27T10:00:00Z", "2027-03-02T10:00:00Z", "2027-03-29T10:00:00Z"},
		// The last Sunday of March, seen from a State with summer time.
		{"E1_URGENT_VOLATILE", "2026-03-29T01:30:00+01:00", "2026-03-29T04:30:00Z", "2026-04-01T00:30:00Z"},
		{"R0_ROUTINE", "2026-10-24T12:00:00+02:00", "2026-10-31T10:00:00Z", "2026-11-23T10:00:00Z"},
	} {
		f := (&file{t: t}).add(workflow.Requesting, c.sent, request(c.class, "T06"))
		f.due("acknowledgement", c.acknowledge)
		f.due("answer", c.answer)
	}
}

// TestUrgencyWithoutReason checks that urgency for which no reason is given
// counts as routine.
func TestUrgencyWithoutReason(t *testing.T) {
	t.Parallel()
	q := request("P1_PRIORITY", "T06")
	q.UrgencyReason = nil
	f := (&file{t: t}).add(workflow.Requesting, "2026-03-16T08:00:00Z", q)
	f.due("acknowledgement", "2026-03-23T08:00:00Z")
}

// TestAcknowledged checks that who answers in substance has acknowledged, and
// that a date that passed decides nothing.
func TestAcknowledged(t *testing.T) {
	t.Parallel()
	f := (&file{t: t}).add(workflow.Requesting, "2026-03-16T08:00:00Z", request("E1_URGENT_VOLATILE", "T01"))
	f.stands("acknowledgement", "2026-03-16T11:59:59Z", casework.Running)
	f.stands("acknowledgement", "2026-03-16T12:00:00Z", casework.Passed)
	f.add(workflow.Requested, "2026-03-16T13:00:00Z", f.preserved("2026-05-15T13:00:00Z"))
	f.stands("acknowledgement", "2026-03-17T00:00:00Z", casework.Met)
	f.stands("answer", "2026-04-17T00:00:00Z", casework.Met)
}

// TestPreservation checks the end of a preservation: warnings, the second on
// which it ends, the extension that moves it, and the hold while a request for
// the data is decided.
func TestPreservation(t *testing.T) {
	t.Parallel()
	kept := func() *file {
		f := &file{t: t}
		return f.add(workflow.Requesting, "2026-03-16T07:40:00Z", request("E1_URGENT_VOLATILE", "T01")).
			add(workflow.Requested, "2026-03-16T08:05:00Z", &convention.Acknowledgement{Head: convention.HeadOf("acknowledgement")}).
			add(workflow.Requested, "2026-03-16T09:30:00Z", f.preserved("2026-05-15T09:30:00Z"))
	}
	f := kept()
	for _, c := range []struct{ when, state string }{
		{"2026-04-24T09:29:59Z", casework.Running},
		{"2026-04-24T09:30:00Z", casework.Warned}, // 21 days before
		{"2026-05-15T09:29:59Z", casework.Warned},
		{"2026-05-15T09:30:00Z", casework.Expired},
	} {
		f.stands("preservation-end", c.when, c.state)
	}
	warnings := f.clock("preservation-end").Warnings()
	if !slices.Equal(warnings, []time.Time{at(t, "2026-04-24T09:30:00Z"), at(t, "2026-05-08T09:30:00Z")}) {
		t.Errorf("warnings at %v", warnings)
	}
	if got := casework.Derive(f.entries, at(t, "2026-05-15T09:30:00Z")).Measures[0].State; got != "expired" {
		t.Errorf("after its end the preservation is %s", got)
	}
	if got := casework.Derive(f.entries, at(t, "2026-05-15T09:29:59Z")).Measures[0].State; got != "preserved" {
		t.Errorf("before its end the preservation is %s", got)
	}

	extension := request("E1_URGENT_VOLATILE", "T03")
	extension.References = []convention.Reference{{Relation: "extends"}}
	granted := decision("accepted", 1)
	granted.Items[0].Until = f.when("2026-07-14T09:30:00Z")
	f = kept().linked(workflow.Requesting, "2026-05-04T10:00:00Z", extension).linked(workflow.Requested, "2026-05-05T10:00:00Z", granted)
	f.due("preservation-end", "2026-07-14T09:30:00Z")
	if got := casework.Derive(f.entries, at(t, "2026-06-01T00:00:00Z")).Measures[0].State; got != "preserved" {
		t.Errorf("extended, the preservation is %s", got)
	}

	full := request("R0_ROUTINE", "T06")
	full.References = []convention.Reference{{Relation: "follows-preservation"}}
	f.linked(workflow.Requesting, "2026-06-22T10:00:00Z", full)
	f.stands("preservation-end", "2027-06-22T10:00:00Z", casework.Held)
	if got := casework.Derive(f.entries, at(t, "2027-06-22T10:00:00Z")).Measures[0].State; got != "held" {
		t.Errorf("while the request for the data is decided, the preservation is %s", got)
	}
}

// TestLateExtension checks that an extension that is asked for after the end
// revives nothing.
func TestLateExtension(t *testing.T) {
	t.Parallel()
	f := &file{t: t}
	f.add(workflow.Requesting, "2026-03-16T07:40:00Z", request("E1_URGENT_VOLATILE", "T01")).
		add(workflow.Requested, "2026-03-16T09:30:00Z", f.preserved("2026-05-15T09:30:00Z"))
	extension := request("E1_URGENT_VOLATILE", "T03")
	extension.References = []convention.Reference{{Relation: "extends"}}
	f.linked(workflow.Requesting, "2026-05-16T10:00:00Z", extension)
	c := casework.Derive(f.entries, at(t, "2026-05-17T00:00:00Z"))
	if c.Measures[0].State != "expired" || len(c.Misplaced) != 1 {
		t.Errorf("%s, misplaced %+v", c.Measures[0].State, c.Misplaced)
	}
}

// TestOralConfirmation checks that the words on the telephone must be confirmed
// in writing within a day, counted from the call in whatever zone it was noted.
func TestOralConfirmation(t *testing.T) {
	t.Parallel()
	q := request("E0_EMERGENCY", "T25")
	called := convention.Moment{Time: at(t, "2026-10-25T02:30:00+02:00")}
	q.Measures[0].UrgentHelp = &convention.UrgentHelp{Oral: &convention.OralRecord{At: called}}
	f := (&file{t: t}).add(workflow.Requesting, "2026-10-25T06:00:00Z", q)
	f.due("oral-confirmation", "2026-10-26T00:30:00Z")
	f.stands("oral-confirmation", "2026-10-27T00:00:00Z", casework.Met)
}

// TestSafeConduct checks that safe conduct ends with the last of fifteen whole
// days after the presence ended, over a leap day and a change of clocks.
func TestSafeConduct(t *testing.T) {
	t.Parallel()
	for ended, want := range map[string]string{
		"2028-02-20T16:45:00Z":      "2028-03-07T00:00:00Z",
		"2027-02-20T16:45:00Z":      "2027-03-08T00:00:00Z",
		"2026-03-20T23:59:59Z":      "2026-04-05T00:00:00Z",
		"2026-03-21T00:30:00+02:00": "2026-04-05T00:00:00Z",
	} {
		f := (&file{t: t}).add(workflow.Requesting, "2026-01-16T08:00:00Z", request("R0_ROUTINE", "T12"))
		f.add(workflow.Requested, ended, f.progress("presence-ended", ended, ""))
		f.due("safe-conduct", want)
		f.stands("safe-conduct", want, casework.Expired)
	}
}

// TestLifting checks the window in which the requesting State can speak against
// the lifting of a freeze.
func TestLifting(t *testing.T) {
	t.Parallel()
	f := (&file{t: t}).add(workflow.Requesting, "2026-01-16T08:00:00Z", request("R0_ROUTINE", "T13"))
	f.add(workflow.Requested, "2026-03-01T08:00:00Z", f.progress("lifting-notice", "2026-03-01T08:00:00Z", "2026-03-15T08:00:00Z"))
	f.due("lifting-window", "2026-03-15T08:00:00Z")
	f.stands("lifting-window", "2026-03-08T07:59:59Z", casework.Running)
	f.stands("lifting-window", "2026-03-08T08:00:00Z", casework.Warned)
	f.stands("lifting-window", "2026-03-15T08:00:00Z", casework.Passed)
	f.add(workflow.Requesting, "2026-03-14T08:00:00Z", f.progress("reasons-against-lifting", "2026-03-14T08:00:00Z", ""))
	f.stands("lifting-window", "2026-03-16T00:00:00Z", casework.Met)
}

// TestNewDate checks that a date that cannot be met is moved by naming another.
func TestNewDate(t *testing.T) {
	t.Parallel()
	q := request("R0_ROUTINE", "T06", "T16")
	q.Deadline = &convention.Deadline{At: convention.At(at(t, "2026-06-01T12:00:00Z"))}
	f := (&file{t: t}).add(workflow.Requesting, "2026-03-16T08:00:00Z", q)
	f.due("deadline", "2026-06-01T12:00:00Z")
	f.add(workflow.Requested, "2026-05-20T08:00:00Z", &convention.DeadlineNotice{Head: convention.HeadOf("deadline-notice"), Due: f.when("2026-07-01T12:00:00Z")})
	f.due("deadline", "2026-07-01T12:00:00Z")
	f.stands("deadline", "2026-06-15T12:00:00Z", casework.Running)
}

// TestReview checks that a postponement names the date on which it is looked at
// again, and that the measure then goes on.
func TestReview(t *testing.T) {
	t.Parallel()
	f := (&file{t: t}).add(workflow.Requesting, "2026-03-16T08:00:00Z", request("R0_ROUTINE", "T06"))
	postponed := decision("postponed", 1)
	postponed.Items[0].Review = f.when("2026-06-16T08:00:00Z")
	f.add(workflow.Requested, "2026-04-01T08:00:00Z", postponed)
	f.due("review", "2026-06-16T08:00:00Z")
	f.stands("review", "2026-06-09T08:00:00Z", casework.Warned)
	f.add(workflow.Requested, "2026-06-15T08:00:00Z", decision("accepted", 1))
	f.stands("review", "2026-07-01T08:00:00Z", casework.Met)
	f.due("execution", "2026-09-13T08:00:00Z")
}
