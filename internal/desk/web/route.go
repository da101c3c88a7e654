package web

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/gorilla/mux"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/account"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/pkg/problem"
)

// Who says who may call a route: Anybody, everybody who is signed in, or those
// who hold one of some roles.
type Who struct {
	anybody bool
	roles   []desk.Role // nil for everybody who is signed in
}

// Those who may call routes.
var (
	Anybody  = Who{anybody: true}
	SignedIn = Who{}
	Readers  = Roles(desk.Readers...)
	Admins   = Roles(desk.Administrator)
)

// Roles are those who hold one of the roles.
func Roles(roles ...desk.Role) Who { return Who{roles: roles} }

// allows reports whether a user may call.
func (who Who) allows(u account.User) bool {
	return who.anybody || u.ID != "" && (who.roles == nil || u.Officer().Has(who.roles...))
}

// A Route is one line of the application.
type Route struct {
	Name, Method, Path string
	Who                Who
	Handle             func(*Server, http.ResponseWriter, *Call) error
	// Fresh asks for a proof of who the officer is that is five minutes old at
	// most.
	Fresh bool
	// Quiet routes are asked for by pages by themselves: they keep nobody signed
	// in.
	Quiet bool
	// Body is how many bytes of a body are taken; 0 for page.MaxFormBytes.
	Body int64
}

// allRoutes is the one table of the application.
func allRoutes() []Route {
	return slices.Concat(homeRoutes, signinRoutes, securityRoutes, userRoutes, watchRoutes, composeRoutes, uploadRoutes, auditRoutes, directoryRoutes,
		keyRoutes, caseRoutes, evidenceRoutes, rotaRoutes, listRoutes,
		settingsRoutes, incidentRoutes, figureRoutes, verifiedRoutes)
}

// newRouter makes the router of the table.
func (s *Server) newRouter() *mux.Router {
	r := mux.NewRouter()
	for _, e := range allRoutes() {
		s.routes[e.Name] = e
		r.Handle(e.Path, s.serve(e)).Methods(e.Method).Name(e.Name)
	}
	r.PathPrefix("/assets/").Handler(s.pages.Assets()).Methods(http.MethodGet, http.MethodHead)
	none := func(err error) http.Handler {
		return s.serve(Route{Name: "none", Who: Anybody, Handle: func(*Server, http.ResponseWriter, *Call) error { return err }})
	}
	r.NotFoundHandler, r.MethodNotAllowedHandler = none(page.ErrNowhere), none(page.ErrMethod)
	return r
}

// ServeHTTP answers a request: headers first, then what every request must
// satisfy, then its route.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	page.Harden(w.Header())
	if !s.origin.Bring(w, r) {
		s.router.ServeHTTP(w, r)
	}
}

// serve runs a route: where the request comes from, who calls, may they; then
// the handler; then one line in the log.
func (s *Server) serve(e Route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		limit := e.Body
		if limit == 0 {
			limit = page.MaxFormBytes
		}
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		c := &Call{Request: r, server: s, Route: e, Now: s.Desk.Now().UTC()}
		err := s.admit(w, c)
		if err == nil {
			err = e.Handle(s, w, c)
		}
		if err != nil {
			s.fail(w, c, err)
		}
		page.Record(s.Log, statusOf(err), c.incident, err, "route", c.Route.Name, "method", c.Method, "officer", c.User.ID, "duration_ms", time.Since(started).Milliseconds())
	})
}

// admit finds out who calls and whether they may.
func (s *Server) admit(w http.ResponseWriter, c *Call) error {
	err := s.identify(c)
	var errLanguage error
	if c.L, errLanguage = s.pages.Speak(c.Request, c.User.Language); errLanguage != nil {
		return errors.Join(err, errLanguage)
	}
	if err != nil {
		return err
	}
	if err := s.origin.Check(c.Request); err != nil {
		return err
	}
	if !s.limits.allow(c) {
		return problem.New(problem.RateLimited, "", "Too many requests.")
	}
	if !c.Route.Who.anybody && !c.SignedIn() {
		return errSignIn
	}
	if !c.Route.Who.allows(c.User) {
		return problem.New(problem.Forbidden, "", "None of your roles allows this.")
	}
	if c.Route.Fresh && !c.Session.IsFresh(c.Now) {
		return errConfirm
	}
	return nil
}

// Errors that send the browser elsewhere.
var (
	errSignIn  = errors.New("nobody is signed in")
	errConfirm = errors.New("the proof of who somebody is is too old")
)

// identify finds the session of a call.
func (s *Server) identify(c *Call) error {
	cookie, err := c.Cookie(sessionCookie)
	if err != nil {
		return nil //nolint:nilerr // nobody is signed in
	}
	quiet := c.Route.Quiet || page.Reads(c.Request) && c.URL.Query().Has("again") // a page that waits asks so
	session, err := s.Accounts.Resume(c.Context(), cookie.Value, quiet)
	if errors.Is(err, account.ErrNoSession) {
		c.ended = true
		return nil
	}
	if err != nil {
		return err
	}
	c.Session, c.User = session, session.User
	return nil
}
