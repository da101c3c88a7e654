package convention

import (
	"fmt"
	"strings"
)

// A Progress reports what was done on measures, or by whom: an account frozen,
// a hearing held, reasons against lifting. Which step exists in which workflow,
// who reports it and what must be given with it is in the list progress-event.
type Progress struct {
	Head
	Items []ProgressItem `json:"items" validate:"required,min=1,max=200,dive"`
}

// A ProgressItem is one step.
type ProgressItem struct {
	Measure int64  `json:"measure" validate:"min=1,max=200"`
	Event   string `json:"event" validate:"required,code=progress-event"`
	// At is when the step was taken.
	At    Time `json:"at" validate:"required"`
	Until Time `json:"until,omitzero" validate:"needs=Event progress-event.needs:until"`
	// Dates are those proposed or agreed, with the offset of the place.
	Dates   []Moment `json:"dates,omitempty" validate:"max=20"`
	Amount  *Amount  `json:"amount,omitempty" validate:"needs=Event progress-event.needs:amount"`
	Place   string   `json:"place,omitempty" validate:"needs=Event progress-event.needs:place,max=1000,plain"`
	Person  int64    `json:"person,omitzero" validate:"needs=Event progress-event.needs:person,omitempty,min=1,max=200"`
	Result  string   `json:"result,omitempty" validate:"needs=Event progress-event.needs:result,max=300,plain"`
	Reasons *Text    `json:"reasons,omitempty" validate:"needs=Event progress-event.needs:reasons"`
	Text    *Text    `json:"text,omitempty"`
	// Authority did it, if it is another than the sender.
	Authority *Authority `json:"authority,omitempty"`
	// Service is the outcome of a service of documents.
	Service *ServiceOutcome `json:"service,omitempty" validate:"needs=Event progress-event.needs:service"`
	// Minutes are those of a hearing.
	Minutes *Minutes `json:"minutes,omitempty" validate:"needs=Event progress-event.needs:minutes"`
}

// A ServiceOutcome says whether, when and how a document was served.
type ServiceOutcome struct {
	Result string `json:"result" validate:"required,code=service-result"`
	On     Time   `json:"on" validate:"required"`
	// Failure is why it was not served.
	Failure   string `json:"failure,omitempty" validate:"needs=Result not-served,only=Result not-served,omitempty,code=service-failure"`
	Method    string `json:"method,omitempty" validate:"needs=Result served,max=300,plain"`
	Recipient string `json:"recipient,omitempty" validate:"needs=Result served,max=300,plain"`
	// Proof is the number of the attachment that proves it.
	Proof string `json:"proof,omitempty" validate:"omitempty,oneof=receipt declaration"`
}

// Minutes are those of a hearing by video-conference.
type Minutes struct {
	Held         Moment     `json:"held" validate:"required"`
	Place        string     `json:"place" validate:"required,max=1000,plain"`
	Participants []Official `json:"participants" validate:"required,min=1,max=50,dive"`
	Identity     Text       `json:"identity"`
	Oath         string     `json:"oath" validate:"required,oneof=oath affirmation none"`
	Technical    Text       `json:"technical"`
}

func (p *Progress) summary() string {
	var items []string
	for _, i := range p.Items {
		items = append(items, fmt.Sprintf("measure %d: %s%s", i.Measure, Label("progress-event", i.Event, "en"), by(" until ", i.Until)))
	}
	return strings.Join(items, "; ")
}
