package web

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/entraide/entraide/internal/desk/account"
	"github.com/entraide/entraide/internal/page"
)

// statusOf is the status that an error becomes.
func statusOf(err error) int {
	if _, ok := errors.AsType[*account.WaitError](err); ok {
		return http.StatusTooManyRequests
	}
	switch {
	case errors.Is(err, errSignIn):
		return http.StatusUnauthorized
	case errors.Is(err, errConfirm), errors.Is(err, account.ErrRefused):
		return http.StatusForbidden
	}
	return page.StatusOf(err)
}

// refuse notes in a form why it was not taken, and reports whether err says so.
func (c *Call) refuse(f *page.Form, err error) bool {
	r, ok := errors.AsType[*account.Refusal](err)
	if ok {
		f.Fail(r.Field, c.L.T("users.reason."+string(r.Reason), "Length", account.MinLength))
	}
	return ok
}

// fail is the only place where an error becomes a page.
func (s *Server) fail(w http.ResponseWriter, c *Call, err error) {
	back := s.origin.Back(c.Request)
	switch {
	case errors.Is(err, errSignIn) && page.Reads(c.Request) && !c.Route.Quiet:
		s.sendTo(w, c, "signin", c.URL.RequestURI())
		return
	case errors.Is(err, errConfirm):
		s.sendTo(w, c, "confirm", back)
		return
	}
	v := page.NewFailure(err, statusOf(err))
	c.incident = v.Incident
	if v.Status == http.StatusUnauthorized {
		v.SignIn = "/sign-in?" + url.Values{"next": {back}}.Encode()
	}
	if v.Status == http.StatusTooManyRequests || v.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter(c, err)))
	}
	if err := s.render(w, c, v.Status, page.FailureFile, v); err != nil {
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
