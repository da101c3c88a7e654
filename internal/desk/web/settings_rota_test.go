package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/entraide/entraide/internal/desk"
)

// TestRotaPage puts an officer on duty and takes them off again; what says no time
// is not taken.
func TestRotaPage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	admin, duty := h.admin(), h.user("duty", desk.DutyOfficer)
	shift := url.Values{"officer": {duty.user.ID}, "level": {"1"}, "begins": {"00:00"}, "ends": {"00:00"}, "zone": {"UTC"}}
	for field, want := range map[string]string{"begins": "08:00", "zone": "Asia/Ho_Chi_Minh", "officer": "Choose an officer"} {
		wrong := url.Values{}
		for k, v := range shift {
			wrong[k] = v
		}
		wrong.Set(field, "")
		if got := admin.post("/rota", wrong); got.Code != http.StatusUnprocessableEntity || !strings.Contains(got.Body.String(), want) {
			t.Errorf("without %s: %d", field, got.Code)
		}
	}
	if got := admin.post("/rota", shift); got.Code != http.StatusSeeOther {
		t.Fatalf("adding: %d %s", got.Code, got.Body)
	}
	rota, err := h.server.office.Rota(t.Context())
	if err != nil || len(rota) != 1 {
		t.Fatalf("%d shifts: %v", len(rota), err)
	}
	if body := admin.get("/rota").Body.String(); !strings.Contains(body, "on duty now") || !strings.Contains(body, "Name of duty") {
		t.Errorf("the rota:\n%s", body)
	}
	if got := admin.post("/rota/"+rota[0].ID+"/remove", nil); got.Code != http.StatusSeeOther {
		t.Errorf("removing: %d", got.Code)
	}
	if body := admin.get("/rota").Body.String(); !strings.Contains(body, "Nobody is on the rota") {
		t.Errorf("the rota after removing:\n%s", body)
	}
}
