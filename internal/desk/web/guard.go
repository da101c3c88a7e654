package web

import (
	"crypto/rand"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/entraide/entraide/internal/page"
)

// limits bound how often one address, or one session, may ask.
type limits struct {
	strangers *page.Budgets // forms of those who are not signed in, by address
	officers  *page.Budgets // requests, by session
}

// Budgets. A person types; a page asks for a few things at once.
const (
	strangerEvery = 2 * time.Second
	strangerBurst = 20
	officerRate   = 20
	officerBurst  = 200
)

func newLimits() *limits {
	return &limits{strangers: page.NewBudgets(rate.Every(strangerEvery), strangerBurst), officers: page.NewBudgets(officerRate, officerBurst)}
}

// allow reports whether a call is within its budget.
func (l *limits) allow(c *Call) bool {
	if c.SignedIn() {
		return l.officers.Allow(c.Session.ID(), c.Now)
	}
	return page.Reads(c.Request) || l.strangers.Allow(page.Network(page.Address(c.Request)), c.Now)
}

// A memory keeps what a ceremony of several steps needs (a passkey, a sign-in
// at the identity provider, a second factor that is being set up), under a
// secret name that the browser holds, for a few minutes and to be taken once.
type memory struct {
	mu   sync.Mutex
	kept map[string]kept
}

type kept struct {
	what  any
	until time.Time
}

const (
	keptFor = 10 * time.Minute
	maxKept = 10_000
)

func newMemory() *memory { return &memory{kept: map[string]kept{}} }

// keep remembers something and gives the browser its name.
func (m *memory) keep(w http.ResponseWriter, now time.Time, what any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, k := range m.kept {
		if len(m.kept) >= maxKept || now.After(k.until) {
			delete(m.kept, name)
		}
	}
	name := rand.Text()
	m.kept[name] = kept{what, now.Add(keptFor)}
	page.SetCookie(w, ceremonyCookie, name, keptFor)
}

// recall returns what was remembered for a call, if it is of type T. once takes
// it away.
func recall[T any](m *memory, c *Call, once bool) (what T, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := page.CookieValue(c.Request, ceremonyCookie)
	k, found := m.kept[name]
	if !found || c.Now.After(k.until) {
		return what, false
	}
	what, ok = k.what.(T)
	if ok && once {
		delete(m.kept, name)
	}
	return what, ok
}
