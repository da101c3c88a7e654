package convention

import "fmt"

// A Redirect says that another authority is competent.
type Redirect struct {
	Head
	Authority Authority `json:"authority"`
	Reason    Text      `json:"reason"`
	// Forwarded says that the request was sent on.
	Forwarded bool    `json:"forwarded"`
	Measures  []int64 `json:"measures,omitempty" validate:"max=200,unique,dive,min=1,max=200"`
}

func (r *Redirect) summary() string { return "Another authority is competent: " + r.Authority.ID }

// A DeadlineNotice says that a date cannot be met, and gives a new one.
type DeadlineNotice struct {
	Head
	Measures []int64 `json:"measures,omitempty" validate:"max=200,unique,dive,min=1,max=200"`
	Due      Time    `json:"due" validate:"required"`
	Reason   Text    `json:"reason"`
}

func (d *DeadlineNotice) summary() string { return "New date" + by(": ", d.Due) }

// A RiskNotice says that data will not stay available, that the request cannot
// be kept confidential, or that the investigation is in danger. The requesting
// State decides whether to go on.
type RiskNotice struct {
	Head
	Risk     string  `json:"risk" validate:"required,code=risk"`
	Measures []int64 `json:"measures,omitempty" validate:"max=200,unique,dive,min=1,max=200"`
	Text     Text    `json:"text"`
	ReplyBy  Time    `json:"reply_by,omitzero"`
}

func (r *RiskNotice) summary() string {
	return fmt.Sprintf("Risk to %s%s", Label("risk", r.Risk, "en"), by(", reply by ", r.ReplyBy))
}

// A RiskAnswer says whether to go on in spite of a risk.
type RiskAnswer struct {
	Head
	// Notice is the digest of the message with the notice.
	Notice   string `json:"notice" validate:"required,digest"`
	Decision string `json:"decision" validate:"required,oneof=proceed stop"`
	Text     *Text  `json:"text,omitempty"`
}

func (r *RiskAnswer) summary() string { return "Answer to the risk: " + r.Decision }

// A UseRequest asks for consent to use evidence beyond the request, or to
// transfer personal data onward.
type UseRequest struct {
	Head
	Purpose string `json:"purpose" validate:"required,oneof=other-use onward-transfer"`
	// Delivery is the digest of the message that delivered the evidence,
	// Packages the numbers in it; left out, all.
	Delivery string  `json:"delivery" validate:"required,digest"`
	Packages []int64 `json:"packages,omitempty" validate:"max=200,unique,dive,min=1,max=200"`
	// Proceeding is the new one; Recipient the third country or organisation.
	Proceeding *Proceeding  `json:"proceeding,omitempty" validate:"needs=Purpose other-use"`
	Recipient  string       `json:"recipient,omitempty" validate:"needs=Purpose onward-transfer,max=300,plain"`
	Reason     Text         `json:"reason"`
	LegalBasis []LegalBasis `json:"legal_basis,omitempty" validate:"max=20,dive"`
	ReplyBy    Time         `json:"reply_by,omitzero"`
}

func (u *UseRequest) summary() string {
	if u.Purpose == "onward-transfer" {
		return "Asks for consent to a transfer to " + u.Recipient
	}
	return "Asks for consent to another use" + by(", reply by ", u.ReplyBy)
}

// A UseDecision answers a UseRequest.
type UseDecision struct {
	Head
	// Request is the digest of the message that asked.
	Request    string      `json:"request" validate:"required,digest"`
	Outcome    string      `json:"outcome" validate:"required,oneof=consented conditional refused"`
	Reasons    *Text       `json:"reasons,omitempty" validate:"needs=Outcome refused"`
	Conditions []Condition `json:"conditions,omitempty" validate:"needs=Outcome conditional,omitempty,max=50,numbered,dive"`
}

func (u *UseDecision) summary() string { return "Use of evidence: " + u.Outcome }

// An ExculpatoryNotice says that information which exonerates an accused will
// be disclosed to them, or exceptionally was.
type ExculpatoryNotice struct {
	Head
	// Message is the digest of the message whose content it is.
	Message string `json:"message" validate:"required,digest"`
	// Disclosure is when it is to be, or was, disclosed.
	Disclosure Time   `json:"disclosure" validate:"required"`
	Accused    string `json:"accused" validate:"required,max=300,plain"`
	Content    Text   `json:"content"`
	// Advance says that the notice comes before; if it does not, NotPossible
	// says why.
	Advance     bool  `json:"advance"`
	NotPossible *Text `json:"not_possible,omitempty" validate:"needs=Advance false,only=Advance false"`
}

func (e *ExculpatoryNotice) summary() string {
	return "Exonerating information to be disclosed" + by(" on ", e.Disclosure)
}

// An ItemReturn says that things lent are sent back.
type ItemReturn struct {
	Head
	Items    []ReturnedItem `json:"items" validate:"required,min=1,max=100,dive"`
	Date     Time           `json:"date" validate:"required"`
	Courier  string         `json:"courier" validate:"required,max=300,plain"`
	Tracking string         `json:"tracking,omitempty" validate:"max=100,plain"`
}

// A ReturnedItem is a thing sent back.
type ReturnedItem struct {
	Description Text   `json:"description"`
	Seal        string `json:"seal,omitempty" validate:"max=100,plain"`
}

func (i *ItemReturn) summary() string { return count(len(i.Items), "item") + " sent back" }

// A Correction amends, supplements or supersedes an earlier message. Nothing is
// overwritten: both stay in the case.
type Correction struct {
	Head
	// Message is the digest of the message that it is about.
	Message string       `json:"message" validate:"required,digest"`
	Manner  string       `json:"manner" validate:"required,oneof=amend supplement supersede"`
	Changes []ChangeItem `json:"changes" validate:"required,min=1,max=100,dive"`
	Reason  *Text        `json:"reason,omitempty"`
}

// A ChangeItem is one change.
type ChangeItem struct {
	// At is the JSON pointer of the place in the earlier body.
	At   string `json:"at,omitempty" validate:"omitempty,max=300,pointer"`
	Text Text   `json:"text"`
}

func (c *Correction) summary() string { return "Correction: " + c.Manner }

// An Agreement is the text on which a joint investigation, or another form of
// cooperation, rests: proposed, signed or amended.
type Agreement struct {
	Head
	Measure int64  `json:"measure" validate:"min=1,max=200"`
	State   string `json:"state" validate:"required,oneof=draft signed amendment"`
	// Version counts the drafts.
	Draft    int64      `json:"draft" validate:"min=1,max=1000"`
	Text     Text       `json:"text"`
	From     Time       `json:"from" validate:"required"`
	To       Time       `json:"to" validate:"required,after=From"`
	Members  []Member   `json:"members" validate:"required,min=2,max=100,dive"`
	SignedBy []Official `json:"signed_by,omitempty" validate:"needs=State signed amendment,max=20,dive"`
}

func (a *Agreement) summary() string {
	return fmt.Sprintf("Agreement, %s %d", a.State, a.Draft)
}

// A Feedback says of what use information was.
type Feedback struct {
	Head
	Use  string `json:"use" validate:"required,oneof=useful not-useful led-to-request led-to-proceedings conditions-kept conditions-cannot-be-kept"`
	Text *Text  `json:"text,omitempty" validate:"needs=Use conditions-cannot-be-kept"`
}

func (f *Feedback) summary() string { return "Feedback: " + f.Use }
