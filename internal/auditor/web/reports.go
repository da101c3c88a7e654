package web

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/auditor/period"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
)

// reportRoutes are reports on periods.
var reportRoutes = []Route{
	{Name: "reports", Method: http.MethodGet, Path: "/reports", Handle: (*Server).reports},
	{Name: "report.make", Method: http.MethodPost, Path: "/reports", Handle: (*Server).reportMake},
	{Name: "report.file", Method: http.MethodGet, Path: "/reports/{report:[0-9_-]{20,50}(?:-own)?}/{file:[a-z]{1,20}(?:\\.[a-z]{3,6}){1,2}}", Handle: (*Server).reportFile},
}

// reportsDir, below the home of a mirror, keeps the reports that were made here.
const reportsDir = "private/reports"

// A reportsView is the page of the reports.
type reportsView struct {
	Form      page.Form
	Languages []page.Choice
	Signs     string // fingerprint of the key that signs; empty if there is none
	Made      []madeReport
	Home      string
}

// A madeReport is a report that was made here.
type madeReport struct {
	Name, From, To, Size string
	Own                  bool // with what only this mirror has
	Files                []string
}

func (s *Server) reports(w http.ResponseWriter, c *Call) error {
	return s.showReports(w, c, http.StatusOK, page.Form{})
}

func (s *Server) showReports(w http.ResponseWriter, c *Call, status int, form page.Form) error {
	v := reportsView{Form: form, Home: s.Home, Languages: []page.Choice{{Label: c.L.T("auditor.report_all"), Value: "all"}, {Label: c.L.Language.Name, Value: c.L.Tag}}}
	certificate, err := period.Certificate(s.Home)
	switch {
	case err == nil:
		v.Signs = certificate.Fingerprint()
	case !errors.Is(err, period.ErrNoKey):
		return err
	}
	if v.Made, err = s.made(); err != nil {
		return err
	}
	return s.render(w, c, status, "reports.html", v)
}

// made lists the reports that were made here, the newest period first.
func (s *Server) made() (list []madeReport, err error) {
	dirs, err := os.ReadDir(filepath.Join(s.Home, filepath.FromSlash(reportsDir)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, dir := range slices.Backward(dirs) {
		parts := strings.Split(strings.TrimSuffix(dir.Name(), "-own"), "_")
		if len(parts) != 3 {
			continue
		}
		r := madeReport{Name: dir.Name(), From: parts[0], To: parts[1], Size: parts[2], Own: strings.HasSuffix(dir.Name(), "-own")}
		files, err := os.ReadDir(filepath.Join(s.Home, filepath.FromSlash(reportsDir), dir.Name()))
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			r.Files = append(r.Files, f.Name())
		}
		list = append(list, r)
	}
	return list, nil
}

// making is how long a report may take.
const making = 20 * time.Minute

// reportMake makes a report, and keeps its files in the mirror.
func (s *Server) reportMake(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	form := page.Form{Values: url.Values{"from": in["from"], "to": in["to"], "size": in["size"], "own": in["own"], "language": in["language"]}}
	q := auditor.PeriodQuery{From: strings.TrimSpace(in.Get("from")), To: strings.TrimSpace(in.Get("to")), Remarks: in.Get("own") != ""}
	if text := strings.TrimSpace(in.Get("size")); text != "" {
		if q.Size, err = strconv.ParseInt(text, 10, 64); err != nil || q.Size <= 0 {
			form.Fail("size", c.L.T("auditor.report_size_wrong"))
			return s.showReports(w, c, http.StatusUnprocessableEntity, form)
		}
	}
	key, err := s.reportKey(in.Get("passphrase"))
	if errors.Is(err, pgp.ErrPassphrase) {
		form.Fail("passphrase", c.L.T("auditor.report_passphrase_wrong"))
		return s.showReports(w, c, http.StatusUnprocessableEntity, form)
	}
	if err != nil {
		return err
	}
	_ = http.NewResponseController(w).SetWriteDeadline(s.Now().Add(making)) // where it can be set
	if err := s.makeReport(c, q, in.Get("language"), key); err != nil {
		field, text := reportFault(c, err)
		if field == "" {
			return err
		}
		form.Fail(field, text)
		return s.showReports(w, c, http.StatusUnprocessableEntity, form)
	}
	return s.done(w, c, "saved", "reports")
}

// reportKey unlocks the key that signs; without a passphrase nothing is signed.
func (s *Server) reportKey(passphrase string) (*pgp.Key, error) {
	if passphrase == "" {
		return nil, nil
	}
	return period.OpenKey(s.Home, []byte(passphrase))
}

// makeReport makes a report and writes its files.
func (s *Server) makeReport(c *Call, q auditor.PeriodQuery, language string, key *pgp.Key) error {
	r, err := s.Book.Period(c.Context(), q)
	if err != nil {
		return err
	}
	var tags []string
	if language == c.L.Tag {
		tags = append(tags, language)
	}
	files, err := period.Files(r, period.Formats(), tags, key, s.Now())
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%s_%s_%d", r.From, r.To, r.Ground.Size)
	if q.Remarks {
		name += "-own"
	}
	dir := filepath.Join(s.Home, filepath.FromSlash(reportsDir), name)
	if err := os.RemoveAll(dir); err != nil { // the same period again, perhaps unsigned before
		return err
	}
	return period.Write(dir, files)
}

// reportFault is the field of a form that a report could not be made of, and what
// is wrong with it; empty for what the form is not to blame for.
func reportFault(c *Call, err error) (field, text string) {
	if errors.Is(err, auditor.ErrUnread) {
		return "size", c.L.T("auditor.report_unread")
	}
	p, ok := errors.AsType[*problem.Error](err)
	if !ok {
		return "", ""
	}
	switch p.Field {
	case "from", "to":
		return p.Field, c.L.T("auditor.report_days_wrong")
	case "size", "checkpoint":
		return "size", c.L.T("auditor.report_size_wrong")
	}
	return "", ""
}

// reportFile hands out a file of a report.
func (s *Server) reportFile(w http.ResponseWriter, c *Call) error {
	f, err := os.Open(filepath.Join(s.Home, filepath.FromSlash(reportsDir), c.Value("report"), c.Value("file")))
	if errors.Is(err, fs.ErrNotExist) {
		return problem.New(problem.NotFound, "report", "There is no such report here.")
	}
	if err != nil {
		return err
	}
	defer f.Close()
	page.Attach(w, c.Value("report")+"-"+c.Value("file"), "application/octet-stream")
	http.ServeContent(w, c.Request, "", time.Time{}, f)
	return nil
}
