package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"strings"
	"time"
	"unicode"

	"github.com/entraide/entraide/internal/locale"
)

//go:embed templates/*.html
var templateFiles embed.FS

// Templates that every page has.
const (
	layoutFile   = "layout.html"
	partialsFile = "partials.html"
	formFile     = "partials-form.html"
)

// parse parses every page for every language.
func (s *Server) parse() (map[string]map[string]*template.Template, error) {
	tags := []string{}
	for _, l := range locale.Languages() {
		tags = append(tags, l.Tag)
	}
	if s.Pseudo {
		tags = append(tags, locale.PseudoLong, locale.PseudoMirrored)
	}
	names, err := templateFiles.ReadDir("templates")
	if err != nil {
		return nil, err
	}
	all := map[string]map[string]*template.Template{}
	for _, tag := range tags {
		l, err := locale.For(tag)
		if err != nil {
			return nil, err
		}
		base, err := template.New("").Option("missingkey=error").Funcs(s.funcs(l)).
			ParseFS(templateFiles, "templates/"+layoutFile, "templates/"+partialsFile, "templates/"+formFile)
		if err != nil {
			return nil, err
		}
		all[tag] = map[string]*template.Template{}
		for _, name := range names {
			if name.Name() == layoutFile || name.Name() == partialsFile || name.Name() == formFile {
				continue
			}
			page, err := base.Clone()
			if err != nil {
				return nil, err
			}
			if all[tag][name.Name()], err = page.ParseFS(templateFiles, path.Join("templates", name.Name())); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// funcs are what templates can call.
//
//	T "key" "Name" .Value   a sentence of the catalogue
//	D .Time, DT .Time       a day; a day with a time, both in the time's own zone
//	From .Now .Time         how far off a time is
//	V "text"                a machine value, which keeps its order
//	Prose "text"            what a person wrote
//	N 12345                 a whole number
//	U "route" "name" "x"    the address of a route
//	A "own.css"             the address of an asset
//	size 12345              a number of bytes
//	rows (T …) .Lines       a caption with lines, for a table
//	field .Form "n" (T …)   the view of the partial "field"
//	tag "ok" (T …)          the view of the partial "tag"
func (s *Server) funcs(l *locale.Localizer) template.FuncMap {
	return template.FuncMap{
		"T":     l.T,
		"D":     func(t time.Time) template.HTML { return l.DateHTML(t) },
		"DT":    func(t time.Time) template.HTML { return l.TimeHTML(t, t.Location()) },
		"From":  l.From,
		"V":     locale.V,
		"Prose": locale.Prose,
		"N":     func(n int) string { return l.Number(int64(n)) },
		"U":     s.url,
		"A":     func(name string) string { return s.assets.prefix + name },
		"size":  l.Bytes,
		"rows":  func(caption string, lines []draftLine) rows { return rows{caption, lines} },
		"field": field,
		"tag":   makeTag,
	}
}

// A shell is what the layout shows around a page.
type shell struct {
	L         *locale.Localizer
	Languages []locale.Language
	Title     string
	Head      template.HTML // what the page has in its head, such as how it renews itself
	Main      template.HTML
	Han       bool // the page shows Chinese
	Nav       []navItem
	User      string // name; empty if nobody is signed in
	State     string // whose desk it is
	Training  bool
	Path      string // of this page
	Shortcuts bool
	Left      int // seconds until the session ends; 0 if nobody is signed in
	LeftAt    time.Time
	Flash     string
}

// render writes a page whole or not at all: half a page with a status of 200
// would be a lie.
func (s *Server) render(w http.ResponseWriter, c *Call, status int, page string, view any) error {
	t, ok := s.pages[c.L.Tag][page]
	if !ok {
		return fmt.Errorf("there is no page %s in %s", page, c.L.Tag)
	}
	title, err := block(t, "title", view)
	if err != nil {
		return err
	}
	main, err := block(t, "main", view)
	if err != nil {
		return err
	}
	head, err := block(t, "head", view)
	if err != nil {
		return err
	}
	around := s.shell(c, title, main)
	around.Head = template.HTML(head) //nolint:gosec // made by a template
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, layoutFile, around); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", c.L.Tag)
	h.Add("Vary", "Accept-Language, Cookie")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the browser may be gone
	return nil
}

// block runs one block of a page.
func block(t *template.Template, name string, view any) (string, error) {
	var b bytes.Buffer
	err := t.ExecuteTemplate(&b, name, view)
	return b.String(), err
}

// shell is what stands around a page.
func (s *Server) shell(c *Call, title, main string) shell {
	v := shell{
		L: c.L, Languages: locale.Languages(), Title: title, Main: template.HTML(main), //nolint:gosec // made by a template
		Han:   c.L.Tag == "zh-Hans" || strings.ContainsFunc(main, func(r rune) bool { return unicode.Is(unicode.Han, r) }),
		State: s.state(c.L), Training: s.Training, Path: backTo(c),
	}
	if done := "layout.done_" + c.URL.Query().Get("done"); c.L.Has(done) {
		v.Flash = c.L.T("layout.done_" + c.URL.Query().Get("done"))
	}
	if c.SignedIn() {
		v.User, v.Shortcuts = c.User.Name, c.User.Shortcuts
		v.Nav = s.nav(c)
		v.Left, v.LeftAt = c.left(), c.At(c.Session.EndsAt())
	}
	return v
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
