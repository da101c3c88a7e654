package web

import (
	"net/http"
	"net/url"
	"time"

	"github.com/gorilla/mux"

	"github.com/entraide/entraide/internal/locale"
	"github.com/entraide/entraide/internal/page"
)

// sessionCookie names a session. __Host- binds it to this host, to https and to
// the whole of it.
const sessionCookie = "__Host-auditor"

// A Call is a request whose caller is known.
type Call struct {
	*http.Request
	Route   Route
	L       *locale.Localizer
	Session session // the zero value if nobody has come in
	Now     time.Time

	server   *Server
	ended    bool   // the browser holds a session that is over
	incident string // names a failure in the log
}

// SignedIn reports whether somebody has come in.
func (c *Call) SignedIn() bool { return c.Session.Name != "" }

// Value returns a part of the path.
func (c *Call) Value(name string) string { return mux.Vars(c.Request)[name] }

// Fields reads the form of a call. It is refused when it is longer than the
// route takes.
func (c *Call) Fields() (url.Values, error) { return page.Fields(c.Request) }

// at is a time in UTC, as everything of a log is shown.
func at(unix int64) time.Time { return time.Unix(unix, 0).UTC() }

// redirect sends the browser to a page after a form; pairs fill its path.
func (s *Server) redirect(w http.ResponseWriter, c *Call, route string, pairs ...string) error {
	return s.done(w, c, "", route, pairs...)
}

// done is redirect, with a word on the next page about what was done: the
// sentence "layout.done_" and what.
func (s *Server) done(w http.ResponseWriter, c *Call, what, route string, pairs ...string) error {
	to, err := s.url(route, pairs...)
	if err != nil {
		return err
	}
	if what != "" {
		to += "?" + url.Values{"done": {what}}.Encode()
	}
	http.Redirect(w, c.Request, to, http.StatusSeeOther)
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
