package web

import "github.com/entraide/entraide/internal/page"

// navigation is shown to whoever may call the route.
var navigation = []page.NavLine{
	{Route: "home", Label: "layout.nav_today", Keys: "g t"},
	{Route: "inbox", Label: "lists.inbox", Keys: "g i"},
	{Route: "outbox", Label: "lists.outbox", Keys: "g o"},
	{Route: "work", Label: "lists.work", Keys: "g m"},
	{Route: "deadlines", Label: "lists.deadlines", Keys: "g d"},
	{Route: "search", Label: "lists.search", Keys: "/"},
	{Route: "watch", Label: "watch.title", Keys: "g w"},
	{Route: "draft.new", Label: "compose.nav_new", Keys: "g n"},
	{Route: "drafts", Label: "compose.nav_drafts", Keys: "g f"},
	{Route: "releases", Label: "compose.nav_releases", Keys: "g e"},
	{Route: "figures", Label: "figures.title", Keys: "g v"},
	{Route: "directory", Label: "directory.title", Keys: "g a"},
	{Route: "keys", Label: "keys.title", Keys: "g k"},
	{Route: "log", Label: "auditlog.title", Keys: "g l"},
	{Route: "incidents", Label: "incidents.title", Keys: "g p"},
	{Route: "rota", Label: "rota.title", Keys: "g r"},
	{Route: "settings", Label: "settings.title", Keys: "g c"},
	{Route: "users", Label: "layout.nav_users", Keys: "g u"},
	{Route: "security", Label: "layout.nav_security", Keys: "g s"},
	{Route: "help", Label: "layout.nav_help", Keys: "g h"},
}

// nav returns the navigation of the one who calls.
func (s *Server) nav(c *Call) ([]page.NavItem, error) {
	var lines []page.NavLine
	for _, line := range navigation {
		if s.routes[line.Route].Who.allows(c.User) {
			lines = append(lines, line)
		}
	}
	return s.pages.Nav(c.L, c.URL.Path, lines)
}
