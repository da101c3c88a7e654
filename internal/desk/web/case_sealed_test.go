package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/office"
	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/workflow"
)

// sealedCase is a request that came in for named officers only.
func (h *house) sealedCase() (caseID string) {
	h.t.Helper()
	request, ok := states.Content(workflow.Request, "QN", "QM").(*convention.Request)
	if !ok {
		h.t.Fatal("the sample is no request")
	}
	request.Confidentiality = "SEALED"
	return h.receive("1", "request", request).Case
}

// TestNamingReaders has an approver name who reads a sealed case, without reading it,
// and take the name off again.
func TestNamingReaders(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ana, bo, aud := h.user("ana", desk.Drafter), h.user("bo", desk.Approver), h.user("aud", desk.NationalAuditor)
	id := h.sealedCase()
	at := "/cases/" + id
	body := bo.get(at).Body.String()
	wants(t, body, "A sealed case", "Nobody is named", at+"/readers")
	for _, secret := range []string{"/messages/", "Timeline"} {
		if strings.Contains(body, secret) {
			t.Errorf("an approver who is not named sees %q:\n%s", secret, body)
		}
	}
	bo.wrong(at+"/readers", url.Values{"reader": {""}}, "Choose an officer")
	for _, o := range []*officer{ana, aud} {
		if got := o.post(at+"/readers", url.Values{"reader": {o.user.ID}}).Code; got != http.StatusNotFound && got != http.StatusForbidden {
			t.Errorf("%s names themselves: %d", o.user.Login, got)
		}
	}
	if got := ana.get(at).Code; got != http.StatusNotFound {
		t.Errorf("before being named: %d", got)
	}
	wants(t, bo.takes(at+"/readers", url.Values{"reader": {ana.user.ID}}), "Name of ana")
	wants(t, ana.get(at).Body.String(), "Who may read this sealed case", `value="`+ana.user.ID+`"`)
	bo.takes(at+"/readers", url.Values{"off": {ana.user.ID}})
	if got := ana.get(at).Code; got != http.StatusNotFound {
		t.Errorf("after the name was taken off: %d", got)
	}
	entries, _, err := h.server.Desk.FindLog(t.Context(), aud.user.Officer(), desk.LogFilter{By: bo.user.ID, Case: id}, 0, 10)
	if err != nil || len(entries) != 2 || entries[0].What != "officer no longer named for a sealed case" {
		t.Errorf("the log says %+v: %v", entries, err)
	}
}

// TestDraftsOfSealedCases keeps the drafts of a sealed case from whoever may not read
// it: in lists, at their own addresses, and in the search. A draft that will open one
// is for its writers and those who release.
func TestDraftsOfSealedCases(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ana, cy, bo, duty := h.user("ana", desk.Drafter), h.user("cy", desk.Drafter), h.user("bo", desk.Approver), h.user("duty", desk.DutyOfficer)
	id, o := h.sealedCase(), h.server.office
	h.must(o.NameReader(t.Context(), bo.user.Officer(), id, ana.user.ID))
	reply, err := o.NewDraft(t.Context(), ana.user.Officer(), office.NewDraft{Case: id, Act: "acknowledge", Kind: office.KindsOf("acknowledge")[0], Title: "Canary-reply"})
	h.must(err)
	opening, err := o.NewDraft(t.Context(), ana.user.Officer(), office.NewDraft{
		To: "QN.mla", Lane: "urgent", Title: "Canary-opening", Body: []byte(`{"kind":"request","version":1,"confidentiality":"SEALED"}`),
	})
	h.must(err)
	for _, x := range []struct {
		who            *officer
		reply, opening bool
	}{{ana, true, true}, {cy, false, false}, {duty, false, false}, {bo, false, true}} {
		list, found := x.who.get("/drafts").Body.String(), x.who.get("/search?q=Canary").Body.String()
		for title, d := range map[string]struct {
			id  string
			may bool
		}{"Canary-reply": {reply.ID, x.reply}, "Canary-opening": {opening.ID, x.opening}} {
			if got := strings.Contains(list, title); got != x.reply && title == "Canary-reply" || got != x.opening && title == "Canary-opening" {
				t.Errorf("%s lists %s: %v", x.who.user.Login, title, got)
			}
			if strings.Contains(found, d.id) {
				t.Errorf("%s finds %s", x.who.user.Login, title)
			}
			for _, path := range []string{"", "/check", "/versions"} {
				if got := x.who.get("/drafts/" + d.id + path).Code; (got == http.StatusOK) != d.may || got != http.StatusOK && got != http.StatusNotFound {
					t.Errorf("%s gets %s%s: %d", x.who.user.Login, title, path, got)
				}
			}
		}
	}
	if got := cy.post("/drafts/"+reply.ID+"/discard", url.Values{"version": {"1"}}).Code; got != http.StatusNotFound {
		t.Errorf("who may not read discards: %d", got)
	}
}

// TestElsewhere shows a time in another zone where clocks differ, summer time
// included.
func TestElsewhere(t *testing.T) {
	t.Parallel()
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	winter, summer := time.Date(2026, 11, 23, 9, 0, 0, 0, paris), time.Date(2026, 7, 23, 9, 0, 0, 0, paris)
	for name, want := range map[string]string{"Asia/Ho_Chi_Minh": "15:00", "Africa/Lagos": "", "Mars/Olympus": "", "UTC": "08:00"} {
		got := elsewhere(winter, name)
		if shown := got.Format("15:04"); want == "" && !got.IsZero() || want != "" && shown != want {
			t.Errorf("nine in Paris is %s in %s, want %q", shown, name, want)
		}
	}
	if got := elsewhere(summer, "Africa/Lagos").Format("15:04"); got != "08:00" {
		t.Errorf("in summer it is %s in Lagos", got)
	}
	if got := elsewhere(time.Time{}, "UTC"); !got.IsZero() {
		t.Errorf("no time is %s", got)
	}
}
