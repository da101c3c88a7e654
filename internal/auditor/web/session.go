package web

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/entraide/entraide/internal/page"
)

// linkFile, in the private directory of a mirror, holds the link with which
// somebody comes in: who can read it is let in. It is good once.
const linkFile = "private/enter-link"

// How long things last.
const (
	linkFor  = time.Hour
	idle     = 30 * time.Minute
	absolute = 12 * time.Hour
)

// A session is somebody who has come in.
type session struct {
	Name        string // that they gave
	begun, used time.Time
}

// endsAt is when the session is over if nobody uses it.
func (s session) endsAt() time.Time {
	end := s.used.Add(idle)
	if last := s.begun.Add(absolute); last.Before(end) {
		return last
	}
	return end
}

// sessions are kept in memory: they end with the program.
type sessions struct {
	home string

	mu   sync.Mutex
	kept map[[sha256.Size]byte]*session // by the digest of the cookie
}

func newSessions(home string) *sessions {
	return &sessions{home: home, kept: map[[sha256.Size]byte]*session{}}
}

// find returns the session of a cookie, which is used herewith; ended says that
// there is a cookie of one that is over.
func (s *sessions) find(cookie string, now time.Time) (found session, ended bool) {
	if cookie == "" {
		return session{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.kept[sha256.Sum256([]byte(cookie))]
	if !ok || !now.Before(one.endsAt()) {
		return session{}, true
	}
	one.used = now
	return *one, false
}

// begin makes a session and returns its cookie.
func (s *sessions) begin(name string, now time.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, one := range s.kept {
		if !now.Before(one.endsAt()) {
			delete(s.kept, key)
		}
	}
	cookie := rand.Text() + rand.Text()
	s.kept[sha256.Sum256([]byte(cookie))] = &session{Name: name, begun: now, used: now}
	return cookie
}

// end ends the session of a cookie.
func (s *sessions) end(cookie string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.kept, sha256.Sum256([]byte(cookie)))
}

// NewLink writes the link with which somebody comes in, once and within the hour,
// to a file of the mirror that only its owner reads, and returns both. Those made
// before are good no more.
func NewLink(home, origin string, now time.Time) (link, path string, err error) {
	link = origin + "/enter?" + url.Values{"secret": {rand.Text()}}.Encode()
	path = filepath.Join(home, filepath.FromSlash(linkFile))
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", "", fmt.Errorf("web: making a link: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", "", fmt.Errorf("web: making a link: %w", err)
	}
	_, err = fmt.Fprintf(f, "%s\n%s\n", link, now.Add(linkFor).UTC().Format(time.RFC3339))
	return link, path, errors.Join(err, f.Close())
}

// KnownOrigin returns where the pages of a mirror were served at last; empty if
// they never were.
func KnownOrigin(home string) (string, error) {
	text, err := os.ReadFile(filepath.Join(home, filepath.FromSlash(originFile)))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return strings.TrimSpace(string(text)), err
}

// originFile holds where the pages are.
const originFile = "private/origin"

// KeepOrigin notes where the pages are, for [KnownOrigin].
func KeepOrigin(home, origin string) error {
	return os.WriteFile(filepath.Join(home, filepath.FromSlash(originFile)), []byte(origin+"\n"), 0o600)
}

// opens reports whether a secret is that of the link; once takes the link away.
func (s *sessions) opens(secret string, now time.Time, once bool) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := filepath.Join(s.home, filepath.FromSlash(linkFile))
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	want, until := linkIn(string(text))
	if want == "" || !now.Before(until) || subtle.ConstantTimeCompare([]byte(secret), []byte(want)) != 1 {
		return false, nil
	}
	if once {
		return true, os.Remove(path)
	}
	return true, nil
}

// linkIn is the secret in the text of a link's file, and until when it is good; what
// is no link opens nothing.
func linkIn(text string) (secret string, until time.Time) {
	link, rest, _ := strings.Cut(text, "\n")
	until, err := time.Parse(time.RFC3339, strings.TrimSpace(rest))
	if err != nil {
		return "", time.Time{}
	}
	u, err := url.Parse(link)
	if err != nil {
		return "", time.Time{}
	}
	return u.Query().Get("secret"), until
}

// limits bound how often one address, or one session, may ask.
type limits struct {
	strangers *page.Budgets // forms of those who have not come in, by address
	auditors  *page.Budgets // requests, by name
}

// newLimits: a person types; a page asks for a few things at once.
func newLimits() *limits {
	return &limits{strangers: page.NewBudgets(0.5, 20), auditors: page.NewBudgets(20, 200)}
}

// allow reports whether a call is within its budget.
func (l *limits) allow(c *Call) bool {
	if c.SignedIn() {
		return l.auditors.Allow(c.Session.Name, c.Now)
	}
	return page.Reads(c.Request) || l.strangers.Allow(page.Network(page.Address(c.Request)), c.Now)
}
