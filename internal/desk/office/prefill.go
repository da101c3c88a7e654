package office

import (
	"encoding/json"
	"slices"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/strictjson"
)

// prefill writes into a new body what the office and the directory know: who
// asks whom, who answers for it, and what was chosen at the start. The officer
// sees and may change all of it.
func (o *Office) prefill(body convention.Body, by desk.Officer, d store.Draft, n NewDraft) {
	switch b := body.(type) {
	case *convention.Request:
		b.Requesting, b.Requested = directory.PartyOf(d.From), directory.PartyOf(d.To)
		b.Status, b.Urgency = "new", n.Urgency
		b.Authority, b.Contacts = o.asAuthority(d.From, n.Lang), o.contacts(by, d.From)
		for i := range b.Measures {
			m := &b.Measures[i]
			m.Description = convention.Text{Lang: n.Lang, Text: convention.Label("measure-type", m.Type, n.Lang), Authentic: true}
		}
	case *convention.Information:
		b.From, b.To, b.Contacts = directory.PartyOf(d.From), directory.PartyOf(d.To), o.contacts(by, d.From)
	case *convention.Acknowledgement:
		b.Officer, b.Contact, b.Unit = by.Name, o.contacts(by, d.From)[0], o.asAuthority(d.From, n.Lang).Name
	case *convention.Delivery:
		b.Executing, b.Results = o.contacts(by, d.From)[0], nil
		for _, m := range n.known.Measures {
			b.Results = append(b.Results, convention.DeliveryResult{Measure: m.Number, Type: m.Type})
		}
	case *convention.Preserved:
		b.Items = nil
		for _, m := range n.known.Measures {
			if m.Workflow == "preservation" {
				b.Items = append(b.Items, convention.PreservedItem{Measure: m.Number})
			}
		}
	case *convention.Decision:
		b.Items = nil
		for _, m := range n.known.Measures {
			b.Items = append(b.Items, convention.DecisionItem{Measure: m.Number, Type: m.Type})
		}
	case *convention.Answers:
		b.Answers = nil
		for _, q := range n.known.Missing {
			b.Answers = append(b.Answers, convention.AnswerItem{Number: q.Number, Text: convention.Text{Lang: n.Lang, Authentic: true}})
		}
	case *convention.ConditionAnswer:
		b.Answers = nil
		for _, c := range n.known.Conditions {
			if !c.Binding {
				b.Answers = append(b.Answers, convention.ConditionAnswerItem{Number: c.Number})
			}
		}
	}
}

// asAuthority is one of the State's authorities as a body names it.
func (o *Office) asAuthority(id, lang string) convention.Authority {
	out := convention.Authority{ID: id, Name: id}
	a, err := o.desk.Directory().Authority(id)
	if err != nil {
		return out // not in the directory yet
	}
	for _, tag := range []string{lang, "en"} {
		if name := a.Statement.Names[tag]; name != "" {
			out.Name = name
			break
		}
	}
	if len(a.Statement.Roles) > 0 {
		out.Function = convention.Label("authority-role", a.Statement.Roles[0], lang)
	}
	return out
}

// contacts are the officer in charge, and the numbers by which the authority can
// be asked independently whether a message is genuine.
func (o *Office) contacts(by desk.Officer, authority string) []convention.Contact {
	officer := convention.Contact{Role: "officer", Name: by.Name}
	a, err := o.desk.Directory().Authority(authority)
	if err != nil {
		return []convention.Contact{officer}
	}
	s := a.Statement
	officer.Phone, officer.Email, officer.Hours, officer.TimeZone = s.Contact.Phone, s.Contact.Email, s.Hours, s.TimeZone
	out := []convention.Contact{officer}
	for _, number := range s.Callback {
		out = append(out, convention.Contact{Role: "verification", Name: o.asAuthority(authority, "en").Name, Phone: number})
	}
	return out
}

// follow keeps what is said of a draft beside its body in step with it: the lane
// of a request is that of its urgency, the requested State that of the recipient,
// and a delivery is the last where it says so.
func follow(d *store.Draft, body []byte) []byte {
	var request struct {
		Kind      string `json:"kind"`
		Urgency   string `json:"urgency"`
		Requested string `json:"requested"`
		Final     bool   `json:"final"`
	}
	if json.Unmarshal(body, &request) == nil && request.Kind == "delivery" {
		d.Final = request.Final
	}
	if d.Case != "" || json.Unmarshal(body, &request) != nil || request.Kind != "request" {
		return body
	}
	if class, ok := convention.CodeOf("urgency-class", request.Urgency); ok {
		d.Lane = class.Text("lane")
	}
	if d.To == "" || request.Requested == directory.PartyOf(d.To) {
		return body
	}
	var object map[string]any
	if strictjson.Unmarshal(body, maxDraftBytes, &object) != nil {
		return body // refused where it is stored
	}
	object["requested"] = directory.PartyOf(d.To)
	changed, err := json.Marshal(object)
	if err != nil {
		return body
	}
	return changed
}

// ways are the kinds of content that may travel with an act, in the order of a
// case.
func ways(act string) []string {
	var out []string
	for _, k := range convention.Kinds() {
		if slices.Contains(k.Acts, act) {
			out = append(out, k.Kind)
		}
	}
	return out
}

// KindsOf are the kinds of content that officers write for an act; that of a
// failure is written by the desk itself.
func KindsOf(act string) []string {
	return slices.DeleteFunc(ways(act), func(kind string) bool { return kind == "failure" })
}
