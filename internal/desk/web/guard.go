package web

import (
	"crypto/rand"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// policy lets pages load what this desk serves and nothing else, run no script
// that is written into them, and stand in no frame.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// harden sets the headers of every answer.
func harden(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("Strict-Transport-Security", "max-age=31536000")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), "+
		"microphone=(), midi=(), payment=(), usb=(), publickey-credentials-get=(self), publickey-credentials-create=(self)")
	h.Set("Cache-Control", "no-store")
}

// limits bound how often one address, or one session, may ask.
type limits struct {
	mu        sync.Mutex
	strangers map[string]*rate.Limiter // forms of those who are not signed in, by address
	officers  map[string]*rate.Limiter // requests, by session
}

// Budgets. A person types; a page asks for a few things at once.
const (
	strangerEvery = 2 * time.Second
	strangerBurst = 20
	officerRate   = 20
	officerBurst  = 200
	// maxBudgets bounds the memory that strangers can take.
	maxBudgets = 10_000
)

func newLimits() *limits {
	return &limits{strangers: map[string]*rate.Limiter{}, officers: map[string]*rate.Limiter{}}
}

// allow reports whether a call is within its budget.
func (l *limits) allow(c *Call) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.SignedIn() {
		return budget(l.officers, c.Session.ID(), officerRate, officerBurst).AllowN(c.Now, 1)
	}
	if c.Method == http.MethodGet || c.Method == http.MethodHead {
		return true
	}
	return budget(l.strangers, network(address(c.Request)), rate.Every(strangerEvery), strangerBurst).AllowN(c.Now, 1)
}

// budget returns the limiter of a key.
func budget(m map[string]*rate.Limiter, key string, r rate.Limit, burst int) *rate.Limiter {
	b, ok := m[key]
	if !ok {
		if len(m) >= maxBudgets {
			clear(m)
		}
		b = rate.NewLimiter(r, burst)
		m[key] = b
	}
	return b
}

// network is the part of an address that one household has: all of IPv4, the
// first half of IPv6.
func network(address string) string {
	if parts := strings.SplitN(address, ":", 5); len(parts) > 4 {
		return strings.Join(parts[:4], ":")
	}
	return address
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
	setCookie(w, ceremonyCookie, name, keptFor)
}

// recall returns what was remembered for a call, if it is of type T. once takes
// it away.
func recall[T any](m *memory, c *Call, once bool) (what T, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := cookieValue(c.Request, ceremonyCookie)
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
