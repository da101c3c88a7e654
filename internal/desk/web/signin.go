package web

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/entraide/entraide/internal/desk/account"
	"github.com/entraide/entraide/internal/locale"
	"github.com/entraide/entraide/internal/page"
)

// signinRoutes are how people come in and leave.
var signinRoutes = []Route{
	{Name: "signin", Method: http.MethodGet, Path: "/sign-in", Who: Anybody, Handle: (*Server).signinPage},
	{Name: "signin.post", Method: http.MethodPost, Path: "/sign-in", Who: Anybody, Handle: (*Server).signin},
	{Name: "passkey.options", Method: http.MethodPost, Path: "/sign-in/passkey/options", Who: Anybody, Handle: (*Server).passkeyOptions},
	{Name: "passkey.post", Method: http.MethodPost, Path: "/sign-in/passkey", Who: Anybody, Handle: (*Server).passkeySignin},
	{Name: "provider", Method: http.MethodGet, Path: "/sign-in/provider", Who: Anybody, Handle: (*Server).providerBegin},
	{Name: "provider.back", Method: http.MethodGet, Path: "/sign-in/provider/back", Who: Anybody, Handle: (*Server).providerBack},
	{Name: "setup", Method: http.MethodGet, Path: "/welcome", Who: Anybody, Handle: (*Server).setupPage},
	{Name: "setup.post", Method: http.MethodPost, Path: "/welcome", Who: Anybody, Handle: (*Server).setup},
	{Name: "signout", Method: http.MethodPost, Path: "/sign-out", Who: SignedIn, Handle: (*Server).signout},
	{Name: "confirm", Method: http.MethodGet, Path: "/confirm", Who: SignedIn, Handle: (*Server).confirmPage},
	{Name: "confirm.post", Method: http.MethodPost, Path: "/confirm", Who: SignedIn, Handle: (*Server).confirm},
	{Name: "confirm.passkey", Method: http.MethodPost, Path: "/confirm/passkey", Who: SignedIn, Handle: (*Server).passkeyConfirm},
	{Name: "stay", Method: http.MethodPost, Path: "/stay", Who: SignedIn, Handle: (*Server).stay},
	{Name: "language", Method: http.MethodPost, Path: "/language", Who: Anybody, Handle: (*Server).language},
}

// A signinView is the page of signing in, or of proving anew who one is.
type signinView struct {
	Form     page.Form
	Next     string
	Ended    bool
	Failed   string // why it was refused
	Provider string // name of the State's identity provider; empty for none
	User     string // who is to prove who they are; empty when signing in
	Method   string // how they signed in
}

func (s *Server) signinPage(w http.ResponseWriter, c *Call) error {
	if c.SignedIn() {
		return s.redirect(w, c, "home")
	}
	if c.ended {
		page.SetCookie(w, sessionCookie, "", 0)
	}
	return s.render(w, c, http.StatusOK, "signin.html", signinView{
		Next: page.Next(c.URL.Query().Get("next")), Ended: c.URL.Query().Get("ended") != "", Provider: s.Provider.name(),
	})
}

func (s *Server) signin(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	session, err := s.Accounts.SignIn(c.Context(), account.Credentials{
		Login: in.Get("login"), Password: in.Get("password"), Code: in.Get("code"),
	}, c.From())
	return s.entered(w, c, session, err)
}

// entered goes on after somebody has tried to sign in or to prove who they
// are, in whatever way.
func (s *Server) entered(w http.ResponseWriter, c *Call, session account.Session, err error) error {
	to := page.Next(c.PostForm.Get("next"))
	if err == nil {
		enter(w, session)
		http.Redirect(w, c.Request, to, http.StatusSeeOther)
		return nil
	}
	v := signinView{Next: to, Provider: s.Provider.name()}
	v.Form.Set("login", c.PostForm.Get("login"))
	page := "signin.html"
	if c.SignedIn() {
		v.User, v.Method, page = c.User.Name, c.Session.Method, "confirm.html"
	}
	wait, locked := errors.AsType[*account.WaitError](err)
	switch {
	case locked:
		v.Failed = c.L.T("signin.wait", "Time", locale.Value(c.At(wait.Until).Format("15:04:05 MST")))
	case errors.Is(err, account.ErrRefused), errors.Is(err, account.ErrNoSession):
		v.Failed = c.L.T("signin.refused")
	case errors.Is(err, account.ErrNoAccount):
		v.Failed = c.L.T("signin.no_account")
	default:
		return err
	}
	v.Form.Fail("password", v.Failed)
	return s.render(w, c, http.StatusUnprocessableEntity, page, v)
}

// passkeyOptions answers a script with what the browser needs to use a
// passkey.
func (s *Server) passkeyOptions(w http.ResponseWriter, c *Call) error {
	ceremony, err := s.passkeys.BeginUse()
	if err != nil {
		return err
	}
	s.ceremonies.keep(w, c.Now, ceremony)
	return answer(w, ceremony.Options)
}

// answer writes JSON for a script of ours.
func answer(w http.ResponseWriter, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(data) // the browser may be gone
	return nil
}

// used returns the ceremony that a form belongs to, and the browser's answer.
func (s *Server) used(c *Call) (account.Ceremony, []byte, error) {
	in, err := c.Fields()
	if err != nil {
		return account.Ceremony{}, nil, err
	}
	ceremony, ok := recall[account.Ceremony](s.ceremonies, c, true)
	if !ok {
		return ceremony, nil, account.ErrRefused
	}
	return ceremony, []byte(in.Get("answer")), nil
}

func (s *Server) passkeySignin(w http.ResponseWriter, c *Call) error {
	var session account.Session
	ceremony, given, err := s.used(c)
	if err == nil {
		session, err = s.passkeys.SignIn(c.Context(), ceremony, given, c.From())
	}
	return s.entered(w, c, session, err)
}

func (s *Server) passkeyConfirm(w http.ResponseWriter, c *Call) error {
	var session account.Session
	ceremony, given, err := s.used(c)
	if err == nil {
		session, err = s.passkeys.Confirm(c.Context(), c.Session, ceremony, given, c.From())
	}
	return s.entered(w, c, session, err)
}

func (s *Server) confirmPage(w http.ResponseWriter, c *Call) error {
	return s.render(w, c, http.StatusOK, "confirm.html", signinView{
		Next: page.Next(c.URL.Query().Get("next")), Provider: s.Provider.name(), User: c.User.Name, Method: c.Session.Method,
	})
}

func (s *Server) confirm(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	session, err := s.Accounts.Confirm(c.Context(), c.Session, in.Get("password"), in.Get("code"), c.From())
	return s.entered(w, c, session, err)
}

func (s *Server) signout(w http.ResponseWriter, c *Call) error {
	if err := s.Accounts.SignOut(c.Context(), c.Session); err != nil {
		return err
	}
	page.SetCookie(w, sessionCookie, "", 0)
	w.Header().Set("Clear-Site-Data", `"cache", "storage"`)
	return s.done(w, c, "signed_out", "signin")
}

// stay answers a script that the officer wants to go on working.
func (s *Server) stay(w http.ResponseWriter, c *Call) error {
	return answer(w, map[string]int{"left": c.left()})
}

// language keeps the language that somebody has chosen.
func (s *Server) language(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	tag, back, err := page.ChooseLanguage(w, in)
	if err != nil {
		return err
	}
	if c.SignedIn() {
		p := account.Preferences{Language: tag, Zone: c.User.Zone, Shortcuts: c.User.Shortcuts}
		if err := s.Accounts.Prefer(c.Context(), c.User.ID, p); err != nil {
			return err
		}
	}
	http.Redirect(w, c.Request, back, http.StatusSeeOther)
	return nil
}
