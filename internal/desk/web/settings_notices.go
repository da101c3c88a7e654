package web

import (
	"net/http"
	"strings"

	"github.com/entraide/entraide/internal/desk/account"
	"github.com/entraide/entraide/internal/desk/office"
	"github.com/entraide/entraide/internal/page"
)

const contactPath = "/settings/notices/{user:[0-9a-f]{16}}"

// noticeRoutes are how officers are told that something waits.
var noticeRoutes = []Route{
	{Name: "notices", Method: http.MethodGet, Path: "/settings/notices", Who: settingsReaders, Handle: (*Server).noticesPage},
	{Name: "notices.post", Method: http.MethodPost, Path: "/settings/notices", Who: Admins, Fresh: true, Handle: (*Server).noticesSet},
	{Name: "contact", Method: http.MethodGet, Path: contactPath, Who: Admins, Handle: (*Server).contactPage},
	{Name: "contact.post", Method: http.MethodPost, Path: contactPath, Who: Admins, Handle: (*Server).contactSet},
	{Name: "contact.test", Method: http.MethodPost, Path: contactPath + "/test", Who: Admins, Handle: (*Server).contactTest},
}

// A noticesView is the page of notices.
type noticesView struct {
	Form     page.Form
	Contacts []contactLine
	May      bool
}

// A contactLine is where an officer is notified.
type contactLine struct {
	ID, Name, Mail, Hook string
}

func (s *Server) noticesPage(w http.ResponseWriter, c *Call) error {
	var n office.Notification
	if err := s.office.Setting(c.Context(), office.SettingNotification, &n); err != nil {
		return err
	}
	form := page.Form{}
	form.Set("server", n.Server)
	form.Set("from", n.From)
	form.Set("hooks", strings.Join(n.Hooks, "\n"))
	return s.showNotices(w, c, http.StatusOK, form)
}

func (s *Server) showNotices(w http.ResponseWriter, c *Call, status int, form page.Form) error {
	v := noticesView{Form: form, May: Admins.allows(c.User)}
	officers, _, err := s.readers(c)
	if err != nil {
		return err
	}
	all, err := s.office.Contacts(c.Context(), c.User.Officer())
	if err != nil {
		return err
	}
	for _, o := range officers {
		line := contactLine{ID: o.Value, Name: o.Label}
		for _, x := range all {
			if x.Officer == o.Value {
				line.Mail, line.Hook = x.Mail, x.Hook
			}
		}
		v.Contacts = append(v.Contacts, line)
	}
	return s.render(w, c, status, "settings-notices.html", v)
}

// noticesSet says over which server mail goes, and where web-hooks may.
func (s *Server) noticesSet(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	n := office.Notification{Server: strings.TrimSpace(in.Get("server")), From: strings.TrimSpace(in.Get("from")), Hooks: strings.Fields(in.Get("hooks"))}
	err = s.office.PutSetting(c.Context(), c.User.Officer(), office.SettingNotification, n)
	form := page.Form{Values: in}
	if c.refused(&form, err) {
		return s.showNotices(w, c, http.StatusUnprocessableEntity, form)
	}
	if err != nil {
		return err
	}
	return s.done(w, c, "saved", "notices")
}

// A contactView is the page of where an officer is notified.
type contactView struct {
	Form   page.Form
	User   account.User
	Stored bool           // there is an address to try
	Trials []office.Trial // what became of a test
}

// contact is what is known of an officer's addresses.
func (s *Server) contact(c *Call) (v contactView, err error) {
	if v.User, err = s.Accounts.Get(c.Context(), c.Value("user")); err != nil {
		return v, err
	}
	all, err := s.office.Contacts(c.Context(), c.User.Officer())
	for _, x := range all {
		if x.Officer == v.User.ID {
			v.Form.Set("mail", x.Mail)
			v.Form.Set("hook", x.Hook)
			v.Stored = x.Mail+x.Hook != ""
		}
	}
	return v, err
}

func (s *Server) contactPage(w http.ResponseWriter, c *Call) error {
	v, err := s.contact(c)
	if err != nil {
		return err
	}
	return s.render(w, c, http.StatusOK, "settings-contact.html", v)
}

// contactSet says where an officer is notified.
func (s *Server) contactSet(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	v, err := s.contact(c)
	if err != nil {
		return err
	}
	v.Form.Values = in
	err = s.office.PutContact(c.Context(), c.User.Officer(), v.User.ID, strings.TrimSpace(in.Get("mail")), strings.TrimSpace(in.Get("hook")))
	if c.refused(&v.Form, err) {
		return s.render(w, c, http.StatusUnprocessableEntity, "settings-contact.html", v)
	}
	if err != nil {
		return err
	}
	return s.done(w, c, "saved", "contact", "user", v.User.ID)
}

// contactTest sends a notice as a test, and shows what became of it.
func (s *Server) contactTest(w http.ResponseWriter, c *Call) error {
	v, err := s.contact(c)
	if err != nil {
		return err
	}
	notifier := office.Notifier{Office: s.office}
	if v.Trials, err = notifier.Test(c.Context(), c.User.Officer(), v.User.ID); err != nil {
		return err
	}
	return s.render(w, c, http.StatusOK, "settings-contact.html", v)
}
