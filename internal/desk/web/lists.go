package web

import (
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
)

// listRoutes are the lists of cases, the search, and the page for those who hold a
// paper.
var listRoutes = []Route{
	{Name: "inbox", Method: http.MethodGet, Path: "/inbox", Who: Readers, Handle: (*Server).listPage},
	{Name: "outbox", Method: http.MethodGet, Path: "/outbox", Who: Readers, Handle: (*Server).listPage},
	{Name: "work", Method: http.MethodGet, Path: "/work", Who: Readers, Handle: (*Server).listPage},
	{Name: "deadlines", Method: http.MethodGet, Path: "/deadlines", Who: Readers, Handle: (*Server).listPage},
	{Name: "view.save", Method: http.MethodPost, Path: "/views", Who: Readers, Handle: (*Server).viewSave},
	{Name: "view.end", Method: http.MethodPost, Path: "/views/end", Who: Readers, Handle: (*Server).viewEnd},
	{Name: "search", Method: http.MethodGet, Path: "/search", Who: Readers, Handle: (*Server).searchPage},
	{Name: "request.confirm", Method: http.MethodGet, Path: "/confirm-request", Who: Anybody, Handle: (*Server).requestPage},
	{Name: "request.confirm.post", Method: http.MethodPost, Path: "/confirm-request", Who: Anybody, Handle: (*Server).requestConfirm},
}

const (
	listRows  = 50   // of a page
	mostLines = 1000 // that are counted
)

// lists are the names of the lists.
var lists = []string{"inbox", "outbox", "work", "deadlines"}

// Values of the field "assigned".
const (
	assignedMe     = "me"
	assignedNobody = "nobody"
)

// A listView is a list of cases.
type listView struct {
	Name         string // of its route
	Form         page.Form
	Rows         []caseRow
	Count        int
	More         bool   // there are more than are counted
	Next         string // query of the page after it; empty for none
	First        string // query of the first page; empty on it
	Query        string // of what is asked, to be saved
	Filtered     bool
	Lanes        []page.Choice
	Stages       []page.Choice
	Types        []page.Choice
	Counterparts []page.Choice
	Assigned     []page.Choice // empty where the list is of one officer
	Views        []viewLine
	Shared       bool // the officer may keep views of the office
	Now          time.Time
}

// A caseRow is a case in a list.
type caseRow struct {
	desk.Line
	Short       string   // reference, or the beginning of the id
	Measures    []string // what is asked, in words
	With        string
	Stage, Lane page.Tag
	Clock       string
	DueAt       time.Time // in the officer's zone
	DueThere    time.Time // in that of the other side, if it is another
	Late        bool
	MovedAt     time.Time
	To          string // to whom it is assigned
}

// A viewLine is a saved view.
type viewLine struct {
	office.View
	Address string
	May     bool // end it
}

// listFilter is what a list holds, with what the page asks for besides.
func listFilter(c *Call, list string, query url.Values) desk.ListFilter {
	f := desk.ListFilter{
		State: "open", Lane: query.Get("lane"), Stage: query.Get("stage"), Counterpart: query.Get("counterpart"), Type: query.Get("type"),
		Overdue: query.Get("overdue") != "", Unread: query.Get("unread") != "", Sort: "urgency",
	}
	f.OpenedFrom, f.OpenedTo = day(query.Get("from")), day(query.Get("to"))
	if owed := query.Get("owed"); owed == "us" || owed == "them" {
		f.Owed = owed
	}
	switch state := query.Get("state"); state {
	case "all":
		f.State = ""
	case "closed":
		f.State = state
	}
	switch assigned := query.Get("assigned"); assigned {
	case assignedMe:
		f.Officer = c.User.ID
	case assignedNobody:
		f.Unassigned = true
	default:
		f.Officer = assigned
	}
	switch list {
	case "inbox":
		f.Direction = "in"
	case "outbox":
		f.Direction = "out"
	case "work":
		f.Officer, f.Unassigned = c.User.ID, false
	case "deadlines":
		f.Sort = "due"
	}
	return f
}

// day is a day of an address; the zero time if it is none.
func day(text string) time.Time {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return time.Time{}
	}
	return t
}

// daySaid is a day as an address says it.
func daySaid(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.DateOnly)
}

// listFields are what a list can be asked for.
var listFields = []string{"lane", "stage", "counterpart", "type", "assigned", "owed", "state", "overdue", "unread", "from", "to"}

// listQuery is what a page asks for, without the place in the list.
func listQuery(query url.Values) url.Values {
	out := url.Values{}
	for _, name := range listFields {
		if v := query.Get(name); v != "" {
			out.Set(name, v)
		}
	}
	return out
}

// listPage shows a page of a list.
func (s *Server) listPage(w http.ResponseWriter, c *Call) error {
	query := c.URL.Query()
	kept := listQuery(query)
	v := listView{
		Name: c.Route.Name, Form: page.Form{Values: query}, Query: kept.Encode(), Filtered: len(kept) > 0, Now: c.At(c.Now),
		Shared: Approvers.allows(c.User),
	}
	f := listFilter(c, v.Name, query)
	found, err := s.Desk.List(c.Context(), c.User.Officer(), f, query.Get("next"), listRows)
	if err != nil {
		return err
	}
	if v.Count, err = s.Desk.Count(c.Context(), c.User.Officer(), f, mostLines); err != nil {
		return err
	}
	v.More = v.Count == mostLines
	names, err := s.officerNames(c.Context())
	if err != nil {
		return err
	}
	for _, l := range found.Cases {
		v.Rows = append(v.Rows, s.caseRow(c, l, names))
	}
	if query.Get("next") != "" {
		v.First = "?" + v.Query
	}
	if found.Next != "" {
		kept.Set("next", found.Next)
		v.Next = "?" + kept.Encode()
	}
	s.choices(c, &v, names)
	if v.Views, err = s.views(c); err != nil {
		return err
	}
	return s.render(w, c, http.StatusOK, "lists.html", v)
}

// caseRow shows a case in a list.
func (s *Server) caseRow(c *Call, l desk.Line, names map[string]string) caseRow {
	row := caseRow{
		Line: l, Short: l.Reference, With: s.authorityName(c, l.Counterpart),
		Stage: page.MakeTag("plain", convention.Label("stage", l.Stage, c.L.Tag)), Lane: page.MakeTag(laneKinds[l.Lane], convention.Label("lane", l.Lane, c.L.Tag)),
		DueAt: moment(c, l.Due), MovedAt: moment(c, l.Updated), To: l.Team,
	}
	row.DueThere = s.there(c, l.Counterpart, row.DueAt)
	if row.Short == "" {
		row.Short = l.Case[:min(8, len(l.Case))]
	}
	for _, m := range l.Measures {
		row.Measures = append(row.Measures, convention.Label("measure-type", m, c.L.Tag))
	}
	if l.Clock != "" {
		row.Clock = convention.Label("clock", l.Clock, c.L.Tag)
	}
	row.Late = !row.DueAt.IsZero() && row.DueAt.Before(c.Now)
	if l.Officer != "" {
		row.To = nameOf(names, l.Officer)
	}
	return row
}

// laneKinds are the colours of the lanes.
var laneKinds = map[string]string{"emergency": "bad", "urgent": "warn", "routine": "plain"}

// choices fills the fields of the filter.
func (s *Server) choices(c *Call, v *listView, names map[string]string) {
	v.Lanes, v.Stages, v.Types = codeChoices(c, "lane"), codeChoices(c, "stage"), codeChoices(c, "measure-type")
	v.Counterparts = []page.Choice{{Label: c.L.T("lists.any")}}
	for _, a := range s.Desk.Directory().Authorities() {
		if directory.PartyOf(a.Statement.ID) != s.Desk.Party() {
			v.Counterparts = append(v.Counterparts, page.Choice{Value: a.Statement.ID, Label: s.authorityName(c, a.Statement.ID)})
		}
	}
	if v.Name == "work" {
		return
	}
	v.Assigned = []page.Choice{{Label: c.L.T("lists.any")}, {Value: assignedMe, Label: c.L.T("lists.assigned_me")}, {Value: assignedNobody, Label: c.L.T("lists.assigned_nobody")}}
	var others []page.Choice
	for id, name := range names {
		if id != c.User.ID {
			others = append(others, page.Choice{Value: id, Label: name})
		}
	}
	slices.SortFunc(others, func(a, b page.Choice) int { return strings.Compare(a.Label+a.Value, b.Label+b.Value) })
	v.Assigned = append(v.Assigned, others...)
}

// codeChoices are the codes of a list of the law, and any.
func codeChoices(c *Call, list string) []page.Choice {
	out := []page.Choice{{Label: c.L.T("lists.any")}}
	for _, code := range convention.Codes(list) {
		out = append(out, page.Choice{Value: code.Code, Label: code.Label(c.L.Tag)})
	}
	return out
}

// views are the saved views of the officer and of the office.
func (s *Server) views(c *Call) ([]viewLine, error) {
	all, err := s.office.Views(c.Context(), c.User.Officer())
	if err != nil {
		return nil, err
	}
	var out []viewLine
	for _, v := range all {
		out = append(out, viewLine{v, viewAddress(c, v), !v.Office || Approvers.allows(c.User)})
	}
	return out, nil
}

// viewAddress is the page that shows a view.
func viewAddress(c *Call, v office.View) string {
	if v.Search != "" {
		return "/search?" + url.Values{"q": {v.Search}}.Encode()
	}
	f, list, query := v.Filter, "work", url.Values{}
	switch {
	case f.Sort == "due":
		list = "deadlines"
	case f.Direction == "in":
		list = "inbox"
	case f.Direction == "out":
		list = "outbox"
	}
	for name, value := range map[string]string{
		"lane": f.Lane, "stage": f.Stage, "counterpart": f.Counterpart, "type": f.Type, "owed": f.Owed, "assigned": f.Officer, "state": f.State,
		"overdue": mark(f.Overdue), "unread": mark(f.Unread), "from": daySaid(f.OpenedFrom), "to": daySaid(f.OpenedTo),
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	switch {
	case f.Unassigned:
		query.Set("assigned", assignedNobody)
	case f.Officer == c.User.ID:
		query.Set("assigned", assignedMe)
	}
	if f.State == "" {
		query.Set("state", "all")
	}
	return "/" + list + "?" + query.Encode()
}

// mark is a box as an address says it.
func mark(on bool) string {
	if on {
		return "1"
	}
	return ""
}

// viewSave keeps what a list shows under a name.
func (s *Server) viewSave(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	list := in.Get("list")
	query, err := url.ParseQuery(in.Get("query"))
	if err != nil || !slices.Contains(lists, list) {
		return problem.New(problem.InvalidValue, "list", "There is no such list.")
	}
	v := office.View{Name: strings.TrimSpace(in.Get("name")), Office: in.Get("office") != "", Filter: listFilter(c, list, query)}
	if err := s.office.PutView(c.Context(), c.User.Officer(), v); err != nil {
		return err
	}
	http.Redirect(w, c.Request, viewAddress(c, v)+"&done=saved", http.StatusSeeOther)
	return nil
}

// viewEnd ends a view.
func (s *Server) viewEnd(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	list := in.Get("list")
	if !slices.Contains(lists, list) {
		return problem.New(problem.InvalidValue, "list", "There is no such list.")
	}
	v := office.View{Name: in.Get("name"), Office: in.Get("office") != ""}
	if err := s.office.DeleteView(c.Context(), c.User.Officer(), v); err != nil {
		return err
	}
	return s.done(w, c, "saved", list)
}
