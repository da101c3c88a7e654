package convention

import (
	"fmt"
	"strings"
)

// A Request asks for one or more measures.
type Request struct {
	Head
	// Requesting and Requested are party codes.
	Requesting string `json:"requesting" validate:"required,party"`
	Requested  string `json:"requested" validate:"required,party,nefield=Requesting"`
	// OwnRef is the requesting authority's reference.
	OwnRef string `json:"own_ref" validate:"required,max=100,plain"`
	// Status is new, extension (of an earlier request) or follow-up.
	Status string `json:"status" validate:"required,oneof=new extension follow-up"`
	// Urgency and UrgencyReason: see the lists urgency-class and
	// urgency-reason; which class needs what is in the list.
	Urgency       string         `json:"urgency" validate:"required,code=urgency-class"`
	UrgencyReason *UrgencyReason `json:"urgency_reason,omitempty"`
	// Deadline is the date suggested to the requested authority.
	Deadline *Deadline `json:"deadline,omitempty"`
	// Confidentiality: see the list of that name. NoNoticeUntil is until when
	// the user must not be notified.
	Confidentiality string `json:"confidentiality" validate:"required,code=confidentiality"`
	NoNoticeUntil   Time   `json:"no_notice_until,omitzero"`
	// Authority makes the request; Conducting conducts the case, if it is
	// another.
	Authority  Authority  `json:"authority"`
	Conducting *Authority `json:"conducting,omitempty"`
	// Proceeding and Purpose are required where a measure needs the full
	// content of a request.
	Proceeding *Proceeding `json:"proceeding,omitempty"`
	Offences   []Offence   `json:"offences" validate:"required,min=1,max=50,dive"`
	// Narrative is the summary of facts; it binds, and is marked so.
	Narrative       Text         `json:"narrative"`
	Purpose         *Text        `json:"purpose,omitempty"`
	DualCriminality *Text        `json:"dual_criminality,omitempty"`
	LegalBasis      []LegalBasis `json:"legal_basis,omitempty" validate:"max=20,dive"`
	Contacts        []Contact    `json:"contacts" validate:"required,min=1,max=20,dive"`
	References      []Reference  `json:"references,omitempty" validate:"max=50,dive"`
	// Measures are numbered from 1 in their order.
	Measures []Measure `json:"measures" validate:"required,min=1,max=50,dive"`
}

// An UrgencyReason says why a request is urgent.
type UrgencyReason struct {
	Code  string `json:"code" validate:"required,code=urgency-reason"`
	Until Time   `json:"until,omitzero"`
	Text  *Text  `json:"text,omitempty"`
}

// A Deadline is a suggested date. Without a reason it would have no weight.
type Deadline struct {
	At     Time `json:"at" validate:"required"`
	Reason Text `json:"reason"`
}

// An Authority is an authority of a party, by name and function.
type Authority struct {
	// ID is the authority's identifier in the directory, if it is there.
	ID       string `json:"id,omitempty" validate:"omitempty,authority"`
	Name     string `json:"name" validate:"required,max=300,plain"`
	Function string `json:"function" validate:"required,max=300,plain"`
}

// A Proceeding is the case in which a request is made.
type Proceeding struct {
	Stage      string `json:"stage" validate:"required,oneof=investigation prosecution judicial"`
	CaseNumber string `json:"case_number" validate:"required,max=100,plain"`
	Subject    Text   `json:"subject"`
}

// An Offence is what the request is about.
type Offence struct {
	Code string `json:"code" validate:"required,code=offence"`
	// Provision and Text are the domestic law.
	Provision        string `json:"provision,omitempty" validate:"max=300,plain"`
	Text             *Text  `json:"text,omitempty"`
	MaxPenaltyMonths int64  `json:"max_penalty_months,omitzero" validate:"omitempty,min=1,max=1200"`
}

// A LegalBasis is a treaty or principle that the request rests on.
type LegalBasis struct {
	Code       string `json:"code" validate:"required,code=legal-basis"`
	Instrument string `json:"instrument,omitempty" validate:"max=300,plain"`
	Provision  string `json:"provision,omitempty" validate:"max=100,plain"`
}

// A Contact is a person or unit that can be reached.
type Contact struct {
	// Role is officer (in charge) or verification (independent call-back).
	Role      string   `json:"role" validate:"required,oneof=officer verification"`
	Name      string   `json:"name" validate:"required,max=300,plain"`
	Function  string   `json:"function,omitempty" validate:"max=300,plain"`
	Phone     string   `json:"phone,omitempty" validate:"max=40,plain"`
	Email     string   `json:"email,omitempty" validate:"omitempty,mailbox"`
	Hours     string   `json:"hours,omitempty" validate:"max=100,plain"`
	TimeZone  string   `json:"time_zone,omitempty" validate:"max=60,plain"`
	Languages []string `json:"languages,omitempty" validate:"max=20,unique,dive,lang"`
}

// A Reference links to an earlier case, message or paper file.
type Reference struct {
	// Relation is what this request is to the other.
	Relation string `json:"relation" validate:"required,oneof=extends follows-preservation supplements parallel related"`
	// Case and Message are identifiers of the exchange.
	Case    string `json:"case,omitempty" validate:"omitempty,id"`
	Message string `json:"message,omitempty" validate:"omitempty,id"`
	// Ref is a reference of the other side.
	Ref  string `json:"ref,omitempty" validate:"max=100,plain"`
	Note string `json:"note,omitempty" validate:"max=1000,plain"`
}

// Lane returns the lane in which the request travels: emergency, urgent or
// routine.
func (r *Request) Lane() string {
	c, _ := codeOf(listUrgency, r.Urgency)
	return c.Lane
}

func (r *Request) summary() string {
	var what []string
	for _, m := range r.Measures {
		what = append(what, labelOf(listMeasure, m.Type))
	}
	return fmt.Sprintf("%s asks %s for %s (%s, %s)", r.Requesting, r.Requested, strings.Join(what, ", "), r.OwnRef, labelOf(listUrgency, r.Urgency))
}

// Information gives another State information that it did not ask for.
type Information struct {
	Head
	From   string `json:"from" validate:"required,party"`
	To     string `json:"to" validate:"required,party,nefield=From"`
	OwnRef string `json:"own_ref" validate:"required,max=100,plain"`
	// Information is the content; Purpose is why it may help the other State.
	Information Text      `json:"information"`
	Purpose     Text      `json:"purpose"`
	Offences    []Offence `json:"offences,omitempty" validate:"max=50,dive"`
	// Conditions bind the recipient, who says at once if it cannot keep them.
	Conditions []Condition `json:"conditions,omitempty" validate:"max=50,dive"`
	Contacts   []Contact   `json:"contacts" validate:"required,min=1,max=20,dive"`
}

func (i *Information) summary() string {
	return fmt.Sprintf("%s informs %s of its own motion (%s)", i.From, i.To, i.OwnRef)
}
