package web

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/locale"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/internal/testkit/desks"
)

// TestHeaders looks at the answers of every kind of address (T16, T44): pages,
// errors, assets, what is sent elsewhere.
func TestHeaders(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	o := h.admin()
	css := h.server.pages.Asset("own.css")
	for _, path := range []string{"/", "/users", "/security", "/help", "/sign-in", "/nothing", "/users/0123456789abcdef", css} {
		got := o.get(path)
		header := got.Header()
		policy := header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'", "require-trusted-types-for 'script'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: the policy lacks %s", path, want)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "data:") || strings.Contains(policy, "*") {
			t.Errorf("%s: the policy has a hole: %s", path, policy)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if header.Get(name) != want {
				t.Errorf("%s: %s is %q", path, name, header.Get(name))
			}
		}
		if path != css && header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be kept: %q", path, header.Get("Cache-Control"))
		}
		if body := got.Body.String(); regexp.MustCompile(`(?i)\son[a-z]+=|\sstyle=|<style|<script>|javascript:|https?://`).MatchString(strings.ReplaceAll(body, origin, "")) && path != css {
			t.Errorf("%s holds a script, a style or an address of others:\n%s", path, body)
		}
	}
	if got := o.get("/assets/0000000000000000/own.css"); got.Code != http.StatusNotFound {
		t.Errorf("an asset under an old name: %d", got.Code)
	}
}

// TestCrossSite posts every form as pages of others would (T41): from another
// site, from a neighbour, without saying from where, under another name of the
// host.
func TestCrossSite(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	o := h.user("everything", desk.Roles()...)
	for _, e := range allRoutes() {
		if e.Method != http.MethodPost {
			continue
		}
		for name, forge := range map[string]func(*http.Request){
			"another site": func(r *http.Request) {
				r.Header.Set("Sec-Fetch-Site", "cross-site")
				r.Header.Set("Origin", "https://evil.test")
			},
			"a neighbour": func(r *http.Request) {
				r.Header.Set("Sec-Fetch-Site", "same-site")
				r.Header.Set("Origin", "https://x.desk.example")
			},
			"no word":         func(r *http.Request) { r.Header.Set("Origin", origin) },
			"a hidden origin": func(r *http.Request) { r.Header.Set("Origin", "null"); r.Header.Set("Sec-Fetch-Site", "cross-site") },
			"another host": func(r *http.Request) {
				r.Host = "evil.test"
				r.Header.Set("Origin", "https://evil.test")
				r.Header.Set("Sec-Fetch-Site", "same-origin")
			},
		} {
			r := o.form(e.address(t), strings.NewReader(""))
			forge(r)
			if got := o.send(r); got.Code != http.StatusForbidden {
				t.Errorf("%s from %s: %d", e.Name, name, got.Code)
			}
		}
	}
	if got := o.get("/"); got.Code != http.StatusOK {
		t.Errorf("a forged form did something: %d", got.Code)
	}
}

// TestOtherHost asks for a page under a name that is not the desk's, as somebody
// would whose name server answers with the desk's address.
func TestOtherHost(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	o := h.admin()
	r := o.form("/users", nil)
	r.Method, r.Host = http.MethodGet, "evil.test"
	if got := o.send(r); got.Code != http.StatusSeeOther || got.Header().Get("Location") != origin+"/users" {
		t.Errorf("%d to %q", got.Code, got.Header().Get("Location"))
	}
}

// TestFixation signs in with a session that somebody else has chosen, and looks
// at the name of the session after every proof of who one is (T41).
func TestFixation(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	o := h.admin()
	first := o.cookies[sessionCookie]
	o.cookies[sessionCookie] = "chosen-by-somebody-else"
	if got := o.signIn(); got.Code != http.StatusSeeOther {
		t.Fatalf("%d %s", got.Code, got.Body)
	}
	second := o.cookies[sessionCookie]
	if second == "chosen-by-somebody-else" || second == first || len(second) < 40 {
		t.Errorf("the session has the name %q", second)
	}
	h.pass(time.Minute)
	if got := o.post("/confirm", url.Values{"password": {password}, "code": {o.code()}, "next": {"/users"}}); got.Header().Get("Location") != "/users" {
		t.Fatalf("%d %s", got.Code, got.Body)
	}
	if o.cookies[sessionCookie] == second {
		t.Error("the session kept its name after the officer proved who they are")
	}
	o.cookies[sessionCookie] = second
	if got := o.get("/"); got.Code != http.StatusSeeOther {
		t.Errorf("the old name still opens pages: %d", got.Code)
	}
}

// TestNext signs in with every way of asking to be sent elsewhere afterwards.
func TestNext(t *testing.T) {
	t.Parallel()
	for asked, want := range map[string]string{
		"/users?q=a":                 "/users?q=a",
		"":                           "/",
		"https://evil.test/":         "/",
		"//evil.test/":               "/",
		"///evil.test":               "/",
		`/\evil.test`:                "/",
		"javascript:alert(1)":        "/",
		"users":                      "/",
		"/a\r\nSet-Cookie: x=y":      "/",
		"https:evil.test":            "/",
		"/%2f/evil.test":             "/",
		"/users/%0d%0aLocation:%20x": "/users/%0d%0aLocation:%20x",
	} {
		if got := page.Next(asked); got != want {
			t.Errorf("next(%q) = %q, want %q", asked, got, want)
		}
	}
}

// TestText sends hostile text through every field of every form, in every
// language, and looks for it in the answers (T44).
func TestText(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	o := h.user("everything", desk.Roles()...)
	fields := []string{"login", "name", "password", "repeat", "code", "factor", "next", "answer", "language", "zone", "lang", "subject", "roles", "id", "old", "shortcuts"}
	for _, hostile := range []string{
		`"><script>alert(1)</script>`, `'><img src=x onerror=alert(1)>`, `{{.}}`, "\u202e<b>مرحبا</b>", "</title><svg onload=alert(1)>中文",
	} {
		form := url.Values{}
		for _, f := range fields {
			form.Set(f, hostile)
		}
		for _, e := range allRoutes() {
			if e.Name == "signout" || e.Name == "user.disable" || e.Name == "session.end" {
				continue // they end what the test needs, and show nothing of a form
			}
			got := o.get(e.address(t) + "?" + form.Encode())
			if e.Method == http.MethodPost {
				got = o.post(e.address(t), form)
			}
			if body := got.Body.String(); isPage(t, e, got) && (strings.Contains(body, "<script>alert") || strings.Contains(body, "<img src=x") ||
				strings.Contains(body, "<b>مرحبا") || strings.Contains(body, "<svg onload")) {
				t.Errorf("%s writes what was typed as it is:\n%s", e.Name, body)
			}
			if got.Code >= http.StatusInternalServerError {
				t.Fatalf("%s: %d\n%s", e.Name, got.Code, h.log.String())
			}
		}
		// What is stored is shown again.
		u := h.user("u"+strings.Repeat("x", len(hostile)), desk.Drafter)
		if got := o.post("/users/"+u.user.ID, url.Values{"name": {hostile}, "roles": {"drafter"}}); got.Code == http.StatusSeeOther {
			for _, l := range locale.Languages() {
				if body := o.get("/users?lang=" + l.Tag).Body.String(); strings.Contains(body, "<script>alert") || strings.Contains(body, "onerror=alert(1)>") {
					t.Errorf("%s: a stored name is written as it is", l.Tag)
				}
			}
		}
	}
}

// isPage reports whether an answer is a page. What is none may not be taken for
// one by a browser: it is saved as a file, or is a stream of events.
func isPage(t *testing.T, e Route, got *httptest.ResponseRecorder) bool {
	t.Helper()
	h := got.Header()
	kind := h.Get("Content-Type")
	if got.Code != http.StatusOK || strings.HasPrefix(kind, "text/html") {
		return true
	}
	if h.Get("X-Content-Type-Options") != "nosniff" || kind != "text/event-stream" && kind != "application/json" &&
		!strings.HasPrefix(h.Get("Content-Disposition"), "attachment") {
		t.Errorf("%s answers with %q that a browser may show", e.Name, kind)
	}
	return false
}

// TestTooMuch sends more than a form takes, and too often.
func TestTooMuch(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	o := h.stranger()
	if got := o.post("/sign-in", url.Values{"login": {strings.Repeat("x", page.MaxFormBytes)}}); got.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a long form: %d", got.Code)
	}
	for range strangerBurst {
		o.post("/sign-in", url.Values{"login": {"a"}})
	}
	got := o.post("/sign-in", url.Values{"login": {"a"}})
	if got.Code != http.StatusTooManyRequests || got.Header().Get("Retry-After") == "" || !strings.Contains(got.Body.String(), "Too many requests") {
		t.Errorf("too often: %d", got.Code)
	}
	other := h.stranger()
	other.address = "198.51.100.1:1"
	if got := other.post("/sign-in", url.Values{"login": {"b"}}); got.Code != http.StatusUnprocessableEntity {
		t.Errorf("somebody else must wait, too: %d", got.Code)
	}
}

// TestSecrets checks that what opens doors is in no log line (T43).
func TestSecrets(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	o := h.admin()
	o.post("/sign-in", url.Values{"login": {"admin"}, "password": {"canary-password"}, "code": {"canary-code"}})
	o.get("/nothing?canary=canary-query")
	o.get("/welcome?code=canary-invitation")
	log := h.log.String()
	for _, secret := range []string{password, "canary", o.secret, o.cookies[sessionCookie], "192.0.2.9"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	if !strings.Contains(log, "route=signin.post") || !strings.Contains(log, "officer=") {
		t.Errorf("the log does not say what was asked for:\n%s", log)
	}
}

// TestLanguages renders every page in every language, and counts the sentences
// that are missing. It does not run beside others: it looks at the counter.
func TestLanguages(t *testing.T) {
	if testing.Short() && desks.InFile() {
		t.Skip("every page in every language: nothing that the race detector would find")
	}
	h := newHouse(t)
	o := h.user("everything", desk.Roles()...)
	before := locale.Missed()
	for _, l := range append(locale.Languages(), locale.Language{Tag: locale.PseudoLong, Dir: "ltr"}, locale.Language{Tag: locale.PseudoMirrored, Dir: "rtl"}) {
		for _, e := range allRoutes() {
			if e.Method != http.MethodGet || strings.HasPrefix(e.Name, "provider") {
				continue
			}
			for _, who := range []*officer{o, h.stranger()} {
				got := who.get(e.address(t) + "?lang=" + l.Tag)
				if got.Code >= http.StatusInternalServerError {
					t.Errorf("%s in %s: %d\n%s", e.Name, l.Tag, got.Code, h.log.String())
				}
				if body := got.Body.String(); got.Code == http.StatusOK && isPage(t, e, got) &&
					!strings.Contains(body, `<html lang="`+l.Tag+`" dir="`+l.Dir+`">`) || strings.Contains(body, "⟦") {
					t.Errorf("%s in %s:\n%s", e.Name, l.Tag, body)
				}
			}
		}
	}
	if n := locale.Missed() - before; n != 0 {
		t.Errorf("%d sentences were missing", n)
	}
	o.post("/language", url.Values{"lang": {"ar"}, "next": {"/users?lang=fr"}})
	if got := o.get("/"); !strings.Contains(got.Body.String(), `lang="ar" dir="rtl"`) {
		t.Error("the language that the officer has chosen was forgotten")
	}
}

// TestPasskeyOptions looks at what a browser is asked for.
func TestPasskeyOptions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var options struct {
		Challenge        string `json:"challenge"`
		RPID             string `json:"rpId"`
		UserVerification string `json:"userVerification"`
	}
	if err := json.Unmarshal(h.stranger().post("/sign-in/passkey/options", nil).Body.Bytes(), &options); err != nil {
		t.Fatal(err)
	}
	if options.RPID != "desk.example" || options.UserVerification != "required" || len(options.Challenge) < 22 {
		t.Errorf("%+v", options)
	}
	o := h.stranger()
	for _, answer := range []string{"", "{}", `{"id":"x"}`, strings.Repeat("[", 1000)} {
		o.post("/sign-in/passkey/options", nil)
		if got := o.post("/sign-in/passkey", url.Values{"answer": {answer}}); got.Code != http.StatusUnprocessableEntity {
			t.Errorf("%.20q: %d", answer, got.Code)
		}
	}
}
