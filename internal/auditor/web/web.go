// Package web is the room in which auditors work: pages over an auditor's own
// mirror of a log and its book, on the auditor's own machine. It holds no key of
// anybody, and asks the broker for nothing that the commands do not ask for.
//
// It knows who has come in, reads forms within limits, asks the book, and writes
// a page. What is found, and what is evidence, is decided by package auditor.
//
// Whoever has the link that the program leaves in a file that only the owner of
// the mirror can read may come in, once, and says who they are; the name goes with
// what they remark. There are no passwords. Pages are served on this machine only.
//
// To add a page, put a line into the table of its area and write its handler,
// template and sentences, as the comment of package internal/desk/web says; the
// catalogue's area is "auditor". TestRoutes and TestStrangers walk the table; the
// list in internal/e2e/browser/testdata/auditor.mjs has the page looked at.
package web

import (
	"context"
	"log/slog"
	"time"

	"github.com/gorilla/mux"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/page"
)

// Options are what the pages of a mirror are opened with.
type Options struct {
	Home string        // of the mirror
	Book *auditor.Book // of the same
	// Source is where the log is read from; nil for the broker itself.
	Source auditor.Source
	// Read takes what is new from the broker, as somebody who has an account; nil for
	// an auditor who has none.
	Read  func(context.Context, *auditor.Mirror, *auditor.Book) error
	Rules auditor.Rules
	// Every is how often the log is looked at.
	Every time.Duration
	// Origin is where browsers find the pages, such as https://localhost:8444.
	Origin string
	// Pseudo lets ?lang= ask for the pseudo-locales of tests.
	Pseudo bool
	Now    func() time.Time
	Log    *slog.Logger
}

// A Server answers for the pages of a mirror.
type Server struct {
	Options
	origin   *page.Origin
	routes   map[string]Route
	router   *mux.Router
	pages    *page.Set
	sessions *sessions
	limits   *limits
	follower *follower
}

// New returns the pages of a mirror.
func New(o Options) (*Server, error) {
	origin, err := page.NewOrigin(o.Origin)
	if err != nil {
		return nil, err
	}
	s := &Server{
		Options: o, origin: origin, routes: map[string]Route{}, sessions: newSessions(o.Home), limits: newLimits(), follower: newFollower(),
	}
	if s.pages, err = s.parse(); err != nil {
		return nil, err
	}
	s.router = s.newRouter()
	return s, nil
}
