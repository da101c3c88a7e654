package web

import (
	"net/http"
	"net/url"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/account"
	"github.com/entraide/entraide/internal/locale"
	"github.com/entraide/entraide/internal/page"
)

// userRoutes are where administrators look after users.
var userRoutes = []Route{
	{Name: "users", Method: http.MethodGet, Path: "/users", Who: Admins, Handle: (*Server).usersPage},
	{Name: "user.new", Method: http.MethodGet, Path: "/users/new", Who: Admins, Fresh: true, Handle: (*Server).userNewPage},
	{Name: "user.new.post", Method: http.MethodPost, Path: "/users/new", Who: Admins, Fresh: true, Handle: (*Server).userNew},
	{Name: "user", Method: http.MethodGet, Path: "/users/{user:[0-9a-f]{16}}", Who: Admins, Handle: (*Server).userPage},
	{Name: "user.post", Method: http.MethodPost, Path: "/users/{user:[0-9a-f]{16}}", Who: Admins, Fresh: true, Handle: (*Server).userChange},
	{Name: "user.disable", Method: http.MethodPost, Path: "/users/{user:[0-9a-f]{16}}/disable", Who: Admins, Fresh: true, Handle: (*Server).userDisable},
	{Name: "user.reset", Method: http.MethodPost, Path: "/users/{user:[0-9a-f]{16}}/reset", Who: Admins, Fresh: true, Handle: (*Server).userReset},
	{Name: "user.recover", Method: http.MethodPost, Path: "/users/{user:[0-9a-f]{16}}/recover", Who: Admins, Fresh: true, Handle: (*Server).userRecover},
	{Name: "user.keep", Method: http.MethodPost, Path: "/users/{user:[0-9a-f]{16}}/keep", Who: Admins, Fresh: true, Handle: (*Server).userKeep},
}

// A userLine is a user in a list.
type userLine struct {
	account.User
	RoleNames []string
	State     page.Tag
}

func (s *Server) userLine(c *Call, u account.User) userLine {
	u.CreatedAt, u.SignedInAt = c.At(u.CreatedAt), c.At(u.SignedInAt)
	kind := map[string]string{account.Active: "ok", account.Invited: "info", account.Disabled: "plain"}[u.Status]
	return userLine{u, roleNames(c, u), page.MakeTag(kind, c.L.T("users.status_"+u.Status))}
}

// roleNames are a user's roles in the language of the page.
func roleNames(c *Call, u account.User) []string {
	names := make([]string, len(u.Roles))
	for i, r := range u.Roles {
		names[i] = c.L.T("users.role." + string(r))
	}
	return names
}

// roleChoices are all roles with what they may do.
func roleChoices(c *Call) []page.Choice {
	var choices []page.Choice
	for _, r := range desk.Roles() {
		choices = append(choices, page.Choice{Value: string(r), Label: c.L.T("users.role." + string(r)), Hint: c.L.T("users.role_hint." + string(r))})
	}
	return choices
}

func languageChoices() []page.Choice {
	var choices []page.Choice
	for _, l := range locale.Languages() {
		choices = append(choices, page.Choice{Value: l.Tag, Label: l.Name})
	}
	return choices
}

func (s *Server) usersPage(w http.ResponseWriter, c *Call) error {
	all, err := s.Accounts.List(c.Context())
	if err != nil {
		return err
	}
	var lines []userLine
	for _, u := range all {
		lines = append(lines, s.userLine(c, u))
	}
	return s.render(w, c, http.StatusOK, "users.html", struct{ Users []userLine }{lines})
}

// A userView is the page of one user, or of one to be invited.
type userView struct {
	Form      page.Form
	Line      userLine
	Own       bool // it is the administrator's own account
	Roles     []page.Choice
	Languages []page.Choice
	Provider  string
	Link      string // an invitation to hand over; shown once
	Asked     bool   // the recovery of the account is proposed
	AskedBy   string // by whom
	AskedAt   time.Time
	AskedOwn  bool // by the administrator who looks
}

func (s *Server) userNewPage(w http.ResponseWriter, c *Call) error {
	v := userView{}
	v.Form.Set("language", c.L.Tag)
	return s.userForm(w, c, http.StatusOK, "user-new.html", v)
}

// userForm renders a page with the form of a user.
func (s *Server) userForm(w http.ResponseWriter, c *Call, status int, page string, v userView) error {
	v.Roles, v.Languages, v.Provider = roleChoices(c), languageChoices(), s.Provider.name()
	return s.render(w, c, status, page, v)
}

func (s *Server) userNew(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	u, code, err := s.Accounts.Invite(c.Context(), c.User.ID, account.NewUser{
		Login: in.Get("login"), Name: in.Get("name"), Roles: rolesOf(in), Language: in.Get("language"), Subject: in.Get("subject"),
	})
	v := userView{Form: page.Form{Values: in}}
	switch {
	case err == nil:
		return s.invited(w, c, u, code)
	case c.refuse(&v.Form, err):
		return s.userForm(w, c, http.StatusUnprocessableEntity, "user-new.html", v)
	}
	return err
}

func rolesOf(in url.Values) []desk.Role {
	var roles []desk.Role
	for _, r := range in["roles"] {
		roles = append(roles, desk.Role(r))
	}
	return roles
}

// invited shows the link of an invitation, in the answer to the form: nothing
// keeps it.
func (s *Server) invited(w http.ResponseWriter, c *Call, u account.User, code string) error {
	link, err := s.InvitationLink(code)
	if err != nil {
		return err
	}
	return s.render(w, c, http.StatusOK, "invited.html", userView{Line: s.userLine(c, u), Link: link})
}

// InvitationLink is the address at which the code of an invitation is taken
// up.
func (s *Server) InvitationLink(code string) (string, error) {
	path, err := s.url("setup")
	return s.Origin + path + "?" + url.Values{"code": {code}}.Encode(), err
}

func (s *Server) userPage(w http.ResponseWriter, c *Call) error {
	u, err := s.Accounts.Get(c.Context(), c.Value("user"))
	if err != nil {
		return err
	}
	return s.showUser(w, c, http.StatusOK, u, nil)
}

// showUser renders the page of a user; form is nil for what they are now.
func (s *Server) showUser(w http.ResponseWriter, c *Call, status int, u account.User, form *page.Form) error {
	v := userView{Line: s.userLine(c, u), Own: u.ID == c.User.ID}
	asked, ok, err := s.Accounts.Proposed(c.Context(), u.ID)
	if err != nil {
		return err
	}
	v.Asked, v.AskedBy, v.AskedAt, v.AskedOwn = ok, asked.ByName, c.At(asked.At), asked.By == c.User.ID
	if form != nil {
		v.Form = *form
	} else {
		v.Form.Set("name", u.Name)
		v.Form.Set("subject", u.Subject)
		for _, r := range u.Roles {
			v.Form.Values["roles"] = append(v.Form.Values["roles"], string(r))
		}
	}
	return s.userForm(w, c, status, "user.html", v)
}

func (s *Server) userChange(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	u, err := s.Accounts.Get(c.Context(), c.Value("user"))
	if err != nil {
		return err
	}
	err = s.Accounts.Change(c.Context(), c.User.ID, u.ID, account.NewUser{
		Name: in.Get("name"), Subject: in.Get("subject"), Roles: rolesOf(in),
	})
	return s.changed(w, c, u, in, err)
}

// changed goes on after a change of a user.
func (s *Server) changed(w http.ResponseWriter, c *Call, u account.User, in url.Values, err error) error {
	form := page.Form{Values: in}
	switch {
	case err == nil:
		return s.done(w, c, "saved", "user", "user", u.ID)
	case c.refuse(&form, err):
		if len(in) == 0 {
			form = page.Form{Errors: form.Errors}
			form.Set("name", u.Name)
		}
		return s.showUser(w, c, http.StatusUnprocessableEntity, u, &form)
	}
	return err
}

func (s *Server) userDisable(w http.ResponseWriter, c *Call) error {
	u, err := s.Accounts.Get(c.Context(), c.Value("user"))
	if err != nil {
		return err
	}
	return s.changed(w, c, u, nil, s.Accounts.Disable(c.Context(), c.User.ID, u.ID))
}

// userReset gives somebody who never signed in a new invitation, and proposes the
// recovery of an account that was used.
func (s *Server) userReset(w http.ResponseWriter, c *Call) error {
	u, err := s.Accounts.Get(c.Context(), c.Value("user"))
	if err != nil {
		return err
	}
	if !u.SignedInAt.IsZero() {
		if err := s.Accounts.ProposeRecovery(c.Context(), c.User.ID, u.ID); err != nil {
			return s.changed(w, c, u, nil, err)
		}
		return s.done(w, c, "recovery_proposed", "user", "user", u.ID)
	}
	code, err := s.Accounts.Reinvite(c.Context(), c.User.ID, u.ID)
	return s.reset(w, c, u, code, err)
}

// reset shows the new invitation of a user, or why there is none.
func (s *Server) reset(w http.ResponseWriter, c *Call, u account.User, code string, err error) error {
	if err != nil {
		return s.changed(w, c, u, nil, err)
	}
	return s.invited(w, c, u, code)
}

// userRecover confirms what another administrator has proposed.
func (s *Server) userRecover(w http.ResponseWriter, c *Call) error {
	u, err := s.Accounts.Get(c.Context(), c.Value("user"))
	if err != nil {
		return err
	}
	code, err := s.Accounts.ConfirmRecovery(c.Context(), c.User.ID, u.ID)
	return s.reset(w, c, u, code, err)
}

// userKeep ends a proposal to recover an account.
func (s *Server) userKeep(w http.ResponseWriter, c *Call) error {
	u, err := s.Accounts.Get(c.Context(), c.Value("user"))
	if err != nil {
		return err
	}
	return s.changed(w, c, u, nil, s.Accounts.WithdrawRecovery(c.Context(), c.User.ID, u.ID))
}
