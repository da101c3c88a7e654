package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/wire"
)

// audit serves GET /v1/audit/entries.
func (s *Server) audit(w http.ResponseWriter, c *call) error {
	q, err := c.auditQuery()
	if err != nil {
		return err
	}
	out, err := s.Broker.AuditEntries(c.Context(), c.authorities, q)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, out)
}

// auditQuery reads which entries an auditor asks for.
func (c *call) auditQuery() (wire.AuditQuery, error) {
	given := c.URL.Query()
	q := wire.AuditQuery{Limit: wire.MaxPage, AuditFilter: wire.AuditFilter{
		Party: given.Get("party"), Kind: given.Get("kind"), Case: given.Get("case"), Stage: given.Get("stage"), Code: given.Get("code"),
	}}
	limit := int64(q.Limit) // as wide as the indices, so that nothing wraps around
	for name, n := range map[string]*int64{"from": &q.From, "to": &q.To, "limit": &limit} {
		text := given.Get(name)
		if text == "" {
			continue
		}
		var err error
		if *n, err = strconv.ParseInt(text, 10, 64); err != nil {
			return q, problem.New(problem.InvalidValue, name, "This must be a number.")
		}
	}
	q.Limit = int(min(max(limit, 0), wire.MaxPage+1))
	for name, at := range map[string]*time.Time{"since": &q.Since, "until": &q.Until} {
		text := given.Get(name)
		if text == "" {
			continue
		}
		var err error
		if *at, err = time.Parse(time.RFC3339, text); err != nil {
			return q, problem.New(problem.InvalidValue, name, "This must be a time such as 2026-03-02T09:00:00Z.")
		}
	}
	return q, c.valid(q)
}

// anchor serves POST /v1/anchors?authority=.
func (s *Server) anchor(w http.ResponseWriter, c *call) error {
	own, err := c.own("authority")
	if err != nil {
		return err
	}
	var in wire.Anchor
	if err := c.decode(w, wire.MaxCheckpointBytes, &in); err != nil {
		return err
	}
	out, repeat, err := s.Broker.AnchorLog(c.Context(), own, in)
	if err != nil {
		return err
	}
	status := http.StatusCreated
	if repeat {
		status = http.StatusOK
	}
	return answer(w, status, out)
}
