package web

import (
	"archive/zip"
	"encoding/csv"
	"errors"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/page"
)

// Auditors are those who see what was done at this desk, and change nothing.
var Auditors = Roles(desk.NationalAuditor)

// auditRoutes are the desk's own log.
var auditRoutes = []Route{
	{Name: "log", Method: http.MethodGet, Path: "/log", Who: Auditors, Handle: (*Server).auditLog},
	{Name: "log.csv", Method: http.MethodGet, Path: "/log.csv", Who: Auditors, Handle: (*Server).auditCSV, Fresh: true},
	{Name: "log.verify", Method: http.MethodPost, Path: "/log/verify", Who: Auditors, Handle: (*Server).auditVerify},
	{Name: "log.export", Method: http.MethodPost, Path: "/log/export", Who: Auditors, Handle: (*Server).auditExport, Fresh: true},
}

const (
	logRows = 50     // of a page
	csvRows = 50_000 // of a table
)

// An auditView is the page of the desk's own log.
type auditView struct {
	Form     page.Form
	Officers []page.Choice
	Entries  []auditLine
	Older    string // query of what comes before; empty for nothing
	CSV      string // query of the same as a table
	Filtered bool
	Verdict  *desk.LogVerdict // nil unless it was verified just now
	Anchor   *desk.Anchor     // the newest
	AnchorAt time.Time
}

// An auditLine is an entry with the name of who did it.
type auditLine struct {
	desk.LogEntry
	Name string
	When time.Time
	Did  string // what was done, in the language of the page; empty if it has no words
}

// did says in the language of a page what an entry of the log says in English.
func did(c *Call, what string) string {
	key := strings.NewReplacer(" ", "_", "-", "_", "'", "", ",", "").Replace(what)
	if !c.L.Has("auditlog.did_" + key) {
		return ""
	}
	return c.L.T("auditlog.did_" + key)
}

// logFilter reads what the page asks for.
func logFilter(c *Call, query url.Values, form *page.Form) desk.LogFilter {
	f := desk.LogFilter{By: query.Get("by"), Case: strings.TrimSpace(query.Get("case")), What: strings.TrimSpace(query.Get("what"))}
	day := func(field string, to *time.Time) {
		if text := query.Get(field); text != "" {
			t, err := time.ParseInLocation(time.DateOnly, text, c.User.Location())
			if err != nil {
				form.Fail(field, c.L.T("auditlog.day", "Day", "2026-11-28"))
			}
			*to = t
		}
	}
	day("since", &f.Since)
	day("until", &f.Until)
	if !f.Until.IsZero() {
		f.Until = f.Until.AddDate(0, 0, 1) // the day is included
	}
	return f
}

// auditLog shows the newest entries that fit.
func (s *Server) auditLog(w http.ResponseWriter, c *Call) error { return s.showLog(w, c, nil) }

func (s *Server) showLog(w http.ResponseWriter, c *Call, verdict *desk.LogVerdict) error {
	query := c.URL.Query()
	v, status := auditView{Form: page.Form{Values: query}, Verdict: verdict}, http.StatusOK
	f := logFilter(c, query, &v.Form)
	names, err := s.officerNames(c.Context())
	if err != nil {
		return err
	}
	if len(v.Form.Errors) > 0 {
		status = http.StatusUnprocessableEntity
	} else {
		before, _ := strconv.ParseInt(query.Get("before"), 10, 64) // what is no number is the newest
		entries, next, err := s.Desk.FindLog(c.Context(), c.User.Officer(), f, max(0, before), logRows)
		switch {
		case errors.Is(err, desk.ErrAudit):
			v.Verdict = &desk.LogVerdict{Wrong: err.Error()}
		case err != nil:
			return err
		}
		for _, e := range entries {
			v.Entries = append(v.Entries, auditLine{e, nameOf(names, e.By), c.At(e.At), did(c, e.What)})
		}
		v.Older, v.CSV = asked(query, next), asked(query, 0)
	}
	v.Filtered = f != desk.LogFilter{}
	if v.Officers, err = s.actors(c); err != nil {
		return err
	}
	anchors, err := s.Desk.Anchors(c.Context())
	if err != nil {
		return err
	}
	if n := len(anchors); n > 0 {
		v.Anchor, v.AnchorAt = &anchors[n-1], c.At(anchors[n-1].At)
	}
	return s.render(w, c, status, "auditlog.html", v)
}

// asked is the query of the same entries, from a place on; empty for no place.
func asked(query url.Values, before int64) string {
	to := url.Values{}
	for _, name := range []string{"by", "case", "what", "since", "until"} {
		if query.Get(name) != "" {
			to.Set(name, query.Get(name))
		}
	}
	if before > 0 {
		to.Set("before", strconv.FormatInt(before, 10))
	}
	return to.Encode()
}

// actors are all who can have done something here.
func (s *Server) actors(c *Call) ([]page.Choice, error) {
	all, err := s.Accounts.List(c.Context())
	choices := []page.Choice{{Label: c.L.T("auditlog.everybody")}, {Value: "desk", Label: c.L.T("auditlog.program")}}
	for _, u := range all {
		choices = append(choices, page.Choice{Value: u.ID, Label: u.Name})
	}
	return choices, err
}

// auditCSV writes the entries that fit as a table. Spreadsheets read no cell as a
// formula.
func (s *Server) auditCSV(w http.ResponseWriter, c *Call) error {
	var form page.Form
	f := logFilter(c, c.URL.Query(), &form)
	if len(form.Errors) > 0 {
		return s.showLog(w, c, nil)
	}
	entries, err := s.Desk.ExportEntries(c.Context(), c.User.Officer(), f, csvRows)
	if err != nil {
		return err
	}
	names, err := s.officerNames(c.Context())
	if err != nil {
		return err
	}
	rows := [][]string{{"index", "time", "officer", "name", "what", "detail"}}
	for _, e := range entries {
		rows = append(rows, []string{strconv.FormatInt(e.Index, 10), e.At.Format(time.RFC3339), e.By, nameOf(names, e.By), e.What, e.Detail})
	}
	return writeCSV(w, "own-log.csv", rows)
}

// writeCSV answers with a table to be kept.
func writeCSV(w http.ResponseWriter, name string, rows [][]string) error {
	page.Attach(w, name, "text/csv; charset=utf-8")
	out := csv.NewWriter(w)
	for _, row := range rows {
		for i := range row {
			row[i] = cell(row[i])
		}
		_ = out.Write(row) // the browser may be gone
	}
	out.Flush()
	return nil
}

// cell is a text that no spreadsheet takes for a formula.
func cell(text string) string {
	if strings.HasPrefix(text, "\t") || strings.HasPrefix(text, "\r") || strings.ContainsAny(text[:min(1, len(text))], "=+-@") {
		return "'" + text
	}
	return text
}

// auditVerify verifies the log and shows what was found, in the answer to the
// form: it holds for now.
func (s *Server) auditVerify(w http.ResponseWriter, c *Call) error {
	v, err := s.Desk.VerifyLog(c.Context(), c.User.Officer())
	if err != nil {
		return err
	}
	return s.showLog(w, c, &v)
}

// auditExport hands out the log, signed, as a ZIP of static files that any verifier
// of the format reads.
func (s *Server) auditExport(w http.ResponseWriter, c *Call) error {
	dir, err := os.MkdirTemp("", "entraide-log-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if _, err := s.Desk.ExportLog(c.Context(), dir, c.User.ID); err != nil {
		return err
	}
	s.handOut(w, "own-log.zip", dir)
	return nil
}

// handOut answers with the files of a directory as a ZIP of that name.
func (s *Server) handOut(w http.ResponseWriter, name, dir string) {
	page.Attach(w, name, "application/zip")
	out := zip.NewWriter(w)
	if err := errors.Join(out.AddFS(os.DirFS(dir)), out.Close()); err != nil {
		s.Log.Warn("an export was not taken", "err", err)
	}
}
