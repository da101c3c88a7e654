package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/page"
)

// enterRoutes are how people come in and leave.
var enterRoutes = []Route{
	{Name: "enter", Method: http.MethodGet, Path: "/enter", Anybody: true, Handle: (*Server).enterPage},
	{Name: "enter.post", Method: http.MethodPost, Path: "/enter", Anybody: true, Handle: (*Server).enter},
	{Name: "signout", Method: http.MethodPost, Path: "/sign-out", Handle: (*Server).signout},
	{Name: "stay", Method: http.MethodPost, Path: "/stay", Handle: (*Server).stay},
	{Name: "language", Method: http.MethodPost, Path: "/language", Anybody: true, Handle: (*Server).language},
}

// An enterView is the page on which somebody says who they are.
type enterView struct {
	Form   page.Form
	Secret string // of a link that is good; empty for none
	Asked  bool   // there was a link
	Ended  bool
	Home   string
}

func (s *Server) enterPage(w http.ResponseWriter, c *Call) error {
	if c.SignedIn() {
		return s.redirect(w, c, "home")
	}
	if c.ended {
		page.SetCookie(w, sessionCookie, "", 0)
	}
	v := enterView{Secret: c.URL.Query().Get("secret"), Ended: c.ended, Home: s.Home}
	if v.Asked = v.Secret != ""; v.Asked {
		good, err := s.sessions.opens(v.Secret, c.Now, false)
		if err != nil {
			return err
		}
		if !good {
			v.Secret = ""
		}
	}
	return s.render(w, c, http.StatusOK, "enter.html", v)
}

// enter lets in whoever has the link, once, under the name that they give.
func (s *Server) enter(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	name := strings.TrimSpace(in.Get("name"))
	v := enterView{Form: page.Form{Values: in}, Secret: in.Get("secret"), Asked: true, Home: s.Home}
	bad := name == "" || utf8.RuneCountInString(name) > maxName || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl)
	if bad {
		v.Form.Fail("name", c.L.T("auditor.enter_name_wrong"))
	}
	good, err := s.sessions.opens(v.Secret, c.Now, !bad)
	if err != nil {
		return err
	}
	if !good {
		v.Secret = ""
	}
	if bad || !good {
		return s.render(w, c, http.StatusUnprocessableEntity, "enter.html", v)
	}
	page.SetCookie(w, sessionCookie, s.sessions.begin(name, c.Now), absolute)
	return s.redirect(w, c, "home")
}

// maxName bounds a name, in characters.
const maxName = min(100, auditor.MaxBy)

func (s *Server) signout(w http.ResponseWriter, c *Call) error {
	s.sessions.end(page.CookieValue(c.Request, sessionCookie))
	page.SetCookie(w, sessionCookie, "", 0)
	return s.done(w, c, "signed_out", "enter")
}

// stay keeps a session that would end, for the question that the page asks.
func (s *Server) stay(w http.ResponseWriter, c *Call) error {
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(map[string]int{"left": c.left()})
}

// left is how many seconds the session goes on if nobody uses it.
func (c *Call) left() int { return int(c.Session.endsAt().Sub(c.Now).Seconds()) }

// language keeps the language that somebody has chosen, and goes back.
func (s *Server) language(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	_, back, err := page.ChooseLanguage(w, in)
	if err != nil {
		return err
	}
	http.Redirect(w, c.Request, back, http.StatusSeeOther)
	return nil
}
