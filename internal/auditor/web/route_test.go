package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/locale"
)

// pathValues fill the paths of routes. A route whose path has others is missing
// here, and TestStrangers says so.
var pathValues = map[string]string{
	"{index:[0-9]{1,15}}": "7", "{case:[0-9a-f]{32}}": "1a7e0000000000000000000000000000", "{finding:[a-z0-9-]{1,80}}": "no-such-finding",
	"{report:[0-9_-]{20,50}(?:-own)?}": "2026-01-01_2026-03-31_7", "{file:[a-z]{1,20}(?:\\.[a-z]{3,6}){1,2}}": "report.html",
}

// address is a route's path with values.
func (e Route) address(t *testing.T) string {
	t.Helper()
	path := e.Path
	for name, value := range pathValues {
		path = strings.ReplaceAll(path, name, value)
	}
	if strings.ContainsAny(path, "{}") {
		t.Fatalf("%s: pathValues has nothing for %s", e.Name, path)
	}
	return path
}

// call asks for a route as a page of the room would.
func (v *visitor) call(e Route, t *testing.T) *httptest.ResponseRecorder {
	if e.Method == http.MethodGet {
		return v.get(e.address(t))
	}
	return v.post(e.address(t), url.Values{})
}

// TestRoutes holds what every line of the table must satisfy.
func TestRoutes(t *testing.T) {
	t.Parallel()
	names, paths := map[string]bool{}, map[string]bool{}
	for _, e := range allRoutes() {
		if names[e.Name] || paths[e.Method+e.Path] {
			t.Errorf("%s is there twice", e.Name)
		}
		names[e.Name], paths[e.Method+e.Path] = true, true
		if e.Method != http.MethodGet && e.Method != http.MethodPost {
			t.Errorf("%s: a form is got or posted, not %s", e.Name, e.Method)
		}
	}
	for _, line := range navigation {
		if !names[line.Route] {
			t.Errorf("the navigation leads to %s, which is no route", line.Route)
		}
	}
}

// TestStrangers asks for every route as somebody who has not come in, and as
// somebody who has (T41); posts every form as pages of others would; and looks at
// the headers of every answer (T44).
func TestStrangers(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	v := r.auditor()
	for i, e := range allRoutes() {
		s := r.stranger()
		s.address = fmt.Sprintf("192.0.2.%d:1", i) // each with a budget of its own
		got := s.call(e, t)
		if refused := got.Code == http.StatusUnauthorized || got.Header().Get("Location") == "/enter"; refused == e.Anybody {
			t.Errorf("%s: a stranger got %d to %q", e.Name, got.Code, got.Header().Get("Location"))
		}
		if e.Name == "signout" || e.Name == "check" {
			continue
		}
		if got := v.call(e, t); got.Code >= http.StatusInternalServerError {
			t.Errorf("%s: %d\n%s", e.Name, got.Code, r.log)
		} else {
			headers(t, e.Name, got)
		}
		if e.Method == http.MethodPost {
			v.crossSite(t, e)
		}
	}
	if got := v.get("/"); got.Code != http.StatusOK {
		t.Errorf("a forged form did something: %d", got.Code)
	}
	req := v.form("/cases", "", nil)
	req.Method, req.Host = http.MethodGet, "evil.test"
	if got := v.send(req); got.Header().Get("Location") != origin+"/cases" {
		t.Errorf("another host: %d to %q", got.Code, got.Header().Get("Location"))
	}
	if text := r.log.String(); strings.Contains(text, "1a7e0000") || strings.Contains(text, "Ines") {
		t.Errorf("the log tells too much:\n%s", text)
	}
}

// crossSite posts a form as pages of others would.
func (v *visitor) crossSite(t *testing.T, e Route) {
	t.Helper()
	for name, forge := range map[string]func(*http.Request){
		"another site": func(r *http.Request) {
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			r.Header.Set("Origin", "https://evil.test")
		},
		"no word":         func(r *http.Request) { r.Header.Set("Origin", origin) },
		"a hidden origin": func(r *http.Request) { r.Header.Set("Origin", "null"); r.Header.Set("Sec-Fetch-Site", "cross-site") },
	} {
		r := v.form(e.address(t), "application/x-www-form-urlencoded", strings.NewReader(""))
		forge(r)
		if got := v.send(r); got.Code != http.StatusForbidden {
			t.Errorf("%s from %s: %d", e.Name, name, got.Code)
		}
	}
}

var active = regexp.MustCompile(`(?i)\son[a-z]+=|\sstyle=|<style|<script>|javascript:|https?://`)

// headers looks at the headers of an answer, and for what a page may not hold.
func headers(t *testing.T, name string, got *httptest.ResponseRecorder) {
	t.Helper()
	header := got.Header()
	policy := header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'", "require-trusted-types-for 'script'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("%s: the policy lacks %s", name, want)
		}
	}
	if header.Get("Cache-Control") != "no-store" || header.Get("X-Content-Type-Options") != "nosniff" || header.Get("X-Frame-Options") != "DENY" {
		t.Errorf("%s: %v", name, header)
	}
	if strings.HasPrefix(header.Get("Content-Type"), "text/html") {
		if found := active.FindString(strings.ReplaceAll(got.Body.String(), origin, "")); found != "" {
			t.Errorf("%s holds a script, a style or an address of others: %q", name, found)
		}
	}
}

// TestEnter comes in: once, with the link of the moment, within the hour, under a
// name; stays while it works, and leaves.
func TestEnter(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	v := r.stranger()
	old := r.secret()
	secret := r.secret()
	info, err := os.Stat(r.mirror.Home + "/private/enter-link")
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file of the link: %v, %v", info.Mode(), err)
	}
	enter := func(secret, name string) int {
		v.address = fmt.Sprintf("192.0.2.%d:1", time.Now().UnixNano()%250)
		return v.post("/enter", url.Values{"secret": {secret}, "name": {name}}).Code
	}
	for _, tt := range []struct{ name, secret, as string }{
		{"no secret", "", "Ines"}, {"one of before", old, "Ines"}, {"another", secret + "x", "Ines"}, {"no name", secret, "  "}, {"two lines", secret, "a\nb"},
	} {
		if got := enter(tt.secret, tt.as); got != http.StatusUnprocessableEntity || v.cookies[sessionCookie] != "" {
			t.Errorf("%s: %d", tt.name, got)
		}
	}
	if got := v.get("/enter?secret=" + secret); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), secret) {
		t.Errorf("the page of the link: %d", got.Code)
	}
	if enter(secret, "Ines Haddad") != http.StatusSeeOther || len(v.cookies[sessionCookie]) < 40 {
		t.Fatal("nobody comes in")
	}
	second := r.stranger()
	if got := second.post("/enter", url.Values{"secret": {secret}, "name": {"Somebody"}}); got.Code != http.StatusUnprocessableEntity {
		t.Errorf("a link is good twice: %d", got.Code)
	}
	for range 5 { // as long as somebody works
		r.pass(29 * time.Minute)
		if got := v.get("/"); got.Code != http.StatusOK {
			t.Fatalf("a session ended while it was used: %d", got.Code)
		}
	}
	r.pass(31 * time.Minute)
	if got := v.get("/"); got.Header().Get("Location") != "/enter" {
		t.Errorf("an idle session goes on: %d", got.Code)
	}
	late := r.secret()
	r.pass(61 * time.Minute)
	if enter(late, "Ines") != http.StatusUnprocessableEntity {
		t.Error("a link is good after an hour")
	}
	v = r.auditor()
	for range 26 {
		r.pass(28 * time.Minute)
		v.get("/help")
	}
	if got := v.get("/"); got.Header().Get("Location") != "/enter" {
		t.Errorf("a session outlives half a day: %d", got.Code)
	}
	v = r.auditor()
	kept := v.cookies[sessionCookie]
	if got := v.post("/sign-out", nil); got.Code != http.StatusSeeOther || v.cookies[sessionCookie] != "" {
		t.Errorf("signing out: %d", got.Code)
	}
	v.cookies[sessionCookie] = kept
	if got := v.get("/"); got.Header().Get("Location") != "/enter" {
		t.Error("a session goes on after signing out")
	}
	if strings.Contains(r.log.String(), secret) {
		t.Error("a secret is in the log")
	}
}

// TestLanguages asks for every page in every language; no sentence is missing.
func TestLanguages(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	v := r.auditor()
	paths := []string{"/nothing"}
	for _, e := range allRoutes() {
		if e.Method == http.MethodGet && !strings.Contains(e.Path, ".") {
			paths = append(paths, e.address(t))
		}
	}
	for _, l := range locale.Languages() {
		for _, path := range paths {
			got := v.get(path + "?lang=" + l.Tag)
			if body := got.Body.String(); strings.Contains(body, "⟦") || got.Code >= http.StatusInternalServerError {
				t.Errorf("%s in %s: %d: %.200s", path, l.Tag, got.Code, body[max(0, strings.Index(body, "⟦")):])
			}
		}
		r.pass(time.Minute) // another budget
	}
}
