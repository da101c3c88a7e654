package e2e_test

import (
	"testing"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/workflow"
)

const day = 24 * time.Hour

// TestRotation: messages go on through a rotation on either side, old ones stay as
// they were, and another process of the desk sees the new subkeys.
func TestRotation(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, qn := h.pair()
	first := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.must(qn.Sync(t.Context()))
	h.pass(100 * day)
	h.must(qn.Rotate(t.Context(), desk.Rotation{Authority: "QN.mla", Encryption: true, Signing: true}))
	other := h.open("QN") // as another process
	second := h.send(qm, h.order(workflow.Enquire, "QM.mla", "QN.mla", first))
	h.must(other.Sync(t.Context()))
	h.must(qm.Rotate(t.Context(), desk.Rotation{Authority: "QM.mla", Encryption: true}))
	h.send(qn, h.order(workflow.Acknowledge, "QN.mla", "QM.mla", first))
	h.must(qm.Sync(t.Context()))
	h.must(qm.RenewTransport(t.Context()))
	h.must(qm.Sync(t.Context()))
	h.send(qm, h.order(workflow.Enquire, "QM.mla", "QN.mla", first))
	h.must(qn.Sync(t.Context()))
	for _, d := range []*desk.Desk{qm, qn, other} {
		n, err := d.VerifyMessages(t.Context())
		h.must(err)
		if n != 4 {
			t.Errorf("%d messages", n)
		}
	}
	if second.Verdict != "authentic" {
		t.Errorf("%+v", second)
	}
}
