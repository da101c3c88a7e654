package web

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/entraide/entraide/internal/desk/account"
	"github.com/entraide/entraide/pkg/problem"
)

// statusOf is the status that an error becomes.
func statusOf(err error) int {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return http.StatusRequestEntityTooLarge
	}
	if _, ok := errors.AsType[*account.WaitError](err); ok {
		return http.StatusTooManyRequests
	}
	p, ok := errors.AsType[*problem.Error](err)
	switch {
	case err == nil:
		return http.StatusOK
	case errors.Is(err, errSignIn):
		return http.StatusUnauthorized
	case errors.Is(err, errConfirm), errors.Is(err, account.ErrRefused):
		return http.StatusForbidden
	case !ok:
		return http.StatusInternalServerError
	case p.Code == problem.InvalidValue:
		return http.StatusUnprocessableEntity
	}
	return p.Document().Status
}

// explained are the statuses that have a page of their own; every other is told
// as the nearest of them.
var explained = map[int]string{
	http.StatusUnauthorized:          "401",
	http.StatusForbidden:             "403",
	http.StatusNotFound:              "404",
	http.StatusMethodNotAllowed:      "405",
	http.StatusConflict:              "409",
	http.StatusRequestEntityTooLarge: "413",
	http.StatusUnprocessableEntity:   "422",
	http.StatusTooManyRequests:       "429",
	http.StatusInternalServerError:   "500",
	http.StatusServiceUnavailable:    "503",
}

// failure is what the page of an error shows.
type failure struct {
	Code     string // of explained
	Problem  string // a problem code; empty if the status says it all
	Detail   string // in English, for the desk's administrator
	Incident string // names a failure in the log
	SignIn   string // where to sign in; empty elsewhere
}

// fail is the only place where an error becomes a page. What is not a refusal
// stays private.
func (s *Server) fail(w http.ResponseWriter, c *Call, err error) {
	status := statusOf(err)
	reading := c.Method == http.MethodGet || c.Method == http.MethodHead
	switch {
	case errors.Is(err, errSignIn) && reading && !c.Route.Quiet:
		s.sendTo(w, c, "signin", c.URL.RequestURI())
		return
	case errors.Is(err, errConfirm):
		s.sendTo(w, c, "confirm", backTo(c))
		return
	}
	v := failure{Code: explained[status]}
	if v.Code == "" {
		status = http.StatusInternalServerError
		v.Code = explained[status]
	}
	if p, ok := errors.AsType[*problem.Error](err); ok && status < http.StatusInternalServerError {
		v.Problem, v.Detail = string(p.Code), p.Detail
	}
	if status >= http.StatusInternalServerError {
		var b [4]byte
		_, _ = rand.Read(b[:]) // never fails
		c.incident = hex.EncodeToString(b[:])
		v.Incident = c.incident
	}
	if status == http.StatusUnauthorized {
		v.SignIn = "/sign-in?" + url.Values{"next": {backTo(c)}}.Encode()
	}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter(c, err)))
	}
	if err := s.render(w, c, status, "error.html", v); err != nil {
		s.Log.Error("page of an error not written", "err", err)
		w.WriteHeader(http.StatusInternalServerError)
	}
}

// retryAfter is how many seconds to wait.
func retryAfter(c *Call, err error) int {
	if wait, ok := errors.AsType[*account.WaitError](err); ok {
		return int(wait.Until.Sub(c.Now).Seconds()) + 1
	}
	return 5
}

// sendTo sends the browser to a page that leads back.
func (s *Server) sendTo(w http.ResponseWriter, c *Call, route, back string) {
	to, err := s.url(route)
	if err != nil {
		s.Log.Error("no address", "route", route, "err", err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	query := url.Values{}
	if back != "/" {
		query.Set("next", back)
	}
	if c.ended {
		query.Set("ended", "1")
	}
	if lang := c.URL.Query().Get("lang"); lang != "" {
		query.Set("lang", lang)
	}
	if len(query) > 0 {
		to += "?" + query.Encode()
	}
	http.Redirect(w, c.Request, to, http.StatusSeeOther)
}

// backTo is the page that a call belongs to: itself, or the page that its form
// stands on.
func backTo(c *Call) string {
	if c.Method == http.MethodGet {
		return next(c.URL.RequestURI())
	}
	u, err := url.Parse(c.Referer())
	if err != nil || u.Host != c.server.host {
		return "/"
	}
	return next(u.RequestURI())
}
