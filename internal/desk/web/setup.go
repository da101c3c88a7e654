package web

import (
	"errors"
	"html/template"
	"net/http"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/account"
	"github.com/entraide/entraide/internal/page"

	"rsc.io/qr"
)

// A setupView is the page of somebody who takes up an invitation.
type setupView struct {
	Form    page.Form
	Code    string
	Over    bool // the invitation is unknown, used or over
	First   bool
	Name    string
	Login   string
	Secret  string
	Picture template.HTML // QR code of the second factor
}

// setupPage shows an invitation; without one, the field to type its code.
func (s *Server) setupPage(w http.ResponseWriter, c *Call) error {
	return s.invitation(w, c, http.StatusOK, setupView{Code: c.URL.Query().Get("code")})
}

// invitation renders the page of an invitation.
func (s *Server) invitation(w http.ResponseWriter, c *Call, status int, v setupView) error {
	if v.Code == "" {
		return s.render(w, c, status, "setup.html", v)
	}
	i, err := s.Accounts.Invitation(c.Context(), v.Code)
	if errors.Is(err, account.ErrInvitation) {
		v.Over = true
		v.Form.Fail("code", c.L.T("signin.setup_over"))
		return s.render(w, c, http.StatusUnprocessableEntity, "setup.html", v)
	}
	if err != nil {
		return err
	}
	v.First, v.Name, v.Login, v.Secret = i.First, i.User.Name, i.User.Login, grouped(i.Factor.Secret)
	if v.Picture, err = picture(i.Factor.Address); err != nil {
		return err
	}
	return s.render(w, c, status, "setup.html", v)
}

func (s *Server) setup(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	session, err := s.Accounts.Accept(c.Context(), account.Acceptance{
		Code: in.Get("code"), Login: in.Get("login"), Name: in.Get("name"), Password: in.Get("password"),
		Repeat: in.Get("repeat"), Factor: in.Get("factor"), Language: c.L.Tag,
	}, c.From())
	v := setupView{Code: in.Get("code"), Form: page.Form{Values: in}}
	switch {
	case err == nil:
		enter(w, session)
		if s.SetUp != nil && session.User.Officer().Has(desk.Administrator) {
			if err := s.SetUp(); err != nil {
				s.Log.Warn("taking the set-up link away", "err", err)
			}
		}
		return s.done(w, c, "set_up", "codes")
	case c.refuse(&v.Form, err), errors.Is(err, account.ErrInvitation):
		return s.invitation(w, c, http.StatusUnprocessableEntity, v)
	}
	return err
}

// grouped writes a secret in groups of four, to be typed.
func grouped(secret string) string {
	var b []byte
	for i := range len(secret) {
		if i > 0 && i%4 == 0 {
			b = append(b, ' ')
		}
		b = append(b, secret[i])
	}
	return string(b)
}

// picture draws a QR code with one path.
func picture(text string) (template.HTML, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return "", err
	}
	return drawn(code), nil
}
