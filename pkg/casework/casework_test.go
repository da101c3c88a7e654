package casework_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/entraide/entraide/pkg/casework"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/workflow"
)

// The middle of the cases below.
const (
	sent    = "2026-03-16T08:00:00Z"
	taken   = "2026-03-17T08:00:00Z"
	decided = "2026-03-20T08:00:00Z"
	later   = "2026-03-21T08:00:00Z"
)

// opened is a request for measures that the other side has acknowledged.
func opened(t *testing.T, types ...string) *file {
	t.Helper()
	return (&file{t: t}).add(workflow.Requesting, sent, request("R0_ROUTINE", types...)).
		add(workflow.Requested, taken, &convention.Acknowledgement{Head: convention.HeadOf("acknowledgement")})
}

// stand checks the states of the measures, and how many messages had no effect.
func (f *file) stand(misplaced int, states ...string) casework.Case {
	f.t.Helper()
	c := casework.Derive(f.entries, at(f.t, "2026-03-30T08:00:00Z"))
	for i, want := range states {
		if got := c.Measures[i].State; got != want {
			f.t.Errorf("measure %d is %s, want %s", i+1, got, want)
		}
	}
	if len(c.Misplaced) != misplaced {
		f.t.Errorf("misplaced %+v, want %d", c.Misplaced, misplaced)
	}
	return c
}

func delivered(results map[int64]string) *convention.Delivery {
	d := &convention.Delivery{Head: convention.HeadOf("delivery")}
	for n, result := range results {
		d.Results = append(d.Results, convention.DeliveryResult{Measure: n, Result: result})
	}
	return d
}

// TestDecisionPerMeasure checks that measures go their own ways.
func TestDecisionPerMeasure(t *testing.T) {
	t.Parallel()
	f := opened(t, "T06", "T16", "T04").add(workflow.Requested, decided, decision("accepted", 1))
	c := f.stand(0, "accepted", "acknowledged", "acknowledged")
	if c.Aggregate() != casework.Mixed {
		t.Errorf("together: %s", c.Aggregate())
	}
}

// TestConflictingDecisions checks two decisions that contradict each other. An
// obstacle that is found in the execution can still end in a refusal; what was
// refused stays refused, and the other message is shown, not lost.
func TestConflictingDecisions(t *testing.T) {
	t.Parallel()
	refused := decision("refused", 1)
	refused.Items[0].Grounds = []string{"OUT_OF_SCOPE"}
	opened(t, "T06").add(workflow.Requested, decided, decision("accepted", 1)).
		add(workflow.Requested, later, refused).stand(0, "refused")
	c := opened(t, "T06").add(workflow.Requested, decided, refused).
		add(workflow.Requested, later, decision("accepted", 1)).stand(1, "refused")
	if len(c.Misplaced) == 1 && (c.Misplaced[0].Measure != 1 || c.Misplaced[0].Reason == "" || c.Misplaced[0].Digest != fmt.Sprintf("%064x", 4)) {
		t.Errorf("%+v", c.Misplaced)
	}
}

// TestCrossing checks a withdrawal that crosses a decision: both sides read the
// same order from the log, whichever way they crossed.
func TestCrossing(t *testing.T) {
	t.Parallel()
	withdrawal := &convention.Withdrawal{Head: convention.HeadOf("withdrawal"), Handling: "stop"}
	opened(t, "T06").add(workflow.Requested, decided, decision("accepted", 1)).
		add(workflow.Requesting, decided, withdrawal).stand(0, "withdrawn")
	opened(t, "T06").add(workflow.Requesting, decided, withdrawal).
		add(workflow.Requested, decided, decision("accepted", 1)).stand(1, "withdrawn")
}

// TestWithdrawalAfterPartialDelivery checks that what was delivered stays
// delivered, and the rest is withdrawn.
func TestWithdrawalAfterPartialDelivery(t *testing.T) {
	t.Parallel()
	f := opened(t, "T06", "T16").add(workflow.Requested, decided, decision("accepted", 1, 2)).
		add(workflow.Requested, later, delivered(map[int64]string{1: "executed"}))
	before := f.stand(0).Measures[0].State
	f.add(workflow.Requesting, later, &convention.Withdrawal{Head: convention.HeadOf("withdrawal"), Measures: []int64{2}, Handling: "stop"})
	f.stand(0, before, "withdrawn")
}

// TestStatusFlood checks that a thousand enquiries change nothing.
func TestStatusFlood(t *testing.T) {
	t.Parallel()
	f := opened(t, "T06")
	quiet := casework.Derive(f.entries, at(t, later))
	for range 1000 {
		f.add(workflow.Requesting, decided, &convention.StatusEnquiry{Head: convention.HeadOf("status-enquiry")})
	}
	loud := casework.Derive(f.entries, at(t, later))
	if loud.Measures[0].State != quiet.Measures[0].State || len(loud.Clocks) != len(quiet.Clocks) || len(loud.Misplaced) != 0 {
		t.Errorf("%+v, want %+v", loud.Measures, quiet.Measures)
	}
}

// TestUnreadable checks that a message that could not be opened is as if it
// were not there.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	opened(t, "T06").add(workflow.Requested, decided, nil).stand(0, "acknowledged")
}

// TestConditions checks that a condition binds once it is accepted, and not
// when it is declined.
func TestConditions(t *testing.T) {
	t.Parallel()
	f := opened(t, "T06").add(workflow.Requested, taken, &convention.ConditionOffer{
		Head: convention.HeadOf("condition-offer"), Conditions: []convention.Condition{{Number: 1, Type: "use"}, {Number: 2, Type: "cost"}},
	})
	for _, x := range f.stand(0).Conditions {
		if x.Binding() {
			t.Errorf("condition %d binds before it is accepted", x.Number)
		}
	}
	f.add(workflow.Requesting, later, &convention.ConditionAnswer{
		Head: convention.HeadOf("condition-answer"), Answers: []convention.ConditionAnswerItem{{Number: 1, Accepted: true}, {Number: 2}},
	})
	c := f.stand(0)
	if len(c.Conditions) != 1 || c.Conditions[0].Number != 1 || !c.Conditions[0].Binding() {
		t.Errorf("%+v", c.Conditions)
	}
}

// TestQuestions checks what is missing, and from whom.
func TestQuestions(t *testing.T) {
	t.Parallel()
	f := opened(t, "T06").add(workflow.Requested, taken, &convention.Question{
		Head: convention.HeadOf("question"), Questions: []convention.QuestionItem{{Number: 1}, {Number: 2}},
	})
	f.add(workflow.Requesting, later, &convention.Answers{Head: convention.HeadOf("answers"), Answers: []convention.AnswerItem{{Number: 1}}})
	c := f.stand(0)
	if len(c.Questions) != 1 || c.Questions[0].Number != 2 || c.Questions[0].By != workflow.Requesting {
		t.Errorf("%+v", c.Questions)
	}
}

// BenchmarkDerive derives a case of 200 measures and 101 messages.
func BenchmarkDerive(b *testing.B) {
	types := make([]string, 200)
	for i := range types {
		types[i] = "T06"
	}
	start := time.Date(2026, 3, 16, 8, 0, 0, 0, time.UTC)
	entries := []casework.Entry{{Actor: workflow.Requesting, At: start, Body: request("R0_ROUTINE", types...)}}
	for i := range 100 {
		entries = append(entries, casework.Entry{
			Actor: workflow.Requesting, At: start.Add(time.Duration(i) * time.Hour), Body: &convention.StatusEnquiry{Head: convention.HeadOf("status-enquiry")},
		})
	}
	for b.Loop() {
		casework.Derive(entries, start)
	}
}
