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
//     template.go); partials: field, errors, tag, table, timeline, summary-list
//     and others, in templates/partials.html with a comment on each. Use the
//     classes of assets/own.css, never style attributes or scripts.
//  4. Write its sentences in internal/locale/catalogue/<area>.<tag>.json, in all
//     seven languages.
//  5. If the page belongs in the navigation, add a line to navigation in nav.go.
//  6. Tests: the table is walked by TestMatrix (every route × every role ×
//     anonymous); give the route the values of its path in pathValues if
//     it has any. Add the page to the list in
//     internal/e2e/browser, which looks at it in Chromium: accessibility, overflow
//     at 320 px, keyboard, without scripts, in every language.
package web

import (
	"crypto/tls"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/gorilla/mux"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/account"
	"github.com/entraide/entraide/internal/desk/office"
)

// Timeouts and sizes of the server.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 60 * time.Second
	writeTimeout      = 60 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 16 << 10
	maxFormBytes      = 256 << 10 // of a form, unless its route says otherwise
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
	Log    *slog.Logger
}

// A Server answers for the pages of a desk.
type Server struct {
	Options
	office     *office.Office
	host       string
	routes     map[string]Route
	router     *mux.Router
	pages      map[string]map[string]*template.Template // by language, by name
	assets     *assets
	passkeys   *account.Passkeys
	ceremonies *memory
	limits     *limits
	origins    *http.CrossOriginProtection
}

// New returns the pages of a desk.
func New(o Options) (*Server, error) {
	u, err := url.Parse(o.Origin)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.Path != "" {
		return nil, errors.New("the origin of the pages must be https:// and a host")
	}
	s := &Server{
		Options: o, office: office.New(o.Desk), host: u.Host, routes: map[string]Route{}, ceremonies: newMemory(), limits: newLimits(),
		origins: http.NewCrossOriginProtection(),
	}
	if s.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	if s.passkeys, err = o.Accounts.Passkeys(o.Origin); err != nil {
		return nil, err
	}
	s.router = s.newRouter()
	s.pages, err = s.parse()
	return s, err
}

// HTTPServer returns a server for the pages. certificate is nil for a server
// behind a proxy on a Unix socket.
func (s *Server) HTTPServer(certificate *tls.Certificate) *http.Server {
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
	}
	if certificate != nil {
		server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*certificate}}
	}
	return server
}
