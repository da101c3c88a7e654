package web

import (
	"slices"
	"strings"

	"github.com/entraide/entraide/internal/page"
)

// A navLine is a line of the navigation: the route it leads to, its sentence,
// and the keys that go there.
type navLine struct{ route, label, keys string }

// navigation is shown to whoever may call the route.
var navigation = []navLine{
	{"home", "layout.nav_today", "g t"},
	{"inbox", "lists.inbox", "g i"},
	{"outbox", "lists.outbox", "g o"},
	{"work", "lists.work", "g m"},
	{"deadlines", "lists.deadlines", "g d"},
	{"search", "lists.search", "/"},
	{"watch", "watch.title", "g w"},
	{"draft.new", "compose.nav_new", "g n"},
	{"drafts", "compose.nav_drafts", "g f"},
	{"releases", "compose.nav_releases", "g e"},
	{"figures", "figures.title", "g v"},
	{"directory", "directory.title", "g a"},
	{"keys", "keys.title", "g k"},
	{"log", "auditlog.title", "g l"},
	{"incidents", "incidents.title", "g p"},
	{"rota", "rota.title", "g r"},
	{"settings", "settings.title", "g c"},
	{"users", "layout.nav_users", "g u"},
	{"security", "layout.nav_security", "g s"},
	{"help", "layout.nav_help", "g h"},
}

// nav returns the navigation of the one who calls.
func (s *Server) nav(c *Call) []page.NavItem {
	var items []page.NavItem
	for _, line := range navigation {
		if !s.routes[line.route].Who.allows(c.User) {
			continue
		}
		address, err := s.url(line.route)
		if err != nil {
			s.Log.Error("no address", "route", line.route, "err", err)
			continue
		}
		here := c.URL.Path == address || address != "/" && strings.HasPrefix(c.URL.Path, address+"/")
		items = append(items, page.NavItem{Label: c.L.T(line.label), Address: address, Keys: line.keys, Here: here})
	}
	for i, a := range items { // of pages inside each other, the inner one
		items[i].Here = a.Here && !slices.ContainsFunc(items, func(b page.NavItem) bool { return b.Here && len(b.Address) > len(a.Address) })
	}
	return items
}
