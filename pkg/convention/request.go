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
	Status string `json:"status" validate:"required,code=request-status"`
	// Urgency and UrgencyReason: the list urgency-class says which class needs
	// what.
	Urgency       string         `json:"urgency" validate:"required,code=urgency-class"`
	UrgencyReason *UrgencyReason `json:"urgency_reason,omitempty" validate:"needs=Urgency urgency-class.reason"`
	// Deadline is the date suggested to the requested authority.
	Deadline *Deadline `json:"deadline,omitempty"`
	// NoNoticeUntil is until when the user must not be notified, MayBeTold who
	// may know of the request.
	Confidentiality string `json:"confidentiality" validate:"required,code=confidentiality"`
	NoNoticeUntil   Time   `json:"no_notice_until,omitzero" validate:"needs=Confidentiality confidentiality.until,only=Confidentiality confidentiality.until"`
	MayBeTold       *Text  `json:"may_be_told,omitempty"`
	// Authority makes the request; Conducting conducts the case, if it is
	// another; Units take part in it with decisions of their own.
	Authority  Authority  `json:"authority"`
	Conducting *Authority `json:"conducting,omitempty"`
	Units      []Unit     `json:"units,omitempty" validate:"max=20,dive"`
	// SignedBy are the officers who answer for the request; Validated is an
	// authority that validated it.
	SignedBy []Official `json:"signed_by,omitempty" validate:"needs=Measures.Type measure-type.full,max=10,dive"`
	// Proceeding and Purpose are needed where a measure needs the full content
	// of a request.
	Proceeding *Proceeding `json:"proceeding,omitempty" validate:"needs=Measures.Type measure-type.full"`
	Offences   []Offence   `json:"offences" validate:"required,min=1,max=50,dive"`
	// Narrative is the summary of facts; it binds, and is marked so. Service of
	// documents does not need it.
	Narrative       *Text     `json:"narrative,omitempty" validate:"needs=Measures.Type !measure-type.facts_optional"`
	Subjects        []Subject `json:"subjects,omitempty" validate:"max=200,numbered,dive"`
	Purpose         *Text     `json:"purpose,omitempty" validate:"needs=Measures.Type measure-type.full"`
	DualCriminality *Text     `json:"dual_criminality,omitempty"`
	// LegalBasis is in the order in which the sender relies on it. TreatyRules
	// says whether the Convention's own rules on procedure apply: no other
	// treaty binds the two, they agreed to use them, or they do not apply.
	LegalBasis  []LegalBasis `json:"legal_basis,omitempty" validate:"max=20,dive"`
	TreatyRules string       `json:"treaty_rules,omitempty" validate:"omitempty,oneof=no-treaty agreed not-applied"`
	Contacts    []Contact    `json:"contacts" validate:"required,min=1,max=20,dive"`
	References  []Reference  `json:"references,omitempty" validate:"max=50,dive"`
	// Measures are numbered from 1 in their order.
	Measures []Measure `json:"measures" validate:"required,min=1,max=200,numbered,dive"`

	DataProtection *DataProtection `json:"data_protection,omitempty"`
	Assurances     []Assurance     `json:"assurances,omitempty" validate:"max=20,dive"`
	Attachments    []Attachment    `json:"attachments,omitempty" validate:"max=200,numbered,dive"`
	Reply          *ReplyWish      `json:"reply,omitempty"`
	Costs          *Text           `json:"costs,omitempty"`
	Protection     *Text           `json:"protection,omitempty"`
	Privileges     *Text           `json:"privileges,omitempty"`
	// Certificate is that the matter is a criminal one, which some States ask
	// for.
	Certificate *Text `json:"certificate,omitempty"`
	// Overrides are the warnings that the sender saw and went past, with the
	// reason.
	Overrides []Override `json:"overrides,omitempty" validate:"max=50,dive"`
}

// A Unit is an investigation unit, prosecution or court that takes part.
type Unit struct {
	Role       string `json:"role" validate:"required,oneof=investigation prosecution court"`
	Name       string `json:"name" validate:"required,max=300,plain"`
	CaseNumber string `json:"case_number,omitempty" validate:"max=100,plain"`
	// Decision is, for example, a warrant.
	Decision *Authorisation `json:"decision,omitempty"`
}

// A DataProtection says what is to become of personal data.
type DataProtection struct {
	Categories []string `json:"categories,omitempty" validate:"max=50,unique,dive,required,max=100,plain"`
	// Special are categories that deserve more protection.
	Special []string `json:"special,omitempty" validate:"max=50,unique,dive,required,max=100,plain"`
	Roles   []string `json:"roles,omitempty" validate:"max=20,unique,dive,code=subject-role"`
	// Recipients are those intended.
	Recipients     *Text `json:"recipients,omitempty"`
	RetentionUntil Time  `json:"retention_until,omitzero"`
	// Onward says to whom a transfer is foreseen.
	Onward *Text `json:"onward,omitempty"`
}

// An Assurance is an undertaking of the requesting State.
type Assurance struct {
	Type string `json:"type" validate:"required,code=assurance-type"`
	Text Text   `json:"text"`
}

// A ReplyWish is how the reply is best sent.
type ReplyWish struct {
	Format   string `json:"format,omitempty" validate:"max=300,plain"`
	MaxBytes int64  `json:"max_bytes,omitzero" validate:"omitempty,min=1"`
	// Transport of large evidence.
	Transport string `json:"transport,omitempty" validate:"omitempty,oneof=exchange physical-media"`
	Note      *Text  `json:"note,omitempty"`
}

// An Override is a warning that the sender went past.
type Override struct {
	Finding string `json:"finding" validate:"required,code=finding.warning"`
	// At is the JSON pointer of the place; left out, all places of the finding.
	At     string `json:"at,omitempty" validate:"omitempty,max=300,pointer"`
	Reason Text   `json:"reason"`
}

// An UrgencyReason says why a request is urgent.
type UrgencyReason struct {
	Code  string `json:"code" validate:"required,code=urgency-reason"`
	Until Time   `json:"until,omitzero"`
	Text  *Text  `json:"text,omitempty"`
}

// A Deadline is a suggested date. Without a reason it has little weight.
type Deadline struct {
	At     Time  `json:"at" validate:"required"`
	Reason *Text `json:"reason,omitempty"`
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
	Stage      string `json:"stage" validate:"required,code=proceeding-stage"`
	CaseNumber string `json:"case_number" validate:"required,max=100,plain"`
	Subject    Text   `json:"subject"`
}

// An Offence is what the request is about.
type Offence struct {
	Code string `json:"code" validate:"required,code=offence"`
	// Provision and Text are the domestic law.
	Provision        string `json:"provision,omitempty" validate:"max=300,plain"`
	Text             *Text  `json:"text,omitempty"`
	MaxPenaltyMonths int64  `json:"max_penalty_months,omitzero" validate:"needs=Code offence.min_penalty_months,omitempty,min=1,max=1200"`
	// Participation is the form of it, where the person is no principal.
	Participation string `json:"participation,omitempty" validate:"omitempty,oneof=principal accomplice attempt preparation"`
	LegalPerson   bool   `json:"legal_person,omitzero"`
	// Limitation is when prosecution becomes barred by lapse of time.
	Limitation Time `json:"limitation,omitzero"`
	// Instrument names the other convention, for an offence of another one.
	Instrument string `json:"instrument,omitempty" validate:"needs=Code offence.instrument,max=300,plain"`
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
	Role      string   `json:"role" validate:"required,code=contact-role"`
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
	Relation string `json:"relation" validate:"required,code=reference-relation"`
	// Case and Message are identifiers of the exchange, Ref a reference of the
	// other side; at least one is given.
	Case    string `json:"case,omitempty" validate:"any_of=Message Ref,omitempty,id"`
	Message string `json:"message,omitempty" validate:"omitempty,id"`
	Ref     string `json:"ref,omitempty" validate:"max=100,plain"`
	Note    string `json:"note,omitempty" validate:"max=1000,plain"`
}

// Lane returns the lane in which the request travels: emergency, urgent or
// routine.
func (r *Request) Lane() string {
	c, _ := CodeOf(listUrgency, r.Urgency)
	return c.Text("lane")
}

func (r *Request) summary() string {
	var what []string
	for _, m := range r.Measures {
		what = append(what, Label(listMeasure, m.Type, "en"))
	}
	return fmt.Sprintf("%s asks %s for %s (%s, %s)", r.Requesting, r.Requested, strings.Join(what, ", "), r.OwnRef, Label(listUrgency, r.Urgency, "en"))
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
	Conditions []Condition `json:"conditions,omitempty" validate:"max=50,numbered,dive"`
	// Reliability grades source and content, as A1 to F6.
	Reliability string `json:"reliability,omitempty" validate:"omitempty,reliability"`
	// SourceProtected says that the source must not become known.
	SourceProtected bool      `json:"source_protected,omitzero"`
	Subjects        []Subject `json:"subjects,omitempty" validate:"max=200,numbered,dive"`
	// Suggestion is a request that the recipient might make.
	Suggestion *Text       `json:"suggestion,omitempty"`
	References []Reference `json:"references,omitempty" validate:"max=50,dive"`
	Handling   string      `json:"handling,omitempty" validate:"omitempty,code=handling-code"`
	Contacts   []Contact   `json:"contacts" validate:"required,min=1,max=20,dive"`
}

func (i *Information) summary() string {
	return fmt.Sprintf("%s informs %s of its own motion (%s)", i.From, i.To, i.OwnRef)
}

// Follows reports whether the request asks for data that another case
// preserves.
func (r *Request) Follows() bool { return r.refers("follows-preservation") }

// Routine is the class of urgency of a request that gives no reason for any
// other.
const Routine = "R0_ROUTINE"

// Extends reports whether the request asks to extend what another case began.
func (r *Request) Extends() bool { return r.refers("extends") }
