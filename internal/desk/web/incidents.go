package web

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/verify"
)

const incidentPath = "/incidents/{incident:[1-9][0-9]{0,8}}"

// incidentRoutes are what went wrong that must not.
var incidentRoutes = []Route{
	{Name: "incidents", Method: http.MethodGet, Path: "/incidents", Who: SignedIn, Handle: (*Server).incidentsPage},
	{Name: "incident", Method: http.MethodGet, Path: incidentPath, Who: SignedIn, Handle: (*Server).incidentPage},
	{Name: "incident.settle", Method: http.MethodPost, Path: incidentPath + "/settle", Who: Roles(desk.Approver, desk.Administrator), Fresh: true, Handle: (*Server).incidentSettle},
	{Name: "incident.files", Method: http.MethodPost, Path: incidentPath + "/files", Who: Roles(desk.Approver, desk.Administrator, desk.NationalAuditor), Fresh: true, Handle: (*Server).incidentFiles},
}

// An incidentLine is an incident with what it means.
type incidentLine struct {
	desk.Incident
	About, Do string
	State     page.Tag
}

// remedies are what to do about kinds of incidents; those left out are about the
// broker.
var remedies = map[string]string{
	string(verify.TwoHistories): "fork", desk.KindUnasked: "unasked", desk.KindRecovered: "recovered", desk.KindOld: "old", desk.KindSilent: "silent",
}

func (s *Server) incidentLine(c *Call, i desk.Incident) incidentLine {
	i.At, i.SettledAt = c.At(i.At), c.At(i.SettledAt)
	line := incidentLine{Incident: i, State: page.MakeTag("bad", c.L.T("incidents.open"))}
	if i.Settled != "" {
		line.State = page.MakeTag("plain", c.L.T("incidents.settled"))
	}
	remedy := remedies[i.Kind]
	if remedy == "" {
		remedy = "broker"
	}
	line.Do = c.L.T("incidents.do." + remedy)
	switch {
	case slices.Contains(verify.Codes(), verify.Code(i.Kind)):
		line.About = c.L.T("report.reason." + i.Kind)
	case i.Kind == "":
		line.About = c.L.T("incidents.about.other")
	default:
		line.About = c.L.T("incidents.about." + i.Kind)
	}
	return line
}

// incidentsPage lists incidents: those that need attention first, the newest first.
func (s *Server) incidentsPage(w http.ResponseWriter, c *Call) error {
	all, err := s.Desk.Incidents(c.Context())
	if err != nil {
		return err
	}
	v := struct{ Open, Settled []incidentLine }{}
	for _, i := range slices.Backward(all) {
		if line := s.incidentLine(c, i); i.Settled == "" {
			v.Open = append(v.Open, line)
		} else {
			v.Settled = append(v.Settled, line)
		}
	}
	return s.render(w, c, http.StatusOK, "incidents.html", v)
}

// An incidentView is the page of an incident.
type incidentView struct {
	incidentLine
	Form      page.Form
	MaySettle bool
	MayTake   bool
	Never     bool // it cannot be settled
}

// incidentNumber is the number of an incident's address.
func incidentNumber(c *Call) int64 {
	n, _ := strconv.ParseInt(c.Value("incident"), 10, 64) // the route takes nothing else
	return n
}

func (s *Server) incidentPage(w http.ResponseWriter, c *Call) error {
	return s.showIncident(w, c, http.StatusOK, page.Form{})
}

func (s *Server) showIncident(w http.ResponseWriter, c *Call, status int, form page.Form) error {
	all, err := s.Desk.Incidents(c.Context())
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(i desk.Incident) bool { return i.Number == incidentNumber(c) })
	if i < 0 {
		return problem.New(problem.NotFound, "incident", "This desk has no incident of this number.")
	}
	return s.render(w, c, status, "incident.html", incidentView{
		incidentLine: s.incidentLine(c, all[i]), Form: form, MaySettle: s.routes["incident.settle"].Who.allows(c.User),
		MayTake: s.routes["incident.files"].Who.allows(c.User), Never: all[i].Stops(),
	})
}

// incidentSettle notes why an incident needs no attention any more.
func (s *Server) incidentSettle(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	err = s.Desk.SettleBy(c.Context(), c.User.Officer(), incidentNumber(c), strings.TrimSpace(in.Get("why")))
	form := page.Form{Values: in}
	switch {
	case err == nil:
		return s.done(w, c, "settled", "incidents")
	case errors.Is(err, desk.ErrUnsettled):
		form.Fail("why", c.L.T("incidents.never"))
	case problem.CodeOf(err) == problem.InvalidValue:
		form.Fail("why", c.L.T("incidents.why_missing"))
	default:
		return err
	}
	return s.showIncident(w, c, http.StatusUnprocessableEntity, form)
}

// incidentFiles hands out the evidence of an incident.
func (s *Server) incidentFiles(w http.ResponseWriter, c *Call) error {
	dir, err := os.MkdirTemp("", "entraide-incident-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	files := filepath.Join(dir, "incident")
	if err := s.Desk.ExportIncident(c.Context(), c.User.Officer(), incidentNumber(c), files); err != nil {
		return err
	}
	s.handOut(w, "incident-"+c.Value("incident")+".zip", files)
	return nil
}
