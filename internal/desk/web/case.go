package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/office"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/workflow"
)

const (
	casePath    = "/cases/{case:[0-9a-f]{32}}"
	messagePath = "/messages/{message:[0-9a-f]{32}}"
)

// caseRoutes are a case at a glance, the work on it, and its messages.
var caseRoutes = []Route{
	{Name: "case", Method: http.MethodGet, Path: casePath, Who: Readers, Handle: (*Server).casePage},
	{Name: "case.assign", Method: http.MethodPost, Path: casePath + "/assign", Who: Writers, Handle: (*Server).caseAssign},
	{Name: "case.note", Method: http.MethodPost, Path: casePath + "/note", Who: Writers, Handle: (*Server).caseNote},
	{Name: "case.reader", Method: http.MethodPost, Path: casePath + "/readers", Who: Writers, Handle: (*Server).caseReader},
	{Name: "case.tag", Method: http.MethodPost, Path: casePath + "/tag", Who: Writers, Handle: (*Server).caseTag},
	{Name: "message", Method: http.MethodGet, Path: messagePath, Who: Readers, Handle: (*Server).messagePage},
	{Name: "message.open", Method: http.MethodPost, Path: messagePath + "/open", Who: Readers, Handle: (*Server).messageOpen},
	{Name: "message.accept", Method: http.MethodPost, Path: messagePath + "/accept", Who: Roles(desk.Approver, desk.DutyOfficer), Handle: (*Server).messageAccept},
	{Name: "message.proof", Method: http.MethodPost, Path: messagePath + "/proof", Who: Readers, Fresh: true, Handle: (*Server).messageProof},
}

// A caseView is a case at a glance.
type caseView struct {
	Case       desk.Case
	Asked      []string // types of measures, or the content of what was told
	With       string   // name of the other side's authority
	Incoming   bool
	Reference  string
	Stage      page.Tag
	Lane       string
	Verdict    verdict
	Turn       string // ours, theirs or nobody's
	Due        *dateLine
	Now        time.Time
	Actions    []action // possible now; what the other side waits for first
	Latest     string   // the latest message of the other side; empty for none
	Measures   []measureLine
	Dates      []dateLine
	Conditions []conditionLine
	Missing    []missingLine
	Quick      bool // an acknowledgement can be begun with everything filled in
	Answer     bool // what is missing can be answered on this page
	Packages   []packageLine
	Timeline   []caseEvent
	Work       office.Work
	Notes      []noteLine
	Drafts     []draftLine
	Officer    string // whom it is assigned to
	Officers   []page.Choice
	Teams      []page.Choice
	Form       page.Form
	May        bool // write
	Readers    readersView
}

// An action is an act that an officer can begin to write.
type action struct {
	Act, Label string
	Begins     bool // there is nothing to choose first
}

// A verdict says whether what the other side sent is genuine.
type verdict struct {
	Tag  page.Tag
	Text string
	Code string // of the problem, if there is one
	Why  string // what the problem is
}

// A measureLine is a measure as the table shows it.
type measureLine struct {
	Number      int
	Type, State string
	Owed        string
	Ended       bool
	Next        []string
}

// A dateLine is a clock or a date.
type dateLine struct {
	Name    string
	Measure int64
	Owed    string
	Due     time.Time
	There   time.Time // the same in the zone of the other side; the zero time where it is no other
	State   page.Tag
	Running bool
}

// A conditionLine is a condition with the name of its type.
type conditionLine struct {
	desk.Condition
	Type  string
	Until time.Time
}

// A missingLine is a question that waits for its answer.
type missingLine struct {
	desk.Missing
	By string
}

// A noteLine is a note with its time.
type noteLine struct {
	office.Note
	At time.Time
}

// A caseEvent is a line of the timeline of a case: a message, or a deadline that
// passed.
type caseEvent struct {
	Message   desk.Message
	At        time.Time
	Index     int64
	What      string
	From      string
	Verdict   verdict
	Remarks   []remark
	Receipts  []receiptLine
	Grade     gradeLine
	Misplaced []int64 // measures on which it had no effect
	Deadline  string  // the clock that passed; empty for a message
}

// A receiptLine is a receipt with its time.
type receiptLine struct {
	desk.Seen
	At time.Time
}

// casePage shows a case.
func (s *Server) casePage(w http.ResponseWriter, c *Call) error {
	return s.showCase(w, c, http.StatusOK, page.Form{})
}

func (s *Server) showCase(w http.ResponseWriter, c *Call, status int, form page.Form) error {
	by, id := c.User.Officer(), c.Value("case")
	found, err := s.office.Case(c.Context(), by, id)
	if problem.CodeOf(err) == problem.NotFound && Roles(desk.Approver, desk.DutyOfficer).allows(c.User) {
		return s.showSealed(w, c, status, form)
	}
	if err != nil {
		return err
	}
	v := caseView{Case: found, Now: c.At(c.Now), Form: form, May: Writers.allows(c.User), Incoming: found.Role == "requested"}
	s.glance(c, &v)
	s.standing(c, &v)
	if v.Timeline, err = s.caseEvents(c, found); err != nil {
		return err
	}
	if v.Packages, err = s.packages(c, id, ""); err != nil {
		return err
	}
	if err := s.caseWork(c, &v); err != nil {
		return err
	}
	return s.render(w, c, status, "case.html", v)
}

// glance fills in what an officer must see first.
func (s *Server) glance(c *Call, v *caseView) {
	found := v.Case
	other := found.Requested
	if v.Incoming {
		other = found.Requesting
	}
	v.With = s.authorityName(c, other)
	v.Lane = convention.Label("lane", found.Lane, c.L.Tag)
	v.Stage = page.MakeTag("info", convention.Label("stage", found.Stage, c.L.Tag))
	if found.Stage == "closed" {
		v.Stage.Kind = "plain"
	}
	for _, m := range found.Measures {
		v.Asked = append(v.Asked, convention.Label("measure-type", m.Type, c.L.Tag))
	}
	v.Verdict = s.verdictOf(c, "authentic")
	for i, m := range found.Events {
		if i == 0 {
			v.Reference = m.Reference
			if len(v.Asked) == 0 {
				v.Asked = []string{convention.Label("kind", cmp.Or(m.Kind, "request"), c.L.Tag)}
			}
		}
		if m.Incoming {
			v.Latest = m.ID
		}
		if m.Verdict != "authentic" && v.Verdict.Code == "" {
			v.Verdict = s.verdictOf(c, m.Verdict)
		}
	}
	v.Turn = "nobody"
	if found.Owed.By != "" {
		v.Turn = "theirs"
		if s.ours(found.Owed.By) {
			v.Turn = "ours"
		}
	}
	v.Actions = s.actions(c, found)
	v.quick(c, s.Desk.Party(), s.ours)
}

// ours reports whether an authority is one of this State.
func (s *Server) ours(authority string) bool { return directory.PartyOf(authority) == s.Desk.Party() }

// actions are the acts that an officer can begin to write now; first what is next,
// then those that the other side waits for. An answer is offered where there is a
// question.
func (s *Server) actions(c *Call, found desk.Case) (out []action) {
	next := s.nextActs(found)
	acts := slices.Clone(found.Acts)
	slices.SortStableFunc(acts, func(a, b string) int {
		return cmp.Or(cmp.Compare(index(next, a), index(next, b)), cmp.Compare(index(found.Owed.Acts, a), index(found.Owed.Acts, b)))
	})
	for _, act := range acts {
		kinds := len(office.KindsOf(act))
		if kinds == 0 || act == string(workflow.Answer) && !slices.Contains(next, act) {
			continue
		}
		out = append(out, action{Act: act, Label: c.L.T("case.do_" + act), Begins: kinds == 1})
	}
	return out
}

// nextActs are the acts that move a case on, in the order in which an officer
// would think of them.
func (s *Server) nextActs(found desk.Case) (acts []string) {
	add := func(is bool, act workflow.Act) {
		if is {
			acts = append(acts, string(act))
		}
	}
	ours := found.Role == string(workflow.Requesting)
	add(!ours, workflow.Acknowledge)
	add(slices.ContainsFunc(found.Missing, func(m desk.Missing) bool { return s.ours(m.By) }), workflow.Answer)
	add(ours && slices.ContainsFunc(found.Conditions, func(x desk.Condition) bool { return !x.Binding }), workflow.Respond)
	add(!ours && found.Stage == string(workflow.StageAcknowledged), workflow.Decide)
	add(!ours && found.Stage != string(workflow.StageAnswered), workflow.Deliver)
	add(found.Stage == string(workflow.StageAnswered) || found.Stage == string(workflow.StageWithdrawn), workflow.Close)
	return acts
}

// index is where an element stands in a list; behind it if it is not there.
func index(list []string, x string) int {
	if i := slices.Index(list, x); i >= 0 {
		return i
	}
	return len(list)
}

// verdictOf says in a sentence what was found of a message.
func (s *Server) verdictOf(c *Call, code string) verdict {
	switch code {
	case "authentic":
		return verdict{Tag: page.MakeTag("ok", c.L.T("case.genuine")), Text: c.L.T("case.genuine_text")}
	case desk.VerdictWaiting:
		return verdict{Tag: page.MakeTag("info", c.L.T("case.waiting")), Text: c.L.T("case.waiting_text"), Code: code}
	case desk.VerdictErased:
		return verdict{Tag: page.MakeTag("plain", c.L.T("case.erased")), Text: c.L.T("case.erased_text"), Code: code}
	}
	return verdict{Tag: page.MakeTag("bad", c.L.T("case.doubtful")), Text: c.L.T("case.doubtful_text"), Code: code, Why: problemText(c, code)}
}

// caseWork fills in what the State itself has noted.
func (s *Server) caseWork(c *Call, v *caseView) (err error) {
	by := c.User.Officer()
	if v.Work, err = s.office.Work(c.Context(), by, v.Case.Case); err != nil {
		return err
	}
	for _, n := range v.Work.Notes {
		v.Notes = append(v.Notes, noteLine{n, moment(c, n.At)})
	}
	for _, d := range v.Work.Drafts {
		if d.State == "open" || d.State == "submitted" {
			v.Drafts = append(v.Drafts, s.draftLine(c, d))
		}
	}
	users, err := s.Accounts.List(c.Context())
	if err != nil {
		return err
	}
	v.Officers = []page.Choice{{Label: c.L.T("case.nobody")}}
	for _, u := range users {
		if u.ID == v.Work.Officer {
			v.Officer = u.Name
		}
		if Readers.allows(u) {
			v.Officers = append(v.Officers, page.Choice{Value: u.ID, Label: u.Name})
		}
	}
	v.Officer = cmp.Or(v.Officer, v.Work.Officer)
	v.Readers = s.readersOf(c, v.Case.Case, v.Work.Readers, users, v.Form)
	teams, err := s.office.Teams(c.Context(), by)
	v.Teams = []page.Choice{{Label: c.L.T("case.nobody")}}
	for _, t := range teams {
		v.Teams = append(v.Teams, page.Choice{Value: t.Name, Label: t.Name})
	}
	if !v.Form.Values.Has("officer") {
		v.Form.Set("officer", v.Work.Officer)
		v.Form.Set("team", v.Work.Team)
	}
	return err
}

// caseAssign gives the case to an officer, a team, or nobody.
func (s *Server) caseAssign(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	if err := s.office.Assign(c.Context(), c.User.Officer(), c.Value("case"), in.Get("officer"), in.Get("team")); err != nil {
		return err
	}
	return s.done(w, c, "case_assigned", "case", "case", c.Value("case"))
}

// caseNote writes a note.
func (s *Server) caseNote(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	err = s.office.Note(c.Context(), c.User.Officer(), c.Value("case"), strings.TrimSpace(in.Get("text")))
	if problem.CodeOf(err) == problem.InvalidValue {
		return s.refuseCase(w, c, in, "text", "case.note_missing")
	}
	if err != nil {
		return err
	}
	return s.done(w, c, "case_noted", "case", "case", c.Value("case"))
}

// caseTag puts a tag on the case or takes it off.
func (s *Server) caseTag(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	name, off := strings.TrimSpace(in.Get("tag")), in.Get("off")
	err = s.office.Tag(c.Context(), c.User.Officer(), c.Value("case"), cmp.Or(off, name), off != "")
	if problem.CodeOf(err) == problem.InvalidValue {
		return s.refuseCase(w, c, in, "tag", "case.tag_missing")
	}
	if err != nil {
		return err
	}
	return s.done(w, c, "case_tagged", "case", "case", c.Value("case"))
}

// refuseCase shows the case again with what was typed and why it was not taken.
func (s *Server) refuseCase(w http.ResponseWriter, c *Call, in url.Values, at, why string) error {
	form := page.Form{Values: in}
	form.Fail(at, c.L.T(why))
	return s.showCase(w, c, http.StatusUnprocessableEntity, form)
}
