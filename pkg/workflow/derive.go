package workflow

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/entraide/entraide/pkg/problem"
)

// Next returns the state of a case after one more event at the end of its log,
// or a *problem.Error that says why the event is refused, with Stage set to the
// present stage:
//
//   - act-not-allowed: no rule allows the act here, or the table does not have it;
//   - invalid-value: the lane is not that of the case, or is none, or an act is
//     marked final that cannot be;
//   - internal: s is not a state of the procedure.
//
// The stage of the result is never lower than that of s.
func (t *Table) Next(s State, e Event) (State, error) {
	if err := t.judge(s, e); err != nil {
		err.Stage = string(s.Stage)
		return State{}, err
	}
	next := t.join(s, e)
	if r, _ := t.fitting(s, e); r.To != StageNone {
		next.Stage = r.To
	}
	return next, nil
}

// judge says why the event is refused, or nil.
func (t *Table) judge(s State, e Event) *problem.Error {
	if t.err != nil || !t.consistent(s) {
		return problem.Wrap(problem.Internal, "", "The stored state of the case is not one of the procedure.", t.err)
	}
	effect, ok := t.effect(e.Act)
	if !ok || !validActor(e.Actor) {
		return problem.New(problem.ActNotAllowed, "core.act", "The procedure has no such act.")
	}
	if e.Final && effect.FinalTo == StageNone {
		return problem.New(problem.InvalidValue, "core.final", "Only a delivery can be marked final.")
	}
	if t.ordered() && !slices.Contains(t.lanes, e.Lane) || (!effect.Opens && s.Stage != StageNone && e.Lane != s.Lane) {
		return problem.New(problem.InvalidValue, "core.lane", "The lane is not that of the case.")
	}
	if !t.allows(s, e) {
		return problem.New(problem.ActNotAllowed, "core.act", t.refusal(s, e))
	}
	return nil
}

// ordered reports whether the table is of a procedure, whose cases have a lane.
func (t *Table) ordered() bool { return len(t.lanes) > 0 }

// allows reports whether a rule fits.
func (t *Table) allows(s State, e Event) bool {
	_, ok := t.fitting(s, e)
	return ok
}

// fitting returns the first rule that fits.
func (t *Table) fitting(s State, e Event) (rule, bool) {
	i := slices.IndexFunc(t.rules, func(r rule) bool {
		return r.Act == e.Act && slices.Contains(r.By, e.Actor) && slices.Contains(r.From, s.Stage) &&
			(r.Opening == "" || r.Opening == s.Opening) && (r.Lane == "" || r.Lane == s.Lane) &&
			!slices.ContainsFunc(r.When, func(name string) bool { return !facts[name](s, e) })
	})
	if i < 0 {
		return rule{}, false
	}
	return t.rules[i], true
}

// reasonOf is the sentence of a refusal.
func reasonOf(err error) string {
	if p, ok := errors.AsType[*problem.Error](err); ok {
		return p.Detail
	}
	return err.Error()
}

// refusal is the sentence for an act that no rule allows.
func (t *Table) refusal(s State, e Event) string {
	var names []string
	for _, a := range t.Allowed(s, e.Actor) {
		names = append(names, string(a))
	}
	where := "In a case at the stage " + string(s.Stage)
	if s.Stage == StageNone {
		where = "In a case that is not open"
	}
	can := "nothing"
	if len(names) > 0 {
		can = strings.Join(names, ", ")
	}
	if len(t.states) > 0 {
		return fmt.Sprintf("A measure that is %q does not change by %q from the %s side.", s.Stage, e.Act, e.Actor)
	}
	return fmt.Sprintf("%s, the %s authority cannot %s; it can do: %s.", where, e.Actor, e.Act, can)
}

// consistent reports whether s is a state that the table can lead to in kind.
func (t *Table) consistent(s State) bool {
	if s.Stage == StageNone {
		return s == State{}
	}
	opening, ok := t.effect(s.Opening)
	return ok && opening.Opens && t.rank(s.Stage) > 0 && (!t.ordered() || slices.Contains(t.lanes, s.Lane))
}

// join adds what the event does to the state. It does not depend on the order
// in which events are joined, except that the opening comes first.
func (t *Table) join(s State, e Event) State {
	effect, _ := t.effect(e.Act)
	to := effect.To
	if e.Final {
		to = effect.FinalTo
	}
	if t.rank(to) > t.rank(s.Stage) {
		s.Stage = to
	}
	if effect.Opens {
		s.Opening, s.Lane = e.Act, e.Lane
	}
	s.Handed = s.Handed || effect.Hands
	s.Consulted = s.Consulted || effect.Consults
	return s
}

// Derive returns the state of a case in which the events have happened. It does
// not judge whether they were allowed, which was done at their place in the log,
// and their order does not matter. No events give the zero State.
//
// It fails if there is not exactly one opening event, or if an event cannot be
// one of the procedure: an unknown act or actor, a lane other than that of the
// opening, or a mark of finality where there is none.
func (t *Table) Derive(events []Event) (State, error) {
	if t.err != nil {
		return State{}, t.err
	}
	if len(events) == 0 {
		return State{}, nil
	}
	opens := func(e Event) bool { effect, _ := t.effect(e.Act); return effect.Opens }
	first := slices.IndexFunc(events, opens)
	if first < 0 {
		return State{}, errors.New("workflow: deriving a state: no event opens the case")
	}
	s := t.join(State{}, events[first])
	for i, e := range events {
		effect, ok := t.effect(e.Act)
		if !ok || !validActor(e.Actor) {
			return State{}, fmt.Errorf("workflow: deriving a state: event %d: no such act or actor", i)
		}
		if effect.Opens && i != first {
			return State{}, fmt.Errorf("workflow: deriving a state: event %d opens the case again", i)
		}
		if e.Lane != s.Lane || !slices.Contains(t.lanes, e.Lane) || (e.Final && effect.FinalTo == StageNone) {
			return State{}, fmt.Errorf("workflow: deriving a state: event %d does not belong to the case", i)
		}
		s = t.join(s, e)
	}
	return s, nil
}

// Allowed returns the acts of messages that the actor may perform now, in the
// order of the table. An act that is allowed only after a year's silence is not
// among them.
func (t *Table) Allowed(s State, a Actor) []Act {
	if t.err != nil || !t.consistent(s) {
		return nil
	}
	var acts []Act
	for _, act := range t.Acts() {
		if t.allows(s, Event{Act: act, Actor: a, Lane: s.Lane}) {
			acts = append(acts, act)
		}
	}
	return acts
}

// Acts returns all acts that a message may perform, in the order of the table.
func (t *Table) Acts() []Act {
	var acts []Act
	for _, e := range t.effects {
		if !e.Receipt {
			acts = append(acts, e.Act)
		}
	}
	return acts
}

// Stages returns the stages in rank order, the first being that of no case.
func (t *Table) Stages() []Stage { return slices.Clone(t.stages) }

// Lanes returns the lanes.
func (t *Table) Lanes() []Lane { return slices.Clone(t.lanes) }

// Opens reports whether the act is the first of a case.
func (t *Table) Opens(a Act) bool {
	effect, _ := t.effect(a)
	return effect.Opens
}

// Reached reports whether a case at stage s has come at least as far as goal. A
// stage that the table does not have has come nowhere.
func (t *Table) Reached(s, goal Stage) bool {
	return t.rank(goal) >= 0 && t.rank(s) >= t.rank(goal)
}
