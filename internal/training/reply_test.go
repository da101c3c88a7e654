package training_test

import (
	"reflect"
	"testing"

	"github.com/entraide/entraide/internal/training"
	"github.com/entraide/entraide/pkg/workflow"
)

// TestPlan checks the rule by which officers steer the partner.
func TestPlan(t *testing.T) {
	t.Parallel()
	all := training.Asked{Lane: workflow.Routine, Conditional: true, Delivers: true}
	for _, tt := range []struct {
		reference string
		change    func(*training.Asked)
		want      []training.Reply
	}{
		{"QM-2026-1", nil, []training.Reply{training.Ask, training.Offer, training.Accept, training.Deliver}},
		{"QM-2026-1 deliver", nil, []training.Reply{training.Accept, training.Deliver}},
		{"QM/REFUSE/7", nil, []training.Reply{training.ConsultToRefuse, training.Refuse}},
		{"refuse after question", nil, []training.Reply{training.Ask, training.ConsultToRefuse, training.Refuse}},
		{"POSTPONE", nil, []training.Reply{training.ConsultToPostpone, training.Postpone}},
		{"POSTPONE-DELIVER", nil, []training.Reply{training.ConsultToPostpone, training.Postpone, training.Accept, training.Deliver}},
		{"undelivered", nil, []training.Reply{training.Ask, training.Offer, training.Accept, training.Deliver}}, // whole words only
		{"", func(a *training.Asked) { a.Lane = workflow.Emergency }, []training.Reply{training.Deliver}},
		{"condition postpone", func(a *training.Asked) { a.Conditional, a.Delivers, a.Preserves = false, false, true }, []training.Reply{training.Accept, training.Preserve}},
		{"deliver", func(a *training.Asked) { a.Delivers, a.Extends = false, true }, []training.Reply{training.Accept}},
	} {
		a := all
		a.Reference = tt.reference
		if tt.change != nil {
			tt.change(&a)
		}
		if got := training.PlanOf(a); !reflect.DeepEqual(got.Replies, tt.want) || got.Silent {
			t.Errorf("%q: %v, want %v", tt.reference, got, tt.want)
		}
	}
	all.Reference = "QM silent deliver"
	if got := training.PlanOf(all); !got.Silent || len(got.Replies) > 0 {
		t.Errorf("silent: %v", got)
	}
}

func ours(kind string) training.Said { return training.Said{Kind: kind, Ours: true} }

func theirs(kind string) training.Said { return training.Said{Kind: kind} }

// TestNext checks every step of the partner that was asked.
func TestNext(t *testing.T) {
	t.Parallel()
	full := training.Plan{Replies: []training.Reply{training.Ask, training.Offer, training.Accept, training.Deliver}}
	no := training.Plan{Replies: []training.Reply{training.ConsultToPostpone, training.Postpone, training.ConsultToRefuse, training.Refuse}}
	request, acknowledged := theirs("request"), ours("acknowledgement")
	declined := training.Said{Kind: "condition-answer", Declined: true}
	for _, tt := range []struct {
		name  string
		plan  training.Plan
		stage workflow.Stage
		said  []training.Said
		want  training.Reply
	}{
		{"nothing", full, workflow.StageNone, nil, training.Wait},
		{"arrived", full, workflow.StageDelivered, []training.Said{request}, training.Acknowledge},
		{"silent", training.Plan{Silent: true}, workflow.StageDelivered, []training.Said{request}, training.Wait},
		{"silent when asked how it stands", training.Plan{Silent: true}, workflow.StageDelivered, []training.Said{request, theirs("status-enquiry")}, training.Wait},
		{"taken", full, workflow.StageAcknowledged, []training.Said{request, acknowledged}, training.Ask},
		{"asked", full, workflow.StageAcknowledged, []training.Said{request, acknowledged, ours("question")}, training.Wait},
		{"enquired", full, workflow.StageAcknowledged, []training.Said{request, acknowledged, ours("question"), theirs("status-enquiry")}, training.Report},
		{"answered", full, workflow.StageAcknowledged, []training.Said{request, acknowledged, ours("question"), theirs("answers")}, training.Offer},
		{"answered before it was asked", full, workflow.StageAcknowledged, []training.Said{request, acknowledged, theirs("answers"), ours("question")}, training.Wait},
		{"offered", full, workflow.StageAcknowledged, []training.Said{request, acknowledged, ours("question"), theirs("answers"), ours("condition-offer"), theirs("notice")}, training.Wait},
		{"agreed", full, workflow.StageAcknowledged, []training.Said{request, acknowledged, ours("question"), theirs("answers"), ours("condition-offer"), theirs("condition-answer")}, training.Accept},
		{"declined", full, workflow.StageAcknowledged, []training.Said{request, acknowledged, ours("question"), theirs("answers"), ours("condition-offer"), declined}, training.ConsultToRefuse},
		{"declined and consulted", full, workflow.StageAcknowledged, []training.Said{request, acknowledged, ours("question"), theirs("answers"), ours("condition-offer"), declined, ours("consultation"), theirs("consultation")}, training.Refuse},
		{"decided", full, workflow.StageDecided, []training.Said{request, acknowledged, ours("question"), theirs("answers"), ours("condition-offer"), theirs("condition-answer"), ours("decision")}, training.Deliver},
		{"done", full, workflow.StageAnswered, []training.Said{request, acknowledged, ours("delivery")}, training.Wait},
		{"no refusal without an answer", no, workflow.StageDecided, []training.Said{request, acknowledged, ours("consultation"), theirs("consultation"), ours("decision"), ours("consultation")}, training.Wait},
		{"two consultations, two decisions", no, workflow.StageDecided, []training.Said{request, acknowledged, ours("consultation"), theirs("consultation"), ours("decision"), ours("consultation"), theirs("consultation")}, training.Refuse},
		{"withdrawn", full, workflow.StageWithdrawn, []training.Said{request, theirs("withdrawal")}, training.CloseCase},
		{"closed", full, workflow.StageClosed, []training.Said{request, theirs("closure")}, training.Wait},
	} {
		if got := training.Next(tt.plan, tt.stage, tt.said); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestNextAsking checks every step of the partner that asked.
func TestNextAsking(t *testing.T) {
	t.Parallel()
	request := ours("request")
	evidence := training.Said{Kind: "delivery", Packages: true}
	for _, tt := range []struct {
		name  string
		stage workflow.Stage
		last  training.Said
		want  training.Reply
	}{
		{"sent", workflow.StageOpen, request, training.Wait},
		{"taken", workflow.StageAcknowledged, theirs("acknowledgement"), training.Wait},
		{"asked", workflow.StageAcknowledged, theirs("question"), training.AnswerQuestions},
		{"offered", workflow.StageAcknowledged, theirs("condition-offer"), training.AcceptConditions},
		{"consulted", workflow.StageAcknowledged, theirs("consultation"), training.AnswerConsultation},
		{"our own consultation", workflow.StageAcknowledged, ours("consultation"), training.Wait},
		{"accepted", workflow.StageDecided, theirs("decision"), training.Wait},
		{"refused", workflow.StageDecided, training.Said{Kind: "decision", Declined: true}, training.CloseCase},
		{"evidence", workflow.StageAnswered, evidence, training.ConfirmEvidence},
		{"confirmed", workflow.StageAnswered, ours("receipt-of-evidence"), training.CloseCase},
		{"confirmed a part", workflow.StageAcknowledged, ours("receipt-of-evidence"), training.Wait},
		{"nothing but words", workflow.StageAnswered, theirs("delivery"), training.CloseCase},
		{"closed", workflow.StageClosed, theirs("delivery"), training.Wait},
	} {
		if got := training.NextAsking(tt.stage, []training.Said{request, tt.last}); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
