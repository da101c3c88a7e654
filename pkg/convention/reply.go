package convention

import "fmt"

// An Acknowledgement says that an authority has taken charge of a request.
type Acknowledgement struct {
	Head
	// Reference is the requested authority's own.
	Reference string     `json:"reference" validate:"required,max=100,plain"`
	Unit      string     `json:"unit" validate:"required,max=300,plain"`
	Officer   string     `json:"officer,omitempty" validate:"max=300,plain"`
	Contact   Contact    `json:"contact"`
	Competent *Authority `json:"competent,omitempty"`
	NextStep  Text       `json:"next_step"`
	// Expected is when the next step is expected to be done.
	Expected Time  `json:"expected,omitzero"`
	Remarks  *Text `json:"remarks,omitempty"`
	// LanguageOK says whether the language of the request is acceptable.
	LanguageOK string `json:"language,omitempty" validate:"omitempty,oneof=accepted translation-needed"`
}

func (a *Acknowledgement) summary() string {
	return fmt.Sprintf("Acknowledged as %s by %s%s", a.Reference, a.Unit, by(", next step expected by ", a.Expected))
}

// A Question asks for what is missing.
type Question struct {
	Head
	// Questions are numbered from 1 in their order.
	Questions []QuestionItem `json:"questions" validate:"required,min=1,max=100,numbered,dive"`
	ReplyBy   Time           `json:"reply_by,omitzero"`
}

// A QuestionItem is one question.
type QuestionItem struct {
	Number int64 `json:"number" validate:"min=1,max=100"`
	// Measure is the measure it concerns; left out, it concerns the request.
	Measure int64 `json:"measure,omitzero" validate:"omitempty,min=1,max=200"`
	Text    Text  `json:"text"`
	// Necessary says that execution waits for the answer.
	Necessary bool `json:"necessary"`
}

func (q *Question) summary() string {
	return fmt.Sprintf("%s%s", count(len(q.Questions), "question"), by(", reply by ", q.ReplyBy))
}

// Answers answer questions.
type Answers struct {
	Head
	Answers []AnswerItem `json:"answers" validate:"required,min=1,max=100,unique=Number,dive"`
}

// An AnswerItem answers the question of that number.
type AnswerItem struct {
	Number int64 `json:"number" validate:"min=1,max=100"`
	Text   Text  `json:"text"`
}

func (a *Answers) summary() string { return count(len(a.Answers), "answer") }

// A StatusEnquiry asks how a request stands.
type StatusEnquiry struct {
	Head
	Question Text  `json:"question"`
	Reason   *Text `json:"reason,omitempty"`
}

func (s *StatusEnquiry) summary() string { return "Asks how the request stands" }

// A StatusReport says how a request stands.
type StatusReport struct {
	Head
	State     string     `json:"state" validate:"required,oneof=received under-review consultation in-execution postponed executed"`
	Competent *Authority `json:"competent,omitempty"`
	// Done and Outstanding are numbers of measures.
	Done        []int64 `json:"done,omitempty" validate:"max=200,unique,dive,min=1,max=200"`
	Outstanding []int64 `json:"outstanding,omitempty" validate:"max=200,unique,dive,min=1,max=200"`
	Obstacle    *Text   `json:"obstacle,omitempty"`
	Expected    Time    `json:"expected,omitzero"`
	Text        *Text   `json:"text,omitempty"`
}

func (s *StatusReport) summary() string {
	return fmt.Sprintf("Status: %s%s", s.State, by(", expected by ", s.Expected))
}

// A Consultation opens or continues a consultation, as before a refusal.
type Consultation struct {
	Head
	Topic string `json:"topic" validate:"required,code=consultation-topic"`
	// Grounds are those contemplated; required when the topic is refusal.
	Grounds  []string `json:"grounds,omitempty" validate:"needs=Topic refusal,max=20,unique,dive,code=refusal-ground"`
	Measures []int64  `json:"measures,omitempty" validate:"max=200,unique,dive,min=1,max=200"`
	Text     Text     `json:"text"`
	Proposal *Text    `json:"proposal,omitempty"`
	ReplyBy  Time     `json:"reply_by,omitzero"`
}

func (c *Consultation) summary() string {
	return fmt.Sprintf("Consultation on %s%s", c.Topic, by(", reply by ", c.ReplyBy))
}

// A ConditionOffer offers assistance subject to conditions.
type ConditionOffer struct {
	Head
	// Conditions are numbered from 1 in their order.
	Conditions []Condition `json:"conditions" validate:"required,min=1,max=50,numbered,dive"`
	ReplyBy    Time        `json:"reply_by,omitzero"`
}

// A Condition restricts what may be done with what is given.
type Condition struct {
	Number int64  `json:"number" validate:"min=1,max=50"`
	Type   string `json:"type" validate:"required,code=condition-type"`
	Text   Text   `json:"text"`
	Until  Time   `json:"until,omitzero"`
	// Measures are those that the condition is about; left out, all.
	Measures []int64 `json:"measures,omitempty" validate:"max=200,unique,dive,min=1,max=200"`
	// BeforeOpening says that an officer of the recipient is to accept the condition
	// before what comes under it is opened. The recipient's system holds it back.
	BeforeOpening bool `json:"before_opening,omitzero"`
}

// BeforeOpening returns the conditions of a body that an officer is to accept
// before the body is shown.
func BeforeOpening(b Body) (first []Condition) {
	var all []Condition
	switch b := b.(type) {
	case *Delivery:
		all = b.Conditions
	case *Information:
		all = b.Conditions
	case *UseDecision:
		all = b.Conditions
	}
	for _, c := range all {
		if c.BeforeOpening {
			first = append(first, c)
		}
	}
	return first
}

func (c *ConditionOffer) summary() string {
	return fmt.Sprintf("Offers assistance under %s%s", count(len(c.Conditions), "condition"), by(", reply by ", c.ReplyBy))
}

// A ConditionAnswer accepts or declines conditions. Acceptance binds.
type ConditionAnswer struct {
	Head
	Answers []ConditionAnswerItem `json:"answers" validate:"required,min=1,max=50,unique=Number,dive"`
}

// A ConditionAnswerItem answers the condition of that number. Who declines
// gives the reason.
type ConditionAnswerItem struct {
	Number   int64 `json:"number" validate:"min=1,max=50"`
	Accepted bool  `json:"accepted"`
	Reason   *Text `json:"reason,omitempty" validate:"needs=Accepted false"`
	Counter  *Text `json:"counter,omitempty"`
}

func (c *ConditionAnswer) summary() string {
	accepted := 0
	for _, a := range c.Answers {
		if a.Accepted {
			accepted++
		}
	}
	return fmt.Sprintf("Accepts %d of %s", accepted, count(len(c.Answers), "condition"))
}
