package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/office"
)

// takes posts a form that is taken, and shows the page that it leads to.
func (o *officer) takes(path string, form url.Values) string {
	o.h.t.Helper()
	got := o.post(path, form)
	if got.Code != http.StatusSeeOther {
		o.h.t.Fatalf("%s: %d\n%s", path, got.Code, got.Body)
	}
	return o.get(got.Header().Get("Location")).Body.String()
}

// wrong posts a form that is not taken, and whose page says why.
func (o *officer) wrong(path string, form url.Values, why string) {
	o.h.t.Helper()
	if got := o.post(path, form); got.Code != http.StatusUnprocessableEntity || !strings.Contains(got.Body.String(), why) || !strings.Contains(got.Body.String(), "ed-errors") {
		o.h.t.Errorf("%s with %v: %d, want %q", path, form, got.Code, why)
	}
}

// TestTeamPages makes a team on its pages, and refuses what is none.
func TestTeamPages(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	admin, ana, bo := h.admin(), h.user("ana", desk.Drafter), h.user("bo", desk.Approver)
	admin.wrong("/settings/teams", url.Values{"team": {""}, "officer": {ana.user.ID}}, "Give a name of one line")
	admin.wrong("/settings/teams", url.Values{"team": {"Cyber"}}, "Choose an officer")
	body := admin.takes("/settings/teams", url.Values{"team": {"Cyber"}, "officer": {ana.user.ID}})
	if !strings.Contains(body, "Name of ana") || !strings.Contains(body, `value="Cyber"`) {
		t.Errorf("the team:\n%s", body)
	}
	admin.wrong("/settings/teams", url.Values{"team": {"Cyber"}, "officer": {bo.user.ID}}, "no other team has")
	at := "/settings/teams/" + teamID("Cyber")
	admin.wrong(at+"/members", url.Values{"out": {ana.user.ID}}, "The last member cannot be taken out")
	if body = admin.takes(at+"/members", url.Values{"officer": {bo.user.ID}}); !strings.Contains(body, "Name of bo") {
		t.Errorf("with two members:\n%s", body)
	}
	admin.takes(at+"/members", url.Values{"out": {ana.user.ID}})
	admin.wrong(at+"/rename", url.Values{"name": {" "}}, "no other team has")
	if body = admin.takes(at+"/rename", url.Values{"name": {"Fraude 网络"}}); !strings.Contains(body, "Fraude 网络") {
		t.Errorf("renamed:\n%s", body)
	}
	if body = admin.takes("/settings/teams/"+teamID("Fraude 网络")+"/dissolve", nil); !strings.Contains(body, "There is no team yet") {
		t.Errorf("dissolved:\n%s", body)
	}
	if got := admin.get(at).Code; got != http.StatusNotFound {
		t.Errorf("a team that is not there: %d", got)
	}
}

// TestNoticePages sets where notices go, and tries it.
func TestNoticePages(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	admin, ana := h.admin(), h.user("ana", desk.DutyOfficer)
	admin.wrong("/settings/notices", url.Values{"server": {"mail"}, "from": {"a@mla.example"}}, "Give a host and a port")
	admin.wrong("/settings/notices", url.Values{"server": {"mail.example:25"}, "from": {"a"}}, "Give one address")
	admin.wrong("/settings/notices", url.Values{"hooks": {"https://hooks.example"}}, "Each line is a host")
	admin.takes("/settings/notices", url.Values{"hooks": {"hooks.example\nhooks.example:8443"}})
	at := "/settings/notices/" + ana.user.ID
	admin.wrong(at, url.Values{"mail": {"two@mla.example, three@mla.example"}}, "Give one address")
	admin.wrong(at, url.Values{"hook": {"https://other.example/x"}}, "at a host that the settings of notices allow")
	if body := admin.get(at).Body.String(); strings.Contains(body, at+"/test") {
		t.Error("a test is offered without an address")
	}
	if got := admin.post(at+"/test", nil).Code; got != http.StatusNotFound {
		t.Errorf("a test without an address: %d", got)
	}
	admin.takes(at, url.Values{"mail": {"ana@mla.example"}})
	if got := admin.post(at+"/test", nil); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), "not taken") {
		t.Errorf("without a server: %d\n%s", got.Code, got.Body)
	}
	if body := h.user("aud", desk.NationalAuditor).get("/settings/notices").Body.String(); !strings.Contains(body, "ana@mla.example") || strings.Contains(body, "<textarea") {
		t.Errorf("an auditor sees:\n%s", body)
	}
}

// TestSecurityPages takes four eyes and retention through two administrators.
func TestSecurityPages(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	admin, ines := h.admin(), h.user("ines", desk.Administrator)
	admin.wrong("/settings/four-eyes", url.Values{"lanes": {"slow"}}, "Choose among the lanes")
	body := admin.takes("/settings/four-eyes", url.Values{"lanes": {"urgent", "routine"}, "alone": {"no"}})
	if !strings.Contains(body, "You have proposed this") || strings.Contains(body, "/settings/four-eyes/confirm") {
		t.Errorf("the one who proposed sees:\n%s", body)
	}
	p, err := h.server.office.Proposal(t.Context(), desk.SettingFourEyes)
	h.must(err)
	if got := admin.post("/settings/four-eyes/confirm", url.Values{"id": {p.ID}}).Code; got != http.StatusForbidden {
		t.Errorf("the one who proposed confirms: %d", got)
	}
	if got := ines.post("/settings/four-eyes/confirm", url.Values{"id": {"0"}}).Code; got != http.StatusNotFound {
		t.Errorf("what was not seen is confirmed: %d", got)
	}
	if body = ines.get("/settings").Body.String(); !strings.Contains(body, "waits for a second administrator") {
		t.Errorf("the settings:\n%s", body)
	}
	if body = ines.takes("/settings/four-eyes/confirm", url.Values{"id": {p.ID}}); !strings.Contains(body, "In an emergency, too, a second officer releases") {
		t.Errorf("in force:\n%s", body)
	}
	rows := url.Values{"rows": {"3"}, "type-0": {"default"}, "days-0": {"1825"}, "basis-0": {"Archives Act, section 12"}, "type-1": {"T05"}, "days-1": {"0"}, "basis-1": {"x"}}
	admin.wrong("/settings/retention", rows, "Give a number of days")
	rows.Set("type-1", "default")
	admin.wrong("/settings/retention", rows, "There is a rule for this already")
	rows.Set("type-1", "")
	admin.takes("/settings/retention", rows)
	if p, err = h.server.office.Proposal(t.Context(), desk.SettingRetention); err != nil || p.ID == "" {
		t.Fatalf("nothing is proposed: %v", err)
	}
	if body = ines.takes("/settings/retention/withdraw", url.Values{"id": {p.ID}}); !strings.Contains(body, "There is no rule") {
		t.Errorf("after it was withdrawn:\n%s", body)
	}
	admin.wrong("/settings/retention/holds", url.Values{"case": {"0"}, "basis": {"order"}}, "There is no such case here")
	admin.wrong("/settings/retention/holds", url.Values{"case": {"0"}}, "Say in a line the rule")
}

// TestEmergencyNeedsTwo offers no release alone where the office wants two.
func TestEmergencyNeedsTwo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	admin, ines, duty := h.admin(), h.user("ines", desk.Administrator), h.user("duty", desk.DutyOfficer)
	o, by := h.server.office, duty.user.Officer()
	d, err := o.NewDraft(t.Context(), by, office.NewDraft{From: "QM.24-7", To: "QN.24-7", Lane: "emergency", Body: []byte(`{"kind":"request","version":1}`)})
	h.must(err)
	p, err := o.Propose(t.Context(), admin.user.Officer(), desk.SettingFourEyes, desk.FourEyes{EmergencyNeedsTwo: true})
	h.must(err)
	h.must(o.Confirm(t.Context(), ines.user.Officer(), desk.SettingFourEyes, p.ID))
	_, err = o.ReleaseInEmergency(t.Context(), by, office.Decision{Draft: d.ID, Version: d.Version, Digest: "x", Reason: "a life is at risk"})
	if err == nil || !strings.Contains(err.Error(), "a second officer in emergencies") {
		t.Errorf("one officer releases: %v", err)
	}
}
