package web

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/pkg/problem"
)

// findingPath is the address of a finding, below that of all.
const findingPath = "/findings/{finding:[a-z0-9-]{1,80}}"

// findingRoutes are what does not fit, and what was said of it.
var findingRoutes = []Route{
	{Name: "findings", Method: http.MethodGet, Path: "/findings", Handle: (*Server).findings},
	{Name: "finding", Method: http.MethodGet, Path: findingPath, Handle: (*Server).finding},
	{Name: "finding.remark", Method: http.MethodPost, Path: findingPath, Handle: (*Server).remark},
	{Name: "finding.evidence", Method: http.MethodGet, Path: findingPath + "/evidence", Handle: (*Server).evidence},
}

// A findingsView is a list of findings.
type findingsView struct {
	Form          page.Form
	Codes, States []page.Choice
	Rows          []findingRow
	Next, First   string
	Filtered      bool
}

// A findingRow is a finding in a list.
type findingRow struct {
	auditor.Finding
	Title, Why string
	Grade      page.Tag
	Standing   page.Tag // its state
	FoundAt    time.Time
	Short      string // beginning of the case
}

// findingFields are what the list can be asked for.
var findingFields = []string{"code", "state", "grave", "case"}

// findings shows a page of what does not fit.
func (s *Server) findings(w http.ResponseWriter, c *Call) error {
	query := asked(c.URL.Query(), findingFields)
	v := findingsView{
		Form: page.Form{Values: query}, Filtered: len(query) > 0, States: stateChoices(c, c.L.T("auditor.any")),
		Codes: []page.Choice{{Label: c.L.T("auditor.any")}},
	}
	for _, code := range auditor.FindingCodes() {
		v.Codes = append(v.Codes, page.Choice{Value: code, Label: findingTitle(c, code)})
	}
	from, err := strconv.ParseInt(c.URL.Query().Get("from"), 10, 64)
	if err != nil || from < 0 {
		from = 0
	}
	f := auditor.FindingFilter{Code: query.Get("code"), State: query.Get("state"), Case: query.Get("case"), Grave: query.Get("grave") != ""}
	found, next, err := s.Book.FindingsPage(c.Context(), f, from, listRows)
	if err != nil {
		return err
	}
	for _, one := range found {
		v.Rows = append(v.Rows, findingRowOf(c, one))
	}
	if from > 0 {
		v.First = "?" + query.Encode()
	}
	if len(found) == listRows {
		query.Set("from", strconv.FormatInt(next, 10))
		v.Next = "?" + query.Encode()
		query.Del("from")
	}
	return s.render(w, c, http.StatusOK, "findings.html", v)
}

// stateKinds are the colours of the states of findings.
var stateKinds = map[string]string{auditor.StateOpen: "warn", auditor.StateExplained: "info", auditor.StateClosed: "plain"}

// stateChoices are the states of findings, after a first choice.
func stateChoices(c *Call, first string) []page.Choice {
	out := []page.Choice{{Label: first}}
	for _, state := range auditor.States() {
		out = append(out, page.Choice{Value: state, Label: c.L.T("auditor.finding_" + state)})
	}
	return out
}

// findingRowOf shows a finding.
func findingRowOf(c *Call, f auditor.Finding) findingRow {
	row := findingRow{
		Finding: f, Title: findingTitle(c, f.Code), Why: c.L.T("auditor.why_" + f.Code), Short: short(f.Case),
		Grade: page.MakeTag("warn", c.L.T("auditor.notice")), Standing: page.MakeTag(stateKinds[f.State], c.L.T("auditor.finding_"+f.State)),
	}
	if f.Grave {
		row.Grade = page.MakeTag("bad", c.L.T("auditor.evidence"))
	}
	row.FoundAt, _ = time.Parse(time.RFC3339, f.Found) // of the book
	return row
}

// A findingView is the page of a finding.
type findingView struct {
	findingRow
	Form    page.Form
	States  []page.Choice
	Remarks []remarkLine
	File    string // name of the evidence
}

// A remarkLine is a remark with when it was made.
type remarkLine struct {
	auditor.Remark
	When time.Time
	Tag  page.Tag
}

func (s *Server) finding(w http.ResponseWriter, c *Call) error {
	return s.showFinding(w, c, http.StatusOK, page.Form{})
}

func (s *Server) showFinding(w http.ResponseWriter, c *Call, status int, form page.Form) error {
	f, err := s.Book.Finding(c.Context(), c.Value("finding"))
	if err != nil {
		return err
	}
	v := findingView{findingRow: findingRowOf(c, f), Form: form, States: stateChoices(c, c.L.T("auditor.state_stays"))}
	if f.Evidence != "" {
		v.File = filepath.Base(f.Evidence)
	}
	for _, r := range f.Remarks {
		line := remarkLine{Remark: r, Tag: page.MakeTag(stateKinds[r.State], c.L.T("auditor.finding_"+r.State))}
		line.When, _ = time.Parse(time.RFC3339, r.At) // of the book
		v.Remarks = append(v.Remarks, line)
	}
	return s.render(w, c, status, "finding.html", v)
}

// remark keeps what somebody says of a finding, under the name that they gave.
func (s *Server) remark(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	_, err = s.Book.Remark(c.Context(), c.Value("finding"), in.Get("state"), in.Get("comment"), c.Session.Name, c.Now)
	if problem.CodeOf(err) == problem.InvalidValue {
		form := page.Form{Values: url.Values{"comment": in["comment"], "state": in["state"]}}
		form.Fail("comment", c.L.T("auditor.remark_wrong", "Most", auditor.MaxComment))
		return s.showFinding(w, c, http.StatusUnprocessableEntity, form)
	}
	if err != nil {
		return err
	}
	return s.done(w, c, "saved", "finding", "finding", c.Value("finding"))
}

// evidence hands out the file that proves a finding.
func (s *Server) evidence(w http.ResponseWriter, c *Call) error {
	f, err := s.Book.Finding(c.Context(), c.Value("finding"))
	if err != nil {
		return err
	}
	path, err := s.Book.Evidence(f)
	if err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	page.Attach(w, filepath.Base(path), "application/octet-stream")
	http.ServeContent(w, c.Request, "", time.Time{}, file)
	return nil
}
