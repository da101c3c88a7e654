package web

import (
	"errors"
	"net/http"

	"github.com/entraide/entraide/internal/page"
)

// statusOf is the status that an error becomes.
func statusOf(err error) int {
	if errors.Is(err, errSignIn) {
		return http.StatusUnauthorized
	}
	return page.StatusOf(err)
}

// retryAfter is how many seconds to wait after too many requests.
const retryAfter = "5"

// fail is the only place where an error becomes a page.
func (s *Server) fail(w http.ResponseWriter, c *Call, err error) {
	if errors.Is(err, errSignIn) && page.Reads(c.Request) {
		if err := s.redirect(w, c, "enter"); err != nil {
			s.Log.Error("no address", "err", err)
		}
		return
	}
	v := page.NewFailure(err, statusOf(err))
	c.incident = v.Incident
	if v.Status == http.StatusUnauthorized {
		v.SignIn = "/enter"
	}
	if v.Status == http.StatusTooManyRequests || v.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter)
	}
	if err := s.render(w, c, v.Status, page.FailureFile, v); err != nil {
		s.Log.Error("page of an error not written", "err", err)
		w.WriteHeader(http.StatusInternalServerError)
	}
}
