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

// TestEndOfKeys revokes nothing that was not typed, and destroys nothing that the
// policy keeps.
func TestEndOfKeys(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	custodian := h.user("custodian", desk.KeyCustodian)
	body := custodian.get("/keys").Body.String()
	for _, want := range []string{"this desk unlocks them when one is needed", "The State’s key", "It is good for nothing that is not in the log yet", "/keys/old"} {
		if !strings.Contains(body, want) {
			t.Errorf("the keys lack %q:\n%s", want, body)
		}
	}
	keys, err := h.server.Desk.Keys()
	h.must(err)
	var subkey string
	for _, k := range keys {
		if k.Authority != "" {
			subkey = k.Subkeys[0].Fingerprint
		}
	}
	for why, form := range map[string]url.Values{
		"Choose why":              {"subkey": {subkey}, "typed": {typed(subkey)}},
		"Choose a subkey":         {"subkey": {"00"}, "reason": {"retired"}},
		"is not what was asked":   {"subkey": {subkey}, "reason": {"retired"}, "typed": {"00000000"}},
		"not in the future, such": {"subkey": {subkey}, "reason": {"compromised"}, "typed": {typed(subkey)}, "since": {"2099-01-01"}},
	} {
		custodian.wrong("/keys/revoke", form, why)
	}
	if body = custodian.get("/keys/old").Body.String(); !strings.Contains(body, "The policy keeps all keys") {
		t.Errorf("the old keys:\n%s", body)
	}
	custodian.wrong("/keys/old", url.Values{"typed": {"QM"}}, "is not what was asked")
	h.must(h.server.Desk.SetKeyPolicy(desk.KeyPolicy{KeepDays: 90}))
	if body = custodian.get("/keys/old").Body.String(); !strings.Contains(body, "No key is old enough") {
		t.Errorf("under a policy:\n%s", body)
	}
	custodian.wrong("/keys/old", url.Values{"typed": {"QN"}}, "is not what was asked")
	custodian.takes("/keys/old", url.Values{"typed": {"qm"}})
	if _, err := h.server.Desk.DestroyKeysBy(t.Context(), h.user("aud", desk.NationalAuditor).user.Officer(), h.now()); problem.CodeOf(err) != problem.Forbidden {
		t.Errorf("an auditor destroys keys: %v", err)
	}
	if err := h.server.Desk.RevokeBy(t.Context(), desk.Officer{ID: "x"}, desk.Revocation{}); problem.CodeOf(err) != problem.Forbidden {
		t.Errorf("nobody revokes: %v", err)
	}
}
