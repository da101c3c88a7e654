package page

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/entraide/entraide/internal/locale"
)

//go:embed templates/*.html
var templateFiles embed.FS

// layoutFile is the template that stands around every page.
const layoutFile = "layout.html"

// Options are what a [Set] is made of.
type Options struct {
	// Templates are the application's own, files *.html.
	Templates fs.FS
	// Partials are those of them that are parts of others.
	Partials []string
	// URL returns the address of a route; pairs fill its path.
	URL func(route string, pairs ...string) (string, error)
	// Funcs are what the application's templates can call besides; nil for nothing.
	Funcs func(*locale.Localizer) template.FuncMap
	// Pseudo lets ?lang= ask for the pseudo-locales of tests.
	Pseudo bool
}

// A Set is the pages of an application, with what they load. Those of a language
// are parsed when they are first asked for.
type Set struct {
	Options
	assets *assets

	mu    sync.Mutex
	pages map[string]map[string]*template.Template // by language, by name
}

// New returns a set of pages, once they are found to be well formed.
func New(o Options) (*Set, error) {
	s := &Set{Options: o, pages: map[string]map[string]*template.Template{}}
	var err error
	if s.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	_, err = s.page("en", FailureFile)
	return s, err
}

// page returns a page in a language.
func (s *Set) page(tag, name string) (*template.Template, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pages[tag] == nil {
		var err error
		if s.pages[tag], err = s.parse(tag); err != nil {
			return nil, err
		}
	}
	t, ok := s.pages[tag][name]
	if !ok {
		return nil, fmt.Errorf("there is no page %s in %s", name, tag)
	}
	return t, nil
}

// parse parses every page for one language.
func (s *Set) parse(tag string) (map[string]*template.Template, error) {
	l, err := locale.For(tag)
	if err != nil {
		return nil, err
	}
	base := template.New("").Option("missingkey=error").Funcs(s.funcs(l))
	if s.Funcs != nil {
		base.Funcs(s.Funcs(l))
	}
	if base, err = base.ParseFS(templateFiles, "templates/"+layoutFile, "templates/partials.html"); err != nil {
		return nil, err
	}
	for _, name := range s.Partials {
		if base, err = base.ParseFS(s.Templates, name); err != nil {
			return nil, err
		}
	}
	names, err := fs.Glob(s.Templates, "*.html")
	if err != nil {
		return nil, err
	}
	pages := map[string]*template.Template{}
	for _, name := range names {
		if slices.Contains(s.Partials, name) {
			continue
		}
		if pages[name], err = extend(base, s.Templates, name); err != nil {
			return nil, err
		}
	}
	pages[FailureFile], err = extend(base, templateFiles, "templates/"+FailureFile)
	return pages, err
}

// extend parses one page.
func extend(base *template.Template, files fs.FS, name string) (*template.Template, error) {
	t, err := base.Clone()
	if err != nil {
		return nil, err
	}
	return t.ParseFS(files, name)
}

// funcs are what every template can call.
//
//	T "key" "Name" .Value   a sentence of the catalogue
//	D .Time, DT .Time       a day; a day with a time, both in the time's own zone
//	From .Now .Time         how far off a time is
//	V "text"                a machine value, which keeps its order
//	Prose "text"            what a person wrote
//	N 12345                 a whole number, of type int or int64
//	U "route" "name" "x"    the address of a route
//	A "own.css"             the address of an asset
//	size 12345              a number of bytes
//	field .Form "n" (T …)   the view of the partial "field"
//	tag "ok" (T …)          the view of the partial "tag"
func (s *Set) funcs(l *locale.Localizer) template.FuncMap {
	return template.FuncMap{
		"T":     l.T,
		"D":     func(t time.Time) template.HTML { return l.DateHTML(t) },
		"DT":    func(t time.Time) template.HTML { return l.TimeHTML(t, t.Location()) },
		"From":  l.From,
		"V":     locale.V,
		"Prose": locale.Prose,
		"N":     func(n any) (string, error) { return number(l, n) },
		"U":     s.URL,
		"A":     s.Asset,
		"size":  l.Bytes,
		"field": field,
		"tag":   MakeTag,
	}
}

// number writes a whole number.
func number(l *locale.Localizer, n any) (string, error) {
	switch n := n.(type) {
	case int:
		return l.Number(int64(n)), nil
	case int64:
		return l.Number(n), nil
	}
	return "", fmt.Errorf("%T is no whole number", n)
}

// Asset is the address of something that pages load, such as own.css.
func (s *Set) Asset(name string) string { return s.assets.prefix + name }

// Assets serves what pages load, below /assets/.
func (s *Set) Assets() http.Handler { return s.assets }

// Speak chooses the language of a request: the one that its address asks for, the
// preferred one, which may be empty, the cookie's, the browser's.
func (s *Set) Speak(r *http.Request, preferred string) (*locale.Localizer, error) {
	asked := r.URL.Query().Get("lang")
	tag := locale.Negotiate(r.Header.Get("Accept-Language"), asked, preferred, CookieValue(r, LanguageCookie))
	if s.Pseudo && (asked == locale.PseudoLong || asked == locale.PseudoMirrored) {
		tag = asked
	}
	return locale.For(tag)
}

// A Shell is what the layout shows around a page.
type Shell struct {
	Nav       []NavItem
	User      string // name; empty if nobody is signed in
	Owner     string // whose application it is: a State, or an auditor's log
	Training  bool
	Path      string // of this page
	Shortcuts bool
	Left      int // seconds until the session ends; 0 if it does not, or nobody is signed in
	LeftAt    time.Time
	Flash     string
	Warning   string // of what happened to the user's account; empty for nothing
	WarningAt string // the page that says more
}

// A NavItem is a line of the navigation: where it leads, and the keys that go
// there.
type NavItem struct {
	Label, Address, Keys string
	Here                 bool
}

// A NavLine is a line of a navigation: the route that it leads to, its sentence,
// and the keys that go there.
type NavLine struct{ Route, Label, Keys string }

// Nav returns lines of a navigation as the layout shows them on the page at a path.
func (s *Set) Nav(l *locale.Localizer, path string, lines []NavLine) ([]NavItem, error) {
	var items []NavItem
	for _, line := range lines {
		address, err := s.URL(line.Route)
		if err != nil {
			return nil, err
		}
		here := path == address || address != "/" && strings.HasPrefix(path, address+"/")
		items = append(items, NavItem{Label: l.T(line.Label), Address: address, Keys: line.Keys, Here: here})
	}
	for i, a := range items { // of pages inside each other, the inner one
		items[i].Here = a.Here && !slices.ContainsFunc(items, func(b NavItem) bool { return b.Here && len(b.Address) > len(a.Address) })
	}
	return items, nil
}

// Flash is the word on a page about what was done, as its address names it: the
// sentence "layout.done_" and what.
func Flash(l *locale.Localizer, r *http.Request) string {
	done := r.URL.Query().Get("done")
	if !l.Has("layout.done_" + done) {
		return ""
	}
	return l.T("layout.done_" + done)
}

// framed is what layout.html gets.
type framed struct {
	Shell
	L         *locale.Localizer
	Languages []locale.Language
	Title     string
	Head      template.HTML // what the page has in its head, such as how it renews itself
	Main      template.HTML
	Han       bool // the page shows Chinese
}

// Render writes a page whole or not at all: half a page with a status of 200 would
// be a lie.
func (s *Set) Render(w http.ResponseWriter, l *locale.Localizer, status int, name string, view any, around Shell) error {
	t, err := s.page(l.Tag, name)
	if err != nil {
		return err
	}
	v := framed{Shell: around, L: l, Languages: locale.Languages()}
	if v.Title, err = block(t, "title", view); err != nil {
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
	v.Main, v.Head = template.HTML(main), template.HTML(head) //nolint:gosec // made by templates
	v.Han = l.Tag == "zh-Hans" || strings.ContainsFunc(main, func(r rune) bool { return unicode.Is(unicode.Han, r) })
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, layoutFile, v); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", l.Tag)
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
