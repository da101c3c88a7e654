package training

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/evidence"
)

const day = 24 * time.Hour

// preservedFor is how long the partner preserves.
const preservedFor = 90 * day

// unit is how the partner calls itself.
const unit = "Partner of the exercise"

// english makes a text.
func english(text string) convention.Text {
	return convention.Text{Lang: "en", Text: text, Authentic: true}
}

func note(text string) *convention.Text {
	t := english(text)
	return &t
}

func contact() convention.Contact {
	return convention.Contact{Role: "officer", Name: unit, Phone: "+999 20 555 0187", Email: "exercise@qn.example", Languages: []string{"en"}}
}

// reference is the partner's own for a case.
func (f *file) reference() string { return "EXERCISE-" + f.Case.Case[:8] }

// body makes the content of a reply, but for evidence and what confirms it.
func (f *file) body(reply Reply, now time.Time) (convention.Body, error) {
	week := convention.At(now.Add(7 * day))
	switch reply {
	case Acknowledge:
		return &convention.Acknowledgement{
			Head: convention.HeadOf("acknowledgement"), Reference: f.reference(), Unit: unit, Contact: contact(),
			NextStep: english("The request is being examined. This is an exercise."),
		}, nil
	case Ask:
		return &convention.Question{Head: convention.HeadOf("question"), ReplyBy: week, Questions: []convention.QuestionItem{
			{Number: 1, Measure: f.request.Measures[0].Number, Text: english("In which time zone are the times that the request gives?"), Necessary: true},
		}}, nil
	case Offer:
		return &convention.ConditionOffer{Head: convention.HeadOf("condition-offer"), ReplyBy: week, Conditions: []convention.Condition{
			{Number: 1, Type: "use", Text: english("The evidence is used in the proceedings that the request names, and in no others.")},
		}}, nil
	case ConsultToPostpone:
		return &convention.Consultation{
			Head: convention.HeadOf("consultation"), Topic: "postponement", Measures: f.numbers(), ReplyBy: week,
			Text: english("Doing this now would disturb an investigation here. Can it wait?"),
		}, nil
	case ConsultToRefuse:
		return &convention.Consultation{
			Head: convention.HeadOf("consultation"), Topic: "refusal", Grounds: []string{ground()}, Measures: f.numbers(), ReplyBy: week,
			Text: english("The authorities here would be prohibited from doing this in a case of their own. What can be said against that?"),
		}, nil
	case Accept, Postpone, Refuse:
		return f.decision(reply, now)
	case Preserve:
		return f.preserved(now), nil
	case Report:
		return &convention.StatusReport{
			Head: convention.HeadOf("status-report"), State: "under-review",
			Text: note("What was said last still stands: look at the last message of the case."),
		}, nil
	default:
		return f.answer(reply)
	}
}

// answer makes the content of what the partner says as the State that asked.
func (f *file) answer(reply Reply) (convention.Body, error) {
	last := f.bodies[len(f.bodies)-1]
	switch reply {
	case AnswerQuestions:
		answers := &convention.Answers{Head: convention.HeadOf("answers")}
		if asked, ok := last.(*convention.Question); ok {
			for _, q := range asked.Questions {
				answers.Answers = append(answers.Answers, convention.AnswerItem{Number: q.Number, Text: english("All times are in UTC. Nothing more is known in this exercise.")})
			}
		}
		return answers, nil
	case AcceptConditions:
		accepted := &convention.ConditionAnswer{Head: convention.HeadOf("condition-answer")}
		if offer, ok := last.(*convention.ConditionOffer); ok {
			for _, c := range offer.Conditions {
				accepted.Answers = append(accepted.Answers, convention.ConditionAnswerItem{Number: c.Number, Accepted: true})
			}
		}
		return accepted, nil
	case AnswerConsultation:
		return &convention.Consultation{
			Head: convention.HeadOf("consultation"), Topic: "other", Text: english("We understand, and have nothing to add. Please decide."),
		}, nil
	case CloseCase:
		return &convention.Closure{Head: convention.HeadOf("closure"), Outcome: f.outcome()}, nil
	default:
		return nil, fmt.Errorf("there is no content for the reply %q", reply)
	}
}

// outcome is how a case ends.
func (f *file) outcome() string {
	switch f.bodies[len(f.bodies)-1].(type) {
	case *convention.Withdrawal:
		return "withdrawn"
	case *convention.Decision:
		return "refused"
	default:
		return "executed"
	}
}

// numbers are those of the measures.
func (f *file) numbers() (all []int64) {
	for _, m := range f.request.Measures {
		all = append(all, m.Number)
	}
	return all
}

// ground is one on which any measure can be refused after a consultation.
func ground() string {
	found := ""
	for _, c := range convention.Codes("refusal-ground") {
		if c.Has("consult") && c.Has("preservation") {
			found = c.Code
		}
	}
	return found
}

// decision decides alike on every measure.
func (f *file) decision(reply Reply, now time.Time) (convention.Body, error) {
	d := &convention.Decision{Head: convention.HeadOf("decision")}
	for _, m := range f.request.Measures {
		item := convention.DecisionItem{Measure: m.Number, Type: m.Type, Outcome: "accepted"}
		switch reply {
		case Refuse:
			item.Outcome, item.Grounds, item.Consultation = "refused", []string{ground()}, f.consultation()
			item.Reasons = note("The consultation has shown no way around the prohibition. This is an exercise.")
		case Postpone:
			item.Outcome, item.Postponement, item.Consultation = "postponed", "ONGOING_INVESTIGATION", f.consultation()
			item.Reasons, item.Review = note("An investigation here would be disturbed. This is an exercise."), convention.At(now.Add(30*day))
		default:
			if m.Extension != nil {
				item.Until = convention.At(now.Add(preservedFor))
			}
		}
		d.Items = append(d.Items, item)
	}
	return d, nil
}

// consultation is the digest of the partner's last consultation.
func (f *file) consultation() (digest string) {
	for i, b := range f.bodies {
		if _, ok := b.(*convention.Consultation); ok && !f.Events[i].Incoming {
			digest = f.Events[i].Digest
		}
	}
	return digest
}

// preserved says that everything was secured that was to be preserved.
func (f *file) preserved(now time.Time) convention.Body {
	p := &convention.Preserved{Head: convention.HeadOf("preserved"), Reference: f.reference()}
	for _, m := range f.request.Measures {
		if m.Preservation == nil {
			continue
		}
		item := convention.PreservedItem{
			Measure: m.Number, Data: english("All data that the request describes. This is an exercise."), Custodian: "Fjordcloud Hosting Ltd",
			From: convention.At(now), Until: convention.At(now.Add(preservedFor)), Order: f.reference() + "-PO", UserNotified: "no",
		}
		seen := map[string]bool{}
		for _, d := range m.Preservation.Data {
			if !seen[d.Category] {
				seen[d.Category] = true
				item.Categories = append(item.Categories, d.Category)
			}
		}
		p.Items = append(p.Items, item)
	}
	return p
}

// sample is the evidence of an exercise.
const sample = "time,account,address,port\n2026-04-06T20:51:09Z,usr-48213,203.0.113.57,51514\nexercise,this,never,happened\n"

// delivery seals a small package of evidence and makes the delivery of it.
func (p *Partner) delivery(ctx context.Context, f file, o desk.Order) (convention.Body, []string, error) {
	if err := os.MkdirAll(p.evidenceDir(), 0o700); err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp(p.evidenceDir(), "sent-")
	if err != nil {
		return nil, nil, err
	}
	path, sealed := filepath.Join(dir, "connections.csv"), filepath.Join(dir, "sealed")
	if err := os.WriteFile(path, []byte(sample), 0o600); err != nil {
		return nil, nil, err
	}
	_, _, err = p.Desk.SealEvidence(ctx, desk.Sealing{
		From: o.From, To: o.To, Dir: sealed, Items: []evidence.Item{{Path: path}},
		About: evidence.Collection{Custody: evidence.Custody{
			Identifier: f.reference() + "-1", Origin: "Nordlys Messaging AS", AcquiredBy: unit,
			AcquiredAt: convention.At(p.Now()).String(), Method: "Made up for an exercise",
		}},
	})
	if err != nil {
		return nil, nil, err
	}
	d := &convention.Delivery{Head: convention.HeadOf("delivery"), Final: true, Executing: contact(), UserNotified: "no"}
	for _, m := range f.request.Measures {
		if m.Preservation != nil || m.Extension != nil {
			continue
		}
		d.Results = append(d.Results, convention.DeliveryResult{Measure: m.Number, Type: m.Type, Result: "executed"})
	}
	listed, err := desk.ListPackage(sealed, 1, d.Results[0].Measure, english("Connections of the account. This is an exercise."))
	d.Packages = []convention.Package{listed}
	return d, []string{sealed}, err
}

// receipt fetches what the last message delivered and says how it arrived.
func (p *Partner) receipt(ctx context.Context, f file) (convention.Body, error) {
	last := len(f.bodies) - 1
	delivered, ok := f.bodies[last].(*convention.Delivery)
	if !ok {
		return nil, fmt.Errorf("a %s delivers nothing", f.bodies[last].Kind())
	}
	if err := os.MkdirAll(p.evidenceDir(), 0o700); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(p.evidenceDir(), "received-")
	if err != nil {
		return nil, err
	}
	for _, listed := range delivered.Packages {
		_, err := p.Desk.FetchEvidence(ctx, desk.Fetching{
			Message: f.Events[last].ID, Number: int(listed.Number), Dir: filepath.Join(dir, fmt.Sprint(listed.Number)), Restricted: true,
		})
		if err != nil {
			return nil, err
		}
	}
	return p.Desk.EvidenceReceipt(ctx, f.Case.Case, f.Events[last].ID)
}
