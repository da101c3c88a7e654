package web

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/office"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/pkg/problem"
)

const teamPath = "/settings/teams/{team:[0-9a-f]{16}}"

// teamRoutes are the teams of the office.
var teamRoutes = []Route{
	{Name: "teams", Method: http.MethodGet, Path: "/settings/teams", Who: settingsReaders, Handle: (*Server).teamsPage},
	{Name: "teams.post", Method: http.MethodPost, Path: "/settings/teams", Who: Admins, Handle: (*Server).teamMake},
	{Name: "team", Method: http.MethodGet, Path: teamPath, Who: settingsReaders, Handle: (*Server).teamPage},
	{Name: "team.member", Method: http.MethodPost, Path: teamPath + "/members", Who: Admins, Handle: (*Server).teamMember},
	{Name: "team.rename", Method: http.MethodPost, Path: teamPath + "/rename", Who: Admins, Handle: (*Server).teamRename},
	{Name: "team.dissolve", Method: http.MethodPost, Path: teamPath + "/dissolve", Who: Admins, Handle: (*Server).teamDissolve},
}

// A teamLine is a team with the names of its members.
type teamLine struct {
	ID      string // names it in addresses, which do not say what it is called
	Name    string
	Members []page.Choice
}

// teamID names a team in addresses.
func teamID(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:8])
}

// A teamsView is the page of all teams, or of one.
type teamsView struct {
	Form     page.Form
	Teams    []teamLine
	Team     teamLine
	Officers []page.Choice // who may be taken in
	May      bool
}

// readers are the officers who may read cases, by name, and the names of all.
func (s *Server) readers(c *Call) (choices []page.Choice, names map[string]string, err error) {
	all, err := s.Accounts.List(c.Context())
	names = map[string]string{}
	for _, u := range all {
		names[u.ID] = u.Name
		if u.Officer().Has(desk.Readers...) {
			choices = append(choices, page.Choice{Value: u.ID, Label: u.Name})
		}
	}
	return choices, names, err
}

// teams are all teams.
func (s *Server) teams(c *Call, names map[string]string) (lines []teamLine, err error) {
	all, err := s.office.Teams(c.Context(), c.User.Officer())
	for _, t := range all {
		line := teamLine{ID: teamID(t.Name), Name: t.Name}
		for _, m := range t.Members {
			line.Members = append(line.Members, page.Choice{Value: m, Label: nameOf(names, m)})
		}
		slices.SortFunc(line.Members, func(a, b page.Choice) int { return cmp.Compare(a.Label, b.Label) })
		lines = append(lines, line)
	}
	return lines, err
}

func (s *Server) teamsPage(w http.ResponseWriter, c *Call) error {
	return s.showTeams(w, c, http.StatusOK, page.Form{})
}

func (s *Server) showTeams(w http.ResponseWriter, c *Call, status int, form page.Form) (err error) {
	v := teamsView{Form: form, May: Admins.allows(c.User)}
	var names map[string]string
	if v.Officers, names, err = s.readers(c); err != nil {
		return err
	}
	if v.Teams, err = s.teams(c, names); err != nil {
		return err
	}
	return s.render(w, c, status, "settings-teams.html", v)
}

// teamMake makes a team with its first member.
func (s *Server) teamMake(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	form, name := page.Form{Values: in}, strings.TrimSpace(in.Get("team"))
	there, err := s.office.Teams(c.Context(), c.User.Officer())
	if err != nil {
		return err
	}
	if slices.ContainsFunc(there, func(t office.Team) bool { return t.Name == name }) {
		form.Fail("team", c.L.T("settings.wrong.name"))
		return s.showTeams(w, c, http.StatusUnprocessableEntity, form)
	}
	err = s.office.PutMember(c.Context(), c.User.Officer(), name, in.Get("officer"), false)
	if c.refused(&form, err) {
		return s.showTeams(w, c, http.StatusUnprocessableEntity, form)
	}
	if err != nil {
		return err
	}
	return s.done(w, c, "saved", "team", "team", teamID(name))
}

// team finds the team of an address.
func (s *Server) team(c *Call) (v teamsView, err error) {
	v.May = Admins.allows(c.User)
	var names map[string]string
	if v.Officers, names, err = s.readers(c); err != nil {
		return v, err
	}
	all, err := s.teams(c, names)
	if err != nil {
		return v, err
	}
	i := slices.IndexFunc(all, func(t teamLine) bool { return t.ID == c.Value("team") })
	if i < 0 {
		return v, problem.New(problem.NotFound, "team", "There is no such team.")
	}
	v.Team = all[i]
	v.Officers = slices.DeleteFunc(v.Officers, func(o page.Choice) bool {
		return slices.ContainsFunc(v.Team.Members, func(m page.Choice) bool { return m.Value == o.Value })
	})
	return v, nil
}

func (s *Server) teamPage(w http.ResponseWriter, c *Call) error {
	v, err := s.team(c)
	if err != nil {
		return err
	}
	v.Form.Set("name", v.Team.Name)
	return s.render(w, c, http.StatusOK, "settings-team.html", v)
}

// changeTeam makes a change of the team of an address and goes to where it leads.
func (s *Server) changeTeam(w http.ResponseWriter, c *Call, change func(v *teamsView) (to string, err error)) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	v, err := s.team(c)
	if err != nil {
		return err
	}
	v.Form.Values = in
	to, err := change(&v)
	if c.refused(&v.Form, err) {
		if !in.Has("name") {
			v.Form.Set("name", v.Team.Name)
		}
		return s.render(w, c, http.StatusUnprocessableEntity, "settings-team.html", v)
	}
	if err != nil {
		return err
	}
	if to == "" {
		return s.done(w, c, "saved", "teams")
	}
	return s.done(w, c, "saved", "team", "team", teamID(to))
}

// teamMember takes an officer in, or out.
func (s *Server) teamMember(w http.ResponseWriter, c *Call) error {
	return s.changeTeam(w, c, func(v *teamsView) (string, error) {
		officer, out := v.Form.Values.Get("officer"), v.Form.Values.Get("out")
		if out != "" {
			officer = out
		}
		return v.Team.Name, s.office.PutMember(c.Context(), c.User.Officer(), v.Team.Name, officer, out != "")
	})
}

// teamRename gives the team another name.
func (s *Server) teamRename(w http.ResponseWriter, c *Call) error {
	return s.changeTeam(w, c, func(v *teamsView) (string, error) {
		name := strings.TrimSpace(v.Form.Values.Get("name"))
		return name, s.office.RenameTeam(c.Context(), c.User.Officer(), v.Team.Name, name)
	})
}

// teamDissolve ends the team.
func (s *Server) teamDissolve(w http.ResponseWriter, c *Call) error {
	return s.changeTeam(w, c, func(v *teamsView) (string, error) {
		return "", s.office.DissolveTeam(c.Context(), c.User.Officer(), v.Team.Name)
	})
}
