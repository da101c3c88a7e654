package web

import (
	"errors"
	"html/template"
	"net/http"
	"strings"

	"github.com/entraide/entraide/internal/desk/account"
	"github.com/entraide/entraide/internal/page"
)

// securityRoutes are where officers look after their own account.
var securityRoutes = []Route{
	{Name: "security", Method: http.MethodGet, Path: "/security", Who: SignedIn, Handle: (*Server).securityPage},
	{Name: "preferences", Method: http.MethodPost, Path: "/security/preferences", Who: SignedIn, Handle: (*Server).preferences},
	{Name: "password", Method: http.MethodGet, Path: "/security/password", Who: SignedIn, Fresh: true, Handle: (*Server).passwordPage},
	{Name: "password.post", Method: http.MethodPost, Path: "/security/password", Who: SignedIn, Fresh: true, Handle: (*Server).password},
	{Name: "factor", Method: http.MethodGet, Path: "/security/second-factor", Who: SignedIn, Fresh: true, Handle: (*Server).factorPage},
	{Name: "factor.post", Method: http.MethodPost, Path: "/security/second-factor", Who: SignedIn, Fresh: true, Handle: (*Server).factor},
	{Name: "codes", Method: http.MethodGet, Path: "/security/recovery-codes", Who: SignedIn, Fresh: true, Handle: (*Server).codesPage},
	{Name: "codes.post", Method: http.MethodPost, Path: "/security/recovery-codes", Who: SignedIn, Fresh: true, Handle: (*Server).codes},
	{Name: "passkey.new", Method: http.MethodGet, Path: "/security/passkeys/new", Who: SignedIn, Fresh: true, Handle: (*Server).passkeyPage},
	{Name: "passkey.new.options", Method: http.MethodPost, Path: "/security/passkeys/options", Who: SignedIn, Fresh: true, Handle: (*Server).passkeyNewOptions},
	{Name: "passkey.new.post", Method: http.MethodPost, Path: "/security/passkeys/new", Who: SignedIn, Fresh: true, Handle: (*Server).passkeyAdd},
	{Name: "passkey.remove", Method: http.MethodPost, Path: "/security/passkeys/remove", Who: SignedIn, Fresh: true, Handle: (*Server).passkeyRemove},
	{Name: "alerts.seen", Method: http.MethodPost, Path: "/security/alerts", Who: SignedIn, Handle: (*Server).alertsSeen},
	{Name: "session.end", Method: http.MethodPost, Path: "/security/sessions/end", Who: SignedIn, Handle: (*Server).sessionEnd},
}

// A securityView is the page of an officer's own account.
type securityView struct {
	Form     page.Form
	User     account.User
	Roles    []string
	Passkeys []account.Passkey
	Codes    int
	Sessions []account.Session
	Current  string // id of this session
	Zones    []string
	Lang     []page.Choice
	Alerts   []alertLine
	Last     int64 // the newest alert that was not seen; 0 for none
}

func (s *Server) securityPage(w http.ResponseWriter, c *Call) error {
	v := securityView{}
	v.Form.Set("zone", c.User.Zone)
	v.Form.Set("language", c.User.Language)
	if c.User.Shortcuts {
		v.Form.Set("shortcuts", "on")
	}
	return s.security(w, c, http.StatusOK, v)
}

// security renders the page of an officer's own account.
func (s *Server) security(w http.ResponseWriter, c *Call, status int, v securityView) (err error) {
	v.User, v.Current, v.Zones, v.Roles = c.User, c.Session.ID(), zones, roleNames(c, c.User)
	v.User.CreatedAt, v.User.SignedInAt = c.At(v.User.CreatedAt), c.At(v.User.SignedInAt)
	v.Lang = append([]page.Choice{{Label: c.L.T("security.language_browser")}}, languageChoices()...)
	if v.Passkeys, err = s.Accounts.ListPasskeys(c.Context(), c.User); err != nil {
		return err
	}
	for i := range v.Passkeys {
		k := &v.Passkeys[i]
		k.CreatedAt, k.UsedAt = c.At(k.CreatedAt), c.At(k.UsedAt)
	}
	if v.Codes, err = s.Accounts.CodesLeft(c.Context(), c.User); err != nil {
		return err
	}
	if v.Alerts, v.Last, err = s.alerts(c); err != nil {
		return err
	}
	if v.Sessions, err = s.Accounts.Sessions(c.Context(), c.User); err != nil {
		return err
	}
	for i := range v.Sessions {
		o := &v.Sessions[i]
		o.CreatedAt, o.SeenAt, o.Agent = c.At(o.CreatedAt), c.At(o.SeenAt), browserName(o.Agent)
	}
	return s.render(w, c, status, "security.html", v)
}

func (s *Server) preferences(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	err = s.Accounts.Prefer(c.Context(), c.User.ID, account.Preferences{
		Language: in.Get("language"), Zone: in.Get("zone"), Shortcuts: in.Get("shortcuts") != "",
	})
	v := securityView{Form: page.Form{Values: in}}
	switch {
	case err == nil:
		return s.done(w, c, "saved", "security")
	case c.refuse(&v.Form, err):
		return s.security(w, c, http.StatusUnprocessableEntity, v)
	}
	return err
}

// A formView is a page that is one form.
type formView struct {
	Form    page.Form
	Secret  string
	Picture template.HTML
	Codes   []string
	Left    int
	Login   string
}

func (s *Server) passwordPage(w http.ResponseWriter, c *Call) error {
	return s.render(w, c, http.StatusOK, "password.html", formView{Login: c.User.Login})
}

func (s *Server) password(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	if in.Get("password") == in.Get("repeat") {
		err = s.Accounts.ChangePassword(c.Context(), c.Session, in.Get("old"), in.Get("password"))
	} else {
		err = &account.Refusal{Field: "repeat", Reason: account.PasswordRepeat}
	}
	v := formView{Login: c.User.Login}
	switch {
	case err == nil:
		return s.done(w, c, "password_changed", "security")
	case c.refuse(&v.Form, err):
		return s.render(w, c, http.StatusUnprocessableEntity, "password.html", v)
	}
	return err
}

// A newFactor is a second factor that is being set up.
type newFactor struct {
	officer string
	secret  []byte
	shown   account.Enrolment
}

func (s *Server) factorPage(w http.ResponseWriter, c *Call) error {
	secret, e, err := s.Accounts.NewFactor(c.User)
	if err != nil {
		return err
	}
	f := newFactor{c.User.ID, secret, e}
	s.ceremonies.keep(w, c.Now, f)
	return s.showFactor(w, c, http.StatusOK, f, page.Form{})
}

func (s *Server) showFactor(w http.ResponseWriter, c *Call, status int, f newFactor, form page.Form) error {
	drawing, err := picture(f.shown.Address)
	if err != nil {
		return err
	}
	return s.render(w, c, status, "factor.html", formView{Form: form, Secret: grouped(f.shown.Secret), Picture: drawing})
}

func (s *Server) factor(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	f, ok := recall[newFactor](s.ceremonies, c, false)
	if !ok || f.officer != c.User.ID {
		return s.redirect(w, c, "factor")
	}
	err = s.Accounts.SetFactor(c.Context(), c.User, f.secret, in.Get("code"))
	var form page.Form
	switch {
	case err == nil:
		return s.done(w, c, "factor_set", "security")
	case c.refuse(&form, err):
		return s.showFactor(w, c, http.StatusUnprocessableEntity, f, form)
	}
	return err
}

func (s *Server) codesPage(w http.ResponseWriter, c *Call) error {
	left, err := s.Accounts.CodesLeft(c.Context(), c.User)
	if err != nil {
		return err
	}
	return s.render(w, c, http.StatusOK, "codes.html", formView{Left: left})
}

// codes shows new recovery codes, in the answer to the form: nothing keeps
// them.
func (s *Server) codes(w http.ResponseWriter, c *Call) error {
	made, err := s.Accounts.NewRecoveryCodes(c.Context(), c.User)
	if err != nil {
		return err
	}
	return s.render(w, c, http.StatusOK, "codes.html", formView{Codes: made, Left: len(made)})
}

func (s *Server) passkeyPage(w http.ResponseWriter, c *Call) error {
	return s.render(w, c, http.StatusOK, "passkey.html", formView{})
}

func (s *Server) passkeyNewOptions(w http.ResponseWriter, c *Call) error {
	ceremony, err := s.passkeys.BeginAdding(c.Context(), c.User)
	if err != nil {
		return err
	}
	s.ceremonies.keep(w, c.Now, ceremony)
	return answer(w, ceremony.Options)
}

func (s *Server) passkeyAdd(w http.ResponseWriter, c *Call) error {
	ceremony, given, err := s.used(c)
	if err == nil {
		err = s.passkeys.Add(c.Context(), c.User, ceremony, c.PostForm.Get("name"), given)
	}
	v := formView{Form: page.Form{Values: c.PostForm}}
	switch {
	case err == nil:
		return s.done(w, c, "passkey_added", "security")
	case errors.Is(err, account.ErrRefused):
		v.Form.Fail("name", c.L.T("security.passkey_refused"))
	case !c.refuse(&v.Form, err):
		return err
	}
	return s.render(w, c, http.StatusUnprocessableEntity, "passkey.html", v)
}

func (s *Server) passkeyRemove(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	err = s.Accounts.RemovePasskey(c.Context(), c.User, in.Get("id"))
	v := securityView{}
	switch {
	case err == nil:
		return s.done(w, c, "passkey_removed", "security")
	case c.refuse(&v.Form, err):
		return s.security(w, c, http.StatusUnprocessableEntity, v)
	}
	return err
}

func (s *Server) sessionEnd(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	if err := s.Accounts.EndSession(c.Context(), c.User, in.Get("id")); err != nil {
		return err
	}
	return s.done(w, c, "session_ended", "security")
}

// browserName is what a browser calls itself, in a few words.
func browserName(agent string) string {
	name := func(known [][2]string) string {
		for _, k := range known {
			if strings.Contains(agent, k[0]) {
				return k[1]
			}
		}
		return ""
	}
	browser := name([][2]string{
		{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
	})
	system := name([][2]string{
		{"Windows", "Windows"}, {"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Mac OS X", "macOS"}, {"Linux", "Linux"},
	})
	if browser == "" || system == "" {
		return agent
	}
	return browser + " · " + system
}
