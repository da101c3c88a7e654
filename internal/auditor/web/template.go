package web

import (
	"embed"
	"html/template"
	"io/fs"
	"net/http"
	"slices"
	"strings"

	"github.com/entraide/entraide/internal/locale"
	"github.com/entraide/entraide/internal/page"
)

//go:embed templates/*.html
var templateFiles embed.FS

// parse parses every page for every language.
func (s *Server) parse() (*page.Set, error) {
	files, err := fs.Sub(templateFiles, "templates")
	if err != nil {
		return nil, err
	}
	return page.New(page.Options{
		Templates: files, Partials: []string{"partials-auditor.html"}, URL: s.url, Funcs: funcs, Pseudo: s.Pseudo,
	})
}

// funcs are what templates of these pages can call besides those of package page.
//
//	took 5400   a number of seconds in words
//	next 7      8; prev 7: 6
func funcs(l *locale.Localizer) template.FuncMap {
	return template.FuncMap{
		"took": func(seconds int64) string { return took(l, seconds) },
		"next": func(n int64) int64 { return n + 1 },
		"prev": func(n int64) int64 { return n - 1 },
	}
}

// took writes a number of seconds roughly, in its largest unit of which there are
// two at least.
func took(l *locale.Localizer, seconds int64) string {
	switch n := int(seconds); {
	case n < 2*60:
		return l.T("auditor.seconds", "Count", n)
	case n < 2*60*60:
		return l.T("auditor.minutes", "Count", n/60)
	case n < 2*24*60*60:
		return l.T("auditor.hours", "Count", n/60/60)
	default:
		return l.T("auditor.days", "Count", n/24/60/60)
	}
}

// render writes a page.
func (s *Server) render(w http.ResponseWriter, c *Call, status int, name string, view any) error {
	v := page.Shell{Owner: c.L.T("auditor.room"), Path: s.origin.Back(c.Request), Flash: page.Flash(c.L, c.Request)}
	if c.SignedIn() {
		v.User, v.Shortcuts = c.Session.Name, true
		v.Nav = s.nav(c)
		v.Left, v.LeftAt = c.left(), c.Session.endsAt().UTC()
	}
	return s.pages.Render(w, c.L, status, name, view, v)
}

// A navLine is a line of the navigation: the route it leads to, its sentence,
// and the keys that go there.
type navLine struct{ route, label, keys string }

var navigation = []navLine{
	{"home", "auditor.nav_overview", "g o"},
	{"findings", "auditor.nav_findings", "g f"},
	{"entries", "auditor.nav_entries", "g l"},
	{"cases", "auditor.nav_cases", "g c"},
	{"verify", "auditor.nav_verify", "g v"},
	{"reports", "auditor.nav_reports", "g r"},
	{"published", "auditor.nav_published", "g p"},
	{"witnesses", "auditor.nav_witnesses", "g w"},
	{"help", "layout.nav_help", "g h"},
}

// nav returns the navigation.
func (s *Server) nav(c *Call) []page.NavItem {
	var items []page.NavItem
	for _, line := range navigation {
		address, err := s.url(line.route)
		if err != nil {
			s.Log.Error("no address", "route", line.route, "err", err)
			continue
		}
		here := c.URL.Path == address || address != "/" && strings.HasPrefix(c.URL.Path, address+"/")
		items = append(items, page.NavItem{Label: c.L.T(line.label), Address: address, Keys: line.keys, Here: here})
	}
	return slices.Clip(items)
}

// attach says that an answer is a file to keep. name is plain ASCII.
func attach(w http.ResponseWriter, name, kind string) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
}
