package web

import (
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"github.com/entraide/entraide/internal/desk/account"
	"github.com/entraide/entraide/internal/locale"
	"github.com/entraide/entraide/pkg/problem"
)

// Cookies. __Host- binds them to this host, to https and to the whole of it.
const (
	sessionCookie  = "__Host-entraide"
	languageCookie = "__Host-language"
	ceremonyCookie = "__Host-ceremony"
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
func (c *Call) Fields() (url.Values, error) {
	if err := c.ParseForm(); err != nil {
		if strings.Contains(err.Error(), "too large") {
			return nil, problem.New(problem.TooLarge, "", "The form is longer than this page takes.")
		}
		return nil, problem.New(problem.InvalidValue, "", "The form could not be read.")
	}
	return c.PostForm, nil
}

// From says where the caller sits.
func (c *Call) From() account.From {
	return account.From{Address: address(c.Request), Agent: c.UserAgent()}
}

// address is the network address of a caller. Behind a proxy on a Unix socket
// it is the one that the proxy says.
func address(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return host
	}
	told := strings.Split(r.Header.Get("X-Forwarded-For"), ",")
	if ip := net.ParseIP(strings.TrimSpace(told[len(told)-1])); ip != nil {
		return ip.String()
	}
	return "local"
}

func cookieValue(r *http.Request, name string) string {
	cookie, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return cookie.Value
}

// setCookie gives the browser a cookie that no script reads and no other site
// sends along; age 0 takes it away.
func setCookie(w http.ResponseWriter, name, value string, age time.Duration) {
	seconds := int(age.Seconds())
	if seconds == 0 {
		seconds = -1
	}
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: seconds, HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode,
	})
}

// enter hands a session to the browser.
func enter(w http.ResponseWriter, s account.Session) {
	setCookie(w, sessionCookie, s.Token, account.Absolute)
}

// next returns where to go after signing in: a path of this desk that was asked
// for, or the first page.
func next(asked string) string {
	u, err := url.Parse(asked)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") ||
		strings.ContainsAny(asked, "\\\r\n\t") {
		return "/"
	}
	return u.RequestURI()
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
