package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/testkit/desks"
)

// pathValues fill the paths of routes. A route whose path has others is missing
// here, and TestMatrix says so.
var pathValues = map[string]string{
	"{user:[0-9a-f]{16}}":                    "0123456789abcdef",
	"{authority:[A-Z]{2}\\.[a-z0-9-]{1,40}}": "QM.nobody",
	"{shift:[0-9a-f]{32}}":                   "0123456789abcdef0123456789abcdef",
	"{page:[0-9a-f]{32}}":                    "0123456789abcdef0123456789abcdef",
	"{draft:[0-9a-f]{32}}":                   "0123456789abcdef0123456789abcdef", "{message:[0-9a-f]{32}}": "0123456789abcdef0123456789abcdef",
	"{part:[a-z0-9-]{1,20}}":        "needed",
	"{number:[1-9][0-9]{0,2}}":      "1",
	"{case:[0-9a-f]{32}}":           "0123456789abcdef0123456789abcdef",
	"{setting:four-eyes|retention}": "four-eyes", "{team:[0-9a-f]{16}}": "0123456789abcdef", "{incident:[1-9][0-9]{0,8}}": "9",
}

// address is a route's path with values.
func (e Route) address(t testing.TB) string {
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

// call asks for a route as a page of the desk would.
func (o *officer) call(e Route) *httptest.ResponseRecorder {
	if e.Method == http.MethodGet {
		return o.get(e.address(o.h.t))
	}
	return o.post(e.address(o.h.t), url.Values{})
}

// TestMatrix asks for every route as everybody: each role alone, and nobody
// (T41). Whoever may not is told so, whoever may is not.
func TestMatrix(t *testing.T) {
	if testing.Short() && desks.InFile() {
		t.Skip("one request after another: nothing that the race detector would find")
	}
	t.Parallel()
	h := newHouse(t)
	officers := map[desk.Role]*officer{}
	for _, r := range desk.Roles() {
		officers[r] = h.user(string(r), r)
	}
	for i, e := range allRoutes() {
		if e.Name == "signout" {
			continue // ends the session of whoever may
		}
		h.pass(time.Second) // sessions have a budget
		o := h.stranger()
		o.address = fmt.Sprintf("192.0.2.%d:1", i) // each with a budget of its own
		got := o.call(e)
		switch refused := got.Code == http.StatusUnauthorized || strings.HasPrefix(got.Header().Get("Location"), "/sign-in"); {
		case e.Who.anybody && refused:
			t.Errorf("%s: nobody may, and the table says anybody may", e.Name)
		case !e.Who.anybody && !refused:
			t.Errorf("%s: a stranger got %d", e.Name, got.Code)
		}
		for role, o := range officers {
			may := e.Who.anybody || e.Who.roles == nil || slices.Contains(e.Who.roles, role)
			got := o.call(e)
			if refused := got.Code == http.StatusForbidden; refused == may {
				t.Errorf("%s: %s got %d; may: %v", e.Name, role, got.Code, may)
			}
			if got.Code >= http.StatusInternalServerError {
				t.Errorf("%s: %s got %d:\n%s", e.Name, role, got.Code, h.log.String())
			}
			if o.get("/help").Code != http.StatusOK || o.cookies[sessionCookie] == "" {
				t.Fatalf("%s ended the session of %s", e.Name, role)
			}
		}
	}
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
		if e.Who.anybody && e.Fresh {
			t.Errorf("%s: nobody can prove who they are", e.Name)
		}
	}
	for _, line := range navigation {
		if !names[line.Route] {
			t.Errorf("the navigation leads to %s, which is no route", line.Route)
		}
	}
}

// TestFresh asks for every route that signs, exports or changes security when
// the officer's proof of who they are is old.
func TestFresh(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	o := h.user("everything", desk.Roles()...)
	h.pass(6 * 60e9)
	for _, e := range allRoutes() {
		if !e.Fresh {
			continue
		}
		got := o.call(e)
		if to := got.Header().Get("Location"); got.Code != http.StatusSeeOther || !strings.HasPrefix(to, "/confirm") {
			t.Errorf("%s: %d to %q", e.Name, got.Code, to)
		}
	}
}

// TestActions holds that the page on actions names every route of the desk, and no
// other.
func TestActions(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../docs/actions.md")
	if err != nil {
		t.Fatal(err)
	}
	officers, _, _ := strings.Cut(string(text), "## The auditors' room")
	named := map[string]bool{}
	for _, found := range regexp.MustCompile("`((?:GET|POST) /[^`]*)`").FindAllStringSubmatch(officers, -1) {
		named[found[1]] = true
	}
	pattern := regexp.MustCompile(`\{([a-z]+):(?:[^{}]|\{[^{}]*\})*\}`)
	for _, r := range allRoutes() {
		route := r.Method + " " + pattern.ReplaceAllString(r.Path, "{$1}")
		if !named[route] {
			t.Errorf("the page on actions does not name %s", route)
		}
		delete(named, route)
	}
	for route := range named {
		t.Errorf("there is no route %s", route)
	}
}
