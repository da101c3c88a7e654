package web

import (
	"embed"
	"html/template"
	"io/fs"
	"net/http"

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
		Templates: files, Partials: []string{"partials-account.html", "partials-form.html", "partials-evidence.html", "partials-settings.html"}, URL: s.url, Funcs: funcs, Pseudo: s.Pseudo,
	})
}

// A comparing is the form in which officers say how they have compared a fingerprint.
type comparing struct {
	Suite              string
	Hows               []page.Choice
	How, Who           string
	WrongHow, WrongWho string
}

// funcs are what templates of the desk can call besides those of package page.
//
//	comparing .Form "suite" .Hows   the form of a comparison
//	rows (T …) .Lines   a caption with lines, for a table
func funcs(*locale.Localizer) template.FuncMap {
	return template.FuncMap{
		"comparing": func(f page.Form, suite string, hows []page.Choice) comparing {
			how, who := "how-"+suite, "counterpart-"+suite
			return comparing{suite, hows, f.Values.Get(how), f.Values.Get(who), f.Error(how), f.Error(who)}
		},
		"rows": func(caption string, lines []draftLine) rows { return rows{caption, lines} },
	}
}

// render writes a page.
func (s *Server) render(w http.ResponseWriter, c *Call, status int, name string, view any) error {
	around, err := s.shell(c)
	if err != nil {
		return err
	}
	return s.pages.Render(w, c.L, status, name, view, around)
}

// shell is what stands around a page.
func (s *Server) shell(c *Call) (v page.Shell, err error) {
	v = page.Shell{Owner: s.state(c.L), Training: s.Training, Path: s.origin.Back(c.Request), Flash: page.Flash(c.L, c.Request)}
	if c.SignedIn() {
		v.User, v.Shortcuts = c.User.Name, c.User.Shortcuts
		if v.Nav, err = s.nav(c); err != nil {
			return v, err
		}
		v.Warning, v.WarningAt = s.warning(c), "/security#alerts"
		v.Left, v.LeftAt = c.left(), c.At(c.Session.EndsAt())
	}
	return v, nil
}

// state is the name of the State whose desk it is.
func (s *Server) state(l *locale.Localizer) string {
	code := s.Desk.Party()
	p, err := s.Desk.Directory().Party(code)
	if err != nil {
		return code // not admitted yet
	}
	name, _ := l.Name(p.Statement.Names, code)
	return name
}
