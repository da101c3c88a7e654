package web

import (
	"net/http"
	"strconv"

	"github.com/entraide/entraide/internal/desk/account"
)

// An alertLine is what an officer is told of their own account.
type alertLine struct {
	account.Alert
	Text string
}

// alerts are what the officer was told of their account, and the id of the newest
// that they have not said to have seen.
func (s *Server) alerts(c *Call) (lines []alertLine, last int64, err error) {
	all, err := s.Accounts.Alerts(c.Context(), c.User)
	for _, a := range all {
		if !a.Seen {
			last = max(last, a.ID)
		}
		a.At, a.Agent = c.At(a.At), browserName(a.Agent)
		lines = append(lines, alertLine{a, c.L.T("security.alert_" + a.Kind)})
	}
	return lines, last, err
}

// alertsSeen notes that the officer has seen what they were told.
func (s *Server) alertsSeen(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	last, err := strconv.ParseInt(in.Get("last"), 10, 64)
	if err != nil {
		return s.redirect(w, c, "security")
	}
	if err := s.Accounts.SeeAlerts(c.Context(), c.User, last); err != nil {
		return err
	}
	return s.redirect(w, c, "security")
}

// warning is the newest alert that the officer has not seen, for every page; empty
// for none.
func (s *Server) warning(c *Call) string {
	a, found, err := s.Accounts.Unseen(c.Context(), c.Session)
	if err != nil {
		s.Log.Warn("alerts not read", "err", err)
	}
	if !found || c.Route.Name == "security" {
		return ""
	}
	return c.L.T("security.alert_" + a.Kind)
}
