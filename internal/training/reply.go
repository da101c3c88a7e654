package training

import (
	"slices"
	"strings"
	"unicode"

	"github.com/entraide/entraide/pkg/workflow"
)

// A Reply is what the partner does next. The zero Reply is to wait.
type Reply string

// What the partner does as the State that was asked.
const (
	Wait               Reply = ""
	Acknowledge        Reply = "acknowledge"
	Ask                Reply = "ask"
	Offer              Reply = "offer"
	ConsultToPostpone  Reply = "consult-to-postpone"
	Postpone           Reply = "postpone"
	ConsultToRefuse    Reply = "consult-to-refuse"
	Refuse             Reply = "refuse"
	Accept             Reply = "accept"
	Preserve           Reply = "preserve"
	Deliver            Reply = "deliver"
	Report             Reply = "report"
	CloseCase          Reply = "close"
	AnswerQuestions    Reply = "answer"
	AcceptConditions   Reply = "accept-conditions"
	AnswerConsultation Reply = "answer-consultation"
	ConfirmEvidence    Reply = "confirm"
)

// A move is how a reply is sent: its act, the kind of its body, and the kind of
// message that the partner then waits for, if it does.
type move struct {
	act    workflow.Act
	kind   string
	awaits string
}

var moves = map[Reply]move{
	Acknowledge:        {workflow.Acknowledge, "acknowledgement", ""},
	Ask:                {workflow.Ask, "question", "answers"},
	Offer:              {workflow.Offer, "condition-offer", "condition-answer"},
	ConsultToPostpone:  {workflow.Consult, "consultation", "consultation"},
	Postpone:           {workflow.Decide, "decision", ""},
	ConsultToRefuse:    {workflow.Consult, "consultation", "consultation"},
	Refuse:             {workflow.Decide, "decision", ""},
	Accept:             {workflow.Decide, "decision", ""},
	Preserve:           {workflow.Deliver, "preserved", ""},
	Deliver:            {workflow.Deliver, "delivery", ""},
	Report:             {workflow.Report, "status-report", ""},
	CloseCase:          {workflow.Close, "closure", ""},
	AnswerQuestions:    {workflow.Answer, "answers", ""},
	AcceptConditions:   {workflow.Respond, "condition-answer", ""},
	AnswerConsultation: {workflow.Consult, "consultation", ""},
	ConfirmEvidence:    {workflow.Confirm, "receipt-of-evidence", ""},
}

// refusal is how the partner refuses: never without consulting first.
var refusal = []Reply{ConsultToRefuse, Refuse}

// A Plan is how the partner answers a request. It follows from the request
// alone, so that an exercise can be repeated.
type Plan struct {
	Silent  bool
	Replies []Reply // after the acknowledgement, in their order
}

// An Asked is what a plan depends on.
type Asked struct {
	// Reference is the requesting authority's own: its words steer the partner.
	Reference string
	Lane      workflow.Lane
	// Conditional says that the workflows of all measures know conditions and
	// postponement.
	Conditional bool
	// Preserves, Extends and Delivers say what the measures come to.
	Preserves, Extends, Delivers bool
}

// PlanOf returns the plan for a request. The words of its reference choose:
// SILENT, QUESTION, CONDITION, POSTPONE, REFUSE and DELIVER, in any number and
// order. Without any, an emergency is answered at once, and anything else after
// a question and, where the measures know them, a condition.
func PlanOf(a Asked) Plan {
	words := strings.FieldsFunc(strings.ToUpper(a.Reference), func(r rune) bool { return !unicode.IsLetter(r) })
	has := func(word string) bool { return slices.Contains(words, word) }
	if has("SILENT") {
		return Plan{Silent: true}
	}
	unsteered := !slices.ContainsFunc([]string{"QUESTION", "CONDITION", "POSTPONE", "REFUSE", "DELIVER"}, has)
	lesson := unsteered && a.Lane != workflow.Emergency
	var p Plan
	if lesson || has("QUESTION") {
		p.Replies = append(p.Replies, Ask)
	}
	if a.Conditional && (lesson || has("CONDITION")) {
		p.Replies = append(p.Replies, Offer)
	}
	postponed := a.Conditional && has("POSTPONE")
	if postponed {
		p.Replies = append(p.Replies, ConsultToPostpone, Postpone)
	}
	switch {
	case has("REFUSE"):
		p.Replies = append(p.Replies, refusal...)
	case !postponed || has("DELIVER"):
		p.Replies = append(p.Replies, a.grant()...)
	}
	return p
}

// grant is how the partner does what it was asked.
func (a Asked) grant() (replies []Reply) {
	if a.Extends || a.Lane != workflow.Emergency {
		replies = append(replies, Accept)
	}
	if a.Preserves {
		replies = append(replies, Preserve)
	}
	if a.Delivers {
		replies = append(replies, Deliver)
	}
	return replies
}

// A Said is a message of a case, as far as the next reply depends on it.
type Said struct {
	Kind string
	Ours bool // the partner's
	// Declined says that a condition was not accepted, or a measure refused.
	Declined bool
	Packages bool // evidence came with it
}

// Next returns what the partner does in a case in which it was asked, after the
// messages of the case in the order of the log.
func Next(p Plan, stage workflow.Stage, said []Said) Reply {
	if p.Silent || len(said) == 0 || stage == workflow.StageClosed {
		return Wait
	}
	last := said[len(said)-1]
	switch {
	case stage == workflow.StageWithdrawn:
		return CloseCase
	case !last.Ours && last.Kind == "status-enquiry":
		return Report
	case stage == workflow.StageAnswered:
		return Wait
	case !workflow.Procedure().Reached(stage, workflow.StageAcknowledged):
		return Acknowledge
	}
	return follow(p.Replies, said[1:])
}

// follow returns the first reply of a plan that has not been given, unless the
// one before waits for its answer. A condition that is declined ends in a refusal.
func follow(plan []Reply, said []Said) Reply {
	for _, reply := range plan {
		m := moves[reply]
		at := slices.IndexFunc(said, func(s Said) bool { return s.Ours && s.Kind == m.kind })
		if at < 0 {
			return reply
		}
		said = said[at+1:]
		if m.awaits == "" {
			continue
		}
		at = slices.IndexFunc(said, func(s Said) bool { return !s.Ours && s.Kind == m.awaits })
		if at < 0 {
			return Wait
		}
		if said[at].Declined {
			return follow(refusal, said[at+1:])
		}
		said = said[at+1:]
	}
	return Wait
}

// NextAsking returns what the partner does in a case in which it asked: it
// answers, accepts, confirms what came and closes.
func NextAsking(stage workflow.Stage, said []Said) Reply {
	if len(said) == 0 || stage == workflow.StageClosed {
		return Wait
	}
	last := said[len(said)-1]
	switch {
	case last.Ours && last.Kind == "receipt-of-evidence" && stage == workflow.StageAnswered:
		return CloseCase
	case last.Ours:
		return Wait
	case last.Kind == "question":
		return AnswerQuestions
	case last.Kind == "condition-offer":
		return AcceptConditions
	case last.Kind == "consultation":
		return AnswerConsultation
	case last.Kind == "delivery" && last.Packages:
		return ConfirmEvidence
	case last.Kind == "delivery" && stage == workflow.StageAnswered,
		last.Kind == "decision" && last.Declined:
		return CloseCase
	}
	return Wait
}
