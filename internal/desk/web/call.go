package web

import (
	"net/http"
	"net/url"
	"time"

	"github.com/gorilla/mux"

	"github.com/entraide/entraide/internal/desk/account"
	"github.com/entraide/entraide/internal/locale"
	"github.com/entraide/entraide/internal/page"
)

// Cookies. __Host- binds them to this host, to https and to the whole of it.
const (
	sessionCookie  = "__Host-entraide"
	ceremonyCookie = "__Host-ceremony"
	browserCookie  = "__Host-browser" // by which a browser is known again
)

// A Call is a request whose caller is known.
type Call struct {
	*http.Request
	Route   Route
	L       *locale.Localizer
	Session account.Session // the zero value if nobody is signed in
	User    account.User
	Now     time.Time

	server   *Server
	ended    bool   // the browser holds a session that is over
	incident string // names a failure in the log
}

// SignedIn reports whether somebody is signed in.
func (c *Call) SignedIn() bool { return c.User.ID != "" }

// At returns a time in the officer's zone, as pages show it.
func (c *Call) At(t time.Time) time.Time { return t.In(c.User.Location()) }

// left is how many seconds the session goes on if nobody uses it.
func (c *Call) left() int { return int(c.Session.EndsAt().Sub(c.Now).Seconds()) }

// Value returns a part of the path.
func (c *Call) Value(name string) string { return mux.Vars(c.Request)[name] }

// Fields reads the form of a call. It is refused when it is longer than the
// route takes.
func (c *Call) Fields() (url.Values, error) { return page.Fields(c.Request) }

// From says where the caller sits.
func (c *Call) From() account.From {
	return account.From{Address: page.Address(c.Request), Agent: c.UserAgent(), Browser: page.CookieValue(c.Request, browserCookie)}
}

// enter hands a session to the browser.
func enter(w http.ResponseWriter, s account.Session) {
	page.SetCookie(w, sessionCookie, s.Token, account.Absolute)
	if s.Browser != "" {
		page.SetCookie(w, browserCookie, s.Browser, account.KnownFor)
	}
}

// redirect sends the browser to a page after a form; pairs fill its path.
func (s *Server) redirect(w http.ResponseWriter, c *Call, route string, pairs ...string) error {
	to, err := s.url(route, pairs...)
	if err != nil {
		return err
	}
	http.Redirect(w, c.Request, to, http.StatusSeeOther)
	return nil
}

// done is redirect, with a word on the next page about what was done: the
// sentence "layout.done_" and what.
func (s *Server) done(w http.ResponseWriter, c *Call, what, route string, pairs ...string) error {
	to, err := s.url(route, pairs...)
	if err != nil {
		return err
	}
	http.Redirect(w, c.Request, to+"?"+url.Values{"done": {what}}.Encode(), http.StatusSeeOther)
	return nil
}

// url returns the address of a route.
func (s *Server) url(route string, pairs ...string) (string, error) {
	u, err := s.router.Get(route).URLPath(pairs...)
	if err != nil {
		return "", err
	}
	return u.Path, nil
}
