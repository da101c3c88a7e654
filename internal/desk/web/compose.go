package web

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/office"
	"github.com/entraide/entraide/internal/locale"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/workflow"
)

// Those who write drafts.
var (
	Writers   = Roles(desk.Drafter, desk.Approver, desk.DutyOfficer)
	Approvers = Roles(desk.Approver)
)

const draftPath = "/drafts/{draft:[0-9a-f]{32}}"

// composeRoutes are how messages are written, checked, approved and sent.
//
// Every page that wants a message written leads to "draft.new" with what it
// knows already, as a link (GET, which asks for what is missing and has a button)
// or as a form of its own (POST, which begins the draft at once):
//
//	case, act       a reply: the act says which kinds of content there are
//	kind            of content, or a type of measure; needed if the act has several
//	final           1 where nothing more follows
//	/pointer        a value that is filled in already, such as /items/0/measure=1
//	                (with /items/#count=1, as in compose_form.go)
//
// What is filled in is the officer's to see and change.
var composeRoutes = []Route{
	{Name: "drafts", Method: http.MethodGet, Path: "/drafts", Who: Readers, Handle: (*Server).draftsPage},
	{Name: "draft.new", Method: http.MethodGet, Path: "/drafts/new", Who: Writers, Handle: (*Server).draftNewPage},
	{Name: "draft.to", Method: http.MethodGet, Path: "/drafts/new/recipient", Who: Writers, Handle: (*Server).draftToPage},
	{Name: "draft.new.post", Method: http.MethodPost, Path: "/drafts/new", Who: Writers, Handle: (*Server).draftNew},
	{Name: "draft", Method: http.MethodGet, Path: draftPath, Who: Readers, Handle: (*Server).draftPage},
	{Name: "draft.section", Method: http.MethodGet, Path: draftPath + "/part/{part:[a-z0-9-]{1,20}}", Who: Writers, Handle: (*Server).partPage},
	{Name: "draft.section.post", Method: http.MethodPost, Path: draftPath + "/part/{part:[a-z0-9-]{1,20}}", Who: Writers, Handle: (*Server).partSave, Body: 2 << 20},
	{Name: "draft.recipient", Method: http.MethodPost, Path: draftPath + "/recipient", Who: Writers, Handle: (*Server).draftRecipient},
	{Name: "draft.measure", Method: http.MethodPost, Path: draftPath + "/measure", Who: Writers, Handle: (*Server).draftMeasure},
	{Name: "draft.override", Method: http.MethodPost, Path: draftPath + "/override", Who: Writers, Handle: (*Server).draftOverride},
	{Name: "draft.template", Method: http.MethodPost, Path: draftPath + "/template", Who: Writers, Handle: (*Server).draftTemplate},
	{Name: "draft.discard", Method: http.MethodPost, Path: draftPath + "/discard", Who: Writers, Handle: (*Server).draftDiscard},
	{Name: "draft.versions", Method: http.MethodGet, Path: draftPath + "/versions", Who: Readers, Handle: (*Server).draftVersions},
	{Name: "draft.check", Method: http.MethodGet, Path: draftPath + "/check", Who: Readers, Handle: (*Server).draftCheck},
	{Name: "draft.submit", Method: http.MethodPost, Path: draftPath + "/submit", Who: Writers, Handle: (*Server).draftSubmit},
	{Name: "draft.back", Method: http.MethodPost, Path: draftPath + "/take-back", Who: Writers, Handle: (*Server).draftBack},
	{Name: "draft.return", Method: http.MethodPost, Path: draftPath + "/return", Who: Approvers, Handle: (*Server).draftReturn},
	{Name: "draft.approve", Method: http.MethodPost, Path: draftPath + "/approve", Who: Approvers, Fresh: true, Handle: (*Server).draftApprove},
	{Name: "draft.release", Method: http.MethodPost, Path: draftPath + "/release", Who: Roles(desk.DutyOfficer), Fresh: true, Handle: (*Server).draftRelease},
	{Name: "draft.sent", Method: http.MethodGet, Path: draftPath + "/sent", Who: Readers, Handle: (*Server).draftSent},
	{Name: "releases", Method: http.MethodGet, Path: "/releases", Who: Roles(desk.Approver, desk.NationalAuditor), Handle: (*Server).releasesPage},
	{Name: "release.countersign", Method: http.MethodPost, Path: "/releases/{message:[0-9a-f]{32}}", Who: Approvers, Fresh: true, Handle: (*Server).releaseCountersign},
}

// A draftLine is a draft in a list.
type draftLine struct {
	office.Draft
	What  string // the act, or what is asked for
	To    string // name of the recipient
	State page.Tag
	When  time.Time
	Own   bool
}

// rows are the lines of a table and its caption.
type rows struct {
	Caption string
	Rows    []draftLine
}

// A draftsView is the list of drafts.
type draftsView struct {
	Open, Waiting, Ended []draftLine
	MayWrite             bool
}

// draftsPage lists the drafts: those to go on with, those that wait for an
// approver, and those that ended.
func (s *Server) draftsPage(w http.ResponseWriter, c *Call) error {
	all, err := s.office.Drafts(c.Context(), c.User.Officer(), "", "")
	if err != nil {
		return err
	}
	v := draftsView{MayWrite: Writers.allows(c.User)}
	for _, d := range all {
		line := s.draftLine(c, d)
		switch d.State {
		case "open":
			v.Open = append(v.Open, line)
		case "submitted":
			v.Waiting = append(v.Waiting, line)
		default:
			v.Ended = append(v.Ended, line)
		}
	}
	return s.render(w, c, http.StatusOK, "drafts.html", v)
}

// stateKinds are the colours of the states of a draft.
var stateKinds = map[string]string{"open": "info", "submitted": "warn", "sent": "ok", "discarded": "plain"}

func (s *Server) draftLine(c *Call, d office.Draft) draftLine {
	line := draftLine{
		Draft: d, What: written(c, d.Act), To: s.authorityName(c, d.To), Own: d.Changed == c.User.Name,
		State: page.MakeTag(stateKinds[d.State], c.L.T("compose.state_"+d.State)),
	}
	if at, err := time.Parse(time.RFC3339, d.At); err == nil {
		line.When = c.At(at)
	}
	if d.Title != "" {
		line.What = d.Title
	}
	return line
}

// written names what an act does, as officers say it of what they write; those that
// open a case have the name of the law.
func written(c *Call, act string) string {
	if key := "case.do_" + act; c.L.Has(key) {
		return c.L.T(key)
	}
	return convention.Label("act", act, c.L.Tag)
}

// authorityName is the name of an authority and of its State.
func (s *Server) authorityName(c *Call, id string) string {
	a, err := s.Desk.Directory().Authority(id)
	if err != nil {
		return id
	}
	name, _ := c.L.Name(a.Statement.Names, id)
	if p, err := s.Desk.Directory().Party(a.Party); err == nil {
		state, _ := c.L.Name(p.Statement.Names, a.Party)
		return state + " – " + name
	}
	return name
}

// A newView asks what is to be written.
type newView struct {
	Form      page.Form
	Needs     []needGroup
	Urgencies []page.Choice
	Templates []page.Choice
	Letters   []page.Choice // earlier requests that can be copied
	Relations []page.Choice
	// Of a reply.
	Case, Act string
	Kinds     []page.Choice
	MayEnd    bool       // the message can be the last
	Keep      url.Values // what was given already
}

// A needGroup is a heading with what can be asked for under it.
type needGroup struct {
	Title string
	Needs []page.Choice
}

// draftNewPage asks what is needed, in plain words; in a case, which of the
// messages that the act allows.
func (s *Server) draftNewPage(w http.ResponseWriter, c *Call) error {
	return s.askNew(w, c, http.StatusOK, page.Form{Values: c.URL.Query()})
}

func (s *Server) askNew(w http.ResponseWriter, c *Call, status int, form page.Form) error {
	v := newView{Form: form, Case: form.Values.Get("case"), Act: form.Values.Get("act"), Keep: carried(form.Values)}
	if v.Case != "" {
		v.MayEnd = v.Act == string(workflow.Deliver)
		for _, kind := range office.KindsOf(v.Act) {
			v.Kinds = append(v.Kinds, page.Choice{Value: kind, Label: convention.Label("kind", kind, c.L.Tag)})
		}
		return s.render(w, c, status, "draft-reply.html", v)
	}
	v.Needs, v.Urgencies = needs(c), urgencies(c)
	templates, err := s.office.Templates(c.Context(), c.User.Officer())
	if err != nil {
		return err
	}
	for _, t := range templates {
		v.Templates = append(v.Templates, page.Choice{Value: t.Name, Label: t.Name, Hint: convention.Label("kind", t.Kind, c.L.Tag)})
	}
	return s.render(w, c, status, "draft-new.html", v)
}

// carried are the values that a form of a new draft carries along.
func carried(in url.Values) url.Values {
	out := url.Values{}
	for name, values := range in {
		if strings.HasPrefix(name, "/") || name == "final" && in.Get("act") != string(workflow.Deliver) || name == "copy" || name == "relation" {
			out[name] = values
		}
	}
	return out
}

// needs are the measures that can be asked for, in plain words, data first.
func needs(c *Call) []needGroup {
	groups := []needGroup{{Title: c.L.T("compose.needs_data")}, {Title: c.L.T("compose.needs_other")}}
	for _, m := range convention.Codes("measure-type") {
		if !m.Has("request") {
			continue
		}
		hint := m.Label(c.L.Tag)
		if m.Provision != "" {
			hint = c.L.T("compose.need_basis", "Measure", hint, "Provision", locale.Value(m.Provision))
		}
		at := 1
		if m.Has("electronic") {
			at = 0
		}
		groups[at].Needs = append(groups[at].Needs, page.Choice{Value: m.Code, Label: c.L.T("compose.need." + m.Code), Hint: hint})
	}
	groups[1].Needs = append(groups[1].Needs, page.Choice{Value: "information", Label: c.L.T("compose.need.information"), Hint: convention.Label("kind", "information", c.L.Tag)})
	return groups
}

// urgencies are the classes of urgency with the times that they set.
func urgencies(c *Call) []page.Choice {
	var out []page.Choice
	for _, u := range convention.Codes("urgency-class") {
		out = append(out, page.Choice{Value: u.Code, Label: u.Label(c.L.Tag), Hint: c.L.T("compose.urgency_times", "Hours", int(u.Number("ack_hours")))})
	}
	return out
}

// A toView asks whom a new message goes to.
type toView struct {
	Form    page.Form
	Keep    url.Values
	What    string
	States  []recipientState
	Draft   string // changes the recipient of this draft; empty for a new one
	Version int64
}

// A recipientState is a State with those of its authorities that take messages.
type recipientState struct {
	Name, Lang  string
	Authorities []recipient
}

// A recipient is what an officer should know of an authority before asking it.
type recipient struct {
	ID, Name, Lang string
	Chosen         bool
	Roles          string
	Languages      string
	Hours          string
	Positions      []string
	Bytes          int64
}

// draftToPage asks for the recipient.
func (s *Server) draftToPage(w http.ResponseWriter, c *Call) error {
	in := c.URL.Query()
	if in.Get("kind") == "" && in.Get("template") == "" && in.Get("copy") == "" {
		form := page.Form{Values: in}
		form.Fail("kind", c.L.T("compose.choose_need"))
		return s.askNew(w, c, http.StatusUnprocessableEntity, form)
	}
	if kind := in.Get("kind"); in.Get("urgency") == "" && kind != "" && kind != "information" {
		form := page.Form{Values: in}
		form.Fail("urgency", c.L.T("compose.choose_urgency"))
		return s.askNew(w, c, http.StatusUnprocessableEntity, form)
	}
	return s.askTo(w, c, http.StatusOK, page.Form{Values: in})
}

func (s *Server) askTo(w http.ResponseWriter, c *Call, status int, form page.Form) error {
	keep := carried(form.Values)
	for _, name := range []string{"kind", "urgency", "template"} {
		keep[name] = form.Values[name]
	}
	class, _ := convention.CodeOf("urgency-class", form.Values.Get("urgency"))
	v := toView{Form: form, Keep: keep, What: form.Values.Get("template"), States: s.recipients(c, class.Text("lane"), form.Values.Get("to"))}
	if kind := form.Values.Get("kind"); kind != "" && c.L.Has("compose.need."+kind) {
		v.What = c.L.T("compose.need." + kind)
	}
	if form.Values.Get("copy") != "" {
		v.What = c.L.T("compose.copy")
	}
	return s.render(w, c, status, "draft-to.html", v)
}

// recipients are the authorities of other States that take messages now.
func (s *Server) recipients(c *Call, lane, chosen string) []recipientState {
	dir := s.Desk.Directory()
	var out []recipientState
	for _, p := range dir.Parties() {
		if p.Code == s.Desk.Party() {
			continue
		}
		state := recipientState{}
		state.Name, state.Lang = c.L.Name(p.Statement.Names, p.Code)
		for _, a := range dir.Authorities() {
			if a.Party == p.Code && a.Check(c.Now) == nil && a.Statement.Transport != "" {
				state.Authorities = append(state.Authorities, describe(c, a, lane, chosen))
			}
		}
		if len(state.Authorities) > 0 {
			out = append(out, state)
		}
	}
	return out
}

// describe says of an authority what a sender should know.
func describe(c *Call, a directory.Authority, lane, chosen string) recipient {
	st := a.Statement
	r := recipient{ID: st.ID, Hours: st.Hours, Chosen: st.ID == chosen, Bytes: st.Limits.EvidenceBytes}
	r.Name, r.Lang = c.L.Name(st.Names, st.ID)
	var roles, languages []string
	for _, role := range st.Roles {
		roles = append(roles, convention.Label("authority-role", role, c.L.Tag))
	}
	if lane == "" {
		lane = "routine"
	}
	for _, tag := range st.Languages[lane] {
		languages = append(languages, c.L.LanguageName(tag))
	}
	r.Roles, r.Languages = strings.Join(roles, ", "), strings.Join(languages, ", ")
	for code := range st.Stance.Positions {
		r.Positions = append(r.Positions, convention.Label("stance", code, c.L.Tag))
	}
	slices.Sort(r.Positions)
	return r
}

// draftNew begins a draft and leads to what is to be filled in.
func (s *Server) draftNew(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	form := page.Form{Values: in}
	if in.Get("case") == "" && in.Get("to") == "" {
		form.Fail("to", c.L.T("compose.choose_recipient"))
		return s.askTo(w, c, http.StatusUnprocessableEntity, form)
	}
	n := office.NewDraft{
		Case: in.Get("case"), Act: in.Get("act"), To: in.Get("to"), Kind: in.Get("kind"), Template: in.Get("template"), CopyOf: in.Get("copy"),
		Relation: in.Get("relation"), Urgency: in.Get("urgency"), Lang: c.L.Tag, Final: in.Get("final") != "",
	}
	if n.Case != "" && n.Kind == "" {
		if kinds := office.KindsOf(n.Act); len(kinds) == 1 {
			n.Kind = kinds[0]
		}
	}
	if n.Case == "" && n.Kind == "information" {
		n.Act = "inform"
	}
	if n.Case == "" && n.Kind != "" && c.L.Has("compose.need."+n.Kind) {
		n.Title = c.L.T("compose.need." + n.Kind)
	}
	if class, ok := convention.CodeOf("urgency-class", n.Urgency); ok {
		n.Lane = class.Text("lane")
	}
	if n.Case == "" && n.Lane == "" {
		n.Lane = "routine"
	}
	d, err := s.office.NewDraft(c.Context(), c.User.Officer(), n)
	if problem.CodeOf(err) == problem.InvalidValue && n.Case != "" && n.Kind == "" {
		form.Fail("kind", c.L.T("compose.choose_kind"))
		return s.askNew(w, c, http.StatusUnprocessableEntity, form)
	}
	if err != nil {
		return err
	}
	if d, err = s.fillIn(c, d, in); err != nil {
		return err
	}
	if in.Get("go") == "check" { // everything was filled in before
		return s.redirect(w, c, "draft.check", "draft", d.ID)
	}
	if chooses(scalar(bodyOf(d)["kind"])) {
		return s.redirect(w, c, "draft.section", "draft", d.ID, "part", "content")
	}
	if n.Lane != "routine" || n.Case != "" {
		return s.redirect(w, c, "draft.section", "draft", d.ID, "part", partNeeded)
	}
	return s.redirect(w, c, "draft", "draft", d.ID)
}

// fillIn writes the values that were given with a new draft.
func (s *Server) fillIn(c *Call, d office.Draft, in url.Values) (office.Draft, error) {
	values := url.Values{}
	for name, v := range in {
		if strings.HasPrefix(name, "/") {
			values[name] = v
		}
	}
	body := bodyOf(d)
	shape, ok := convention.ShapeOf(scalar(body["kind"]))
	if len(values) == 0 || !ok {
		return d, nil
	}
	r := newReader(c, values, c.L.Tag)
	raw, err := json.Marshal(r.object(shape, "", body))
	if err != nil {
		return d, err
	}
	return s.office.SaveDraft(c.Context(), c.User.Officer(), d.ID, d.Version, office.Edit{Body: raw})
}

// bodyOf reads the body of a draft as it is.
func bodyOf(d office.Draft) map[string]any {
	body := map[string]any{}
	_ = json.Unmarshal(d.Body, &body) // the office keeps one JSON object
	return body
}
