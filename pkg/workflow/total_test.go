package workflow_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/workflow"
)

// stages is the order of ranks, written down a second time.
var stages = []workflow.Stage{
	workflow.StageNone, workflow.StageOpen, workflow.StageDelivered, workflow.StageAcknowledged,
	workflow.StageDecided, workflow.StageAnswered, workflow.StageWithdrawn, workflow.StageClosed,
}

func rank(s workflow.Stage) int { return slices.Index(stages, s) }

// between reports whether a stage lies between two others, both included.
func between(s, low, high workflow.Stage) bool { return rank(low) <= rank(s) && rank(s) <= rank(high) }

// allowed is the table of the protocol, written down a second time as
// conditions: whether the act may be performed in a case at s.
func allowed(s workflow.State, e workflow.Event) bool {
	requesting := e.Actor == workflow.Requesting
	exists := s.Stage != workflow.StageNone
	untilClosed := exists && s.Stage != workflow.StageClosed
	asked := s.Opening == workflow.Request
	switch e.Act {
	case workflow.Request, workflow.Inform:
		return requesting && !exists
	case workflow.Delivered:
		return !requesting && exists
	case workflow.Acknowledge:
		return !requesting && between(s.Stage, workflow.StageOpen, workflow.StageDelivered)
	case workflow.Ask, workflow.Report:
		return !requesting && untilClosed
	case workflow.Answer, workflow.Enquire, workflow.Withdraw:
		return requesting && untilClosed
	case workflow.Consult:
		return untilClosed
	case workflow.Offer:
		return untilClosed && requesting != asked && (asked || !between(s.Stage, workflow.StageDecided, workflow.StageAnswered))
	case workflow.Respond:
		return untilClosed && requesting == asked && (asked || !between(s.Stage, workflow.StageDecided, workflow.StageAnswered))
	case workflow.Decide:
		return !requesting && asked && between(s.Stage, workflow.StageAcknowledged, workflow.StageAnswered)
	case workflow.Deliver:
		low := workflow.StageAcknowledged
		if s.Lane == workflow.Emergency {
			low = workflow.StageOpen
		}
		return !requesting && asked && between(s.Stage, low, workflow.StageAnswered)
	case workflow.Confirm:
		return requesting && asked && s.Handed && between(s.Stage, workflow.StageAcknowledged, workflow.StageClosed)
	case workflow.Notify:
		return exists
	case workflow.Close:
		return mayClose(s, e)
	}
	return false
}

// mayClose is the row of the protocol's table for closing.
func mayClose(s workflow.State, e workflow.Event) bool {
	if s.Stage == workflow.StageWithdrawn {
		return true
	}
	if s.Opening == workflow.Inform {
		return between(s.Stage, workflow.StageOpen, workflow.StageAcknowledged)
	}
	return s.Stage == workflow.StageDecided || s.Stage == workflow.StageAnswered && (e.Actor == workflow.Requesting || e.Idle)
}

// reaches is the column "moves to" of the protocol's table.
func reaches(e workflow.Event) workflow.Stage {
	switch e.Act {
	case workflow.Request, workflow.Inform:
		return workflow.StageOpen
	case workflow.Delivered:
		return workflow.StageDelivered
	case workflow.Acknowledge:
		return workflow.StageAcknowledged
	case workflow.Decide:
		return workflow.StageDecided
	case workflow.Deliver:
		if e.Final {
			return workflow.StageAnswered
		}
		return workflow.StageAcknowledged
	case workflow.Withdraw:
		return workflow.StageWithdrawn
	case workflow.Close:
		return workflow.StageClosed
	default:
		return workflow.StageNone
	}
}

// everyAct has one value too many, as have the lists below.
var everyAct = []workflow.Act{
	workflow.Request, workflow.Inform, workflow.Acknowledge, workflow.Ask, workflow.Answer, workflow.Enquire, workflow.Report,
	workflow.Consult, workflow.Offer, workflow.Respond, workflow.Decide, workflow.Deliver, workflow.Confirm, workflow.Notify,
	workflow.Withdraw, workflow.Close, workflow.Delivered, "no-such-act",
}

var (
	lanes  = []workflow.Lane{workflow.Emergency, workflow.Urgent, workflow.Routine}
	actors = []workflow.Actor{workflow.Requesting, workflow.Requested, "nobody"}
	bools  = []bool{false, true}
)

// everyState calls f with the product of all members of a state, consistent or
// not.
func everyState(f func(workflow.State)) {
	for _, stage := range append(slices.Clone(stages), "no-such-stage") {
		for _, opening := range []workflow.Act{"", workflow.Request, workflow.Inform, workflow.Decide} {
			for _, lane := range append([]workflow.Lane{"", "no-such-lane"}, lanes...) {
				for _, handed := range bools {
					f(workflow.State{Stage: stage, Opening: opening, Lane: lane, Handed: handed})
				}
			}
		}
	}
}

// everyEvent calls f with the product of all members of an event.
func everyEvent(f func(workflow.Event)) {
	for _, act := range everyAct {
		for _, actor := range actors {
			for _, lane := range append([]workflow.Lane{"", "no-such-lane"}, lanes...) {
				for _, final := range bools {
					for _, idle := range bools {
						f(workflow.Event{Act: act, Actor: actor, Lane: lane, Final: final, Idle: idle})
					}
				}
			}
		}
	}
}

// consistent reports whether a state can be one of the procedure.
func consistent(s workflow.State) bool {
	if s.Stage == workflow.StageNone {
		return s == workflow.State{}
	}
	return rank(s.Stage) > 0 && (s.Opening == workflow.Request || s.Opening == workflow.Inform) && slices.Contains(lanes, s.Lane)
}

// verdict is what the procedure must answer: a code, or "" and the state after
// the event.
func verdict(s workflow.State, e workflow.Event) (problem.Code, workflow.State) {
	opening := e.Act == workflow.Request || e.Act == workflow.Inform
	switch {
	case !consistent(s):
		return problem.Internal, workflow.State{}
	case e.Act == "no-such-act" || e.Actor == "nobody":
		return problem.ActNotAllowed, workflow.State{}
	case e.Final && e.Act != workflow.Deliver, !slices.Contains(lanes, e.Lane),
		!opening && s.Stage != workflow.StageNone && e.Lane != s.Lane:
		return problem.InvalidValue, workflow.State{}
	case !allowed(s, e):
		return problem.ActNotAllowed, workflow.State{}
	}
	after := s
	if opening {
		after.Opening, after.Lane = e.Act, e.Lane
	}
	if to := reaches(e); rank(to) > rank(after.Stage) {
		after.Stage = to
	}
	after.Handed = s.Handed || e.Act == workflow.Deliver
	return "", after
}

// TestNextIsTotal compares the table with the protocol over the whole product
// of states and events.
func TestNextIsTotal(t *testing.T) {
	t.Parallel()
	table := workflow.Procedure()
	judged, accepted := 0, 0
	everyState(func(s workflow.State) {
		everyEvent(func(e workflow.Event) {
			judged++
			code, want := verdict(s, e)
			got, err := table.Next(s, e)
			if problem.CodeOf(err) != code || got != want {
				t.Errorf("Next(%+v, %+v) = %+v, %v; want %+v, %q", s, e, got, err, want, code)
				return
			}
			if p, ok := errors.AsType[*problem.Error](err); ok && p.Stage != string(s.Stage) {
				t.Errorf("Next(%+v, %+v): the refusal names stage %q", s, e, p.Stage)
			}
			if err == nil {
				accepted++
				if rank(got.Stage) < rank(s.Stage) {
					t.Errorf("Next(%+v, %+v) moves back to %s", s, e, got.Stage)
				}
			}
		})
	})
	t.Logf("%d combinations of state and event judged, %d accepted", judged, accepted)
	if judged != 360*1080 {
		t.Errorf("%d combinations, want %d", judged, 360*1080)
	}
}

// TestAllowedAgreesWithNext checks that what Allowed lists is what Next accepts
// without a year's silence.
func TestAllowedAgreesWithNext(t *testing.T) {
	t.Parallel()
	table := workflow.Procedure()
	everyState(func(s workflow.State) {
		for _, actor := range actors {
			listed := table.Allowed(s, actor)
			for _, act := range everyAct {
				lane := s.Lane
				if s.Stage == workflow.StageNone && s.Lane == "" {
					lane = workflow.Routine
				}
				_, err := table.Next(s, workflow.Event{Act: act, Actor: actor, Lane: lane})
				if want := err == nil && act != workflow.Delivered; slices.Contains(listed, act) != want {
					t.Errorf("Allowed(%+v, %s) lists %v; Next with %s: %v", s, actor, listed, act, err)
				}
			}
		}
	})
}

// TestReached checks the order of stages.
func TestReached(t *testing.T) {
	t.Parallel()
	table := workflow.Procedure()
	if !slices.Equal(table.Stages(), stages) || !slices.Equal(table.Lanes(), lanes) {
		t.Errorf("stages %v, lanes %v", table.Stages(), table.Lanes())
	}
	for _, s := range append(slices.Clone(stages), "no-such-stage") {
		for _, goal := range append(slices.Clone(stages), "no-such-stage") {
			if want := rank(goal) >= 0 && rank(s) >= rank(goal); table.Reached(s, goal) != want {
				t.Errorf("Reached(%q, %q) = %v, want %v", s, goal, !want, want)
			}
		}
	}
	if acts := table.Acts(); len(acts) != 16 || slices.Contains(acts, workflow.Delivered) {
		t.Errorf("Acts = %v", acts)
	}
	if !table.Opens(workflow.Request) || !table.Opens(workflow.Inform) || table.Opens(workflow.Decide) || table.Opens("no-such-act") {
		t.Error("Opens does not tell opening acts")
	}
}
