// Package api is the HTTP face of the broker (protocol section 8): it knows
// who calls, reads input within limits, calls one method of the broker, and
// writes the answer. It decides nothing.
//
// To add a route: put a line in routes, describe it in schemas/openapi.yaml,
// and add it to the caller matrix of the tests; TestRoutes fails until all
// three agree.
package api

import (
	"bytes"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/go-playground/validator/v10"
	"github.com/gorilla/mux"
	"golang.org/x/time/rate"

	"github.com/entraide/entraide/internal/broker"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/pkg/wire"
)

// Timeouts and sizes of the server.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 60 * time.Second
	writeTimeout      = 60 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 16 << 10
	heartbeat         = 15 * time.Second
	// partTimeout is how long a part, of 16 MiB at most, may take on a slow line.
	partTimeout = 15 * time.Minute

	strangersPerSecond = 20
)

// Limits bound what one authority may ask for.
type Limits struct {
	PerSecond float64 `toml:"per_second"` // requests, on average
	Burst     int     `toml:"burst"`      // requests at once
}

// DefaultLimits returns the limits of an installation that sets none.
func DefaultLimits() Limits { return Limits{PerSecond: 200, Burst: 400} }

// A Server answers the broker's API.
type Server struct {
	Broker *broker.Broker
	Limits Limits
	Log    *slog.Logger

	validate *validator.Validate
	mu       sync.Mutex
	budgets  map[string]*rate.Limiter // by caller

	// strangers bounds how often unknown keys make the broker look for news of
	// the directory.
	strangers *rate.Limiter
}

// New returns the API of a broker.
func New(b *broker.Broker, limits Limits, log *slog.Logger) *Server {
	return &Server{
		Broker: b, Limits: limits, Log: log,
		validate: newValidator(), budgets: map[string]*rate.Limiter{}, strangers: rate.NewLimiter(strangersPerSecond, strangersPerSecond),
	}
}

// HTTPServer returns a server for the API that speaks TLS 1.3 with the
// certificate and asks its clients for theirs. Which clients may call what is
// decided by the directory, not by a certification authority.
func (s *Server) HTTPServer(certificate tls.Certificate) *http.Server {
	return &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
		TLSConfig: &tls.Config{
			MinVersion:             tls.VersionTLS13,
			Certificates:           []tls.Certificate{certificate},
			ClientAuth:             tls.RequestClientCert,
			SessionTicketsDisabled: true,
		},
	}
}

// A reach says who may call a route.
type reach int

const (
	public    reach = iota // anybody
	member                 // an authority of the directory, or the depositary
	authority              // an authority of the directory
)

// A route is one line of the API.
type route struct {
	name, method, path string
	reach              reach
	handle             func(*Server, http.ResponseWriter, *call) error
}

// routes is the one list of endpoints.
var routes = []route{
	{"submit", http.MethodPost, "/v1/messages", authority, (*Server).submit},
	{"message", http.MethodGet, "/v1/messages/{id}", authority, (*Server).message},
	{"receipt", http.MethodGet, "/v1/messages/{id}/receipt", authority, (*Server).receipt},
	{"sent", http.MethodGet, "/v1/sent", authority, (*Server).sent},
	{"inbox", http.MethodGet, "/v1/inbox", authority, (*Server).inbox},
	{"events", http.MethodGet, "/v1/inbox/events", authority, (*Server).events},
	{"receive", http.MethodPost, "/v1/receipts", authority, (*Server).receive},
	{"cosign", http.MethodPost, "/v1/cosignatures", authority, (*Server).cosign},
	{"anchor", http.MethodPost, "/v1/anchors", authority, (*Server).anchor},
	{"case", http.MethodGet, "/v1/cases/{id}", authority, (*Server).caseOf},
	{"begin", http.MethodPut, "/v1/evidence/{manifest}", authority, (*Server).begin},
	{"put", http.MethodPut, "/v1/evidence/{manifest}/parts/{part}", authority, (*Server).put},
	{"manifest", http.MethodGet, "/v1/messages/{id}/evidence/{evidence}", authority, (*Server).manifest},
	{"part", http.MethodGet, "/v1/messages/{id}/evidence/{evidence}/parts/{part}", authority, (*Server).part},
	{"statements", http.MethodGet, "/v1/directory/statements", member, (*Server).statements},
	{"publish", http.MethodPost, "/v1/directory/statements", member, (*Server).publish},
	{"audit", http.MethodGet, "/v1/audit/entries", authority, (*Server).audit},
	{"checkpoint", http.MethodGet, "/checkpoint", public, (*Server).checkpoint},
	{"witnessed", http.MethodGet, "/checkpoint/witnessed", public, (*Server).witnessed},
	{"tile", http.MethodGet, "/tile/{path:.+}", public, (*Server).tile},
}

// Handler returns the whole API.
func (s *Server) Handler() http.Handler {
	r := mux.NewRouter()
	for _, e := range routes {
		r.Handle(e.path, s.serve(e)).Methods(e.method).Name(e.name)
	}
	r.NotFoundHandler = s.refusing(problem.New(problem.NotFound, "", "There is nothing at this address."))
	r.MethodNotAllowedHandler = s.refusing(problem.New(problem.MethodNotAllowed, "", "This address does not take this method."))
	return r
}

// refusing answers every request with one problem.
func (s *Server) refusing(p *problem.Error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		s.fail(w, p)
		s.record(r, "none", "", p, started)
	})
}

// serve runs a route: who calls, may they, within their budget; then the
// handler; then one line in the log.
func (s *Server) serve(e route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		c := &call{Request: r, server: s}
		err := s.admit(c, e.reach)
		if err == nil {
			err = e.handle(s, w, c)
		}
		if err != nil {
			s.fail(w, err)
		}
		s.record(r, e.name, c.name, err, started)
	})
}

// record writes the one log line of a request: the route, never the path, and
// neither addresses nor contents.
func (s *Server) record(r *http.Request, route, caller string, err error, started time.Time) {
	attrs := []any{"route", route, "method", r.Method, "caller", caller, "duration_ms", time.Since(started).Milliseconds()}
	if err == nil {
		s.Log.Info("request", attrs...)
		return
	}
	code := problem.CodeOf(err)
	attrs = append(attrs, "code", string(code))
	if code == problem.Internal {
		s.Log.Error("request failed", append(attrs, "err", err)...)
		return
	}
	s.Log.Info("request refused", attrs...)
}

// fail is the only place where an error becomes an answer. What is not a
// refusal stays private.
func (s *Server) fail(w http.ResponseWriter, err error) {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		err = problem.New(problem.TooLarge, "", "The body is larger than this address accepts.")
	}
	p, ok := errors.AsType[*problem.Error](err)
	if !ok {
		p = problem.New(problem.Internal, "", "")
	}
	doc := p.Document()
	body, err := strictjson.Marshal(doc)
	if err != nil {
		s.Log.Error("problem document not written", "err", err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	if doc.Status == http.StatusTooManyRequests || doc.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
	}
	send(w, doc.Status, "application/problem+json", body)
}

// answer encodes v before it writes, so that a failure can still become a
// problem document.
func answer(w http.ResponseWriter, status int, v any) error {
	body, err := strictjson.Marshal(v)
	if err != nil {
		return err
	}
	send(w, status, "application/json", body)
	return nil
}

func send(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = bytes.NewReader(body).WriteTo(w) // the client may be gone; there is nobody left to tell
}

// limiter returns the caller's budget.
func (s *Server) limiter(caller string) *rate.Limiter {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok := s.budgets[caller]
	if !ok {
		l = rate.NewLimiter(rate.Limit(s.Limits.PerSecond), s.Limits.Burst)
		s.budgets[caller] = l
	}
	return l
}

// accepted answers a submission: 201 the first time, 200 for a repeat.
func accepted(w http.ResponseWriter, a broker.Acceptance, location string) error {
	status := http.StatusCreated
	if a.Repeat {
		status = http.StatusOK
	}
	if location != "" {
		w.Header().Set("Location", location)
	}
	return answer(w, status, wire.Acceptance{Receipt: string(a.Receipt)})
}
