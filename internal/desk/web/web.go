// Package web is the application in which officers work: pages rendered on the
// desk, that work without scripts and better with a few.
//
// It knows who is signed in, reads forms within limits, calls one method of the
// desk, and writes a page or sends the browser on. It decides nothing; who may
// do what is decided by the desk, and said once more in the table of routes.
//
// To add a page:
//
//  1. Put a line in the table of its area ([Route]: name, method, path, roles,
//     handler), and the table into allRoutes, if the area is new. A route that
//     changes something is a POST, answered with [Server.redirect]; one that signs
//     or exports is Fresh: the officer has proved within five minutes who they are.
//  2. Write the handler: func (s *Server) name(w http.ResponseWriter, c *Call) error.
//     It fills a struct that holds what the page shows, and ends with
//     s.render(w, c, http.StatusOK, "name.html", view). Errors of package problem
//     become pages by themselves. A form that is not taken is rendered again with
//     status 422 and the [Form] that says why. Times go through c.At, which moves
//     them to the officer's zone.
//  3. Write templates/name.html with the blocks "title" and "main"; both get the
//     struct. Functions: T, D, DT, V, Prose, N, U, A, field (see funcs in
//     internal/page/set.go); partials: field, errors, tag, timeline, summary-list
//     and others, in internal/page/templates/partials.html with a comment on each.
//     Use the classes of internal/page/assets/own.css, never style attributes or
//     scripts.
//  4. Write its sentences in internal/locale/catalogue/<area>.<tag>.json, in all
//     seven languages; what it writes to the desk's own log has a sentence
//     auditlog.did_ and its words, too.
//  5. If the page belongs in the navigation, add a line to navigation in nav.go.
//  6. Tests: the table is walked by TestMatrix (every route × every role ×
//     anonymous); give the route the values of its path in pathValues if
//     it has any. Add the page to the list in
//     internal/e2e/browser, which looks at it in Chromium: accessibility, overflow
//     at 320 px, keyboard, without scripts, in every language.
package web

import (
	"log/slog"

	"github.com/gorilla/mux"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/account"
	"github.com/entraide/entraide/internal/desk/office"
	"github.com/entraide/entraide/internal/page"
)

// Options are what the pages of a desk are opened with.
type Options struct {
	Desk     *desk.Desk
	Accounts *account.Accounts
	// Origin is where browsers find the pages, such as https://desk.example:8443.
	Origin string
	// Provider is the State's identity provider; nil for none.
	Provider *Provider
	// Training marks every page as one of an exercise.
	Training bool
	// Pseudo lets ?lang= ask for the pseudo-locales of tests.
	Pseudo bool
	// SetUp is called when the first administrator has set the pages up; nil for
	// nobody who waits for it.
	SetUp func() error
	Log   *slog.Logger
}

// A Server answers for the pages of a desk.
type Server struct {
	Options
	office     *office.Office
	origin     *page.Origin
	routes     map[string]Route
	router     *mux.Router
	pages      *page.Set
	passkeys   *account.Passkeys
	ceremonies *memory
	limits     *limits
	sealings   *sealings
}

// New returns the pages of a desk.
func New(o Options) (*Server, error) {
	origin, err := page.NewOrigin(o.Origin)
	if err != nil {
		return nil, err
	}
	s := &Server{
		Options: o, office: office.New(o.Desk), origin: origin, routes: map[string]Route{}, ceremonies: newMemory(), limits: newLimits(),
		sealings: &sealings{all: map[string]*sealing{}},
	}
	if s.passkeys, err = o.Accounts.Passkeys(o.Origin); err != nil {
		return nil, err
	}
	if s.pages, err = s.parse(); err != nil {
		return nil, err
	}
	s.router = s.newRouter()
	return s, nil
}
