package web

import (
	"embed"
	"html/template"
	"io/fs"
	"net/http"

	"github.com/entraide/entraide/internal/auditor"
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
//	says .      what a finding says, in the reader's language
func funcs(l *locale.Localizer) template.FuncMap {
	return template.FuncMap{
		"took": func(seconds int64) string { return took(l, seconds) },
		"next": func(n int64) int64 { return n + 1 },
		"prev": func(n int64) int64 { return n - 1 },
		"says": func(f auditor.Finding) auditor.Sentence { return f.Sentence(l) },
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
		var err error
		if v.Nav, err = s.pages.Nav(c.L, c.URL.Path, navigation); err != nil {
			return err
		}
		v.Left, v.LeftAt = c.left(), c.Session.endsAt().UTC()
	}
	return s.pages.Render(w, c.L, status, name, view, v)
}

// navigation is shown to whoever has come in.
var navigation = []page.NavLine{
	{Route: "home", Label: "auditor.nav_overview", Keys: "g o"},
	{Route: "findings", Label: "auditor.nav_findings", Keys: "g f"},
	{Route: "entries", Label: "auditor.nav_entries", Keys: "g l"},
	{Route: "cases", Label: "auditor.nav_cases", Keys: "g c"},
	{Route: "verify", Label: "auditor.nav_verify", Keys: "g v"},
	{Route: "reports", Label: "auditor.nav_reports", Keys: "g r"},
	{Route: "published", Label: "auditor.nav_published", Keys: "g p"},
	{Route: "witnesses", Label: "auditor.nav_witnesses", Keys: "g w"},
	{Route: "help", Label: "layout.nav_help", Keys: "g h"},
}
