package web

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"slices"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/office"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/pkg/problem"
)

// settingsReaders see how the office is set up; administrators change it.
var settingsReaders = Roles(desk.Administrator, desk.NationalAuditor)

// settingsRoutes are the settings of the office, and those of security, which take
// two administrators.
var settingsRoutes = slices.Concat([]Route{
	{Name: "settings", Method: http.MethodGet, Path: "/settings", Who: settingsReaders, Handle: (*Server).settingsPage},
	{Name: "foureyes", Method: http.MethodGet, Path: "/settings/four-eyes", Who: settingsReaders, Handle: (*Server).fourEyesPage},
	{Name: "foureyes.post", Method: http.MethodPost, Path: "/settings/four-eyes", Who: Admins, Fresh: true, Handle: (*Server).fourEyesPropose},
	{Name: "proposal.confirm", Method: http.MethodPost, Path: "/settings/{setting:four-eyes|retention}/confirm", Who: Admins, Fresh: true, Handle: (*Server).proposalConfirm},
	{Name: "proposal.withdraw", Method: http.MethodPost, Path: "/settings/{setting:four-eyes|retention}/withdraw", Who: Admins, Handle: (*Server).proposalWithdraw},
}, teamRoutes, noticeRoutes, retentionRoutes)

// A settingLine is a page of settings.
type settingLine struct {
	Address, Name, Text string
	State               page.Tag // something to do there; the zero Tag for nothing
}

// settingPages are what the page of settings leads to: route, sentence, and the
// setting of security behind it.
var settingPages = [][3]string{
	{"teams", "settings.teams", ""}, {"notices", "settings.notices", ""}, {"foureyes", "settings.four_eyes", desk.SettingFourEyes},
	{"retention", "settings.retention", desk.SettingRetention}, {"rota", "rota.title", ""}, {"users", "layout.nav_users", ""},
}

// settingsPage leads to the pages of settings that the one who asks may see.
func (s *Server) settingsPage(w http.ResponseWriter, c *Call) error {
	var lines []settingLine
	for _, p := range settingPages {
		if !s.routes[p[0]].Who.allows(c.User) {
			continue
		}
		address, err := s.url(p[0])
		if err != nil {
			return err
		}
		line := settingLine{Address: address, Name: c.L.T(p[1]), Text: c.L.T("settings.about." + p[0])}
		if p[2] != "" {
			waiting, err := s.office.Proposal(c.Context(), p[2])
			if err != nil {
				return err
			}
			if waiting.ID != "" {
				line.State = page.MakeTag("warn", c.L.T("settings.waits"))
			}
		}
		lines = append(lines, line)
	}
	return s.render(w, c, http.StatusOK, "settings.html", struct{ Pages []settingLine }{lines})
}

// A proposalView is what waits for a second administrator.
type proposalView struct {
	office.Proposal
	When  template.HTML
	Own   bool // the one who asks has proposed it
	May   bool
	Lines []string // what it says, in sentences
	Rules []ruleLine
}

// refused puts a refusal of a setting into a form, beside its field, and reports
// whether it could: there is a sentence for the field.
func (c *Call) refused(f *page.Form, err error) bool {
	p, ok := errors.AsType[*problem.Error](err)
	if !ok || !c.L.Has("settings.wrong."+p.Field) {
		return false
	}
	f.Fail(p.Field, c.L.T("settings.wrong."+p.Field))
	return true
}

// A fourEyesView is the page of how many officers it takes.
type fourEyesView struct {
	Form     page.Form
	Now      []string // the rule in force, in sentences
	Proposal proposalView
	Lanes    []page.Choice
	May      bool
}

func (s *Server) fourEyesPage(w http.ResponseWriter, c *Call) error {
	var rule desk.FourEyes
	if err := s.office.Setting(c.Context(), desk.SettingFourEyes, &rule); err != nil {
		return err
	}
	form := page.Form{}
	form.Set("lanes", rule.Lanes...)
	if rule.EmergencyNeedsTwo {
		form.Set("alone", "no")
	}
	return s.showFourEyes(w, c, http.StatusOK, form)
}

func (s *Server) showFourEyes(w http.ResponseWriter, c *Call, status int, form page.Form) error {
	v := fourEyesView{Form: form, May: Admins.allows(c.User)}
	var now, next desk.FourEyes
	if err := s.office.Setting(c.Context(), desk.SettingFourEyes, &now); err != nil {
		return err
	}
	v.Now = fourEyesLines(c, now)
	for _, lane := range []string{"emergency", "urgent", "routine"} {
		v.Lanes = append(v.Lanes, page.Choice{Value: lane, Label: c.L.T("settings.lane." + lane)})
	}
	var err error
	if v.Proposal, err = s.waiting(c, desk.SettingFourEyes, &next); err != nil {
		return err
	}
	v.Proposal.Lines = fourEyesLines(c, next)
	return s.render(w, c, status, "settings-foureyes.html", v)
}

// fourEyesLines say a rule in sentences.
func fourEyesLines(c *Call, rule desk.FourEyes) (lines []string) {
	for _, lane := range rule.Lanes {
		lines = append(lines, c.L.T("settings.nothing_alone", "Lane", c.L.T("settings.lane."+lane)))
	}
	if len(rule.Lanes) == 0 {
		lines = append(lines, c.L.T("settings.no_lane"))
	}
	if rule.EmergencyNeedsTwo {
		return append(lines, c.L.T("settings.emergency_two"))
	}
	return append(lines, c.L.T("settings.emergency_one"))
}

// fourEyesPropose proposes another rule.
func (s *Server) fourEyesPropose(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	rule := desk.FourEyes{Lanes: slices.Compact(slices.Sorted(slices.Values(in["lanes"]))), EmergencyNeedsTwo: in.Has("alone")}
	if rule.Lanes == nil {
		rule.Lanes = []string{}
	}
	_, err = s.office.Propose(c.Context(), c.User.Officer(), desk.SettingFourEyes, rule)
	form := page.Form{Values: in}
	if c.refused(&form, err) {
		return s.showFourEyes(w, c, http.StatusUnprocessableEntity, form)
	}
	if err != nil {
		return err
	}
	return s.done(w, c, "proposed", "foureyes")
}

// waiting is what is proposed for a setting, whose value goes into v.
func (s *Server) waiting(c *Call, name string, v any) (out proposalView, err error) {
	if out.Proposal, err = s.office.Proposal(c.Context(), name); err != nil || out.ID == "" {
		return out, err
	}
	out.Own, out.May = out.By == c.User.ID, Admins.allows(c.User)
	out.ByName = cmp.Or(out.ByName, out.By)
	out.When = c.L.TimeHTML(moment(c, out.At), c.User.Location())
	return out, json.Unmarshal(out.Value, v)
}

// settingPage is where a setting of security is shown.
func settingPage(name string) string {
	if name == desk.SettingRetention {
		return "retention"
	}
	return "foureyes"
}

// proposalConfirm puts into force what another administrator proposed.
func (s *Server) proposalConfirm(w http.ResponseWriter, c *Call) error {
	return s.decideProposal(w, c, "confirmed", s.office.Confirm)
}

// proposalWithdraw ends a proposal.
func (s *Server) proposalWithdraw(w http.ResponseWriter, c *Call) error {
	return s.decideProposal(w, c, "withdrawn", s.office.Withdraw)
}

func (s *Server) decideProposal(w http.ResponseWriter, c *Call, done string, decide func(ctx context.Context, by desk.Officer, name, id string) error) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	if err := decide(c.Context(), c.User.Officer(), c.Value("setting"), in.Get("id")); err != nil {
		return err
	}
	return s.done(w, c, done, settingPage(c.Value("setting")))
}
