package web

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/account"
	"github.com/entraide/entraide/internal/testkit/desks"
)

const (
	origin   = "https://desk.example"
	password = "nine orange bicycles"
)

// A house is the pages of a desk, and a clock that tests move.
type house struct {
	t      testing.TB
	server *Server
	log    bytes.Buffer

	mu    sync.Mutex
	clock time.Time
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{t: t, clock: time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)}
	d := desks.New(t, h.now)
	accounts, err := account.New(d, account.Cost{MemoryKiB: 64, Passes: 1, Lanes: 1})
	if err != nil {
		t.Fatal(err)
	}
	h.server, err = New(Options{
		Desk: d, Accounts: accounts, Origin: origin, Pseudo: true,
		Log: slog.New(slog.NewTextHandler(&h.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.clock
}

func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock = h.clock.Add(d)
}

// An officer is somebody with a browser.
type officer struct {
	h       *house
	user    account.User
	secret  string // of the second factor
	cookies map[string]string
	lang    string
	address string
}

// stranger is somebody with a browser and no account.
func (h *house) stranger() *officer {
	return &officer{h: h, cookies: map[string]string{}, lang: "en", address: "192.0.2.9:1234"}
}

// admin sets the desk up, through its pages.
func (h *house) admin() *officer {
	h.t.Helper()
	code, err := h.server.Accounts.FirstCode(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	o := h.stranger()
	o.takeUp(code, "admin")
	return o
}

// user makes an account with roles, and signs its user in.
func (h *house) user(login string, roles ...desk.Role) *officer {
	h.t.Helper()
	_, code, err := h.server.Accounts.Invite(h.t.Context(), "desk", account.NewUser{Login: login, Name: "Name of " + login, Roles: roles})
	if err != nil {
		h.t.Fatal(err)
	}
	o := h.stranger()
	o.takeUp(code, login)
	return o
}

// takeUp takes up an invitation.
func (o *officer) takeUp(code, login string) {
	o.h.t.Helper()
	i, err := o.h.server.Accounts.Invitation(o.h.t.Context(), code)
	if err != nil {
		o.h.t.Fatal(err)
	}
	o.user, o.secret = i.User, i.Factor.Secret
	if got := o.post("/welcome", url.Values{
		"code": {code}, "login": {login}, "name": {"Name of " + login}, "password": {password}, "repeat": {password}, "factor": {o.code()},
	}); got.Code != http.StatusSeeOther {
		o.h.t.Fatalf("set-up: %d %s", got.Code, got.Body)
	}
	o.h.pass(time.Minute)
}

// code is what the officer's phone shows.
func (o *officer) code() string {
	o.h.t.Helper()
	code, err := totp.GenerateCode(o.secret, o.h.now())
	if err != nil {
		o.h.t.Fatal(err)
	}
	return code
}

// signIn signs the officer in again.
func (o *officer) signIn() *httptest.ResponseRecorder {
	o.h.pass(time.Minute)
	u, err := o.h.server.Accounts.Get(o.h.t.Context(), o.user.ID)
	if err != nil {
		o.h.t.Fatal(err)
	}
	return o.post("/sign-in", url.Values{"login": {u.Login}, "password": {password}, "code": {o.code()}})
}

func (o *officer) get(path string) *httptest.ResponseRecorder {
	o.h.t.Helper()
	return o.send(httptest.NewRequestWithContext(o.h.t.Context(), http.MethodGet, origin+path, nil))
}

// post sends a form as a browser does from a page of the desk.
func (o *officer) post(path string, form url.Values) *httptest.ResponseRecorder {
	o.h.t.Helper()
	r := o.form(path, strings.NewReader(form.Encode()))
	r.Header.Set("Origin", origin)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return o.send(r)
}

func (o *officer) form(path string, body io.Reader) *http.Request {
	r := httptest.NewRequestWithContext(o.h.t.Context(), http.MethodPost, origin+path, body)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// send sends a request with the officer's cookies and keeps those of the
// answer.
func (o *officer) send(r *http.Request) *httptest.ResponseRecorder {
	o.h.t.Helper()
	r.RemoteAddr = o.address
	r.Header.Set("Accept-Language", o.lang)
	for name, value := range o.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	}
	w := httptest.NewRecorder()
	o.h.server.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || !strings.HasPrefix(c.Name, "__Host-") {
			o.h.t.Errorf("a cookie that is not bound to this desk: %s", c)
		}
		if c.MaxAge < 0 {
			delete(o.cookies, c.Name)
			continue
		}
		o.cookies[c.Name] = c.Value
	}
	return w
}
