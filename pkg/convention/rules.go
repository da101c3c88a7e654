package convention

import (
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/go-playground/validator/v10"
)

// A report takes the faults that a rule finds in a value of type T: the JSON
// name of the member, and the code of the finding.
type report func(member, fault string)

// registerStructRules registers the rules between members that no tag says.
func registerStructRules(v *validator.Validate) {
	register(v, checkText)
	register(v, checkRequest)
	register(v, checkName)
	register(v, checkIdentifier)
	register(v, checkPreservation)
	register(v, checkStoredData)
	register(v, checkDecisionItem)
	register(v, checkPreservedItem)
	register(v, checkDelivery)
	register(v, checkPackage)
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

// needs reports a fault if a member is needed and not there.
func (r report) needs(member string, given, needed bool) {
	if needed && !given {
		r(member, "required")
	}
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

func checkName(n *Name, r report) {
	r.needs("transliteration", n.Transliteration != "", !latin(n.Full))
}

// latin reports whether a name needs no transliteration.
func latin(name string) bool {
	return !slices.ContainsFunc([]rune(name), func(c rune) bool { return c >= 0x370 && (c < 0x1E00 || c >= 0x2C00) })
}

func checkRequest(q *Request, r report) {
	urgency, _ := CodeOf(listUrgency, q.Urgency)
	if reason := q.UrgencyReason; reason != nil {
		r.needs("urgency_reason.text", reason.Text != nil, urgency.Has("text"))
	}
	if q.Narrative != nil && !q.Narrative.Authentic {
		r("narrative.authentic", "authentic")
	}
	extends, follows := false, false
	for i, m := range q.Measures {
		extends = extends || m.Extension != nil
		follows = follows || m.StoredData != nil && m.StoredData.Preservation != "" || m.Subscriber != nil && m.Subscriber.Preservation != ""
		for _, n := range m.subjects() {
			if n > int64(len(q.Subjects)) {
				r("measures["+strconv.Itoa(i)+"]", "subject")
			}
		}
	}
	if extends != (q.Status == "extension") {
		r("status", "extension")
	}
	if extends && !q.refers("extends") || follows && !q.refers("follows-preservation") {
		r("references", "reference")
	}
}

// subjects returns the numbers of the subjects that a measure names.
func (m *Measure) subjects() []int64 {
	var out []int64
	switch {
	case m.Interception != nil:
		out = append(out, m.Interception.Subject)
	case m.Statement != nil:
		out = append(out, m.Statement.Subjects...)
	case m.Service != nil:
		out = append(out, m.Service.Addressee)
	case m.Hearing != nil:
		out = append(out, m.Hearing.Subject)
	case m.Tracing != nil:
		out = append(out, m.Tracing.Owners...)
	case m.CustodyTransfer != nil:
		out = append(out, m.CustodyTransfer.Subject)
	case m.Appearance != nil:
		out = append(out, m.Appearance.Subject)
	case m.Extradition != nil:
		out = append(out, m.Extradition.Subject)
	case m.ProvisionalArrest != nil:
		out = append(out, m.ProvisionalArrest.Subject)
	case m.ProceedingsTransfer != nil:
		out = append(out, m.ProceedingsTransfer.Subject)
	case m.SentencedTransfer != nil:
		out = append(out, m.SentencedTransfer.Subject)
	}
	return out
}

// refers reports whether the request has a reference of this relation.
func (r *Request) refers(relation string) bool {
	return slices.ContainsFunc(r.References, func(ref Reference) bool { return ref.Relation == relation })
}

func checkIdentifier(i *Identifier, r report) {
	if form := identifierForms[i.Type]; form != nil && !form.MatchString(i.Value) || i.Type == "ip" && net.ParseIP(i.Value) == nil {
		r("value", "identifier")
		return
	}
	if sum := checkDigits[i.Type]; sum != nil && !sum(i.Value) {
		r("value", "check-digits")
	}
}

func checkPreservation(p *Preservation, r report) {
	kind, _ := CodeOf(listMeasure, "T01")
	if p.DurationDays != 0 && p.DurationDays < kind.Number("min_days") {
		r("duration_days", "duration")
	}
}

func checkStoredData(s *StoredData, r report) {
	for i, d := range s.Data {
		r.needs("data["+strconv.Itoa(i)+"].from", !d.From.IsZero(), true)
	}
}

func checkDecisionItem(d *DecisionItem, r report) {
	kind, _ := CodeOf(listMeasure, d.Type)
	preserving := kind.Has("preservation")
	for _, g := range d.Grounds {
		ground, _ := CodeOf(listGround, g)
		if preserving && !ground.Has("preservation") {
			r("grounds", "preserving")
		}
		r.needs("consultation", d.Consultation != "", ground.Has("consult") && !preserving)
	}
	extends := kind.Has("extends") && (d.Outcome == "accepted" || d.Outcome == "partly")
	r.needs("until", !d.Until.IsZero(), extends)
	if !d.Until.IsZero() && !extends {
		r("until", "not-here")
	}
}

func checkPreservedItem(p *PreservedItem, r report) {
	kind, _ := CodeOf(listMeasure, "T01")
	least := time.Duration(kind.Number("min_days")) * 24 * time.Hour
	if p.Until.Before(p.From.Add(least)) {
		r("until", "duration")
	}
}

func checkDelivery(d *Delivery, r report) {
	for i, p := range d.Packages {
		if !slices.ContainsFunc(d.Results, func(i DeliveryResult) bool { return i.Measure == p.Measure }) {
			r("packages["+strconv.Itoa(i)+"].measure", "package")
		}
	}
}

func checkPackage(p *Package, r report) {
	for i := 1; i < len(p.Custody); i++ {
		if p.Custody[i].At.Before(p.Custody[i-1].At.Time) {
			r("custody["+strconv.Itoa(i)+"].at", "order")
		}
	}
}
