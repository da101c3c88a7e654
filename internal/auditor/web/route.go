package web

import (
	"errors"
	"net/http"
	"slices"

	"github.com/gorilla/mux"

	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/pkg/problem"
)

// A Route is one line of the application.
type Route struct {
	Name, Method, Path string
	Handle             func(*Server, http.ResponseWriter, *Call) error
	// Anybody may call; every other route is for those who have come in.
	Anybody bool
	// Body is how many bytes of a body are taken; 0 for page.MaxFormBytes.
	Body int64
}

// allRoutes is the one table of the application.
func allRoutes() []Route {
	return slices.Concat(homeRoutes, enterRoutes, entryRoutes, caseRoutes, findingRoutes, verifyRoutes, reportRoutes, publishedRoutes)
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
		return s.serve(Route{Name: "none", Anybody: true, Handle: func(*Server, http.ResponseWriter, *Call) error { return err }})
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

// serve runs a route: where the request comes from, who calls; then the handler;
// then one line in the log.
func (s *Server) serve(e Route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := s.Now()
		limit := e.Body
		if limit == 0 {
			limit = page.MaxFormBytes
		}
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		c := &Call{Request: r, server: s, Route: e, Now: started.UTC()}
		err := s.admit(c)
		if err == nil {
			err = e.Handle(s, w, c)
		}
		if err != nil {
			s.fail(w, c, err)
		}
		page.Record(s.Log, statusOf(err), c.incident, err, "route", c.Route.Name, "method", c.Method, "duration_ms", s.Now().Sub(started).Milliseconds())
	})
}

// errSignIn says that nobody has come in.
var errSignIn = errors.New("nobody has come in")

// admit finds out who calls and whether they may.
func (s *Server) admit(c *Call) (err error) {
	c.Session, c.ended = s.sessions.find(page.CookieValue(c.Request, sessionCookie), c.Now)
	if c.L, err = s.pages.Speak(c.Request, ""); err != nil {
		return err
	}
	if err := s.origin.Check(c.Request); err != nil {
		return err
	}
	if !s.limits.allow(c) {
		return problem.New(problem.RateLimited, "", "Too many requests.")
	}
	if !c.Route.Anybody && !c.SignedIn() {
		return errSignIn
	}
	return nil
}
