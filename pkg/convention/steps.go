package convention

import "slices"

// A Step is what a message means for one measure of its case: an event of the
// workflow of that measure.
type Step struct {
	// Measure is the number of the measure; 0 for all of the case.
	Measure int64
	// Event is the name of the event in the tables of schemas/workflows: the
	// kind of content, with a variant where the kind alone does not say it.
	Event string
	// Facts are the conditions of the tables that hold.
	Facts []string
}

// Steps returns what a message means for the measures of its case.
func Steps(b Body) []Step {
	switch b := b.(type) {
	case *Request:
		return each(b.Measures, func(m Measure) Step { return Step{Measure: m.Number, Event: "request"} })
	case *Decision:
		return each(b.Items, func(i DecisionItem) Step {
			return Step{Measure: i.Measure, Event: "decision:" + i.Outcome, Facts: groundFacts(i.Grounds)}
		})
	case *Delivery:
		return each(b.Results, deliveryStep)
	case *Preserved:
		return each(b.Items, func(i PreservedItem) Step { return Step{Measure: i.Measure, Event: "preserved"} })
	case *Progress:
		return each(b.Items, func(i ProgressItem) Step { return Step{Measure: i.Measure, Event: "progress:" + i.Event} })
	case *ConditionAnswer:
		return []Step{{Event: "condition-answer:" + b.outcome()}}
	case *RiskAnswer:
		return []Step{{Event: "risk-answer:" + b.Decision}}
	case *Consultation:
		return onMeasures(b.KindName, b.Measures)
	case *Withdrawal:
		return onMeasures(b.KindName, b.Measures)
	case *Redirect:
		return onMeasures(b.KindName, b.Measures)
	case *RiskNotice:
		return onMeasures(b.KindName, b.Measures)
	case *DeadlineNotice:
		return onMeasures(b.KindName, b.Measures)
	case *Question:
		return questionSteps(b)
	case *Agreement:
		return []Step{{Measure: b.Measure, Event: "agreement:" + b.State}}
	}
	return []Step{{Event: b.Kind()}}
}

// each makes a step of every item.
func each[T any](items []T, step func(T) Step) []Step {
	steps := make([]Step, len(items))
	for i, item := range items {
		steps[i] = step(item)
	}
	return steps
}

// onMeasures is an event for some measures, or for all where none are named.
func onMeasures(event string, measures []int64) []Step {
	if len(measures) == 0 {
		return []Step{{Event: event}}
	}
	return each(measures, func(n int64) Step { return Step{Measure: n, Event: event} })
}

// deliveryStep is what a result means: a refusal or postponement in a delivery
// is a decision.
func deliveryStep(r DeliveryResult) Step {
	switch r.Result {
	case "refused", "postponed":
		return Step{Measure: r.Measure, Event: "decision:" + r.Result, Facts: groundFacts(r.Grounds)}
	case "partly":
		return Step{Measure: r.Measure, Event: "delivery:part"}
	}
	return Step{Measure: r.Measure, Event: "delivery:final"}
}

// groundFacts are the facts about grounds of refusal that the tables use.
func groundFacts(grounds []string) []string {
	needsConsultation, limited := false, true
	for _, g := range grounds {
		row, _ := CodeOf(listGround, g)
		needsConsultation = needsConsultation || row.Has("consult")
		limited = limited && row.Has("preservation")
	}
	var facts []string
	if !needsConsultation {
		facts = append(facts, "no-consultation-needed")
	}
	if limited && len(grounds) > 0 {
		facts = append(facts, "limited-ground")
	}
	return facts
}

// outcome says whether all conditions were accepted.
func (c *ConditionAnswer) outcome() string {
	for _, a := range c.Answers {
		if !a.Accepted {
			return "declined"
		}
	}
	return "accepted"
}

// questionSteps are the measures that questions are about.
func questionSteps(q *Question) []Step {
	var measures []int64
	for _, i := range q.Questions {
		if i.Measure == 0 {
			return []Step{{Event: q.KindName}}
		}
		measures = append(measures, i.Measure)
	}
	return onMeasures(q.KindName, slices.Compact(slices.Sorted(slices.Values(measures))))
}
