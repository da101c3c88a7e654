// Package casework says how a case stands in substance: the state of every
// measure, the clocks, the conditions that bind, what is missing and who is to
// act. All of it is derived from the signed messages of the case in the order of
// the log, by the tables of schemas/workflows and nothing else, so that both
// sides, and whoever audits them, arrive at the same.
package casework

import (
	"time"

	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/workflow"
)

// An Entry is a message at its place in the log.
type Entry struct {
	// Digest is that of the message.
	Digest string
	Actor  workflow.Actor
	// At is when the broker accepted the message.
	At time.Time
	// Body is nil where the message could not be opened.
	Body convention.Body
	// Linked says that the message belongs to another case that refers to this
	// one: a request for data that it preserves, or an extension.
	Linked bool
}

// A Case is how a case stands.
type Case struct {
	Measures []Measure
	Clocks   []Clock
	// Conditions are those that bind, in the order of their acceptance.
	Conditions []Condition
	// Questions are those that were put and not answered.
	Questions []Question
	// Misplaced are messages, or parts of them, that did not fit their place,
	// as where messages crossed.
	Misplaced []Misplaced
}

// A Measure is how a measure stands.
type Measure struct {
	Number int64
	// Type is that of the request; T19 for information given unasked.
	Type string
	// Workflow is the name of the table that the measure follows.
	Workflow string
	// State is a row of the code list workflow-state.
	State string
	// Owed is who is to act: requesting, requested, both or none.
	Owed string
	// Ended says that nothing more is expected to happen.
	Ended bool

	state workflow.State
}

// A Condition is a condition that was accepted, and binds.
type Condition struct {
	convention.Condition
	// Offer is the digest of the message that offered it, or that delivered
	// under it; Answer of the one that accepted it, if it needed that.
	Offer, Answer string
}

// A Question is one that waits for an answer.
type Question struct {
	convention.QuestionItem
	// Message is the digest of the message that asked.
	Message string
	// By is who is to answer.
	By workflow.Actor
}

// A Misplaced is a message that had no effect on a measure.
type Misplaced struct {
	Digest  string
	Measure int64
	Reason  string
}

// unasked is the type of information that nobody asked for.
const unasked = "T19"

// Derive returns how a case stands after its messages, in the order of the log,
// at a time. The time matters only where a date of the law has passed, as that
// on which a preservation ends.
func Derive(entries []Entry, now time.Time) Case {
	c := Case{Clocks: Clocks(entries)}
	for _, e := range entries {
		c.open(e)
	}
	for i := range c.Measures {
		c.follow(&c.Measures[i], entries, now)
	}
	for _, e := range entries {
		if !e.Linked {
			c.bind(e)
			c.ask(e)
		}
	}
	return c
}

// open takes the measures of the message that opens the case.
func (c *Case) open(e Entry) {
	if e.Linked || len(c.Measures) > 0 {
		return
	}
	switch b := e.Body.(type) {
	case *convention.Request:
		for _, m := range b.Measures {
			c.Measures = append(c.Measures, Measure{Number: m.Number, Type: m.Type})
		}
	case *convention.Information:
		c.Measures = []Measure{{Number: 1, Type: unasked}}
	}
}

// An occurrence is an event of a measure with the message that made it.
type occurrence struct {
	event  workflow.Event
	digest string
	at     time.Time
}

// follow derives the state of a measure.
func (c *Case) follow(m *Measure, entries []Entry, now time.Time) {
	kind, _ := convention.CodeOf("measure-type", m.Type)
	m.Workflow = kind.Text("workflow")
	table, ok := workflow.Substance(m.Workflow)
	if !ok {
		return // a test keeps the list of measures and the tables together
	}
	happened := c.occurrences(*m, entries, now)
	events := make([]workflow.Event, len(happened))
	for i, o := range happened {
		events[i] = o.event
	}
	state, misplaced := table.Follow(events)
	for _, x := range misplaced {
		if digest := happened[x.Index].digest; digest != "" {
			c.Misplaced = append(c.Misplaced, Misplaced{Digest: digest, Measure: m.Number, Reason: x.Reason})
		}
	}
	info, _ := table.State(state.Stage)
	m.State, m.Owed, m.Ended, m.state = string(state.Stage), info.Owed, info.End, state
}

// occurrences are the events of a measure: those of the messages, and those of
// the law at their dates among them.
func (c *Case) occurrences(m Measure, entries []Entry, now time.Time) []occurrence {
	var out []occurrence
	for _, e := range entries {
		if e.Body == nil {
			continue
		}
		for _, s := range stepsOf(e) {
			if s.Measure == 0 || s.Measure == m.Number {
				event := workflow.Event{Act: workflow.Act(s.Event), Actor: e.Actor, Facts: s.Facts}
				out = append(out, occurrence{event, e.Digest, e.At})
			}
		}
	}
	for _, clock := range c.Clocks {
		if clock.Measure == m.Number || clock.Measure == 0 {
			out = insertDate(out, clock, now)
		}
	}
	return out
}

// stepsOf returns the events of a message. One of another case says that the
// data are asked for, or what became of an extension.
func stepsOf(e Entry) []convention.Step {
	if !e.Linked {
		return convention.Steps(e.Body)
	}
	switch b := e.Body.(type) {
	case *convention.Request:
		if b.Extends() {
			return []convention.Step{{Event: "extension:requested"}}
		}
		return []convention.Step{{Event: "linked-request"}}
	case *convention.Decision:
		for _, i := range b.Items {
			if i.Until.IsZero() {
				return []convention.Step{{Event: "extension:refused"}}
			}
		}
		return []convention.Step{{Event: "extension:granted"}}
	}
	return nil
}

// insertDate adds the event that the law attaches to a date that has passed,
// before what happened later.
func insertDate(all []occurrence, c Clock, now time.Time) []occurrence {
	row, _ := convention.CodeOf(listClock, c.Code)
	if row.Text("event") == "" || c.State(now) != Expired && c.State(now) != Passed {
		return all
	}
	event := occurrence{workflow.Event{Act: workflow.Act(row.Text("event")), Actor: workflow.Law}, "", c.Due}
	for i, o := range all {
		if o.at.After(c.Due) {
			return append(all[:i:i], append([]occurrence{event}, all[i:]...)...)
		}
	}
	return append(all, event)
}

// bind notes the conditions that bind: those that were accepted, and those that
// came with a delivery or with information.
func (c *Case) bind(e Entry) {
	switch b := e.Body.(type) {
	case *convention.ConditionOffer:
		for _, condition := range b.Conditions {
			c.Conditions = append(c.Conditions, Condition{Condition: condition, Offer: e.Digest})
		}
	case *convention.ConditionAnswer:
		c.answer(b, e.Digest)
	case *convention.Delivery:
		c.come(b.Conditions, e.Digest)
	case *convention.Information:
		c.come(b.Conditions, e.Digest)
	case *convention.UseDecision:
		c.come(b.Conditions, e.Digest)
	}
}

// come adds conditions that need no acceptance.
func (c *Case) come(conditions []convention.Condition, digest string) {
	for _, condition := range conditions {
		c.Conditions = append(c.Conditions, Condition{Condition: condition, Offer: digest, Answer: digest})
	}
}

// answer binds the conditions that were accepted, and drops those declined.
func (c *Case) answer(a *convention.ConditionAnswer, digest string) {
	accepted := map[int64]bool{}
	for _, i := range a.Answers {
		accepted[i.Number] = i.Accepted
	}
	var kept []Condition
	for _, condition := range c.Conditions {
		yes, answered := accepted[condition.Number]
		switch {
		case condition.Answer != "" || !answered:
			kept = append(kept, condition)
		case yes:
			condition.Answer = digest
			kept = append(kept, condition)
		}
	}
	c.Conditions = kept
}

// Binding reports whether the condition was accepted, or needed no acceptance.
func (c Condition) Binding() bool { return c.Answer != "" }

// ask notes questions, and drops those that were answered.
func (c *Case) ask(e Entry) {
	switch b := e.Body.(type) {
	case *convention.Question:
		for _, q := range b.Questions {
			c.Questions = append(c.Questions, Question{QuestionItem: q, Message: e.Digest, By: other(e.Actor)})
		}
	case *convention.Answers:
		answered := map[int64]bool{}
		for _, a := range b.Answers {
			answered[a.Number] = true
		}
		var left []Question
		for _, q := range c.Questions {
			if !answered[q.Number] {
				left = append(left, q)
			}
		}
		c.Questions = left
	}
}

// Open returns what the actor can do to move a measure on: names of kinds of
// messages, with a variant where the kind alone does not say it.
func (m Measure) Open(a workflow.Actor) []string {
	table, ok := workflow.Substance(m.Workflow)
	if !ok {
		return nil
	}
	var out []string
	for _, act := range table.Open(m.state, a) {
		out = append(out, string(act))
	}
	return out
}

// The aggregate states of a request.
const (
	AllEnded  = "ended"
	SomeEnded = "partly-ended"
	Together  = "together" // all measures are in one state
	Mixed     = "mixed"
)

// Aggregate returns how the measures stand together: their common state, or how
// far they have come apart.
func (c Case) Aggregate() string {
	states, ended := map[string]bool{}, 0
	for _, m := range c.Measures {
		states[m.State] = true
		if m.Ended {
			ended++
		}
	}
	switch {
	case ended == len(c.Measures):
		return AllEnded
	case len(states) == 1:
		return Together
	case ended > 0:
		return SomeEnded
	}
	return Mixed
}

// Bears reports whether a message of a case bears on the cases that its opening
// request refers to: the request itself, where it asks for preserved data or for
// an extension, and the decision on an extension.
func Bears(opening *convention.Request, message convention.Body) bool {
	switch message.(type) {
	case *convention.Request:
		return opening.Follows() || opening.Extends()
	case *convention.Decision:
		return opening.Extends()
	}
	return false
}
