package web

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/entraide/entraide/internal/desk"
)

// TestAlerts warns an officer on every page of a browser that is new, until they
// say that they have seen it.
func TestAlerts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.admin()
	o := h.user("ana", desk.Drafter)
	const warning = "from a new browser"
	if body := o.get("/help").Body.String(); strings.Contains(body, warning) {
		t.Error("a warning of nothing")
	}
	thief := &officer{h: h, user: o.user, secret: o.secret, cookies: map[string]string{}, lang: "en", address: "198.51.100.7:9"}
	if got := thief.signIn(); got.Code != http.StatusSeeOther {
		t.Fatal(got.Code)
	}
	if body := thief.get("/help").Body.String(); strings.Contains(body, warning) {
		t.Error("who signs in is warned of themselves")
	}
	if body := o.get("/help").Body.String(); !strings.Contains(body, warning) {
		t.Error("the other browser shows no warning")
	}
	o.lang = "fr"
	if body := o.get("/help?lang=fr").Body.String(); !strings.Contains(body, "nouveau navigateur") {
		t.Error("the warning is not in the language of the page")
	}
	o.lang = "en"
	body := o.get("/security").Body.String()
	last := regexp.MustCompile(`name="last" value="([0-9]+)"`).FindStringSubmatch(body)
	if last == nil || !strings.Contains(body, "198.51.100.7") {
		t.Fatal("the page of the account does not say from where")
	}
	o.post("/security/alerts", url.Values{"last": {last[1]}})
	if body := o.get("/help").Body.String(); strings.Contains(body, warning) {
		t.Error("the warning stays after it was seen")
	}
}

// TestRecovery lets two administrators recover an account.
func TestRecovery(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	one := h.admin()
	two := h.user("second", desk.Administrator)
	holder := h.user("ana", desk.Drafter)
	at := "/users/" + holder.user.ID
	one.signIn() // who acts has proved who they are within five minutes
	if got := one.post(at+"/reset", nil); got.Code != http.StatusSeeOther {
		t.Fatalf("proposing: %d %s", got.Code, got.Body)
	}
	if body := one.get(at).Body.String(); !strings.Contains(body, at+"/keep") || strings.Contains(body, at+"/recover") {
		t.Error("who proposed may confirm, or not withdraw")
	}
	if got := one.post(at+"/recover", nil); got.Code != http.StatusUnprocessableEntity {
		t.Errorf("who proposed confirms: %d", got.Code)
	}
	if body := holder.get("/help").Body.String(); !strings.Contains(body, "proposed to recover your account") {
		t.Error("the holder is not told")
	}
	two.signIn()
	if body := two.get(at).Body.String(); !strings.Contains(body, "has proposed to recover this account") || !strings.Contains(body, at+"/recover") {
		t.Error("the other administrator does not see what is proposed")
	}
	if got := two.post(at+"/recover", nil); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), "/welcome?code=") {
		t.Errorf("confirming: %d", got.Code)
	}
	if got := holder.get("/help"); strings.Contains(got.Body.String(), "Name of ana") {
		t.Error("the holder is still signed in with what was lost")
	}
}
