// Package convention holds the content of messages: one type per kind of
// content, with the rules that a document of that kind must keep.
//
// The same rules are published for other implementations as JSON Schemas in
// schemas/bodies; tests hold the two against each other. What a schema cannot
// say (the order of dates, references between numbers) is checked here only.
// The law is data: code lists with the provisions they rest on are in
// schemas/codes, and this package cites none.
//
// A document has one spelling of its content: a required member is always
// there, an optional one is left out rather than empty.
package convention

import (
	"encoding/json"
	"reflect"
	"slices"

	"github.com/entraide/entraide/pkg/strictjson"
)

// MaxBodyBytes bounds the JSON text of a body.
const MaxBodyBytes = 1 << 20

// A Body is the content of one message: a pointer to one of the types of this
// package.
type Body interface {
	// Kind returns the content type, such as "request".
	Kind() string
	// summary is one plain English line.
	summary() string
	// head gives access to the members that every body has.
	head() *Head
}

// A Head holds the members that every body begins with.
type Head struct {
	KindName string `json:"kind"`
	Version  int64  `json:"version"`
}

// HeadOf returns the head of a body of the given kind in its present version,
// for use in a composite literal.
func HeadOf(kind string) Head { return Head{KindName: kind, Version: version} }

// Kind returns the content type.
func (h *Head) Kind() string { return h.KindName }

func (h *Head) head() *Head { return h }

// version is the present version of every kind.
const version = 1

// A KindInfo describes a kind of content.
type KindInfo struct {
	Kind    string
	Version int
	// Acts are the acts of the procedure that a body of this kind may travel
	// with.
	Acts []string
	// File is the JSON Schema, a path in schemas.FS.
	File string
}

// A kind is a row of the table of kinds.
type kind struct {
	name  string
	acts  []string
	empty func() Body
}

// kinds is the table of content types, in the order of a case.
var kinds = []kind{
	{"request", []string{"request"}, func() Body { return &Request{} }},
	{"information", []string{"inform"}, func() Body { return &Information{} }},
	{"acknowledgement", []string{"acknowledge"}, func() Body { return &Acknowledgement{} }},
	{"redirect", []string{"notify"}, func() Body { return &Redirect{} }},
	{"question", []string{"ask"}, func() Body { return &Question{} }},
	{"answers", []string{"answer"}, func() Body { return &Answers{} }},
	{"status-enquiry", []string{"enquire"}, func() Body { return &StatusEnquiry{} }},
	{"status-report", []string{"report"}, func() Body { return &StatusReport{} }},
	{"consultation", []string{"consult"}, func() Body { return &Consultation{} }},
	{"condition-offer", []string{"offer"}, func() Body { return &ConditionOffer{} }},
	{"condition-answer", []string{"respond"}, func() Body { return &ConditionAnswer{} }},
	{"decision", []string{"decide"}, func() Body { return &Decision{} }},
	{"progress", []string{"report", "notify", "deliver"}, func() Body { return &Progress{} }},
	{"deadline-notice", []string{"notify"}, func() Body { return &DeadlineNotice{} }},
	{"risk-notice", []string{"notify"}, func() Body { return &RiskNotice{} }},
	{"risk-answer", []string{"notify"}, func() Body { return &RiskAnswer{} }},
	{"agreement", []string{"offer", "respond", "report", "notify"}, func() Body { return &Agreement{} }},
	{"preserved", []string{"deliver"}, func() Body { return &Preserved{} }},
	{"traffic-disclosure", []string{"deliver", "notify"}, func() Body { return &TrafficDisclosure{} }},
	{"delivery", []string{"deliver"}, func() Body { return &Delivery{} }},
	{"receipt-of-evidence", []string{"confirm"}, func() Body { return &ReceiptOfEvidence{} }},
	{"use-request", []string{"notify"}, func() Body { return &UseRequest{} }},
	{"use-decision", []string{"notify"}, func() Body { return &UseDecision{} }},
	{"exculpatory-notice", []string{"notify"}, func() Body { return &ExculpatoryNotice{} }},
	{"item-return", []string{"notify"}, func() Body { return &ItemReturn{} }},
	{"correction", []string{"notify"}, func() Body { return &Correction{} }},
	{"feedback", []string{"report", "notify"}, func() Body { return &Feedback{} }},
	{"notice", []string{"notify"}, func() Body { return &Notice{} }},
	{"failure", []string{"notify"}, func() Body { return &Failure{} }},
	{"withdrawal", []string{"withdraw"}, func() Body { return &Withdrawal{} }},
	{"closure", []string{"close"}, func() Body { return &Closure{} }},
}

// find returns the row of a kind.
func find(name string) (kind, bool) {
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })
	if i < 0 {
		return kind{}, false
	}
	return kinds[i], true
}

// Kinds describes all kinds of content, in the order of a case.
func Kinds() []KindInfo {
	out := make([]KindInfo, len(kinds))
	for i, k := range kinds {
		out[i] = KindInfo{Kind: k.name, Version: version, Acts: slices.Clone(k.acts), File: "bodies/" + k.name + ".json"}
	}
	return out
}

// MayTravel reports whether a body of the kind may travel with the act.
func MayTravel(kind, act string) bool {
	k, ok := find(kind)
	return ok && slices.Contains(k.acts, act)
}

// ParseBody reads a body and checks it as Check does. The error is always a
// *problem.Error: one of the codes of strictjson, or invalid-value, with Field a
// JSON pointer into the body. It repeats no value of the body.
func ParseBody(raw []byte) (Body, error) {
	body, err := readBody(raw)
	if err != nil {
		return nil, refusal(err)
	}
	if err := checkRules(body); err != nil {
		return nil, err
	}
	return body, nil
}

// readBody reads a body without checking the rules of its kind. The error is a
// fault or one of strictjson. A body that was understood but is not in its one
// spelling is returned with the fault.
func readBody(raw []byte) (Body, error) {
	var value any
	if err := strictjson.Unmarshal(raw, MaxBodyBytes, &value); err != nil {
		return nil, err
	}
	k, err := headIn(value)
	if err != nil {
		return nil, err
	}
	body := k.empty()
	if err := strictjson.Unmarshal(raw, MaxBodyBytes, body); err != nil {
		return nil, err
	}
	return body, checkSpelling(value, body)
}

// Marshal checks a body and writes it as it travels. Errors are those of
// ParseBody.
func Marshal(b Body) (json.RawMessage, error) {
	if err := Check(b); err != nil {
		return nil, err
	}
	data, err := strictjson.Marshal(b)
	if err != nil {
		return nil, refusal(err)
	}
	return data, nil
}

// Check holds a body against the rules of its kind. The error is a
// *problem.Error with code invalid-value.
func Check(b Body) error {
	k, err := checkHead(*b.head())
	if err != nil {
		return refusal(err)
	}
	if reflect.TypeOf(k.empty()) != reflect.TypeOf(b) {
		return refusal(fault{"other-kind", "/kind"})
	}
	return checkRules(b)
}

// headIn finds the kind and version in a document that was read as a value, and
// checks them. The error is a fault.
func headIn(value any) (kind, error) {
	object, ok := value.(map[string]any)
	if !ok {
		return kind{}, fault{"no-object", ""}
	}
	name, ok := object["kind"].(string)
	if !ok {
		return kind{}, fault{"required", "/kind"}
	}
	number, ok := object["version"].(float64)
	if !ok {
		return kind{}, fault{"required", "/version"}
	}
	return checkHead(Head{KindName: name, Version: int64(number)})
}

// checkHead finds the kind and checks the version. The error is a fault.
func checkHead(h Head) (kind, error) {
	k, ok := find(h.KindName)
	if !ok {
		return kind{}, fault{"kind", "/kind"}
	}
	if h.Version != version {
		return kind{}, fault{"version", "/version"}
	}
	return k, nil
}

// Summary returns one plain English line that says what a body is about, for
// lists. It holds codes, references and dates, and no free text.
func Summary(b Body) string { return b.summary() }

// Measures returns the measures that a request asks for, and nil for any other
// body.
func Measures(b Body) []Measure {
	if r, ok := b.(*Request); ok {
		return slices.Clone(r.Measures)
	}
	return nil
}
