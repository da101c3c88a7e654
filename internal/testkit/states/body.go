package states

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/workflow"
)

// Body returns a small valid body that travels with an act from one authority
// to another. A request is for preservation, in the urgent lane; a delivery is
// final.
func Body(t testing.TB, act workflow.Act, from, to string) json.RawMessage {
	t.Helper()
	fromParty, _, _ := strings.Cut(from, ".")
	toParty, _, _ := strings.Cut(to, ".")
	raw, err := convention.Marshal(Content(act, fromParty, toParty))
	if err != nil {
		t.Fatalf("making a body for %s: %v", act, err)
	}
	return raw
}

// text is free text in English.
func text(s string) convention.Text {
	return convention.Text{Lang: "en", Text: s, Authentic: true}
}

// Content returns the content for an act between two parties; a notice where
// there is no other.
func Content(act workflow.Act, from, to string) convention.Body {
	head := convention.HeadOf
	switch act {
	case workflow.Request:
		return request(from, to)
	case workflow.Inform:
		return &convention.Information{
			Head: head("information"), From: from, To: to, OwnRef: "INF-1",
			Information: text("A server in your territory takes part in the attack."), Purpose: text("You may wish to open a case."),
			Contacts: []convention.Contact{contact},
		}
	case workflow.Acknowledge:
		return &convention.Acknowledgement{
			Head: head("acknowledgement"), Reference: to + "-2026-1", Unit: "Cybercrime unit", Contact: contact, NextStep: text("The order is being prepared."),
		}
	case workflow.Ask:
		return &convention.Question{Head: head("question"), Questions: []convention.QuestionItem{{Number: 1, Text: text("Which time zone?"), Necessary: true}}}
	case workflow.Answer:
		return &convention.Answers{Head: head("answers"), Answers: []convention.AnswerItem{{Number: 1, Text: text("UTC.")}}}
	case workflow.Enquire:
		return &convention.StatusEnquiry{Head: head("status-enquiry"), Question: text("How far are you?")}
	case workflow.Report:
		return &convention.StatusReport{Head: head("status-report"), State: "in-execution"}
	case workflow.Consult:
		return &convention.Consultation{Head: head("consultation"), Topic: "cost", Text: text("The image is large.")}
	case workflow.Offer:
		return &convention.ConditionOffer{Head: head("condition-offer"), Conditions: []convention.Condition{{Number: 1, Type: "use", Text: text("For this case only.")}}}
	case workflow.Respond:
		return &convention.ConditionAnswer{Head: head("condition-answer"), Answers: []convention.ConditionAnswerItem{{Number: 1, Accepted: true}}}
	case workflow.Decide:
		return &convention.Decision{Head: head("decision"), Items: []convention.DecisionItem{{Measure: 1, Type: "T01", Outcome: "accepted"}}}
	case workflow.Deliver:
		return &convention.Delivery{
			Head: head("delivery"), Final: true, Executing: contact,
			Results: []convention.DeliveryResult{{Measure: 1, Type: "T01", Result: "executed"}},
		}
	case workflow.Confirm:
		return &convention.ReceiptOfEvidence{
			Head: head("receipt-of-evidence"), Delivery: strings.Repeat("0", 64), Received: convention.At(Now),
			Packages: []convention.PackageItem{{Number: 1, Result: "ok"}},
		}
	case workflow.Withdraw:
		return &convention.Withdrawal{Head: head("withdrawal"), Handling: "destroy"}
	case workflow.Close:
		return &convention.Closure{Head: head("closure"), Outcome: "executed"}
	case workflow.Notify, workflow.Delivered: // the latter is no act of a message
	}
	return &convention.Notice{Head: head("notice"), Topic: "other", Text: text("For your information.")}
}

// contact is a person that does not exist.
var contact = convention.Contact{Role: "officer", Name: "Duty officer", Phone: "+99955501234"}

// request returns a request for preservation.
func request(from, to string) convention.Body {
	until := convention.At(Now.AddDate(0, 0, 7))
	narrative := text("Somebody has entered a hospital's computers.")
	return &convention.Request{
		Head: convention.HeadOf("request"), Requesting: from, Requested: to, OwnRef: from + "-2026-7", Status: "new",
		Urgency:       "E1_URGENT_VOLATILE",
		UrgencyReason: &convention.UrgencyReason{Code: "RETENTION", Until: until},

		Confidentiality: "CONFIDENTIAL",
		Authority:       convention.Authority{Name: "Cybercrime unit of " + from, Function: "Police"},
		Offences:        []convention.Offence{{Code: "UNCC-07"}},
		Narrative:       &narrative,
		Contacts:        []convention.Contact{contact},
		Measures: []convention.Measure{{
			Number: 1, Type: "T01", Description: text("Keep the traffic data."),
			Preservation: &convention.Preservation{
				Data: []convention.DataSet{{
					Category: "traffic", Provider: "Example Hosting", IP: "192.0.2.7",
					From: convention.At(Now.Add(-48 * time.Hour)), To: convention.At(Now),
				}},
				Relation: text("The attack came from there."), Necessity: text("Kept for seven days only."), MLAIntended: true,
			},
		}},
	}
}
