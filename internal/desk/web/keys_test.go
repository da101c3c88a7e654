package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/problem"
)

// TestOwnKeys shows a custodian the keys, and rotates none unless told which; a
// custodian alone may, whoever asks the desk.
func TestOwnKeys(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	custodian, auditor := h.user("custodian", desk.KeyCustodian), h.user("auditor", desk.NationalAuditor)
	if body := custodian.get("/keys").Body.String(); !strings.Contains(body, "No recovery is set up") || !strings.Contains(body, "For opening messages") {
		t.Errorf("the keys:\n%s", body)
	}
	if strings.Contains(auditor.get("/keys").Body.String(), `action="/keys/rotate"`) {
		t.Error("an auditor is offered to rotate")
	}
	for _, form := range []url.Values{{"authority": {"QM.24-7"}}, {"authority": {"QN.24-7"}, "encryption": {"yes"}}} {
		if got := custodian.post("/keys/rotate", form); got.Code != http.StatusUnprocessableEntity || !strings.Contains(got.Body.String(), "ed-errors") {
			t.Errorf("rotating %v: %d", form, got.Code)
		}
	}
	r := desk.Rotation{Authority: "QM.24-7", Encryption: true}
	if err := h.server.Desk.RotateBy(t.Context(), auditor.user.Officer(), r); problem.CodeOf(err) != problem.Forbidden {
		t.Errorf("an auditor rotates: %v", err)
	}
}
