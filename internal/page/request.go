package page

import (
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/entraide/entraide/internal/locale"
	"github.com/entraide/entraide/pkg/problem"
)

// policy lets pages load what their server serves and nothing else, run no script
// that is written into them, and stand in no frame.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// Harden sets the headers of every answer.
func Harden(h http.Header) {
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

// Reads reports whether a request changes nothing.
func Reads(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// An Origin is where browsers find an application.
type Origin struct {
	URL  string // https:// and a host
	Host string

	protection *http.CrossOriginProtection
}

// NewOrigin returns the origin of a URL that is https:// and a host.
func NewOrigin(origin string) (*Origin, error) {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.Path != "" {
		return nil, problem.New(problem.InvalidValue, "origin", "The origin of the pages must be https:// and a host.")
	}
	return &Origin{URL: origin, Host: u.Host, protection: http.NewCrossOriginProtection()}, nil
}

// Bring sends who asks for a page under another name to this one, and reports
// whether it did.
func (o *Origin) Bring(w http.ResponseWriter, r *http.Request) bool {
	if r.Host == o.Host || !Reads(r) {
		return false
	}
	http.Redirect(w, r, o.URL+r.URL.RequestURI(), http.StatusSeeOther) //nolint:gosec // to this server, whatever was asked for
	return true
}

// Check refuses requests that change something and come from the pages of others,
// or from a browser that does not say where they come from.
func (o *Origin) Check(r *http.Request) error {
	if Reads(r) {
		return nil
	}
	if r.Host != o.Host || r.Header.Get("Sec-Fetch-Site") == "" || o.protection.Check(r) != nil {
		return problem.New(problem.Forbidden, "origin", "The request does not come from a page of this server.")
	}
	return nil
}

// Back is the page that a request belongs to: itself, or the page that its form
// stands on.
func (o *Origin) Back(r *http.Request) string {
	if r.Method == http.MethodGet {
		return Next(r.URL.RequestURI())
	}
	u, err := url.Parse(r.Referer())
	if err != nil || u.Host != o.Host {
		return "/"
	}
	return Next(u.RequestURI())
}

// Next returns where to go on: a path of this server that was asked for, or the
// first page.
func Next(asked string) string {
	u, err := url.Parse(asked)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") ||
		strings.ContainsAny(asked, "\\\r\n\t") {
		return "/"
	}
	return u.RequestURI()
}

// Fields reads the form of a request, whose body has been bounded.
func Fields(r *http.Request) (url.Values, error) {
	if err := r.ParseForm(); err != nil {
		if strings.Contains(err.Error(), "too large") {
			return nil, problem.New(problem.TooLarge, "", "The form is longer than this page takes.")
		}
		return nil, problem.New(problem.InvalidValue, "", "The form could not be read.")
	}
	return r.PostForm, nil
}

// Attach says that an answer is a file to keep. name is plain ASCII.
func Attach(w http.ResponseWriter, name, kind string) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
}

// LanguageCookie keeps the language that somebody has chosen.
const LanguageCookie = "__Host-language"

// keepLanguage is how long it is kept.
const keepLanguage = 180 * 24 * time.Hour

// ChooseLanguage keeps the language that a form asks for and returns its tag, and
// the page to go back to.
func ChooseLanguage(w http.ResponseWriter, form url.Values) (tag, back string, err error) {
	tag = form.Get("lang")
	if locale.Negotiate("", tag) != tag {
		return "", "", problem.New(problem.InvalidValue, "lang", "This language is not spoken here.")
	}
	SetCookie(w, LanguageCookie, tag, keepLanguage)
	return tag, withoutLanguage(Next(form.Get("next"))), nil
}

// withoutLanguage is a path without a language that it asks for.
func withoutLanguage(path string) string {
	u, err := url.Parse(path)
	if err != nil {
		return path
	}
	query := u.Query()
	query.Del("lang")
	u.RawQuery = query.Encode()
	return u.RequestURI()
}

// CookieValue is the value of a cookie, or "".
func CookieValue(r *http.Request, name string) string {
	cookie, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return cookie.Value
}

// SetCookie gives the browser a cookie that no script reads and no other site
// sends along; age 0 takes it away.
func SetCookie(w http.ResponseWriter, name, value string, age time.Duration) {
	seconds := int(age.Seconds())
	if seconds == 0 {
		seconds = -1
	}
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: seconds, HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode,
	})
}

// Address is the network address of a caller. Behind a proxy on a Unix socket it
// is the one that the proxy says.
func Address(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return host
	}
	told := strings.Split(r.Header.Get("X-Forwarded-For"), ",")
	if ip := net.ParseIP(strings.TrimSpace(told[len(told)-1])); ip != nil {
		return ip.String()
	}
	return "local"
}

// Network is the part of an address that one household has: all of IPv4, the first
// half of IPv6.
func Network(address string) string {
	if parts := strings.SplitN(address, ":", 5); len(parts) > 4 {
		return strings.Join(parts[:4], ":")
	}
	return address
}

// Budgets bound how often each of many callers may ask.
type Budgets struct {
	limit rate.Limit
	burst int

	mu   sync.Mutex
	kept map[string]*rate.Limiter
}

// maxBudgets bounds the memory that strangers can take.
const maxBudgets = 10_000

// NewBudgets gives each caller so many requests a second, and so many at once.
func NewBudgets(limit rate.Limit, burst int) *Budgets {
	return &Budgets{limit: limit, burst: burst, kept: map[string]*rate.Limiter{}}
}

// Allow takes one request from the budget of a caller, and reports whether there
// was one left.
func (b *Budgets) Allow(caller string, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	l, ok := b.kept[caller]
	if !ok {
		if len(b.kept) >= maxBudgets {
			clear(b.kept)
		}
		l = rate.NewLimiter(b.limit, b.burst)
		b.kept[caller] = l
	}
	return l.AllowN(now, 1)
}
