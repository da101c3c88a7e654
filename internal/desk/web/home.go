package web

import (
	"net/http"
	"runtime/debug"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/locale"
	"github.com/entraide/entraide/internal/page"
)

// homeRoutes are the first page and what explains the rest.
var homeRoutes = []Route{
	{Name: "home", Method: http.MethodGet, Path: "/", Who: SignedIn, Handle: (*Server).home},
	{Name: "help", Method: http.MethodGet, Path: "/help", Who: Anybody, Handle: (*Server).help},
}

// A homeView is the page of today.
type homeView struct {
	Name        string
	Roles       []string
	Authorities []authorityLine
	Incidents   int // what went wrong that must not
	Codes       int // recovery codes left
	NoPasskey   bool
	Tasks       []task
	Reads       bool // has tasks at all
}

// An authorityLine is one of the State's authorities.
type authorityLine struct {
	ID, Name, Lang string
	Published      bool // the directory names it
}

// home shows what there is to do today.
func (s *Server) home(w http.ResponseWriter, c *Call) error {
	v := homeView{Name: c.User.Name, Roles: roleNames(c, c.User), Reads: Readers.allows(c.User)}
	var err error
	if v.Tasks, err = s.tasks(c); err != nil {
		return err
	}
	ids, err := s.Desk.Authorities()
	if err != nil {
		return err
	}
	for _, id := range ids {
		line := authorityLine{ID: id, Name: id}
		if a, err := s.Desk.Directory().Authority(id); err == nil {
			line.Name, line.Lang = c.L.Name(a.Statement.Names, id)
			line.Published = true
		}
		v.Authorities = append(v.Authorities, line)
	}
	incidents, err := s.Desk.Incidents(c.Context())
	if err != nil {
		return err
	}
	v.Incidents = len(desk.Unsettled(incidents))
	if v.Codes, err = s.Accounts.CodesLeft(c.Context(), c.User); err != nil {
		return err
	}
	keys, err := s.Accounts.ListPasskeys(c.Context(), c.User)
	if err != nil {
		return err
	}
	v.NoPasskey = len(keys) == 0
	return s.render(w, c, http.StatusOK, "home.html", v)
}

// A helpView is the page that explains the others.
type helpView struct {
	Version   string
	Keys      []page.NavItem
	Roles     []page.Choice
	Languages []locale.Language
}

func (s *Server) help(w http.ResponseWriter, c *Call) error {
	v := helpView{Roles: roleChoices(c)}
	if c.SignedIn() {
		var err error
		if v.Keys, err = s.nav(c); err != nil {
			return err
		}
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		v.Version = info.Main.Version
	}
	return s.render(w, c, http.StatusOK, "help.html", v)
}
