package convention

import (
	"slices"
	"strconv"
	"time"

	"github.com/go-playground/validator/v10"
)

// A report takes the faults that a rule finds in a value of type T: the JSON
// name of the member, and the key of the sentence.
type report func(member, fault string)

// registerStructRules registers the rules between members.
func registerStructRules(v *validator.Validate) {
	register(v, checkText)
	register(v, checkRequest)
	register(v, checkInformation)
	register(v, checkOffence)
	register(v, checkReference)
	register(v, checkMeasure)
	register(v, checkDataSet)
	register(v, checkPreservation)
	register(v, checkExtension)
	register(v, checkStoredData)
	register(v, checkQuestion)
	register(v, checkConsultation)
	register(v, checkConditionOffer)
	register(v, checkConditionAnswer)
	register(v, checkDecisionItem)
	register(v, checkPreservedItem)
	register(v, checkWithheld)
	register(v, checkDelivery)
	register(v, checkDeliveryResult)
	register(v, checkPackage)
	register(v, checkPackageItem)
}

// register makes the validator apply a rule to every value of type T.
func register[T any](v *validator.Validate, rule func(*T, report)) {
	var zero T
	v.RegisterStructValidation(func(sl validator.StructLevel) {
		value, ok := sl.Current().Interface().(T)
		if !ok {
			return
		}
		rule(&value, func(member, fault string) { sl.ReportError(nil, member, member, fault, "") })
	}, zero)
}

// given reports a fault if a member is there without need, or is needed and not
// there.
func (r report) given(member string, given, needed bool) {
	switch {
	case given && !needed:
		r(member, "not-here")
	case !given && needed:
		r(member, "required")
	}
}

// needs reports a fault if a member is needed and not there.
func (r report) needs(member string, given, needed bool) {
	if needed && !given {
		r(member, "required")
	}
}

// after reports a fault if both times are given and the second is not later.
func (r report) after(member string, from, to Time) {
	if !from.IsZero() && !to.IsZero() && !to.After(from.Time) {
		r(member, "order")
	}
}

// numbered reports whether numbers are 1, 2, 3 and so on.
func numbered[T any](items []T, number func(T) int64) bool {
	for i, item := range items {
		if number(item) != int64(i)+1 {
			return false
		}
	}
	return true
}

func checkText(t *Text, r report) {
	seen := []string{t.Lang}
	for _, tr := range t.Translations {
		if slices.Contains(seen, tr.Lang) {
			r("translations", "translation")
		}
		seen = append(seen, tr.Lang)
	}
}

func checkRequest(q *Request, r report) {
	urgency, _ := codeOf(listUrgency, q.Urgency)
	reason := q.UrgencyReason
	r.needs("urgency_reason", reason != nil, urgency.Reason)
	if reason != nil {
		r.needs("urgency_reason.until", !reason.Until.IsZero(), urgency.Until)
		r.needs("urgency_reason.text", reason.Text != nil, urgency.Text)
	}
	level, _ := codeOf(listConfidentiality, q.Confidentiality)
	r.given("no_notice_until", !q.NoNoticeUntil.IsZero(), level.Until)
	if !q.Narrative.Authentic {
		r("narrative.authentic", "authentic")
	}
	if !numbered(q.Measures, func(m Measure) int64 { return m.Number }) {
		r("measures", "numbered")
	}
	full, extends, follows := false, false, false
	for _, m := range q.Measures {
		kind, _ := codeOf(listMeasure, m.Type)
		full = full || kind.Full
		extends = extends || m.Extension != nil
		follows = follows || m.StoredData != nil && m.StoredData.Preservation != ""
	}
	r.needs("proceeding", q.Proceeding != nil, full)
	r.needs("purpose", q.Purpose != nil, full)
	if extends != (q.Status == "extension") {
		r("status", "extension")
	}
	if extends && !q.refers("extends") || follows && !q.refers("follows-preservation") {
		r("references", "reference")
	}
}

// refers reports whether the request has a reference of this relation.
func (r *Request) refers(relation string) bool {
	return slices.ContainsFunc(r.References, func(ref Reference) bool { return ref.Relation == relation })
}

func checkInformation(i *Information, r report) {
	if !numbered(i.Conditions, func(c Condition) int64 { return c.Number }) {
		r("conditions", "numbered")
	}
}

func checkOffence(o *Offence, r report) {
	code, _ := codeOf(listOffence, o.Code)
	if o.MaxPenaltyMonths < code.MinPenaltyMonths {
		r("max_penalty_months", "penalty")
	}
}

func checkReference(ref *Reference, r report) {
	r.needs("ref", ref.Case != "" || ref.Message != "" || ref.Ref != "", true)
}

func checkMeasure(m *Measure, r report) {
	for _, d := range m.details() {
		r.given(d.member, d.given, m.Type == d.measure)
	}
}

func checkDataSet(d *DataSet, r report) {
	r.given("port", d.Port != 0, d.Port != 0 && d.IP != "")
	r.given("to", !d.To.IsZero(), !d.From.IsZero())
	r.after("to", d.From, d.To)
	if d.IP == "" && d.Domain == "" && d.Account == "" && d.Object == "" {
		r("object", "locator")
	}
}

func checkPreservation(p *Preservation, r report) {
	kind, _ := codeOf(listMeasure, "T01")
	if p.DurationDays != 0 && p.DurationDays < kind.MinDays {
		r("duration_days", "duration")
	}
}

func checkExtension(e *Extension, r report) { r.after("until", e.CurrentUntil, e.Until) }

func checkStoredData(s *StoredData, r report) {
	for i, d := range s.Data {
		r.needs("data["+strconv.Itoa(i)+"].from", !d.From.IsZero(), true)
	}
}

func checkQuestion(q *Question, r report) {
	if !numbered(q.Questions, func(i QuestionItem) int64 { return i.Number }) {
		r("questions", "numbered")
	}
}

func checkConsultation(c *Consultation, r report) {
	r.needs("grounds", len(c.Grounds) > 0, c.Topic == "refusal")
}

func checkConditionOffer(c *ConditionOffer, r report) {
	if !numbered(c.Conditions, func(c Condition) int64 { return c.Number }) {
		r("conditions", "numbered")
	}
}

func checkConditionAnswer(c *ConditionAnswer, r report) {
	for i, a := range c.Answers {
		r.needs("answers["+strconv.Itoa(i)+"].reason", a.Accepted || a.Reason != nil, true)
	}
}

func checkDecisionItem(d *DecisionItem, r report) {
	kind, _ := codeOf(listMeasure, d.Type)
	refusing := d.Outcome == "refused" || d.Outcome == "partly"
	if refusing != (len(d.Grounds) > 0) {
		r("grounds", "refused-grounds")
	}
	alone, consult := true, d.Outcome == "postponed"
	for _, g := range d.Grounds {
		ground, _ := codeOf(listGround, g)
		alone = alone && ground.NeverAlone
		consult = consult || ground.Consult && !kind.Preservation
		if kind.Preservation && !ground.Preservation {
			r("grounds", "preserving")
		}
	}
	if alone && len(d.Grounds) > 0 {
		r("grounds", "never-alone")
	}
	r.needs("reasons", d.Reasons != nil, d.Outcome != "accepted")
	r.needs("consultation", d.Consultation != "", consult)
	r.given("review", !d.Review.IsZero(), d.Outcome == "postponed")
	r.given("until", !d.Until.IsZero(), d.Type == "T02" && (d.Outcome == "accepted" || d.Outcome == "partly"))
}

func checkPreservedItem(p *PreservedItem, r report) {
	kind, _ := codeOf(listMeasure, "T01")
	least := time.Duration(kind.MinDays) * 24 * time.Hour
	if p.Until.Before(p.From.Add(least)) {
		r("until", "duration")
	}
	r.given("user_notice_on", !p.UserNoticeOn.IsZero(), p.UserNotified == "required")
}

func checkWithheld(w *Withheld, r report) {
	if ground, _ := codeOf(listGround, w.Ground); !ground.Preservation {
		r("ground", "preserving")
	}
}

func checkDelivery(d *Delivery, r report) {
	if !numbered(d.Packages, func(p Package) int64 { return p.Number }) {
		r("packages", "numbered")
	}
	if !numbered(d.Conditions, func(c Condition) int64 { return c.Number }) {
		r("conditions", "numbered")
	}
	for i, p := range d.Packages {
		if !slices.ContainsFunc(d.Results, func(i DeliveryResult) bool { return i.Measure == p.Measure }) {
			r("packages["+strconv.Itoa(i)+"].measure", "package")
		}
	}
}

func checkDeliveryResult(d *DeliveryResult, r report) {
	r.needs("reasons", d.Reasons != nil, d.Result != "executed")
	r.needs("outstanding", d.Outstanding != nil, d.Result == "partly")
}

func checkPackage(p *Package, r report) {
	for i := 1; i < len(p.Custody); i++ {
		if p.Custody[i].At.Before(p.Custody[i-1].At.Time) {
			r("custody", "order")
		}
	}
}

func checkPackageItem(p *PackageItem, r report) {
	r.needs("note", p.Note != nil, p.Result != "ok")
}
