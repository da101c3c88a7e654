package web

import (
	"net/url"
	"time"

	"github.com/entraide/entraide/internal/desk"
)

// A task is something that waits for an officer.
type task struct {
	Text    string
	Count   int
	Address string
	Kind    string // of the tag of its number
}

// tasks are what waits for the officer who calls, the most pressing first.
func (s *Server) tasks(c *Call) ([]task, error) {
	if !Readers.allows(c.User) {
		return nil, nil
	}
	var out []task
	add := func(kind, name string, count int, address string) {
		if count > 0 {
			out = append(out, task{c.L.T("lists.task_" + name), count, address, kind})
		}
	}
	pages, err := s.office.Pages(c.Context(), c.User.Officer(), "raised", time.Time{})
	if err != nil {
		return nil, err
	}
	add("bad", "pages", len(pages), "/watch")
	for _, x := range []struct {
		kind, name, list string
		query            url.Values
	}{
		{"bad", "overdue", "deadlines", url.Values{"overdue": {"1"}, "owed": {"us"}}},
		{"warn", "unread", "inbox", url.Values{"unread": {"1"}}},
		{"warn", "answers", "outbox", url.Values{"unread": {"1"}}},
		{"info", "unassigned", "inbox", url.Values{"assigned": {assignedNobody}}},
		{"info", "work", "work", nil},
	} {
		n, err := s.Desk.Count(c.Context(), c.User.Officer(), listFilter(c, x.list, x.query), mostLines)
		if err != nil {
			return nil, err
		}
		address := "/" + x.list
		if len(x.query) > 0 {
			address += "?" + x.query.Encode()
		}
		add(x.kind, x.name, n, address)
	}
	approve, mine, err := s.draftTasks(c)
	if err != nil {
		return nil, err
	}
	add("warn", "approve", approve, "/drafts")
	add("info", "drafts", mine, "/drafts")
	if Approvers.allows(c.User) {
		releases, err := s.office.EmergencyReleases(c.Context(), c.User.Officer(), false)
		if err != nil {
			return nil, err
		}
		add("warn", "countersign", len(releases), "/releases")
	}
	return out, nil
}

// draftTasks counts the drafts that wait for an approver, as far as the officer may
// be it, and the officer's own that are open: new, or returned with a comment.
func (s *Server) draftTasks(c *Call) (approve, mine int, err error) {
	all, err := s.office.Drafts(c.Context(), c.User.Officer(), "", "")
	for _, d := range all {
		own := d.Created == c.User.ID
		switch {
		case d.State == "submitted" && !own && c.User.Officer().Has(desk.Approver):
			approve++
		case d.State == "open" && own:
			mine++
		}
	}
	return approve, mine, err
}
