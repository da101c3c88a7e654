package convention

import (
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/entraide/entraide/pkg/problem"
)

// The levels of findings. A message with an error cannot be sent; a request
// with a warning only if its sender states why.
const (
	LevelError   = "error"
	LevelWarning = "warning"
	LevelHint    = "hint"
)

// A Finding is something that the completeness check found.
type Finding struct {
	Level string
	// Code is a row of the list finding.
	Code string
	// Pointer is the JSON pointer of the place; "" for the whole.
	Pointer string
	// Provision is the place in the Convention, "" for a matter of practice or
	// form.
	Provision string
	// Overridden says that the sender went past the warning, with a reason.
	Overridden bool

	field Field
}

// Message is the sentence of the finding in one of Languages, with the name of
// the member it is about.
func (f Finding) Message(lang string) string {
	code, _ := CodeOf(listFinding, f.Code)
	if label := f.field.Label(lang); label != "" {
		return label + ": " + code.Label(lang)
	}
	return code.Label(lang)
}

// A Setting is what a review holds a document against beside the law.
type Setting struct {
	Now time.Time
	// Requested is nil if the requested party is not known.
	Requested *Profile
	// Preserved is until when data are preserved, by the reference of the
	// preservation; those not known are left out.
	Preserved map[string]time.Time
}

// Review holds a document against the rules of its kind, the law and the
// setting, and returns everything that it finds, errors first, in the order of
// the document. A document without errors is one that ParseBody accepts.
func Review(raw []byte, s Setting) []Finding {
	body, err := readBody(raw)
	if body == nil {
		return []Finding{unreadable(err)}
	}
	r := review{body: body, setting: s}
	if f, ok := errors.AsType[fault](err); ok {
		r.add(f.code, f.pointer)
	}
	wrong, internal := faults(body)
	if internal != nil {
		return []Finding{unreadable(internal)}
	}
	for _, f := range wrong {
		r.add(f.code, f.pointer)
	}
	if q, ok := body.(*Request); ok {
		r.request(q)
		r.override(q)
	}
	r.practice(reflect.ValueOf(body), "")
	slices.SortStableFunc(r.found, func(a, b Finding) int { return rank(a.Level) - rank(b.Level) })
	return r.found
}

// Unanswered returns the warnings that the sender has not gone past.
func Unanswered(found []Finding) []Finding {
	return slices.DeleteFunc(slices.Clone(found), func(f Finding) bool { return f.Level != LevelWarning || f.Overridden })
}

func rank(level string) int {
	return slices.Index([]string{LevelError, LevelWarning, LevelHint}, level)
}

// unreadable is the finding on a document that cannot be read.
func unreadable(err error) Finding {
	if f, ok := errors.AsType[fault](err); ok {
		return Finding{Level: LevelError, Code: f.code, Pointer: f.pointer}
	}
	if p, ok := errors.AsType[*problem.Error](refusal(err)); ok {
		return Finding{Level: LevelError, Code: string(p.Code), Pointer: p.Field}
	}
	return Finding{Level: LevelError, Code: string(problem.Internal)}
}

// A review collects findings.
type review struct {
	body    Body
	setting Setting
	found   []Finding
}

// add adds a finding at a place.
func (r *review) add(code, pointer string) {
	row, ok := CodeOf(listFinding, code)
	if !ok {
		row, _ = CodeOf(listFinding, "invalid-value")
	}
	f := Finding{Code: row.Code, Pointer: pointer, Provision: row.Provision, Level: LevelError}
	for _, level := range []string{LevelWarning, LevelHint} {
		if row.Has(level) {
			f.Level = level
		}
	}
	if slices.ContainsFunc(r.found, func(g Finding) bool { return g.Code == f.Code && g.Pointer == pointer }) {
		return
	}
	f.field, _ = fieldAt(r.body, pointer)
	if f.Provision == "" {
		f.Provision = f.field.Provision
	}
	r.found = append(r.found, f)
}

// override marks the warnings for which the request states a reason.
func (r *review) override(q *Request) {
	for i, f := range r.found {
		r.found[i].Overridden = f.Level == LevelWarning && slices.ContainsFunc(q.Overrides, func(o Override) bool {
			return o.Finding == f.Code && (o.At == "" || o.At == f.Pointer)
		})
	}
}

// practice gives a hint for every member that is usually given and is missing
// from a value at a place.
func (r *review) practice(v reflect.Value, at string) {
	v = reflect.Indirect(v)
	switch {
	case !v.IsValid():
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			r.practice(v.Index(i), at+"/"+strconv.Itoa(i))
		}
	case v.Kind() == reflect.Struct && isContent(v.Type()):
		r.practiceIn(v, at)
	}
}

// practiceIn is practice for the members of a struct.
func (r *review) practiceIn(v reflect.Value, at string) {
	for _, m := range membersOf(v.Type()) {
		value := v.FieldByName(m.field)
		if !isEmpty(value) {
			r.practice(value, at+"/"+m.name)
			continue
		}
		field, ok := FieldOf(typeName(v.Type()) + "." + m.name)
		if ok && field.Obligation == Practice && fits(m, v) {
			r.add("practice", at+"/"+m.name)
		}
	}
}

// fits reports whether a member may be given where v is.
func fits(m member, v reflect.Value) bool { return m.only == nil || m.only.holds(v) }

// isContent reports whether a struct is one of the types of content, in which
// members can be missing.
func isContent(t reflect.Type) bool {
	return t != reflect.TypeFor[Time]() && t != reflect.TypeFor[Moment]()
}

// request adds the warnings and hints on a request.
func (r *review) request(q *Request) {
	r.scope(q)
	r.language(q)
	r.urgency(q)
	r.basis(q)
	r.parties(q)
	for i := range q.Measures {
		r.measure(q, &q.Measures[i], "/measures/"+strconv.Itoa(i))
	}
	if !slices.ContainsFunc(q.Contacts, func(c Contact) bool { return c.Role == "verification" }) {
		r.add("verification-contact", "/contacts")
	}
}

// scope holds measures against offences: the Convention provides all measures
// for its own offences, those that collect electronic evidence for serious
// crimes too, and none for others. Another treaty may provide more.
func (r *review) scope(q *Request) {
	for i, o := range q.Offences {
		if code, _ := CodeOf(listOffence, o.Code); o.MaxPenaltyMonths != 0 && o.MaxPenaltyMonths < code.Number("min_penalty_months") {
			r.add("serious-penalty", "/offences/"+strconv.Itoa(i)+"/max_penalty_months")
		}
	}
	has := func(flag string) bool {
		return slices.ContainsFunc(q.Offences, func(o Offence) bool { return matches(o.Code, "offence."+flag) })
	}
	elsewhere := slices.ContainsFunc(q.LegalBasis, func(b LegalBasis) bool { return !matches(b.Code, "legal-basis.own") })
	if has("convention") || elsewhere {
		return
	}
	for i, m := range q.Measures {
		at := "/measures/" + strconv.Itoa(i) + "/type"
		switch {
		case !has("min_penalty_months"):
			r.add("scope-other", at)
		case !matches(m.Type, "measure-type.electronic"):
			r.add("scope-serious", at)
		}
	}
}

// language holds the languages of the summary of facts against those that the
// requested authority accepts in this lane.
func (r *review) language(q *Request) {
	p := r.setting.Requested
	if p == nil || q.Narrative == nil || len(p.Languages[q.Lane()]) == 0 {
		return
	}
	accepted := p.Languages[q.Lane()]
	if slices.Contains(accepted, q.Narrative.Lang) {
		return
	}
	var methods []string
	for _, t := range q.Narrative.Translations {
		if slices.Contains(accepted, t.Lang) {
			methods = append(methods, t.Method)
		}
	}
	switch {
	case len(methods) == 0:
		r.add("language", "/narrative/lang")
	case p.takes(CertifiedTranslation) && !slices.Contains(methods, "certified"):
		r.add("certified-translation", "/narrative/translations")
	case !slices.ContainsFunc(methods, func(m string) bool { return m != "machine" }):
		r.add("machine-translation", "/narrative/translations")
	}
}

// urgency asks for the reasons that give urgency and deadline their weight.
func (r *review) urgency(q *Request) {
	class, _ := CodeOf(listUrgency, q.Urgency)
	if q.UrgencyReason == nil && class.Has("reason_wished") {
		r.add("urgency-reason", "/urgency_reason")
	}
	if q.UrgencyReason != nil && q.UrgencyReason.Until.IsZero() && class.Has("until_wished") {
		r.add("urgency-reason", "/urgency_reason/until")
	}
	if q.Deadline == nil {
		return
	}
	if q.Deadline.Reason == nil {
		r.add("deadline-reason", "/deadline/reason")
	}
	if q.Deadline.At.Before(r.setting.Now) {
		r.add("deadline-past", "/deadline/at")
	}
}

// basis holds the legal basis against the treaties in force.
func (r *review) basis(q *Request) {
	full := slices.ContainsFunc(q.Measures, func(m Measure) bool { return matches(m.Type, "measure-type.full") })
	if full && len(q.LegalBasis) == 0 {
		r.add("no-legal-basis", "/legal_basis")
	}
	if full && q.TreatyRules == "" {
		r.add("treaty-rules", "/treaty_rules")
	}
	p := r.setting.Requested
	if p == nil || p.Treaties == nil {
		return
	}
	for i, b := range q.LegalBasis {
		if matches(b.Code, "legal-basis.treaty") && !slices.Contains(p.Treaties, b.Code) {
			r.add("treaty-not-in-force", "/legal_basis/"+strconv.Itoa(i)+"/code")
		}
	}
}

// parties holds the request against what the requested party wants.
func (r *review) parties(q *Request) {
	p := r.setting.Requested
	if p == nil {
		return
	}
	asks := func(when string) bool {
		return slices.ContainsFunc(q.Measures, func(m Measure) bool { return matches(m.Type, when) })
	}
	dual := p.takes(DualCriminalityAll) && asks("!measure-type.preservation") ||
		p.takes(DualCriminalityCoercive) && asks("measure-type.coercive")
	if dual && q.DualCriminality == nil {
		r.add("dual-criminality", "/dual_criminality")
	}
	convention := slices.ContainsFunc(q.Offences, func(o Offence) bool { return matches(o.Code, "offence.convention") })
	for i, m := range q.Measures {
		at := "/measures/" + strconv.Itoa(i) + "/type"
		if p.takesOn(RequiresAssurances, m.Type) && len(q.Assurances) == 0 {
			r.add("assurances", "/assurances")
		}
		if p.takesOn(RequiresDiplomatic, m.Type) {
			r.add("channel-diplomatic", at)
		}
		if p.takes(ReservationPreservation) && !convention && matches(m.Type, "measure-type.preservation") {
			r.add("preservation-reservation", at)
		}
	}
	if p.takes(UserNotificationLaw) && !matches(q.Confidentiality, "confidentiality.until") {
		r.add("user-notification", "/confidentiality")
	}
	if p.takes(PrivilegeFilter) && q.Privileges == nil {
		r.add("privileged-filter", "/privileges")
	}
}

// measure adds what there is to say of one measure.
func (r *review) measure(q *Request, m *Measure, at string) {
	switch {
	case m.Extension != nil:
		r.extension(m.Extension, at+"/extension")
	case m.StoredData != nil:
		r.preserved(m.StoredData.Preservation, at+"/stored_data/preservation")
		if m.StoredData.Preservation == "" && m.StoredData.Vulnerable != nil {
			r.add("preservation-first", at+"/stored_data/preservation")
		}
	case m.Subscriber != nil:
		r.preserved(m.Subscriber.Preservation, at+"/subscriber/preservation")
		r.addresses(m.Subscriber.Identifiers, at+"/subscriber/identifiers")
	case m.Location != nil:
		r.addresses(m.Location.Identifiers, at+"/location/identifiers")
	case m.Search != nil && m.Search.Order == nil:
		r.add("order-copy", at+"/search/order")
	case m.Tracing != nil && m.Tracing.Freeze && m.Tracing.Order == nil:
		r.add("order-copy", at+"/tracing/order")
	case m.Confiscation != nil && m.Confiscation.Route == "own-order":
		for i, p := range m.Confiscation.Property {
			if p.Value == nil {
				r.add("property-value", at+"/confiscation/property/"+strconv.Itoa(i)+"/value")
			}
		}
	case m.Service != nil:
		r.service(m.Service, at+"/service")
	case m.UrgentHelp != nil && m.UrgentHelp.Oral != nil:
		r.oral(m.UrgentHelp.Oral, at+"/urgent_help/oral")
	}
}

// extension warns of a preservation that has ended before its extension is
// asked for.
func (r *review) extension(e *Extension, at string) {
	until, known := r.setting.Preserved[e.Preservation]
	if !known {
		until = e.CurrentUntil.Time
	}
	if until.Before(r.setting.Now) {
		r.add("extension-late", at+"/current_until")
	}
}

// preserved warns of data whose preservation has ended.
func (r *review) preserved(reference, at string) {
	if until, known := r.setting.Preserved[reference]; known && until.Before(r.setting.Now) {
		r.add("preservation-lapsed", at)
	}
}

// addresses warns of IP addresses that many may share.
func (r *review) addresses(list []Identifier, at string) {
	for i, id := range list {
		if id.Type == "ip" && !strings.Contains(id.Value, ":") && (id.Port == 0 || id.At.IsZero()) {
			r.add("port-and-time", at+"/"+strconv.Itoa(i))
		}
	}
}

// service warns of a date of appearance that is too near.
func (r *review) service(s *Service, at string) {
	p := r.setting.Requested
	if p == nil || s.Appearance.IsZero() {
		return
	}
	if s.Appearance.Before(r.setting.Now.AddDate(0, 0, int(p.ServiceLeadDays))) {
		r.add("service-lead", at+"/appearance")
	}
}

// oral warns of a call that the other side will not act on.
func (r *review) oral(o *OralRecord, at string) {
	if p := r.setting.Requested; p != nil && !p.takes(AcceptsOral) {
		r.add("oral-not-accepted", at)
	}
	if o.CallBack.IsZero() {
		r.add("call-back", at+"/call_back")
	}
}
